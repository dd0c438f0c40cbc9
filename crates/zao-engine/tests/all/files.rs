//! Single files of other programs, alone and mixed with a model's folder: the pictures are those of a
//! folder with the same weights, bit for bit.

use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::Dtype;
use serde_json::json;
use tempfile::TempDir;
use zao_engine::{
    Ask, CancelToken, ConvertSettings, Engine, Error, Inspected, Job, ModelSource, Picture,
    Precision, ResolvedPrecision, Result, Settings, convert, inspect,
};
use zao_weights::{PartName, Source};

use crate::support::{Copied, Model, ask, draw, open, psnr};
use crate::writers::safetensors::{Tensor, read, write};
use crate::writers::{comfy, gguf};

const PROMPT: &str = "a red apple on a blue background";

fn path_of(part: PartName) -> PathBuf {
    Model::Plain.folder().join(part.folder()).join(part.single_file())
}

pub(crate) fn demo(part: PartName) -> Vec<Tensor> {
    read(&std::fs::read(path_of(part)).unwrap())
}

/// The plain demo model with some parts from files that are gone when this is dropped.
pub(crate) struct Files {
    folder: TempDir,
    source: ModelSource,
}

impl Files {
    pub(crate) fn new() -> Self {
        let source = ModelSource::from(Source::Folder(Model::Plain.folder()));
        Self { folder: tempfile::tempdir().unwrap(), source }
    }

    /// Names a file with this content for a part.
    pub(crate) fn with(mut self, part: PartName, content: Vec<u8>) -> Self {
        let path = self.folder.path().join(format!("{}.bin", part.folder()));
        std::fs::write(&path, content).unwrap();
        *match part {
            PartName::TextEncoder => &mut self.source.text_encoder,
            PartName::Transformer => &mut self.source.transformer,
            PartName::Vae => &mut self.source.vae,
        } = Some(path);
        self
    }

    fn settings(precision: ResolvedPrecision) -> Settings {
        Settings {
            precision: Precision::Exactly(precision),
            threads: std::num::NonZeroUsize::new(2),
            device: zao_engine::Device::Cpu,
            ..Settings::default()
        }
    }

    pub(crate) fn open_in(&self, precision: ResolvedPrecision) -> Engine {
        zao_engine::open("test", self.source.clone(), &Self::settings(precision)).unwrap()
    }

    fn draw_in(&self, precision: ResolvedPrecision) -> Picture {
        draw(&mut self.open_in(precision), &[wanted()]).remove(0)
    }

    fn draw(&self) -> Picture {
        self.draw_in(ResolvedPrecision::F32)
    }

    fn fingerprint(&self) -> String {
        let settings = Self::settings(ResolvedPrecision::F32);
        let engine = zao_engine::open("test", self.source.clone(), &settings).unwrap();
        engine.model().fingerprint.clone()
    }

    fn refusal(&self) -> Error {
        refusal(self.source.clone())
    }
}

fn refusal(source: ModelSource) -> Error {
    let opened: Result<_> =
        zao_engine::open("test", source, &Files::settings(ResolvedPrecision::F32));
    opened.map(drop).unwrap_err()
}

fn wanted() -> Ask {
    ask(PROMPT, (64, 64))
}

fn original() -> Picture {
    draw(&mut Model::Plain.open(|_| ()), &[wanted()]).remove(0)
}

fn comfy_of(part: PartName) -> Vec<u8> {
    let tensors = demo(part);
    let renamed = match part {
        PartName::TextEncoder => comfy::text_encoder(&tensors),
        PartName::Transformer => comfy::transformer(&tensors),
        PartName::Vae => comfy::vae(&tensors),
    };
    write(&renamed, None)
}

/// The values of tensors in bf16 under another element type.
fn typed(tensors: &[Tensor], dtype: Dtype) -> Vec<Tensor> {
    let convert = |b: &[u8; 2]| {
        let value = bf16::from_le_bytes(*b);
        match dtype {
            Dtype::F32 => value.to_f32().to_le_bytes().to_vec(),
            Dtype::F16 => f16::from_f32(value.to_f32()).to_le_bytes().to_vec(),
            _ => value.to_le_bytes().to_vec(),
        }
    };
    let typed = |t: &Tensor| Tensor {
        dtype,
        data: t.data.as_chunks().0.iter().flat_map(convert).collect(),
        ..t.clone()
    };
    tensors.iter().map(typed).collect()
}

/// A GGUF of a part: of the element types that its tensors have.
fn gguf_of(part: PartName, tensors: &[Tensor]) -> Vec<u8> {
    let (architecture, renamed) = match part {
        PartName::TextEncoder => ("qwen3", comfy::llama(tensors)),
        PartName::Transformer => ("lumina2", comfy::transformer(tensors)),
        PartName::Vae => unreachable!("nobody keeps autoencoders in GGUF"),
    };
    let entry = |t: Tensor| {
        let kind = match t.dtype {
            Dtype::F32 => gguf::F32,
            Dtype::F16 => gguf::F16,
            _ => gguf::BF16,
        };
        gguf::Tensor { name: t.name, shape: t.shape, kind, bytes: t.data }
    };
    gguf::file(architecture, &renamed.into_iter().map(entry).collect::<Vec<_>>())
}

const READERS: [PartName; 2] = [PartName::TextEncoder, PartName::Transformer];

#[test]
fn comfyui_files_draw_the_folders_picture_and_are_the_same_model() {
    let (original, folder) = (original(), Files::new().fingerprint());
    let mut all = Files::new();
    for part in PartName::ALL {
        let one = Files::new().with(part, comfy_of(part));
        assert!(one.draw() == original, "{part}");
        assert_eq!(one.fingerprint(), folder, "{part}");
        all = all.with(part, comfy_of(part));
    }
    assert!(all.draw() == original);
    assert_eq!(all.fingerprint(), folder);
}

#[test]
fn gguf_of_plain_numbers_draws_the_folders_picture() {
    for dtype in [Dtype::F32, Dtype::F16, Dtype::BF16] {
        let mut files = Files::new();
        let folder = Model::Plain.copy();
        for part in READERS {
            let tensors = typed(&demo(part), dtype);
            files = files.with(part, gguf_of(part, &tensors));
            let path = Path::new(part.folder()).join(part.single_file());
            std::fs::write(folder.path(path.to_str().unwrap()), write(&tensors, None)).unwrap();
        }
        let expected = draw(&mut open(folder.folder(), |_| ()).unwrap(), &[wanted()]).remove(0);
        assert!(files.draw() == expected, "{dtype:?}");
        if dtype != Dtype::F16 {
            assert!(expected == original(), "{dtype:?}");
        }
    }
}

/// Rows of values as blocks of Q8_0, each block by its own largest value.
pub(crate) fn q8_0(values: &[f32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for block in values.chunks(32) {
        let scale = block.iter().fold(0_f32, |most, v| most.max(v.abs())) / 127.0;
        let scale = f16::from_f32(scale);
        bytes.extend(scale.to_le_bytes());
        let step = if scale.to_f32() == 0.0 { 1.0 } else { scale.to_f32() };
        bytes.extend(block.iter().map(|v| (v / step).round() as i8 as u8));
    }
    bytes
}

/// Whether a tensor of the transformer is one that quantisers quantise.
fn is_quantised(tensor: &Tensor) -> bool {
    tensor.name.contains(".attention.to_") || tensor.name.contains(".feed_forward.w1")
}

pub(crate) fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.data.as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect()
}

/// The picture of a folder whose transformer has other values where it would be quantised.
fn of_values(change: impl Fn(&Tensor) -> Vec<f32>) -> Picture {
    draw(&mut open(with_values(change).folder(), |_| ()).unwrap(), &[wanted()]).remove(0)
}

/// The demo model, whose quantised matrices have these values instead.
fn with_values(change: impl Fn(&Tensor) -> Vec<f32>) -> Copied {
    let folder = Model::Plain.copy();
    let changed = |t: Tensor| {
        if is_quantised(&t) { Tensor::f32(&t.name, &t.shape, &change(&t)) } else { t }
    };
    let tensors: Vec<_> = demo(PartName::Transformer).into_iter().map(changed).collect();
    let path = "transformer/diffusion_pytorch_model.safetensors";
    std::fs::write(folder.path(path), write(&tensors, None)).unwrap();
    folder
}

/// The demo model with a transformer in blocks.
fn in_blocks() -> Files {
    let entry = |t: Tensor| {
        let quantised = is_quantised(&t);
        let (kind, bytes) = match quantised {
            true => (gguf::Q8_0, q8_0(&values(&t))),
            false => (gguf::BF16, t.data),
        };
        gguf::Tensor { name: t.name, shape: t.shape, kind, bytes }
    };
    // Blocks of query, key and value are cut apart only where files have them in one.
    let tensors: Vec<_> = demo(PartName::Transformer).into_iter().map(entry).collect();
    Files::new().with(PartName::Transformer, gguf::file("lumina2", &tensors))
}

/// The values of a tensor that was put into blocks.
fn unpacked(t: &Tensor) -> Vec<f32> {
    let blocks = q8_0(&values(t));
    let value = |block: &[u8; 34]| {
        let scale = f16::from_le_bytes([block[0], block[1]]).to_f32();
        block[2..].iter().map(|q| f32::from(*q as i8) * scale).collect::<Vec<_>>()
    };
    blocks.as_chunks().0.iter().flat_map(value).collect()
}

#[test]
fn blocks_whose_scale_is_no_number_are_refused_by_name() {
    let entry = |t: Tensor| {
        let is_bad = t.name == "layers.1.attention.to_q.weight";
        let (kind, mut bytes) = match is_bad {
            true => (gguf::Q8_0, q8_0(&values(&t))),
            false => (gguf::BF16, t.data),
        };
        if is_bad {
            bytes[34 * 9..][..2].copy_from_slice(&f16::INFINITY.to_le_bytes());
        }
        gguf::Tensor { name: t.name, shape: t.shape, kind, bytes }
    };
    let tensors: Vec<_> = demo(PartName::Transformer).into_iter().map(entry).collect();
    let files = Files::new().with(PartName::Transformer, gguf::file("lumina2", &tensors));
    for precision in [ResolvedPrecision::F32, ResolvedPrecision::Int8] {
        let mut engine =
            zao_engine::open("test", files.source.clone(), &Files::settings(precision)).unwrap();
        let jobs = [Job::new(wanted(), engine.model()).unwrap()];
        let error = engine.draw(&jobs, &|_| (), &CancelToken::new()).unwrap_err().to_string();
        assert!(error.contains("layers.1.attention.to_q.weight"), "{error}");
    }
}

#[test]
fn adapters_measure_and_change_blocks_by_their_values() {
    let dora = |mut engine: Engine, is_merged: bool| {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/adapters/dora.safetensors");
        let mut stack = vec![(engine.open_adapter(&path).unwrap(), 0.8)];
        if is_merged {
            engine.merge_adapters(std::mem::take(&mut stack));
        }
        let job = Job::new(wanted(), engine.model()).unwrap().following(&stack).unwrap();
        engine.draw(&[job], &|_| (), &CancelToken::new()).unwrap().0.remove(0)
    };
    let (blocks, folder) = (in_blocks(), with_values(unpacked));
    let settings = Files::settings(ResolvedPrecision::F32);
    for is_merged in [false, true] {
        let engine = zao_engine::open("test", blocks.source.clone(), &settings).unwrap();
        let expected = dora(open(folder.folder(), |_| ()).unwrap(), is_merged);
        assert!(dora(engine, is_merged) == expected, "merged: {is_merged}");
        assert!(expected != blocks.draw(), "it changes the picture");
    }
}

#[test]
fn blocks_draw_what_their_values_draw() {
    let files = in_blocks();
    assert!(files.draw() == of_values(unpacked));
    let quality = psnr(&files.draw().rgb, &original().rgb);
    println!("Q8_0: {quality:.1} dB");
    assert!(quality > 34.0, "{quality}");
    for precision in [ResolvedPrecision::Bf16, ResolvedPrecision::Int8] {
        let quality = psnr(&files.draw_in(precision).rgb, &original().rgb);
        println!("Q8_0 in {precision}: {quality:.1} dB");
        assert!(quality > 20.0, "{precision}: {quality}");
    }
}

#[test]
fn scaled_bytes_draw_what_their_values_draw_cut_apart_or_not() {
    let largest = |values: &[f32]| values.iter().fold(0_f32, |most, v| most.max(v.abs()));
    let scale = |t: &Tensor| largest(&values(t)) / 127.0;
    let integers = |t: &Tensor| -> Vec<i8> {
        let scale = scale(t);
        values(t).iter().map(|v| (v / scale).round() as i8).collect()
    };
    let mut tensors = Vec::new();
    for tensor in demo(PartName::Transformer) {
        if !is_quantised(&tensor) {
            tensors.push(tensor);
            continue;
        }
        let layer = tensor.name.strip_suffix(".weight").unwrap();
        let bytes = integers(&tensor).iter().map(|v| *v as u8).collect();
        let json = br#"{"format": "int8_tensorwise"}"#.to_vec();
        tensors.extend([
            Tensor::new(&tensor.name, Dtype::I8, &tensor.shape, bytes),
            Tensor::f32(&format!("{layer}.weight_scale"), &[], &[scale(&tensor)]),
            Tensor::new(&format!("{layer}.comfy_quant"), Dtype::U8, &[json.len()], json),
        ]);
    }
    let files = Files::new().with(PartName::Transformer, write(&tensors, None));
    let expected = of_values(|t| {
        let scale = scale(t);
        integers(t).iter().map(|v| f32::from(*v) * scale).collect()
    });
    assert!(files.draw() == expected);
    println!("int8 by tensor: {:.1} dB", psnr(&expected.rgb, &original().rgb));
}

/// Files are drawn with as they lie, with a scale for each group of columns; a converted model has one a row, as a folder
/// of the files' values.
#[test]
fn converted_files_draw_what_their_values_draw_in_int8() {
    let entry = |t: Tensor| {
        let blocks = is_quantised(&t) || t.name == "embed_tokens.weight";
        let (kind, bytes) =
            if blocks { (gguf::Q8_0, q8_0(&values(&t))) } else { (gguf::BF16, t.data) };
        gguf::Tensor { name: t.name, shape: t.shape, kind, bytes }
    };
    let blocks = |part| -> Vec<gguf::Tensor> { demo(part).into_iter().map(entry).collect() };
    let mut files = Files::new()
        .with(PartName::Transformer, gguf::file("lumina2", &blocks(PartName::Transformer)))
        .with(PartName::TextEncoder, gguf::file("qwen3", &blocks(PartName::TextEncoder)))
        .with(PartName::Vae, comfy_of(PartName::Vae));
    files.source.tokenizer = Some(Model::Plain.folder());
    let place = files.folder.path().join("converted");
    let (settings, cancel) = (ConvertSettings::default(), CancelToken::new());
    convert(files.source.clone(), &place, &settings, &|_, _| (), &cancel).unwrap();
    let int8 = ResolvedPrecision::Int8;
    let mut engine = open(place, |settings| settings.precision = Precision::Exactly(int8)).unwrap();
    let converted = draw(&mut engine, &[wanted()]).remove(0);
    let folder = with_values(unpacked);
    let table = |t: Tensor| {
        let rounded = |v: f32| bf16::from_f32(v).to_le_bytes();
        let is_table = t.name.ends_with("embed_tokens.weight");
        let data = || unpacked(&t).into_iter().flat_map(rounded).collect();
        if is_table { Tensor::new(&t.name, Dtype::BF16, &t.shape, data()) } else { t }
    };
    let text: Vec<_> = demo(PartName::TextEncoder).into_iter().map(table).collect();
    std::fs::write(folder.path("text_encoder/model.safetensors"), write(&text, None)).unwrap();
    let of_values = |settings: &mut Settings| settings.precision = Precision::Exactly(int8);
    let mut engine = open(folder.folder(), of_values).unwrap();
    assert!(converted == draw(&mut engine, &[wanted()]).remove(0));
    let quality = psnr(&converted.rgb, &files.draw_in(int8).rgb);
    println!("int8 a row beside int8 a group: {quality:.1} dB");
    assert!(quality > 30.0, "{quality}");
}

#[test]
fn three_files_and_a_tokenizer_are_a_model() {
    let file = |part| Some(path_of(part));
    let source = ModelSource {
        base: None,
        text_encoder: file(PartName::TextEncoder),
        transformer: file(PartName::Transformer),
        vae: file(PartName::Vae),
        tokenizer: Some(Model::Plain.folder()),
    };
    let settings = Files::settings(ResolvedPrecision::F32);
    for tokenizer in ["", "tokenizer", "tokenizer/tokenizer.json"] {
        let tokenizer = Some(Model::Plain.folder().join(tokenizer));
        let source = ModelSource { tokenizer, ..source.clone() };
        let mut engine = zao_engine::open("files", source, &settings).unwrap();
        assert!(draw(&mut engine, &[wanted()]).remove(0) == original());
    }

    let no_tokenizer = refusal(ModelSource { tokenizer: None, ..source.clone() });
    assert!(matches!(no_tokenizer, Error::NoTokenizer), "{no_tokenizer}");
    let no_part = refusal(ModelSource { vae: None, ..source.clone() });
    assert!(matches!(no_part, Error::NoPart { part: PartName::Vae }), "{no_part}");
    let other = Some(Model::TinyA.folder());
    let other = refusal(ModelSource { tokenizer: other, ..source });
    assert!(matches!(other, Error::OtherTokenizer { rows: 2048, .. }), "{other}");
}

#[test]
fn parts_of_different_models_are_told_apart() {
    let tiny = Model::TinyB.folder().join("vae/diffusion_pytorch_model.safetensors");
    let source = ModelSource {
        vae: Some(Model::TinyA.folder().join("vae/diffusion_pytorch_model.safetensors")),
        ..Files::new().source
    };
    let error = refusal(source);
    assert!(matches!(error, Error::Strangers { .. }), "{error}");
    assert!(error.to_string().contains("--model"), "{error}");

    // In another place there is no configuration beside it.
    let other =
        Files::new().with(PartName::Vae, std::fs::read(tiny).unwrap()).refusal().to_string();
    for word in ["vae.bin", "no vae", "missing", "--model"] {
        assert!(other.contains(word), "{other}");
    }
    let wrong = Files::new().with(PartName::Vae, comfy_of(PartName::Transformer)).refusal();
    let text = wrong.to_string();
    assert!(text.contains("a transformer") && text.contains("--vae"), "{text}");
}

/// ComfyUI's own file of Z-Image-Turbo has 453 tensors and 12.31 GB of them.
#[cfg(target_os = "linux")]
#[test]
fn a_file_of_the_published_sizes_is_the_published_transformer() {
    let config = zao_model::TransformerConfig::default();
    let (mut header, mut end) = (serde_json::Map::new(), 0);
    for tensor in zao_model::transformer::Transformer::manifest(&config).unwrap() {
        let (mut name, mut shape) = (tensor.name, tensor.shape);
        if name.contains(".to_k.") || name.contains(".to_v.") {
            continue;
        }
        if name.contains(".to_q.") {
            shape[0] *= 3;
        }
        for (ours, theirs) in [
            (".to_q.", ".qkv."),
            (".to_out.0.", ".out."),
            (".norm_q.", ".q_norm."),
            (".norm_k.", ".k_norm."),
            ("all_x_embedder.2-1.", "x_embedder."),
            ("all_final_layer.2-1.", "final_layer."),
        ] {
            name = name.replace(ours, theirs);
        }
        let start = end;
        end += 2 * shape.iter().product::<usize>();
        let entry = json!({"dtype": "BF16", "shape": shape, "data_offsets": [start, end]});
        header.insert(name, entry);
    }
    assert_eq!(header.len(), 453);
    assert!((12.30e9..12.32e9).contains(&(end as f64)), "{end}");
    let header = serde_json::to_vec(&header).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("z_image_turbo_bf16.safetensors");
    std::fs::write(&path, [&(header.len() as u64).to_le_bytes()[..], &header].concat()).unwrap();
    // All zeros behind the header, which take no place on the disk.
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len((8 + header.len() + end) as u64).unwrap();

    let found = inspect(&path, None).unwrap();
    assert_eq!((found.parts.len(), found.parts[0].part), (1, PartName::Transformer));
    assert_eq!(found.parts[0].misfit, None);
    assert_eq!(found.parts[0].stored[0].values, 6_154_908_736);
    // Used with another model, it is still the published one, and does not belong there.
    let base = ModelSource::from(Source::Folder(Model::Plain.folder()));
    let error = refusal(ModelSource { transformer: Some(path), ..base });
    assert!(matches!(error, Error::Strangers { .. }), "{error}");
}

#[test]
fn an_inspection_tells_parts_forms_and_what_is_missing() {
    for (model, forms) in [(Model::Plain, &["bf16"][..]), (Model::Demo, &["fp8 e4m3", "bf16"])] {
        let folder = inspect(&model.folder(), None).unwrap();
        assert!(matches!(folder.what, Inspected::Folder { .. }));
        assert_eq!(folder.parts.len(), 3);
        assert!(folder.parts.iter().all(|part| part.misfit.is_none()), "{folder:?}");
        assert_eq!(folder.stored.iter().map(|it| it.name).collect::<Vec<_>>(), forms);
    }

    let base = || Some(Source::Folder(Model::Plain.folder()));
    let files = Files::new().with(PartName::Transformer, comfy_of(PartName::Transformer));
    let path = files.source.transformer.unwrap();
    let fits = inspect(&path, base()).unwrap();
    assert_eq!(fits.parts.len(), 1);
    assert_eq!(fits.parts[0].misfit, None);
    let published = inspect(&path, None).unwrap();
    assert!(published.parts[0].misfit.as_ref().unwrap().contains("of the wrong shape"));

    let mut some = comfy::transformer(&demo(PartName::Transformer));
    some.retain(|tensor| tensor.name != "layers.3.ffn_norm1.weight");
    some.push(Tensor::f32("surprise", &[1], &[0.0]));
    std::fs::write(&path, write(&some, None)).unwrap();
    let misfit = inspect(&path, base()).unwrap().parts.remove(0).misfit.unwrap();
    for word in ["1 missing (layers.3.ffn_norm1.weight)", "1 unexpected (surprise)"] {
        assert!(misfit.contains(word), "{misfit}");
    }
}
