//! Single files on the command line: drawn with, named instead of a model, inspected, refused.

use std::fs;

use safetensors::Dtype;
use zao_api::Generated;

use crate::folder::Folder;
use crate::model_file::original;
use crate::writers::plain::unpacked;
use crate::writers::safetensors::{Tensor, read, write};
use crate::writers::{comfy, gguf};

/// The tensors of a file, fp8 by its values, so that drawing with them in f32 changes no bit.
fn demo(path: &str) -> Vec<Tensor> {
    unpacked(read(&fs::read(original().join(path)).unwrap()), Dtype::F32)
}

/// The three parts as files of other programs.
fn place(folder: &Folder) {
    let transformer = comfy::transformer(&demo("transformer/diffusion_pytorch_model.safetensors"));
    let text = comfy::llama(&demo("text_encoder/model.safetensors"));
    let vae = comfy::vae(&demo("vae/diffusion_pytorch_model.safetensors"));
    let entry = |t: Tensor| {
        let kind = if t.dtype == Dtype::F32 { gguf::F32 } else { gguf::BF16 };
        gguf::Tensor { name: t.name, shape: t.shape, kind, bytes: t.data }
    };
    let text = gguf::file("qwen3", &text.into_iter().map(entry).collect::<Vec<_>>());
    fs::write(folder.path("dit.safetensors"), write(&transformer, None)).unwrap();
    fs::write(folder.path("te.gguf"), text).unwrap();
    fs::write(folder.path("ae.safetensors"), write(&vae, None)).unwrap();
}

const ALL: [&str; 6] =
    ["--transformer", "dit.safetensors", "--text-encoder", "te.gguf", "--vae", "ae.safetensors"];

#[test]
fn files_in_any_mixture_draw_the_same_picture() {
    let folder = Folder::new();
    place(&folder);
    folder.draw(&["--seed", "3", "--output", "expected.png"]).ok();
    for (index, files) in
        [&ALL[..], &ALL[..2], &ALL[2..4], &ALL[4..], &["--model", "dit.safetensors"]]
            .iter()
            .enumerate()
    {
        let output = format!("{index}.png");
        folder.draw(&[&["--seed", "3", "--output", &output], *files].concat()).ok();
        assert_eq!(folder.pixels(&output), folder.pixels("expected.png"), "{files:?}");
    }
    let said = folder.draw(&[&["--json"], &ALL[..]].concat()).ok();
    let generated: Generated = serde_json::from_slice(&said.out).unwrap();
    assert_eq!(generated.model.name, "dit", "a model is called after its transformer");
    assert_eq!(said.err, "", "nothing is said of the built-in model");
    let again = [&["generate", "--from", "0.png", "--output", "again.png"], &ALL[..]].concat();
    let said = folder.run(&again).ok();
    assert_eq!(said.err, "", "it is the model that drew it");
    assert_eq!(folder.pixels("again.png"), folder.pixels("expected.png"));
}

#[test]
fn files_are_measured_like_models() {
    let folder = Folder::new();
    place(&folder);
    let short = ["--size", "64", "--steps", "1", "--repeat", "1", "--batches", "1", "--json"];
    let said = folder.run(&[&["bench", "scenarios"], &short[..], &ALL[..]].concat()).ok();
    let report: serde_json::Value = serde_json::from_slice(&said.out).unwrap();
    assert_eq!(report["model"], "dit");
    let both = ["--synthetic", "tiny", "--vae", "ae.safetensors"];
    folder
        .run(&[&["bench", "scenarios"], &both[..]].concat())
        .complains(2, &["--synthetic", "--vae"]);
}

#[test]
fn an_inspection_says_what_a_file_is_and_how_to_draw_with_it() {
    let folder = Folder::new();
    place(&folder);
    let said = folder.run(&["inspect", "te.gguf", "--model", "demo"]).ok();
    for words in
        ["GGUF file (version 3, architecture \"qwen3\")", "f32 (", "--text-encoder te.gguf"]
    {
        assert!(said.text().contains(words), "{said:?}");
    }
    let said = folder.run(&["inspect", "dit.safetensors"]).ok();
    assert!(said.text().contains("cannot be drawn with"), "the published one is larger: {said:?}");

    let json = |args: &[&str]| -> serde_json::Value {
        let said = folder.run(&[&["inspect", "--json"], args].concat()).ok();
        serde_json::from_slice(&said.out).unwrap()
    };
    let file = json(&["ae.safetensors", "-m", "demo"]);
    assert_eq!(
        (&file["format"], &file["parts"][0]["part"]),
        (&"safetensors".into(), &"vae".into())
    );
    assert_eq!(file["parts"][0]["misfit"], serde_json::Value::Null);
    let model = json(&[original().to_str().unwrap()]);
    assert_eq!((&model["format"], model["parts"].as_array().unwrap().len()), (&"folder".into(), 3));
}

#[test]
fn what_cannot_be_used_is_told_in_one_line() {
    let folder = Folder::new();
    place(&folder);
    fs::write(folder.path("weights.ckpt"), b"PK\x03\x04 a checkpoint of another kind").unwrap();
    let whole = fs::read(folder.path("te.gguf")).unwrap();
    fs::write(folder.path("cut.gguf"), &whole[..whole.len() / 2]).unwrap();
    let one = write(&[Tensor::f32("some.lora_A.weight", &[1], &[1.0])], None);
    fs::write(folder.path("lora.safetensors"), one).unwrap();
    for (args, code, parts) in [
        (&["--vae", "none.safetensors"][..], 1, &["none.safetensors", "check the path"][..]),
        (&["--vae", "."], 1, &["folder", "--model"]),
        (&["--vae", "te.gguf"], 1, &["te.gguf", "no vae", "a text encoder", "zao inspect"]),
        (&["--transformer", "weights.ckpt"], 1, &["weights.ckpt", "PyTorch", "GGUF"]),
        (&["--text-encoder", "cut.gguf"], 1, &["cut.gguf", "cut off"]),
        (&["--model", "lora.safetensors"], 2, &["no model", "lora_A"]),
        (&["--tokenizer", "nowhere"], 1, &["tokenizer.json"]),
    ] {
        folder.draw(args).complains(code, parts);
    }
    folder.run(&["inspect", "weights.ckpt"]).complains(1, &["weights.ckpt"]);
    folder.run(&["inspect", "none"]).complains(1, &["none", "check the path"]);
}
