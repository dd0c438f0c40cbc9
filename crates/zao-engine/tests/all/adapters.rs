//! Pictures that follow adapters: those that diffusers and PEFT draw, alone and mixed in one batch.

use std::path::{Path, PathBuf};

use serde_json::Value;
use zao_engine::{
    AdapterId, Ask, CancelToken, Engine, Event, Generator, Guidance, Job, Picture, Precision,
    ResolvedPrecision,
};

use crate::support::{Model, ask, psnr};

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/adapters")
}

/// A picture that diffusers drew, what it was asked, and every stack of files that gives it.
struct Golden {
    file: String,
    model: Model,
    ask: Ask,
    stacks: Vec<Vec<(String, f32)>>,
    rgb: Vec<u8>,
}

fn read() -> Vec<Golden> {
    let index = std::fs::read(goldens().join("adapters.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    let golden = |entry: &Value| {
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let count = |key: &str| usize::try_from(entry[key].as_u64().unwrap()).unwrap();
        let ask = Ask {
            prompt: text("prompt"),
            negative: String::new(),
            width: count("width"),
            height: count("height"),
            steps: count("steps"),
            guidance: Guidance::OFF,
            seed: entry["seed"].as_u64().unwrap(),
            generator: Generator::TorchCpu,
            start: None,
        };
        let adapter = |entry: &Value| {
            let scale = entry["scale"].as_f64().unwrap() as f32;
            (entry["file"].as_str().unwrap().to_owned(), scale)
        };
        let stack = |stack: &Value| stack.as_array().unwrap().iter().map(adapter).collect();
        let png = std::fs::read(goldens().join(text("file"))).unwrap();
        Golden {
            file: text("file"),
            model: if text("model").ends_with("tiny-a") { Model::TinyA } else { Model::Demo },
            ask,
            stacks: entry["stacks"].as_array().unwrap().iter().map(stack).collect(),
            rgb: zao_png::decode_rgb(&png).unwrap().pixels,
        }
    };
    index["pictures"].as_array().unwrap().iter().map(golden).collect()
}

fn stack(engine: &mut Engine, files: &[(String, f32)]) -> Vec<(AdapterId, f32)> {
    let open = |(file, scale): &(String, f32)| {
        (engine.open_adapter(&goldens().join(file)).unwrap(), *scale)
    };
    files.iter().map(open).collect()
}

fn engine(model: Model, precision: ResolvedPrecision) -> Engine {
    model.open(|settings| settings.precision = Precision::Exactly(precision))
}

/// A picture for each of the stacks, drawn in one call.
fn draw(engine: &mut Engine, asks: &[(Ask, Vec<(AdapterId, f32)>)]) -> Vec<Picture> {
    let job = |(ask, stack): &(Ask, Vec<_>)| {
        Job::new(ask.clone(), engine.model()).unwrap().following(stack).unwrap()
    };
    let jobs: Vec<_> = asks.iter().map(job).collect();
    engine.draw(&jobs, &|_| (), &CancelToken::new()).unwrap().0
}

/// Every golden under every name of its files has to come out with at least `floor` dB.
fn compare(precision: ResolvedPrecision, floor: f64, merged: bool) {
    for Golden { file, model, ask, stacks, rgb } in read() {
        let mut engine = engine(model, precision);
        for files in stacks {
            let mut followed = stack(&mut engine, &files);
            if merged {
                engine.merge_adapters(std::mem::take(&mut followed));
            }
            let picture = draw(&mut engine, &[(ask.clone(), followed)]).remove(0);
            let psnr = psnr(&picture.rgb, &rgb);
            println!("{precision:?} {file} {files:?}: {psnr:.1} dB");
            assert!(
                psnr >= floor,
                "{precision:?} {file} {files:?}: {psnr:.1} dB, expected {floor}"
            );
        }
    }
}

#[test]
fn in_f32_they_are_those_of_diffusers() {
    compare(ResolvedPrecision::F32, 45.0, false);
}

#[test]
fn merged_they_are_those_of_diffusers_too() {
    compare(ResolvedPrecision::F32, 45.0, true);
}

#[test]
fn in_narrow_types_they_are_nearly_the_same() {
    compare(ResolvedPrecision::Bf16, 30.0, false);
}

/// Files of every kind, and a picture without any.
fn mixed(engine: &mut Engine) -> Vec<(Ask, Vec<(AdapterId, f32)>)> {
    let mut open = |files: &[(&str, f32)]| {
        let files: Vec<_> =
            files.iter().map(|(name, scale)| (format!("{name}.safetensors"), *scale)).collect();
        stack(engine, &files)
    };
    let small = |prompt, seed| Ask { seed, ..ask(prompt, (64, 48)) };
    let guided = Guidance { scale: 2.0, normalization: 0.0, truncation: 1.0 };
    vec![
        (small("an owl", 1), Vec::new()),
        (small("an owl", 1), open(&[("kohya", 1.0)])),
        (Ask { guidance: guided, ..small("a cat", 2) }, open(&[("lokr", 0.5), ("dora", 0.8)])),
        (Ask { width: 96, steps: 3, ..small("a dog", 3) }, open(&[("kohya", -0.5), ("loha", 1.0)])),
        (small("an owl", 1), open(&[("dora", 1.0)])),
    ]
}

#[test]
fn a_picture_in_a_mixed_batch_is_the_picture_alone() {
    for precision in [ResolvedPrecision::F32, ResolvedPrecision::Bf16, ResolvedPrecision::Int8] {
        let mut engine = engine(Model::Demo, precision);
        let asks = mixed(&mut engine);
        let packed = draw(&mut engine, &asks);
        for (i, (one, packed)) in asks.iter().zip(&packed).enumerate() {
            let alone = draw(&mut engine, std::slice::from_ref(one)).remove(0);
            assert!(alone.rgb == packed.rgb, "{precision:?}: picture {i} differs in a batch");
        }
        let distinct: std::collections::HashSet<_> = packed.iter().map(|p| &p.rgb).collect();
        assert_eq!(distinct.len(), asks.len(), "{precision:?}: adapters change pictures");
    }
}

#[test]
fn adapters_are_told_in_memory_and_swapped() {
    let mut engine = engine(Model::Demo, ResolvedPrecision::F32);
    let asks = mixed(&mut engine);
    let plain = draw(&mut engine, &asks[..1]);
    let without = engine.held_bytes();
    let first = draw(&mut engine, &asks[1..2]);
    let with = engine.held_bytes();
    assert!(with > without, "{with} {without}");
    draw(&mut engine, &asks[2..]);
    assert_eq!(draw(&mut engine, &asks[1..2])[0].rgb, first[0].rgb);
    assert_eq!(draw(&mut engine, &asks[..1])[0].rgb, plain[0].rgb);
    // The same file is the same adapter.
    let again = stack(&mut engine, &[("kohya.safetensors".into(), 1.0)]);
    assert_eq!(again, asks[1].1);
    // With hardly more than one run needs, adapters that it does not follow make room.
    let limit = engine.held_bytes();
    let mut tight = Model::Demo.open(|settings| settings.memory_limit = Some(limit));
    let asks = mixed(&mut tight);
    for (ask, expected) in [(&asks[1], &first[0]), (&asks[0], &plain[0]), (&asks[1], &first[0])] {
        assert_eq!(draw(&mut tight, std::slice::from_ref(ask))[0].rgb, expected.rgb);
        assert!(tight.held_bytes() <= limit);
    }
}

#[test]
fn what_adapters_take_is_in_the_plan() {
    let mut engine = engine(Model::Demo, ResolvedPrecision::F32);
    let asks = mixed(&mut engine);
    let mut weights = Vec::new();
    for (ask, stack) in [&asks[0], &asks[1], &asks[4]] {
        let job = Job::new(ask.clone(), engine.model()).unwrap().following(stack).unwrap();
        let planned = std::cell::Cell::new(None);
        let events = |event| {
            if let Event::Planned(plan) = event {
                planned.set(Some(*plan));
            }
        };
        engine.draw(&[job], &events, &CancelToken::new()).unwrap();
        let plan = planned.get().unwrap();
        // Everything stays where there is no limit.
        assert_eq!(plan.weights + plan.runs, engine.held_bytes());
        weights.push(plan.weights);
    }
    assert!(weights.is_sorted_by(|before, after| before < after), "{weights:?}");
}

#[test]
fn an_adapter_of_another_model_is_refused() {
    let mut engine = engine(Model::TinyB, ResolvedPrecision::F32);
    let error = engine.open_adapter(&goldens().join("kohya.safetensors")).unwrap_err().to_string();
    assert!(error.contains("kohya.safetensors") && error.contains("layers"), "{error}");
    let job = Job::new(ask("a cat", (64, 64)), engine.model()).unwrap();
    let tiny = Model::Demo.open(|_| ()).open_adapter(&goldens().join("kohya.safetensors")).unwrap();
    assert!(job.clone().following(&[(tiny, f32::NAN)]).is_err());
    assert_eq!(job.following(&[(tiny, 0.0)]).unwrap().adapters(), []);
}

#[test]
fn a_card_follows_adapters_as_the_processor_does() {
    use zao_engine::{Device, Error};
    for (precision, floor) in [
        (ResolvedPrecision::F32, 45.0),
        (ResolvedPrecision::Bf16, 30.0),
        (ResolvedPrecision::Fp8, 20.0),
        (ResolvedPrecision::Int8, 20.0),
    ] {
        let opened = crate::support::open(Model::Demo.folder(), |settings| {
            settings.device = Device::Cuda(0);
            settings.precision = Precision::Exactly(precision);
        });
        let mut engine = match opened {
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
        for Golden { file, ask, stacks, rgb, .. } in
            read().into_iter().filter(|golden| matches!(golden.model, Model::Demo))
        {
            let followed = stack(&mut engine, &stacks[0]);
            let picture = draw(&mut engine, &[(ask, followed)]).remove(0);
            let psnr = psnr(&picture.rgb, &rgb);
            println!("a card in {precision:?} {file}: {psnr:.1} dB");
            assert!(psnr >= floor, "{precision:?} {file}: {psnr:.1} dB, expected {floor}");
        }
        let asks = mixed(&mut engine);
        let packed = draw(&mut engine, &asks);
        for (i, (one, packed)) in asks.iter().zip(&packed).enumerate() {
            let alone = draw(&mut engine, std::slice::from_ref(one)).remove(0);
            assert!(alone.rgb == packed.rgb, "{precision:?}: picture {i} differs in a batch");
        }
    }
}
