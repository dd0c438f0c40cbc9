//! A recipe must come back from JSON exactly as it went in.

use zao_api::{InputImage, Model, Recipe, RecipeFormat, ResolvedPrecision, Rng, UsedLora};

fn recipe() -> Recipe {
    Recipe {
        format: RecipeFormat,
        zao_version: "0.1.0".into(),
        prompt: "一只猫 🐈\n\"quoted\"".into(),
        negative_prompt: None,
        model: Model { name: "z-image-turbo".into(), fingerprint: "5f3a".into() },
        width: 256,
        height: 320,
        steps: 8,
        guidance: 0.0,
        cfg_normalization: 0.0,
        cfg_truncation: 1.0,
        seed: 42,
        rng: Rng::TorchCpu,
        image: None,
        shift: 3.0,
        loras: Vec::new(),
        precision: ResolvedPrecision::F32,
        device: "cpu".into(),
    }
}

fn through_json(recipe: &Recipe) -> Recipe {
    let text = serde_json::to_string(recipe).expect("a finite recipe is written");
    serde_json::from_str(&text).expect("what was written is read")
}

#[test]
fn the_json_form_is_fixed() {
    let expected = concat!(
        r#"{"zao":1,"zao_version":"0.1.0","prompt":"一只猫 🐈\n\"quoted\"","#,
        r#""model":{"name":"z-image-turbo","fingerprint":"5f3a"},"width":256,"height":320,"#,
        r#""steps":8,"guidance":0.0,"cfg_normalization":0.0,"cfg_truncation":1.0,"seed":42,"#,
        r#""rng":"torch-cpu","shift":3.0,"precision":"f32","device":"cpu"}"#
    );
    assert_eq!(serde_json::to_string(&recipe()).unwrap(), expected);
    assert_eq!(through_json(&recipe()), recipe());
}

#[test]
fn the_picture_it_begins_with_is_told_by_its_checksum() {
    let image = InputImage { sha256: "ab12".into(), mask_sha256: None, strength: 0.6 };
    let with_mask =
        InputImage { mask_sha256: Some("cd".into()), strength: 1.0 / 3.0, ..image.clone() };
    for image in [image.clone(), with_mask] {
        let given = Recipe { image: Some(image), ..recipe() };
        assert_eq!(through_json(&given), given);
    }
    let json = serde_json::to_value(&image).unwrap();
    assert_eq!(json, serde_json::json!({ "sha256": "ab12", "strength": 0.6 }));
    let not_a_number = InputImage { strength: f64::NAN, ..image };
    assert!(serde_json::to_string(&not_a_number).is_err());
}

#[test]
fn adapters_are_written_where_there_are_any() {
    let used = UsedLora { name: "ink".into(), scale: 0.8, sha256: "ab".into(), merged: false };
    let given = Recipe { loras: vec![used.clone(), UsedLora { merged: true, ..used }], ..recipe() };
    let text = serde_json::to_string(&given).unwrap();
    let expected = r#""loras":[{"name":"ink","scale":0.8,"sha256":"ab"},{"name":"ink","scale":0.8,"sha256":"ab","merged":true}]"#;
    assert!(text.contains(expected), "{text}");
    assert_eq!(through_json(&given), given);
}

#[test]
fn floats_keep_every_bit() {
    let named = [0.1, -0.0, 1.0 / 3.0, 16_777_217.0, f32::MAX, f32::MIN_POSITIVE, 1e-45, 3.0e-41];
    // One odd mantissa in every binade, subnormals included, both signs.
    let swept = (0..0xff_u32).flat_map(|exponent| {
        let bits = (exponent << 23) | (exponent.wrapping_mul(0x9e37_79b9) & 0x7f_ffff);
        [f32::from_bits(bits), -f32::from_bits(bits)]
    });
    for value in named.into_iter().chain(swept) {
        let given = Recipe {
            guidance: value,
            cfg_normalization: value,
            cfg_truncation: value,
            shift: value,
            ..recipe()
        };
        let read = through_json(&given);
        for read in [read.guidance, read.cfg_normalization, read.cfg_truncation, read.shift] {
            assert_eq!(read.to_bits(), value.to_bits(), "{value:e} became {read:e}");
        }
    }
}

#[test]
fn seeds_above_two_to_the_53_keep_every_bit() {
    for seed in [0, (1 << 53) - 1, (1 << 53) + 1, u64::MAX - 1, u64::MAX] {
        assert_eq!(through_json(&Recipe { seed, ..recipe() }).seed, seed);
    }
}

#[test]
fn numbers_json_cannot_hold_are_refused_on_both_sides() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert!(serde_json::to_string(&Recipe { guidance: value, ..recipe() }).is_err());
    }
    let mut json = serde_json::to_value(recipe()).unwrap();
    for too_large in [serde_json::json!(1e300), serde_json::json!(null)] {
        json["shift"] = too_large;
        assert!(serde_json::from_value::<Recipe>(json.clone()).is_err());
    }
}

#[test]
fn unknown_fields_are_ignored() {
    let mut json = serde_json::to_value(recipe()).unwrap();
    json["upscaled_by"] = serde_json::json!({ "factor": 2 });
    assert_eq!(serde_json::from_value::<Recipe>(json).unwrap(), recipe());
}

#[test]
fn a_recipe_of_another_format_is_refused_for_its_version() {
    // The unknown precision stands for anything that a later format changes.
    let text = serde_json::to_string(&recipe()).unwrap().replacen("\"zao\":1", "\"zao\":2", 1);
    let text = text.replace("\"f32\"", "\"f4\"");
    let error = serde_json::from_str::<Recipe>(&text).unwrap_err().to_string();
    assert!(error.starts_with("recipe format 2 needs another version of zao"), "{error}");
}

#[test]
fn a_recipe_never_holds_an_unsettled_precision() {
    let text = serde_json::to_string(&recipe()).unwrap().replace("\"f32\"", "\"auto\"");
    assert!(serde_json::from_str::<Recipe>(&text).is_err());
}
