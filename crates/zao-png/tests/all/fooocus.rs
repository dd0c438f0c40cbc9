//! What Fooocus writes into its pictures, in both of its schemes and under the names of its log. Every file is made here.

use serde_json::json;
use zao_api::Request;
use zao_png::{Info, Origin, Parameters, Text, read};

use crate::support::{Dice, itxt, png_with, png_with_text};

/// A PNG as Fooocus writes it: the parameters, and how they are to be read.
fn png(parameters: &str, scheme: &str) -> Vec<u8> {
    let scheme = [b"fooocus_scheme\0", scheme.as_bytes()].concat();
    png_with(&[(b"iTXt", itxt("parameters", parameters)), (b"tEXt", scheme)], &[])
}

fn fooocus(info: Info) -> Parameters {
    match info.origin {
        Origin::Fooocus(parameters) => parameters,
        other => panic!("{other:?}"),
    }
}

fn wanted() -> Request {
    Request {
        prompt: "a lighthouse, 雪".into(),
        negative_prompt: Some("fog".into()),
        width: Some(1152),
        height: Some(896),
        steps: Some(30.into()),
        guidance: Some(3.0),
        seed: Some(4_124_567_890_123_456_789),
        ..Request::default()
    }
}

#[test]
fn its_own_scheme() {
    let written = json!({
        "adm_guidance": "(1.5, 0.8, 0.3)", "base_model": "juggernautXL_v8", "base_model_hash": "aeb7e9e689",
        "full_negative_prompt": ["(worst quality:1.4), fog"], "full_prompt": ["cinematic still a lighthouse", "a lighthouse, 雪"],
        "guidance_scale": 4.0, "lora_combined_1": "sd_xl_offset : 0.1", "lora_combined_2": "ink : -0.5",
        "loras": [["sd_xl_offset", 0.1, "4852686128"]], "metadata_scheme": "fooocus", "negative_prompt": "fog",
        "performance": "Speed", "prompt": "a lighthouse, 雪", "prompt_expansion": "a lighthouse, 雪, cinematic",
        "refiner_model": "None", "refiner_switch": 0.5, "resolution": "(1152, 896)", "sampler": "dpmpp_2m_sde_gpu",
        "scheduler": "karras", "seed": "4124567890123456789", "sharpness": 2.0, "steps": 30,
        "styles": "['Fooocus V2', 'SAI Cinematic']", "vae": "Default (model)", "version": "Fooocus v2.5.5"
    });
    let info = read(&png(&written.to_string(), "fooocus")).unwrap();
    assert_eq!(info.texts, [], "both texts are understood");
    let told = fooocus(info);
    assert_eq!(told.to_request(), wanted());
    for (name, value) in [
        ("Model", "juggernautXL_v8"),
        ("Styles", "['Fooocus V2', 'SAI Cinematic']"),
        ("Performance", "Speed"),
        ("Lora weights", "sd_xl_offset: 0.1, ink: -0.5"),
        ("Schedule type", "karras"),
    ] {
        assert_eq!(told.get(name), Some(value), "{name}");
    }
    assert_eq!(told.get("Refiner"), None);
    // As text it is the form that others read.
    let again = Parameters::parse(&told.to_string()).unwrap();
    assert_eq!(again, told);
    // A file that lost the scheme still says whose it is.
    let bare = read(&png_with_text("parameters", &written.to_string())).unwrap();
    assert_eq!(fooocus(bare), told);
}

#[test]
fn its_version_of_the_text_form() {
    let written = concat!(
        "cinematic still a lighthouse, 雪 . emotional, harmonious, a lighthouse, 雪\n",
        "Negative prompt: anime, cartoon, fog\n",
        "Steps: 30, Sampler: DPM++ 2M SDE Karras, Seed: 4124567890123456789, Size: 1152x896, CFG scale: 4.0, Sharpness: 2.0, ",
        "ADM Guidance: \"(1.5, 0.8, 0.3)\", Model: juggernautXL_v8, Model hash: aeb7e9e689, Performance: Speed, ",
        "Scheduler: karras, VAE: Default (model), Raw prompt: \"a lighthouse, 雪\", Raw negative prompt: fog, ",
        "Lora hashes: \"sd_xl_offset: 4852686128\", Lora weights: \"sd_xl_offset: 0.1\", Version: Fooocus v2.5.5"
    );
    let told = fooocus(read(&png(written, "a1111")).unwrap());
    assert_eq!(told.to_request(), wanted());
    assert_eq!(told.get("Raw prompt"), None, "it is the prompt now");
    assert_eq!(told.get("Model"), Some("juggernautXL_v8"));
    let bare = fooocus(read(&png_with_text("parameters", written)).unwrap());
    assert_eq!(bare, told);
}

#[test]
fn the_names_of_its_log() {
    let written = json!({
        "Prompt": "a lighthouse, 雪", "Negative Prompt": "fog", "Fooocus V2 Expansion": "", "Styles": "[]",
        "Performance": "Quality", "Steps": "30", "Resolution": [1152, 896], "Guidance Scale": "4.0",
        "Sharpness": 2, "Base Model": "juggernautXL_v8.safetensors", "Seed": 4_124_567_890_123_456_789_u64,
        "LoRA 1": "True : ink : 0.5", "LoRA 2": "False : other : 1.0", "Version": "v2.1.865"
    });
    let told = fooocus(read(&png_with_text("parameters", &written.to_string())).unwrap());
    assert_eq!(told.to_request(), wanted());
    assert_eq!(told.get("Lora weights"), Some("ink: 0.5"));
}

#[test]
fn a_scheme_that_does_not_fit_its_text_is_no_origin() {
    for (text, scheme) in [
        ("a cat\nSteps: 8", "fooocus"),
        ("{\"prompt\": 3", "fooocus"),
        ("[1]", "fooocus"),
        (" ", "a1111"),
    ] {
        let info = read(&png(text, scheme)).unwrap();
        assert_eq!(info.origin, Origin::Unknown, "{text}");
        let scheme = Text { keyword: "fooocus_scheme".into(), text: scheme.into() };
        assert!(info.texts.contains(&scheme), "nothing is swallowed: {:?}", info.texts);
    }
    // One that nobody knows says nothing.
    let info = read(&png("a cat\nSteps: 8, Seed: 1", "newer")).unwrap();
    assert!(matches!(info.origin, Origin::Parameters(_)));
}

/// JSON that resembles what Fooocus writes, with everything in the wrong place.
fn odd(dice: &mut Dice, depth: usize) -> String {
    const KEYS: [&str; 14] = [
        "prompt",
        "Prompt",
        "resolution",
        "seed",
        "steps",
        "guidance_scale",
        "version",
        "metadata_scheme",
        "lora_combined_1",
        "LoRA 99999999999",
        "Fooocus V2 Expansion",
        "loras",
        "negative_prompt",
        "\\u0000",
    ];
    const VALUES: [&str; 16] = [
        "\"a cat\"",
        "\"(1152, 896)\"",
        "\"(1, \"",
        "-1",
        "18446744073709551616",
        "1e999",
        "null",
        "true",
        "\"None\"",
        "\"\"",
        "\"a : b : c\"",
        "\" : \"",
        "\"Fooocus v2\"",
        "\"fooocus\"",
        "\"\\ud800\"",
        "[1, 2]",
    ];
    match dice.below(10) {
        0 if depth < 40 => format!("[{}, {}]", odd(dice, depth + 1), odd(dice, depth + 20)),
        1..=3 if depth < 4 => {
            let pair = |dice: &mut Dice| {
                let key = KEYS[dice.below(KEYS.len())];
                format!("\"{key}\": {}", odd(dice, depth + 1))
            };
            let pairs: Vec<String> = (0..dice.below(8)).map(|_| pair(dice)).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        _ => VALUES[dice.below(VALUES.len())].to_owned(),
    }
}

#[test]
fn damaged_json_never_panics_and_never_makes_a_strange_request() {
    let mut dice = Dice(7);
    let mut understood = 0;
    for _ in 0..20_000 {
        let pairs: Vec<String> = (0..dice.below(6))
            .map(|_| {
                let key = ["prompt", "seed", "resolution", "steps", "guidance_scale", "LoRA 1"]
                    [dice.below(6)];
                format!("\"{key}\": {}", odd(&mut dice, 0))
            })
            .collect();
        let mut text = format!("{{{}}}", pairs.join(", "));
        if dice.below(3) == 0 {
            let at = dice.below(text.len());
            if text.is_char_boundary(at) {
                text.truncate(at);
            }
        }
        let scheme = ["fooocus", "a1111", "Fooocus"][dice.below(3)];
        if let Origin::Fooocus(told) = read(&png(&text, scheme)).unwrap().origin {
            understood += 1;
            let request = told.to_request();
            assert!(request.guidance.is_none_or(|guidance| guidance >= 0.0), "{text}");
            assert!(told.prompt.len() <= text.len() && told.settings.len() < 2000, "{text}");
        }
    }
    assert!(understood > 1000, "{understood}");
}

#[test]
fn a_file_of_brackets_costs_little() {
    let started = std::time::Instant::now();
    for part in ["[],", "{},", "1,", "\"x\","] {
        let list = format!("{{\"prompt\": \"a\", \"loras\": [{}1]}}", part.repeat(1 << 20));
        let told = fooocus(read(&png(&list, "fooocus")).unwrap());
        assert_eq!(told.prompt, "a");
    }
    let deep = format!("{{\"prompt\": {}", "[".repeat(1 << 20));
    assert_eq!(read(&png(&deep, "fooocus")).unwrap().origin, Origin::Unknown);
    assert!(started.elapsed().as_secs() < 10);
}
