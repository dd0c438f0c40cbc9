//! Texts in the styles of other tools are understood as far as they go.

use zao_api::{Request, Rng};
use zao_png::{Info, Origin, Parameters, Text, read};

use crate::support::{itxt, png_with, png_with_text};

fn parameters(info: Info) -> Parameters {
    match info.origin {
        Origin::Parameters(parameters) => parameters,
        other => panic!("{other:?}"),
    }
}

fn from_text(text: &str) -> Parameters {
    parameters(read(&png_with_text("parameters", text)).unwrap())
}

fn request(prompt: &str, negative: Option<&str>) -> Request {
    Request {
        prompt: prompt.into(),
        negative_prompt: negative.map(Into::into),
        ..Request::default()
    }
}

#[test]
fn automatic1111() {
    let read = from_text(concat!(
        "lighthouse at dawn, (oil painting:1.2),\nthick strokes\n",
        "Negative prompt: lowres, text,\nwatermark\n",
        "Steps: 24, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 965400086, ",
        "Size: 512x768, Model hash: 6ce0161689, Model: v1-5-pruned, Denoising strength: 0.45, ",
        "Hires upscale: 1.5, Lora hashes: \"detail: e3f9c2b1a8d7, ink: 0fa1\", ",
        "Style Selector Enabled: True, RNG: NV, Version: v1.10.1"
    ));
    assert_eq!(
        read.to_request(),
        Request {
            width: Some(512),
            height: Some(768),
            steps: Some(24.into()),
            guidance: Some(6.0),
            seed: Some(965_400_086),
            rng: Some(Rng::Nv),
            ..request(
                "lighthouse at dawn, (oil painting:1.2),\nthick strokes",
                Some("lowres, text,\nwatermark")
            )
        }
    );
    assert_eq!(read.get("Lora hashes"), Some("detail: e3f9c2b1a8d7, ink: 0fa1"));
    assert_eq!(read.get("Model"), Some("v1-5-pruned"));
    assert_eq!(read.settings.len(), 14);
}

#[test]
fn forge_without_a_negative_prompt() {
    let read = from_text(concat!(
        "portrait of a \"fisherman.\"\n\n<lora:Film - Grain:0.6>\n",
        "Steps: 20, Sampler: Euler, Schedule type: Simple, CFG scale: 1, ",
        "Distilled CFG Scale: 3.5, Seed: 3045329758, Size: 832x1216, Model hash: 06f96f89f6, ",
        "Model: flux_dev, Version: f2.0.1v1.10.1-previous-561-g82eb7566, ",
        "Diffusion in Low Bits: Automatic (fp16 LoRA), Module 1: ae, Module 2: clip_l"
    ));
    assert_eq!(
        read.to_request(),
        Request {
            width: Some(832),
            height: Some(1216),
            steps: Some(20.into()),
            guidance: Some(0.0),
            seed: Some(3_045_329_758),
            ..request("portrait of a \"fisherman.\"\n\n<lora:Film - Grain:0.6>", None)
        }
    );
    assert_eq!(read.get("distilled cfg scale"), Some("3.5"));
    assert_eq!(read.get("Module 2"), Some("clip_l"));
}

#[test]
fn stable_diffusion_cpp_with_utf8_in_a_latin1_chunk() {
    let text = concat!(
        "雪山，日出\nNegative prompt: 模糊\n",
        "Steps: 9, CFG scale: 1.000000, Skip layers: [7, 8, ], Guidance: 3.500000, ",
        "Eta: 0.000000, Seed: 42, Size: 512x1024, Model: z_image_turbo-Q8_0.gguf, RNG: cuda, ",
        "Sampler: euler, Custom Sigmas: [1.0000, 0.5000, 0.0000], TE: Qwen3-4B.gguf, ",
        "VAE: ae.safetensors, Version: stable-diffusion.cpp"
    );
    let chunk = [b"parameters\0", text.as_bytes()].concat();
    let read = parameters(read(&png_with(&[(b"tEXt", chunk)], &[])).unwrap());
    assert_eq!(
        read.to_request(),
        Request {
            width: Some(512),
            height: Some(1024),
            steps: Some(9.into()),
            guidance: Some(0.0),
            seed: Some(42),
            rng: Some(Rng::Nv),
            ..request("雪山，日出", Some("模糊"))
        }
    );
    assert_eq!(read.get("Skip layers"), Some("[7, 8, ]"));
    assert_eq!(read.get("Custom Sigmas"), Some("[1.0000, 0.5000, 0.0000]"));
    assert_eq!(read.get("Model"), Some("z_image_turbo-Q8_0.gguf"));
}

#[test]
fn civitai_with_json_in_the_settings() {
    let read = from_text(concat!(
        "a red cube on sand\nNegative prompt: blue\n",
        "Steps: 12, Sampler: Euler, CFG scale: 3.5, Seed: 1760020955, Size: 1216x832, ",
        "Clip skip: 2, Created Date: 2025-11-28T09:18:43.5269343Z, ",
        "Civitai resources: [{\"type\":\"checkpoint\",\"modelVersionId\":2442439,",
        "\"modelName\":\"Z Image, Steps: 99\",\"modelVersionName\":\"Turbo\"}], ",
        "Civitai metadata: {\"workflow\":\"txt2img\",\"cfgScale\":9,\"seed\":[1, 2]}"
    ));
    assert_eq!(
        read.to_request(),
        Request {
            width: Some(1216),
            height: Some(832),
            steps: Some(12.into()),
            guidance: Some(2.5),
            seed: Some(1_760_020_955),
            ..request("a red cube on sand", Some("blue"))
        }
    );
    assert_eq!(read.get("Created Date"), Some("2025-11-28T09:18:43.5269343Z"));
    assert!(read.get("Civitai resources").unwrap().ends_with("\"Turbo\"}]"));
    assert_eq!(
        read.get("Civitai metadata"),
        Some(r#"{"workflow":"txt2img","cfgScale":9,"seed":[1, 2]}"#)
    );
}

#[test]
fn comfyui_saver_node_keeps_its_graphs_as_other_texts() {
    let text = concat!(
        "a fox in snow\nNegative prompt: \n",
        "Steps: 4, Sampler: res_multistep_simple, CFG scale: 1.0, Seed: 1125899906842624123, ",
        "Size: 1024x1024, Model hash: 2407613050, Model: z_image_turbo_bf16, ",
        "Hashes: {\"model\":\"2407613050\",\"LORA:ink\":\"abc\"}, Version: ComfyUI"
    );
    let bytes = png_with(
        &[(b"tEXt", b"prompt\0{\"3\": {\"class_type\": \"KSampler\"}}".to_vec())],
        &[(b"tEXt", [b"parameters\0", text.as_bytes()].concat())],
    );
    let info = read(&bytes).unwrap();
    let graph = "{\"3\": {\"class_type\": \"KSampler\"}}";
    assert_eq!(info.texts, [Text { keyword: "prompt".into(), text: graph.into() }]);
    assert_eq!(
        parameters(info).to_request(),
        Request {
            width: Some(1024),
            height: Some(1024),
            steps: Some(4.into()),
            guidance: Some(0.0),
            seed: Some(1_125_899_906_842_624_123),
            ..request("a fox in snow", None)
        }
    );
}

#[test]
fn sd_next_with_an_indented_line() {
    let read = from_text(concat!(
        "misty valley\nNegative prompt: haze\n",
        " Steps: 30, Size: 1024x1024, Sampler: UniPC, Seed: 7, CFG scale: 6, CFG true: 6, ",
        "App: SD.Next, Version: 2d9ad42, Pipeline: StableDiffusionXLPipeline, Operations: txt2img\n"
    ));
    assert_eq!(
        read.to_request(),
        Request {
            width: Some(1024),
            height: Some(1024),
            steps: Some(30.into()),
            guidance: Some(5.0),
            seed: Some(7),
            ..request("misty valley", Some("haze"))
        }
    );
    assert_eq!(read.get("App"), Some("SD.Next"));
}

#[test]
fn a_compressed_text_is_read_too() {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 1, 1);
    encoder.add_ztxt_chunk("parameters".into(), "caf\u{e9}\nSteps: 5, Seed: 2".into()).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[0]).unwrap();
    writer.finish().unwrap();
    let expected = Request { steps: Some(5.into()), seed: Some(2), ..request("caf\u{e9}", None) };
    assert_eq!(parameters(read(&bytes).unwrap()).to_request(), expected);
}

#[test]
fn what_is_in_no_text_form_stays_a_text() {
    for (keyword, text) in [
        ("parameters", r#"{"prompt": "a cat", "seed": "1", "metadata_scheme": "other"}"#),
        ("parameters", " "),
        ("prompt", r#"{"3": {"class_type": "KSampler"}}"#),
        ("invokeai_metadata", r#"{"positive_prompt": "a cat"}"#),
        ("Description", "一只猫"),
    ] {
        let info = read(&png_with_text(keyword, text)).unwrap();
        assert_eq!(info.origin, Origin::Unknown);
        assert_eq!(info.texts, [Text { keyword: keyword.into(), text: text.into() }]);
    }
}

#[test]
fn a_recipe_wins_over_parameters_and_a_strange_one_is_an_error() {
    let strange = png_with(
        &[
            (b"iTXt", itxt("parameters", "a cat\nSteps: 8, Seed: 1")),
            (b"iTXt", itxt("zao", r#"{"zao":2,"prompt":"a cat"}"#)),
        ],
        &[],
    );
    let error = read(&strange).unwrap_err().to_string();
    assert!(error.contains("recipe format 2"), "{error}");
    assert!(error.contains("this one reads format 1"), "{error}");
}
