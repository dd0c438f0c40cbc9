//! Models with a few inputs that are much larger than the rest, which int4 keeps only with a low-rank part: who gets one,
//! what it gains, and that it is drawn with like the weight itself. Files that are not as described are zao-weights' to
//! refuse.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use half::bf16;
use tempfile::TempDir;
use zao_backend::{BlockKind, Blocks, Dtype, Form};
use zao_engine::{
    AdapterId, Ask, CancelToken, ConvertSettings, ConvertTo, Converted, Device, Engine, Error,
    Event, Job, Picture, Precision, ResolvedPrecision, convert,
};
use zao_weights::{ModelFolder, PartName, Source};

use crate::support::{Copied, Model, Tensor, ask, draw, open, psnr};

const TRANSFORMER: &str = "transformer/diffusion_pytorch_model.safetensors";
const TEXT_ENCODER: &str = "text_encoder/model.safetensors";

/// How much larger the large inputs are: a power of two, so that nothing is rounded.
const LARGER: f32 = 256.0;

/// Norms, and the weights that read what they make, in every block of a part.
const TRANSFORMERS: [(&str, &[&str]); 2] = [
    ("attention_norm1", &["attention.to_q", "attention.to_k", "attention.to_v"]),
    ("ffn_norm1", &["feed_forward.w1", "feed_forward.w3"]),
];
const TEXT_ENCODERS: [(&str, &[&str]); 1] =
    [("post_attention_layernorm", &["mlp.gate_proj", "mlp.up_proj"])];

/// The plain demo model with one input of each group of 64 larger than the others, and the norm before it smaller there: the same
/// pictures. Also the names of the weights that are so.
fn spiked() -> (Copied, BTreeSet<String>) {
    let (copied, mut names) = (Model::Plain.copy(), BTreeSet::new());
    let of_part = [(TRANSFORMER, &TRANSFORMERS[..]), (TEXT_ENCODER, &TEXT_ENCODERS[..])];
    for (path, rules) in of_part {
        let mut tensors = copied.tensors(path);
        for tensor in &mut tensors {
            let Some((block, rest)) = block_and_rest(&tensor.name) else { continue };
            // The refiner of captions and the last layer of the text encoder, which nobody reads, stay as they are.
            if block.starts_with("context") || tensor.name.starts_with("layers.3.mlp") {
                continue;
            }
            let layer = rest.strip_suffix(".weight").unwrap_or(rest);
            if rules.iter().any(|(norm, _)| *norm == layer) {
                scale(tensor, 1.0 / LARGER);
            } else if rules.iter().any(|(_, weights)| weights.contains(&layer)) {
                scale(tensor, LARGER);
                names.insert(tensor.name.clone());
            }
        }
        copied.write_tensors(path, &tensors);
    }
    (copied, names)
}

/// `layers.3` and what comes behind it.
fn block_and_rest(name: &str) -> Option<(&str, &str)> {
    let first = name.find('.')?;
    let second = first + 1 + name[first + 1..].find('.')?;
    Some((&name[..second], &name[second + 1..]))
}

/// Every 64th value of each row times `factor`.
fn scale(tensor: &mut Tensor, factor: f32) {
    assert_eq!(tensor.dtype, safetensors::Dtype::BF16);
    let width = *tensor.shape.last().unwrap();
    for (i, value) in tensor.data.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        if i % width % 64 == 17 {
            *value = bf16::from_f32(bf16::from_le_bytes(*value).to_f32() * factor).to_le_bytes();
        }
    }
}

fn to_int4(from: PathBuf) -> (TempDir, PathBuf, Converted) {
    let place = TempDir::new().unwrap();
    let folder = place.path().join("model");
    let settings = ConvertSettings { to: ConvertTo::Int4, ..ConvertSettings::default() };
    let from = Source::Folder(from);
    let converted = convert(from, &folder, &settings, &|_, _| (), &CancelToken::new()).unwrap();
    (place, folder, converted)
}

/// The demo model with large inputs in int4, in a place that is gone when the first is dropped.
pub(crate) fn int4_with_low_rank_parts() -> (TempDir, PathBuf) {
    let (place, folder, _) = to_int4(spiked().0.folder());
    (place, folder)
}

fn opened(folder: &Path, precision: ResolvedPrecision) -> Engine {
    open(folder.to_owned(), |s| s.precision = Precision::Exactly(precision)).unwrap()
}

fn values(form: &Form) -> Vec<f32> {
    let Form::Dense(stored) = form.clone().unpacked(Dtype::F32) else { panic!("{}", form.name()) };
    stored.to_f32()
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    let square = |values: &mut dyn Iterator<Item = f32>| -> f64 {
        values.map(|value| f64::from(value).powi(2)).sum()
    };
    let difference = square(&mut a.iter().zip(b).map(|(a, b)| a - b));
    (difference / square(&mut b.iter().copied())).sqrt()
}

#[test]
fn exactly_those_weights_get_a_part_and_it_gains_what_is_told() {
    let (spiked, names) = spiked();
    let (_place, folder, converted) = to_int4(spiked.folder());
    let with = converted.matrices.iter().filter(|matrix| matrix.low_rank.is_some());
    let with: BTreeSet<_> = with.map(|matrix| matrix.name.clone()).collect();
    assert_eq!(with, names);
    let [before, after] = [spiked.folder(), folder.clone()]
        .map(|folder| ModelFolder::open(Source::Folder(folder)).unwrap());
    for matrix in converted.matrices.iter().filter(|matrix| matrix.low_rank.is_some()) {
        let gained = matrix.low_rank.unwrap();
        let part = |folder: &ModelFolder| folder.part(matrix.part).unwrap();
        let original = values(part(&before).get(&matrix.name).unwrap());
        let stored = part(&after).get(&matrix.name).unwrap().clone();
        let Form::LowRank(both) = &stored else { panic!("{}", matrix.name) };
        assert_eq!(both.rank(), gained.rank);
        assert_eq!(gained.bytes as usize, both.up().bytes().len() + both.down().bytes().len());
        assert_eq!(stored.bytes() as u64, matrix.bytes);
        let error = distance(&values(&stored), &original);
        assert!((error / matrix.relative_error - 1.0).abs() < 1e-3, "{error} {matrix:?}");
        let mut packed = vec![0; original.len() / 64 * BlockKind::Int4.bytes()];
        Blocks::round_to_int4(&original, &mut packed);
        let shape = [matrix.shape[0], matrix.shape[1]];
        let alone = Form::Blocks(Blocks::new(BlockKind::Int4, shape, packed.into()).unwrap());
        let error = distance(&values(&alone), &original);
        assert!((error / gained.error_without - 1.0).abs() < 0.08, "{error} {matrix:?}");
        assert!(gained.error_without > 5.0 * matrix.relative_error, "{matrix:?}");
    }
    // Each file says which version it needs.
    let version = |folder: &Path| {
        let bytes = std::fs::read(folder.join(TRANSFORMER)).unwrap();
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
        header["__metadata__"]["version"].as_str().unwrap().to_owned()
    };
    let (_place, plain, converted) = to_int4(Model::Plain.folder());
    assert!(converted.matrices.iter().all(|matrix| matrix.low_rank.is_none()));
    assert_eq!((version(&folder), version(&plain)), ("2".to_owned(), "1".to_owned()));
}

#[test]
fn pictures_are_as_near_as_those_of_int4_without_large_inputs() {
    let (spiked, _) = spiked();
    let asks = [ask("a red apple on a blue background", (256, 256))];
    let asks = asks.map(|ask| Ask { steps: 8, ..ask });
    let original =
        draw(&mut opened(&Model::Plain.folder(), ResolvedPrecision::F32), &asks).remove(0);
    let same = draw(&mut opened(&spiked.folder(), ResolvedPrecision::F32), &asks).remove(0);
    assert!(psnr(&same.rgb, &original.rgb) > 50.0, "the larger inputs are smaller before");
    let (_place, folder, _) = to_int4(spiked.folder());
    let (_plain, plain, _) = to_int4(Model::Plain.folder());
    for precision in [ResolvedPrecision::F32, ResolvedPrecision::Bf16] {
        let near = |folder: &Path| {
            let picture = draw(&mut opened(folder, precision), &asks).remove(0);
            psnr(&picture.rgb, &original.rgb)
        };
        let (with, plain) = (near(&folder), near(&plain));
        println!("{precision:?}: {with:.1} dB with parts, {plain:.1} dB without large inputs");
        assert!(with > 25.0 && with > plain - 6.0, "{precision:?}: {with} {plain}");
    }
}

fn adapter(engine: &mut Engine, name: &str) -> AdapterId {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/adapters");
    engine.open_adapter(&folder.join(name).with_extension("safetensors")).unwrap()
}

fn follow(engine: &mut Engine, asks: &[(Ask, Vec<(AdapterId, f32)>)]) -> Vec<Picture> {
    let job = |(ask, stack): &(Ask, Vec<_>)| {
        Job::new(ask.clone(), engine.model()).unwrap().following(stack).unwrap()
    };
    let jobs: Vec<_> = asks.iter().map(job).collect();
    engine.draw(&jobs, &|_| (), &CancelToken::new()).unwrap().0
}

#[test]
fn adapters_come_on_top_and_merged_they_are_the_same() {
    let (spiked, _) = spiked();
    let (_place, folder, _) = to_int4(spiked.folder());
    let small = ask("an owl", (64, 48));
    let mut engine = opened(&folder, ResolvedPrecision::F32);
    let plain = follow(&mut engine, &[(small.clone(), Vec::new())]).remove(0);
    for names in [&["kohya"][..], &["dora"], &["loha", "dora"], &["lokr"]] {
        let mut engine = opened(&folder, ResolvedPrecision::F32);
        let stack: Vec<_> = names.iter().map(|name| (adapter(&mut engine, name), 0.8)).collect();
        let followed = follow(&mut engine, &[(small.clone(), stack.clone())]).remove(0);
        engine.merge_adapters(stack);
        let merged = follow(&mut engine, &[(small.clone(), Vec::new())]).remove(0);
        let near = psnr(&followed.rgb, &merged.rgb);
        println!(
            "{names:?}: {near:.1} dB from merged, {:.1} from none",
            psnr(&plain.rgb, &merged.rgb)
        );
        assert!(near > 45.0, "{names:?}: {near}");
        assert!(psnr(&plain.rgb, &merged.rgb) < near - 5.0, "{names:?} changes something");
    }
}

#[test]
fn a_picture_in_a_mixed_batch_is_the_picture_alone_and_takes_what_was_planned() {
    let (spiked, _) = spiked();
    let (_place, folder, _) = to_int4(spiked.folder());
    for precision in [ResolvedPrecision::F32, ResolvedPrecision::Bf16, ResolvedPrecision::Int8] {
        let mut engine = opened(&folder, precision);
        let [dora, lokr] = ["dora", "lokr"].map(|name| adapter(&mut engine, name));
        let asks = [
            (ask("an owl", (64, 48)), Vec::new()),
            (Ask { seed: 3, ..ask("猫脸", (48, 64)) }, vec![(dora, 0.8)]),
            (Ask { seed: 4, ..ask("a dog", (64, 64)) }, vec![(lokr, -0.5), (dora, 0.3)]),
        ];
        let packed = follow(&mut engine, &asks);
        for (one, packed) in asks.iter().zip(&packed) {
            let alone = follow(&mut engine, std::slice::from_ref(one)).remove(0);
            assert!(alone.rgb == packed.rgb, "{precision:?}: {} differs in a batch", one.0.prompt);
        }
        let mut fresh = opened(&folder, precision);
        let stacks = [Vec::new(), vec![(adapter(&mut fresh, "dora"), 1.0)]];
        for stack in stacks {
            let job = Job::new(ask("an owl", (96, 64)), fresh.model()).unwrap();
            let job = job.following(&stack).unwrap();
            let planned = std::cell::Cell::new(0);
            let events = |event| {
                if let Event::Planned(plan) = event {
                    planned.set(plan.weights + plan.runs);
                }
            };
            fresh.draw(&[job], &events, &CancelToken::new()).unwrap();
            assert_eq!(planned.get(), fresh.held_bytes(), "{precision:?}");
        }
    }
}

#[test]
fn a_card_draws_with_parts_as_the_processor_does() {
    let (_place, folder) = int4_with_low_rank_parts();
    let small = ask("a red apple on a blue background", (128, 96));
    let with = |engine: &mut Engine| {
        let dora = adapter(engine, "dora");
        [
            (small.clone(), Vec::new()),
            (Ask { seed: 5, ..ask("an owl", (96, 128)) }, vec![(dora, 0.8)]),
            (Ask { seed: 6, ..small.clone() }, Vec::new()),
        ]
    };
    let mut exact = opened(&folder, ResolvedPrecision::F32);
    let asks = with(&mut exact);
    let exact = follow(&mut exact, &asks);
    for (precision, floor) in [
        (ResolvedPrecision::F32, 50.0),
        (ResolvedPrecision::Bf16, 30.0),
        (ResolvedPrecision::Fp8, 20.0),
        (ResolvedPrecision::Int8, 20.0),
    ] {
        let on_card = open(folder.clone(), |settings| {
            settings.device = Device::Cuda(0);
            settings.precision = Precision::Exactly(precision);
        });
        let mut engine = match on_card {
            Ok(engine) => engine,
            Err(
                refusal
                @ (Error::NoDevice { .. } | Error::NotInPrecision { .. } | Error::Device(_)),
            ) => {
                println!("skipped: {refusal}");
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        let asks = with(&mut engine);
        let packed = follow(&mut engine, &asks);
        for ((one, packed), exact) in asks.iter().zip(&packed).zip(&exact) {
            let near = psnr(&packed.rgb, &exact.rgb);
            println!("a card in {precision:?}, {}: {near:.1} dB", one.0.prompt);
            assert!(
                near >= floor,
                "{precision:?} {}: {near:.1} dB, expected {floor}",
                one.0.prompt
            );
            let alone = follow(&mut engine, std::slice::from_ref(one)).remove(0);
            assert!(alone.rgb == packed.rgb, "{precision:?}: {} differs in a batch", one.0.prompt);
        }
    }
}

#[test]
fn a_copy_can_be_converted_again_with_its_parts_in_it() {
    let (spiked, names) = spiked();
    let (_place, int4, _) = to_int4(spiked.folder());
    let again = TempDir::new().unwrap();
    let folder = again.path().join("model");
    let settings = ConvertSettings { to: ConvertTo::Fp8, ..ConvertSettings::default() };
    let source = Source::Folder(int4.clone());
    convert(source, &folder, &settings, &|_, _| (), &CancelToken::new()).unwrap();
    let [before, after] = [int4, folder].map(|folder| {
        let folder = ModelFolder::open(Source::Folder(folder)).unwrap();
        folder.part(PartName::Transformer).unwrap()
    });
    for name in names.iter().filter_map(|name| before.get(name).map(|_| name)) {
        let [before, after] = [&before, &after].map(|part| values(part.get(name).unwrap()));
        assert!(distance(&after, &before) < 0.04, "{name}");
    }
}

#[test]
fn a_part_with_values_that_are_no_numbers_is_refused_by_name() {
    let (spiked, names) = spiked();
    let (_place, folder, _) = to_int4(spiked.folder());
    let name = names.iter().find(|name| name.contains("feed_forward.w3")).unwrap();
    let file = folder.join(TRANSFORMER);
    let mut bytes = std::fs::read(&file).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize + 8;
    let json: serde_json::Value = serde_json::from_slice(&bytes[8..header]).unwrap();
    let at = json[format!("{name}_up")]["data_offsets"][0].as_u64().unwrap() as usize;
    bytes[header + at..][..2].copy_from_slice(&bf16::INFINITY.to_le_bytes());
    std::fs::write(&file, bytes).unwrap();
    let mut engine = opened(&folder, ResolvedPrecision::F32);
    let jobs = crate::support::jobs(&engine, &[ask("a cat", (32, 32))]);
    let error = engine.draw(&jobs, &|_| (), &CancelToken::new()).unwrap_err().to_string();
    assert!(error.contains(name.as_str()) && error.contains("low-rank"), "{error}");
}
