//! Models converted to fp8 and int4: what they hold, that they are drawn with, alone and beside other files, and what is
//! told of them.

use std::path::PathBuf;

use safetensors::Dtype;
use tempfile::TempDir;
use zao_engine::{
    CancelToken, ConvertSettings, ConvertTo, Converted, KeptBecause, ModelSource, Precision,
    PrecisionReason, ResolvedPrecision, Settings, compare, convert, inspect,
};
use zao_weights::{ModelFolder, PartName, Source};

use crate::support::{Model, ask, draw, files, open};
use crate::writers::plain::unpacked;
use crate::writers::safetensors::{read, write};

const TRANSFORMER: &str = "transformer/diffusion_pytorch_model.safetensors";

fn converted(from: PathBuf, to: ConvertTo) -> (TempDir, PathBuf, Converted) {
    let place = TempDir::new().unwrap();
    let folder = place.path().join("model");
    let settings = ConvertSettings { to, ..ConvertSettings::default() };
    let from = Source::Folder(from);
    let converted = convert(from, &folder, &settings, &|_, _| (), &CancelToken::new()).unwrap();
    (place, folder, converted)
}

fn in_bf16(settings: &mut Settings) {
    settings.precision = Precision::Exactly(ResolvedPrecision::Bf16);
}

#[test]
fn each_matrix_is_told_with_its_error_and_is_what_is_told() {
    for (to, name, errors) in [
        (ConvertTo::Int8, "int8", 0.002..0.01),
        (ConvertTo::Fp8, "fp8 e4m3", 0.015..0.03),
        (ConvertTo::Int4, "int4", 0.06..0.13),
    ] {
        let (_place, folder, converted) = converted(Model::Between.folder(), to);
        let model = ModelFolder::open(Source::Folder(folder)).unwrap();
        let parts = PartName::ALL.map(|part| model.part(part).unwrap());
        assert!(
            converted.is_small && converted.matrices.len() > 150,
            "{}",
            converted.matrices.len()
        );
        for matrix in &converted.matrices {
            let part = parts.iter().find(|part| part.name() == matrix.part).unwrap();
            let form = part.get(&matrix.name).unwrap();
            assert_eq!((form.name(), form.shape()), (matrix.stored, &matrix.shape[..]));
            assert_eq!(form.bytes() as u64, matrix.bytes);
            if matrix.kept.is_some() {
                assert_eq!((matrix.stored, matrix.relative_error), ("bf16", 0.0), "{matrix:?}");
            } else {
                assert_eq!(matrix.stored, name, "{matrix:?}");
                assert!(errors.contains(&matrix.relative_error), "{matrix:?}");
            }
        }
    }
}

#[test]
fn rows_that_are_no_whole_groups_stay_and_are_told() {
    let (_place, _, converted) = converted(Model::Demo.folder(), ConvertTo::Int4);
    let kept = converted.kept.iter().find(|kept| kept.why == KeptBecause::NoWholeGroups).unwrap();
    let names = ["layers", "noise_refiner", "context_refiner"];
    let names = names.map(|stack| format!("{stack}.*.feed_forward.w2.weight"));
    let mut told = kept.names.clone();
    told.sort();
    let mut expected = names.to_vec();
    expected.sort();
    assert_eq!((kept.part, told), (PartName::Transformer, expected));
}

#[test]
fn they_are_drawn_with_as_any_other_file_and_a_damaged_one_is_refused() {
    let asks = [ask("a red apple", (64, 48))];
    let original = draw(&mut Model::Between.open(in_bf16), &asks);
    for to in [ConvertTo::Fp8, ConvertTo::Int4] {
        let (_place, folder, _) = converted(Model::Between.folder(), to);
        let mut engine = open(folder.clone(), |s| s.precision = Precision::Auto).unwrap();
        let auto = (engine.precision(), engine.precision_reason());
        assert_eq!(auto, (ResolvedPrecision::F32, PrecisionReason::Small));
        drop(draw(&mut engine, &asks));
        let whole = draw(&mut open(folder.clone(), in_bf16).unwrap(), &asks);
        assert_ne!(whole, original, "{to} shows");
        // Its files one by one, in place of those of the original.
        let source = ModelSource {
            base: Some(Source::Folder(Model::Between.folder())),
            transformer: Some(folder.join(TRANSFORMER)),
            text_encoder: Some(folder.join("text_encoder/model.safetensors")),
            ..ModelSource::default()
        };
        let mut settings = Settings::default();
        in_bf16(&mut settings);
        let mut engine = zao_engine::open("files", source, &settings).unwrap();
        assert_eq!(draw(&mut engine, &asks), whole, "{to}");

        let file = folder.join(TRANSFORMER);
        let stored = inspect(&file, Some(Source::Folder(Model::Between.folder()))).unwrap().parts;
        let name = if to == ConvertTo::Int4 { "int4" } else { "fp8 e4m3" };
        assert_eq!((stored.len(), stored[0].stored[0].name), (1, name), "{stored:?}");
        assert_eq!(stored[0].misfit, None);

        let mut bytes = std::fs::read(&file).unwrap();
        bytes.pop();
        std::fs::write(&file, &bytes).unwrap();
        assert!(open(folder, in_bf16).is_err(), "{to} cut short");
    }
}

/// The goldens of the shipped model are diffusers' pictures of these values.
#[test]
fn the_shipped_model_draws_what_its_values_in_f32_draw() {
    let copied = Model::Demo.copy();
    for part in PartName::ALL {
        let file = copied.path(&format!("{}/{}", part.folder(), part.single_file()));
        let tensors = unpacked(read(&std::fs::read(&file).unwrap()), Dtype::F32);
        std::fs::write(&file, write(&tensors, None)).unwrap();
    }
    let asks = [ask("a red apple on a blue background", (96, 128))];
    let shipped = draw(&mut Model::Demo.open(|_| ()), &asks);
    assert!(shipped == draw(&mut open(copied.folder(), |_| ()).unwrap(), &asks));
}

#[test]
fn what_is_packed_can_be_converted_again() {
    let (_place, fp8, _) = converted(Model::TinyB.folder(), ConvertTo::Fp8);
    for to in [ConvertTo::Int8, ConvertTo::Int4, ConvertTo::Fp8] {
        let (_again, folder, converted) = converted(fp8.clone(), to);
        drop(draw(
            &mut open(folder.clone(), |s| s.precision = Precision::Auto).unwrap(),
            &[ask("红苹果", (32, 32))],
        ));
        if to == ConvertTo::Fp8 {
            let worst = converted.matrices.iter().map(|matrix| matrix.relative_error);
            assert_eq!(worst.fold(0.0, f64::max), 0.0, "fp8 of fp8 is the same");
            assert_eq!(
                std::fs::read(folder.join("vae/diffusion_pytorch_model.safetensors")).unwrap(),
                std::fs::read(fp8.join("vae/diffusion_pytorch_model.safetensors")).unwrap()
            );
        }
        assert!(files(&folder).len() >= files(&fp8).len());
    }
}

#[test]
fn pictures_are_compared_on_the_same_noise() {
    let (_place, copy, _) = converted(Model::Demo.folder(), ConvertTo::Int4);
    let compared = |to, copy: &PathBuf| {
        let original = Source::Folder(Model::Demo.folder());
        compare(original, copy, to, 2, None, &|_, _| (), &CancelToken::new()).unwrap()
    };
    let beside = compared(ConvertTo::Int4, &copy);
    assert_eq!(
        (beside.width, beside.height, beside.steps, beside.pictures.len()),
        (256, 256, 8, 2)
    );
    assert!((24.0..45.0).contains(&beside.median()), "{beside:?}");
    // The original beside itself.
    assert_eq!(compared(ConvertTo::Fp8, &Model::Demo.folder()).median(), f64::INFINITY);

    let cancel = CancelToken::new();
    cancel.cancel();
    let original = Source::Folder(Model::Demo.folder());
    let result = compare(original, &copy, ConvertTo::Int4, 2, None, &|_, _| (), &cancel);
    assert!(matches!(result, Err(zao_engine::Error::Cancelled)));
}
