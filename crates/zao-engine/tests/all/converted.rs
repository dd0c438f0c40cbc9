//! Models converted to int8: their pictures are those of the original in int8, bit for bit.

use std::cell::Cell;
use std::path::PathBuf;

use tempfile::TempDir;
use zao_engine::{
    Ask, CancelToken, ConvertSettings, Converted, Error, KeptBecause, Precision, PrecisionReason,
    ResolvedPrecision, Result, convert,
};
use zao_weights::{PartName, SaveOptions, Source};

use crate::support::{Model, ask, draw, files, open, watched};

/// A place for a converted model.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("model")
    }

    fn names(&self) -> Vec<String> {
        files(self.0.path())
    }

    fn convert(&self, from: PathBuf, shard_bytes: u64) -> Result<Converted> {
        let save = SaveOptions { shard_bytes, ..SaveOptions::default() };
        let settings = ConvertSettings { save, ..ConvertSettings::default() };
        let from = Source::Folder(from);
        convert(from, &self.folder(), &settings, &|_, _| (), &CancelToken::new())
    }
}

fn auto(settings: &mut zao_engine::Settings) {
    settings.precision = Precision::Auto;
}

fn in_int8(settings: &mut zao_engine::Settings) {
    settings.precision = Precision::Exactly(ResolvedPrecision::Int8);
}

fn asks() -> [Ask; 2] {
    [ask("a red apple", (64, 48)), Ask { steps: 3, seed: 7, ..ask("红苹果", (32, 32)) }]
}

#[test]
fn pictures_are_those_of_the_original_in_int8_bit_for_bit() {
    for (model, shard_bytes) in
        [(Model::Plain, u64::MAX), (Model::TinyA, 20_000), (Model::TinyB, 1_000_000)]
    {
        let place = Place::new();
        let converted = place.convert(model.folder(), shard_bytes).unwrap();
        let expected = draw(&mut model.open(in_int8), &asks());
        assert_ne!(draw(&mut model.open(|_| ()), &asks()), expected, "int8 shows");
        let mut engine = open(place.folder(), auto).unwrap();
        assert_eq!(engine.precision(), ResolvedPrecision::Int8);
        assert_eq!(engine.precision_reason(), PrecisionReason::Stored);
        let (result, _) = watched(&mut engine, &asks(), |_, _| ());
        assert!(result.unwrap().0 == expected, "{model:?}");
        assert!(converted.after < converted.before, "{model:?} {converted:?}");
    }
}

#[test]
fn both_ways_to_int8_take_the_same_memory_and_less_than_bf16() {
    let place = Place::new();
    place.convert(Model::Plain.folder(), u64::MAX).unwrap();
    let held = |mut engine: zao_engine::Engine| {
        drop(draw(&mut engine, &asks()));
        engine.held_bytes()
    };
    let mapped = held(open(place.folder(), auto).unwrap());
    let quantised = held(Model::Plain.open(in_int8));
    let bf16 = |s: &mut zao_engine::Settings| {
        s.precision = Precision::Exactly(ResolvedPrecision::Bf16);
    };
    let rounded = held(Model::Plain.open(bf16));
    // Stacked weights are filled up once, those in files each.
    assert!(mapped.abs_diff(quantised) < quantised / 50, "{mapped} {quantised}");
    assert!(quantised < rounded * 3 / 4, "{quantised} {rounded}");
}

#[test]
fn other_precisions_are_refused_with_what_to_do() {
    let place = Place::new();
    place.convert(Model::TinyA.folder(), u64::MAX).unwrap();
    for precision in [ResolvedPrecision::F32, ResolvedPrecision::Bf16] {
        let error = open(place.folder(), |s| s.precision = Precision::Exactly(precision)).err();
        let error = error.expect("there are no such weights").to_string();
        let asked = precision.to_string();
        assert!(error.contains(&asked) && error.contains("converted from"), "{error}");
    }
    assert!(open(place.folder(), in_int8).is_ok());
    let again = Place::new();
    let error = again.convert(place.folder(), u64::MAX).unwrap_err();
    assert!(matches!(error, Error::AlreadyInt8), "{error}");
    assert_eq!(again.names(), [""; 0]);
}

#[test]
fn it_is_another_model_with_the_same_small_files() {
    let place = Place::new();
    place.convert(Model::TinyB.folder(), u64::MAX).unwrap();
    let fingerprint = |folder| open(folder, auto).unwrap().model().fingerprint.clone();
    assert_ne!(fingerprint(place.folder()), fingerprint(Model::TinyB.folder()));
    let is_small = |file: &String| !file.contains(".safetensors");
    let mut small: Vec<_> = files(&Model::TinyB.folder()).into_iter().filter(is_small).collect();
    let mut copied: Vec<_> = files(&place.folder()).into_iter().filter(is_small).collect();
    small.sort();
    copied.sort();
    assert_eq!(copied, small);
}

#[test]
fn what_is_kept_higher_is_told_by_reason() {
    let place = Place::new();
    let Converted { kept, .. } = place.convert(Model::Demo.folder(), u64::MAX).unwrap();
    let told: Vec<_> = kept.iter().map(|kept| (kept.part, kept.why, kept.whole)).collect();
    let expected = [
        (PartName::TextEncoder, KeptBecause::LookedUp, false),
        (PartName::Transformer, KeptBecause::Unrounded, false),
        (PartName::Transformer, KeptBecause::AtLeastBf16, false),
        (PartName::Vae, KeptBecause::AtLeastBf16, true),
    ];
    assert_eq!(told, expected);
    let names = &kept[1].names;
    assert!(names.contains(&"layers.*.adaLN_modulation.*.weight".to_owned()), "{names:?}");
}

#[test]
fn a_cancelled_conversion_leaves_nothing() {
    let place = Place::new();
    let (cancel, last) = (CancelToken::new(), Cell::new((0, 0)));
    let progress = |done, of| {
        assert!(last.get().0 < done && done <= of);
        last.set((done, of));
        if done > of / 2 {
            cancel.cancel();
        }
    };
    let run = |cancel: &CancelToken| {
        let from = Source::Folder(Model::TinyA.folder());
        convert(from, &place.folder(), &ConvertSettings::default(), &progress, cancel)
    };
    assert!(matches!(run(&cancel), Err(Error::Cancelled)));
    let (done, of) = last.replace((0, 0));
    assert!(done < of && place.names().is_empty(), "{:?}", place.names());
    run(&CancelToken::new()).unwrap();
    assert_eq!(last.get(), (of, of), "all of it was told");
}

#[test]
fn a_damaged_original_is_refused_and_so_is_a_damaged_copy() {
    const WEIGHTS: &str = "transformer/diffusion_pytorch_model.safetensors";
    const MATRIX: &str = "layers.1.feed_forward.w2.weight";
    let place = Place::new();
    let original = Model::TinyA.copy();
    original.edit_tensor(WEIGHTS, MATRIX, |tensor| {
        tensor.data[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    let error = place.convert(original.folder(), u64::MAX).unwrap_err().to_string();
    assert!(error.contains(MATRIX) && place.names().is_empty(), "{error}");

    place.convert(Model::TinyA.folder(), u64::MAX).unwrap();
    let file = place.folder().join(WEIGHTS);
    let mut bytes = std::fs::read(&file).unwrap();
    let header: usize = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize + 8;
    let json: serde_json::Value = serde_json::from_slice(&bytes[8..header]).unwrap();
    let at = json[format!("{MATRIX}_scale")]["data_offsets"][0].as_u64().unwrap() as usize;
    bytes[header + at..][..4].copy_from_slice(&f32::INFINITY.to_le_bytes());
    std::fs::write(&file, bytes).unwrap();
    let mut engine = open(place.folder(), auto).unwrap();
    let error = watched(&mut engine, &asks(), |_, _| ()).0.unwrap_err().to_string();
    assert!(error.contains(MATRIX) && error.contains("inf"), "{error}");
}

#[test]
fn q_k_and_v_must_be_stored_alike() {
    const WEIGHTS: &str = "transformer/diffusion_pytorch_model.safetensors";
    let place = Place::new();
    place.convert(Model::TinyA.folder(), u64::MAX).unwrap();
    // One of them comes from the original.
    let original = Model::TinyA.copy();
    let name = "layers.0.attention.to_k.weight";
    let dense = original.tensors(WEIGHTS).into_iter().find(|tensor| tensor.name == name).unwrap();
    let bytes = std::fs::read(place.folder().join(WEIGHTS)).unwrap();
    std::fs::write(place.folder().join(WEIGHTS), with_dense(&bytes, name, &dense.data)).unwrap();
    let mut engine = open(place.folder(), auto).unwrap();
    let error = watched(&mut engine, &asks(), |_, _| ()).0.unwrap_err().to_string();
    assert!(["to_q", "int8", "f32", "alike"].iter().all(|word| error.contains(word)), "{error}");
}

/// A file with the panels called `name` replaced by `f32` values of the same logical shape.
fn with_dense(file: &[u8], name: &str, data: &[u8]) -> Vec<u8> {
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let mut header: serde_json::Value = serde_json::from_slice(&file[8..8 + length]).unwrap();
    let content = &file[8 + length..];
    let shapes = header["__metadata__"]["shapes"].as_str().unwrap();
    let mut shapes: serde_json::Value = serde_json::from_str(shapes).unwrap();
    let shape = shapes.as_object_mut().unwrap().remove(name).unwrap();
    header["__metadata__"]["shapes"] = shapes.to_string().into();
    let tensors = header.as_object_mut().unwrap();
    tensors.remove(&format!("{name}_scale")).unwrap();
    tensors[name] = serde_json::json!({ "dtype": "F32", "shape": shape });
    let mut all = Vec::new();
    for (tensor, entry) in tensors.iter_mut().filter(|(tensor, _)| *tensor != "__metadata__") {
        let at = |i: usize| entry["data_offsets"][i].as_u64().unwrap() as usize;
        let bytes = if tensor == name { data } else { &content[at(0)..at(1)] };
        let start = all.len();
        all.extend_from_slice(bytes);
        entry["data_offsets"] = serde_json::json!([start, all.len()]);
    }
    let header = header.to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &all].concat()
}
