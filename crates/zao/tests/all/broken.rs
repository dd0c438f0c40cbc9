//! Model folders with something wrong: exit code 1, one line that names the file or the tensor.

use std::fs;
use std::path::PathBuf;

use crate::folder::Folder;
use crate::model_file::{self, Weights};

const VAE: &str = "vae/diffusion_pytorch_model.safetensors";
const TENSOR: &str = "decoder.conv_in.weight";

/// A folder with a whole model beside its working folder.
fn with_model() -> (Folder, PathBuf) {
    let folder = Folder::new();
    let model = folder.aside("model");
    model_file::place(&model);
    (folder, model)
}

/// Fails unless drawing with the model fails with `code` 1 and names all of `parts`.
fn assert_refused(folder: &Folder, parts: &[&str]) {
    let said = folder.draw(&["--model", folder.aside("model").to_str().unwrap()]);
    said.complains(1, parts);
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn a_whole_folder_draws_what_the_built_in_model_draws() {
    let (folder, model) = with_model();
    let said = folder.draw(&["--seed", "1", "--model", model.to_str().unwrap()]).ok();
    assert_eq!(said.err, "", "the user chose the model");
    folder.draw(&["--seed", "1", "--output", "built-in.png"]).ok();
    assert_eq!(folder.pixels("result.png"), folder.pixels("built-in.png"));
}

#[test]
fn a_missing_shard_is_named() {
    let (folder, model) = with_model();
    let weights = Weights::read(&model.join(VAE));
    let index = weights.index("one.safetensors", ("decoder.more", "two.safetensors"));
    fs::rename(model.join(VAE), model.join("vae/one.safetensors")).unwrap();
    fs::write(model.join(format!("{VAE}.index.json")), index).unwrap();
    assert_refused(&folder, &["two.safetensors", "missing", "zao pull"]);
}

#[test]
fn a_truncated_file_is_named() {
    let (folder, model) = with_model();
    let whole = fs::read(model.join(VAE)).unwrap();
    for keep in [whole.len() - 1, 1000, 4, 0] {
        model_file::replace(&model.join(VAE), &whole[..keep]);
        assert_refused(&folder, &[VAE, "truncated", "zao pull"]);
    }
}

#[test]
fn a_wrong_shape_is_named() {
    let (folder, model) = with_model();
    let mut weights = Weights::read(&model.join(VAE));
    weights.header[TENSOR]["shape"].as_array_mut().unwrap().swap(0, 1);
    model_file::replace(&model.join(VAE), weights.to_bytes());
    assert_refused(&folder, &[TENSOR, "shape", "same model"]);
}

#[test]
fn a_missing_and_an_unknown_tensor_are_named() {
    let (folder, model) = with_model();
    let mut weights = Weights::read(&model.join(VAE));
    let tensor = weights.header.remove(TENSOR).unwrap();
    weights.header.insert("decoder.conv_inn.weight".into(), tensor);
    model_file::replace(&model.join(VAE), weights.to_bytes());
    assert_refused(&folder, &[TENSOR, "missing", "decoder.conv_inn.weight", "unexpected"]);
}

#[test]
fn a_weight_that_is_no_number_is_named() {
    let (folder, model) = with_model();
    for (file, tensor) in [
        (VAE, TENSOR),
        ("text_encoder/model.safetensors", "layers.0.mlp.up_proj.weight"),
        ("transformer/diffusion_pytorch_model.safetensors", "layers.0.attention.to_q.weight"),
    ] {
        let mut weights = Weights::read(&model.join(file));
        // The quiet NaN of bf16, whose upper byte is that of fp8.
        weights.tensor(tensor)[..2].copy_from_slice(&0x7fc0_u16.to_le_bytes());
        model_file::replace(&model.join(file), weights.to_bytes());
        assert_refused(&folder, &[tensor, "NaN", "again"]);
        model_file::replace(
            &model.join(file),
            fs::read(model_file::original().join(file)).unwrap(),
        );
    }
}

#[test]
fn a_damaged_or_missing_configuration_is_named() {
    let (folder, model) = with_model();
    for (file, content) in [
        ("model_index.json", "{"),
        ("transformer/config.json", "{}"),
        ("tokenizer/tokenizer.json", "[]"),
        ("scheduler/scheduler_config.json", "no"),
    ] {
        let original = fs::read(model.join(file)).unwrap();
        model_file::replace(&model.join(file), content);
        assert_refused(&folder, &[file.rsplit('/').next().unwrap()]);
        fs::remove_file(model.join(file)).unwrap();
        assert_refused(&folder, &[file.rsplit('/').next().unwrap()]);
        fs::write(model.join(file), original).unwrap();
    }
}

#[test]
fn what_is_no_model_folder_is_told() {
    let folder = Folder::new();
    fs::create_dir(folder.aside("model")).unwrap();
    assert_refused(&folder, &["not a model folder", "model_index.json"]);
    fs::remove_dir(folder.aside("model")).unwrap();
    fs::write(folder.aside("model"), "a file").unwrap();
    assert_refused(&folder, &["neither safetensors nor GGUF"]);
}
