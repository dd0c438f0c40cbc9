//! Models that are not whole: one line that names the file or the tensor, as early as it can be known.

use serde_json::json;
use zao_engine::{Error, Event, Stage};

use crate::support::{Copied, Model, ask, draw, open, watched};

const TEXT_ENCODER: &str = "text_encoder/model.safetensors";
const TRANSFORMER: &str = "transformer/diffusion_pytorch_model.safetensors";
const VAE: &str = "vae/diffusion_pytorch_model.safetensors";

/// One line that has all of `parts`.
fn assert_says(error: &Error, parts: &[&str]) {
    let message = error.to_string();
    assert!(!message.contains('\n'), "{message}");
    for part in parts {
        assert!(message.contains(part), "{message:?} lacks {part:?}");
    }
}

/// What opening says of a model that `damage` was done to.
fn refusal(model: Model, damage: impl FnOnce(&Copied)) -> Error {
    let copied = model.copy();
    damage(&copied);
    match open(copied.folder(), |_| ()) {
        Ok(_) => panic!("the damaged model was opened"),
        Err(error) => error,
    }
}

fn remove(path: &str) -> impl FnOnce(&Copied) {
    move |copied| {
        let path = copied.path(path);
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
            .unwrap();
    }
}

fn write(path: &str, content: &str) -> impl FnOnce(&Copied) {
    move |copied| std::fs::write(copied.path(path), content).unwrap()
}

#[test]
fn missing_files_are_named() {
    for path in [
        "model_index.json",
        "scheduler/scheduler_config.json",
        "text_encoder/config.json",
        "transformer/config.json",
        "vae/config.json",
        "tokenizer/tokenizer.json",
        "tokenizer/tokenizer_config.json",
        VAE,
    ] {
        assert_says(&refusal(Model::TinyA, remove(path)), &[path.split('/').next_back().unwrap()]);
    }
    assert_says(&refusal(Model::TinyA, remove("tokenizer")), &["tokenizer/tokenizer.json"]);
    assert_says(&refusal(Model::TinyA, remove("transformer")), &["transformer/config.json"]);
    let template = refusal(Model::TinyA, remove("tokenizer/chat_template.jinja"));
    assert_says(&template, &["tokenizer/tokenizer_config.json", "chat_template"]);
    assert_says(
        &refusal(Model::TinyA, remove(TEXT_ENCODER)),
        &["text encoder", "model.safetensors"],
    );
    let shard = "model-00003-of-00004.safetensors";
    let error = refusal(Model::TinyB, remove(&format!("text_encoder/{shard}")));
    assert_says(&error, &[shard, "model.safetensors.index.json"]);
}

#[test]
fn a_part_that_the_index_leaves_out_is_named() {
    let error = refusal(Model::TinyA, |copied| {
        copied.edit("model_index.json", |index| index["vae"] = json!([null, null]));
    });
    assert_says(&error, &["vae", "model_index.json"]);
}

#[test]
fn an_index_of_shards_that_are_not_there_names_the_first() {
    let error = refusal(Model::TinyA, |copied| {
        let names = copied.tensors(TRANSFORMER).into_iter().map(|tensor| tensor.name);
        let map: serde_json::Map<_, _> =
            names.map(|name| (name, json!("part-1.safetensors"))).collect();
        let index = json!({ "weight_map": map }).to_string();
        write(&format!("{TRANSFORMER}.index.json"), &index)(copied);
    });
    assert_says(&error, &["transformer/part-1.safetensors", "index.json"]);
}

#[test]
fn weights_that_end_too_early_or_too_late_are_named() {
    for path in [TEXT_ENCODER, TRANSFORMER, VAE] {
        for length in [0, 7, 100, 100_000] {
            let error = refusal(Model::TinyA, |copied| {
                let file = std::fs::OpenOptions::new().write(true).open(copied.path(path)).unwrap();
                file.set_len(length).unwrap();
            });
            assert_says(&error, &[path, "truncated", "pull"]);
        }
    }
    let error = refusal(Model::TinyA, |copied| {
        let mut bytes = std::fs::read(copied.path(VAE)).unwrap();
        bytes.push(0);
        std::fs::write(copied.path(VAE), bytes).unwrap();
    });
    assert_says(&error, &[VAE, "too long"]);
    assert_says(&refusal(Model::TinyA, write(VAE, "{\"a\": \"no weights\"}")), &[VAE]);
}

#[test]
fn tensors_of_another_shape_or_name_are_named() {
    let name = "layers.1.attention.to_q.weight";
    let error = refusal(Model::TinyA, |copied| {
        copied.edit_tensor(TRANSFORMER, name, |tensor| tensor.shape = vec![16, 64]);
    });
    assert_says(&error, &["transformer", name, "[32, 32]", "[16, 64]"]);

    let error = refusal(Model::TinyA, |copied| {
        copied.edit_tensor(TRANSFORMER, name, |tensor| tensor.name = "surplus".into());
    });
    assert_says(&error, &["1 missing", name, "1 unexpected", "surplus"]);

    let error = refusal(Model::TinyA, |copied| {
        copied.edit_tensor(VAE, "encoder.conv_in.weight", |tensor| {
            tensor.dtype = safetensors::Dtype::I32;
        });
    });
    assert_says(&error, &[VAE, "encoder.conv_in.weight", "I32"]);
}

#[test]
fn parts_that_do_not_belong_together_say_which_sizes_differ() {
    let error = refusal(Model::TinyA, |copied| {
        copied.edit("transformer/config.json", |config| config["cap_feat_dim"] = json!(40));
    });
    assert_says(&error, &["transformer/config.json", "cap_feat_dim 40", "hidden_size", "48"]);
    let error = refusal(Model::TinyA, |copied| {
        copied.edit("transformer/config.json", |config| config["in_channels"] = json!(16));
    });
    assert_says(&error, &["transformer/config.json", "in_channels 16", "latent_channels", "4"]);
}

#[test]
fn configurations_that_are_not_json_or_not_theirs_are_named() {
    for path in [
        "model_index.json",
        "scheduler/scheduler_config.json",
        "text_encoder/config.json",
        "transformer/config.json",
        "vae/config.json",
        "tokenizer/tokenizer.json",
    ] {
        for content in ["", "{\n\"a\":\n", "[1, 2]", "\u{0}\u{1}"] {
            assert_says(&refusal(Model::TinyA, write(path, content)), &[path]);
        }
    }
}

#[test]
fn a_nan_is_named_when_its_part_is_loaded_and_not_before() {
    let cases = [
        (TEXT_ENCODER, "layers.0.mlp.down_proj.weight"),
        (TRANSFORMER, "layers.0.feed_forward.w2.weight"),
        (VAE, "decoder.conv_in.weight"),
    ];
    for (before, (path, name)) in cases.into_iter().enumerate() {
        let copied = Model::TinyA.copy();
        let nan = f32::NAN.to_le_bytes();
        copied.edit_tensor(path, name, |tensor| tensor.data[40..44].copy_from_slice(&nan));
        let mut engine = open(copied.folder(), |_| ()).unwrap();
        let (result, events) = watched(&mut engine, &[ask("a cat", (8, 8))], |_, _| ());
        assert_says(&result.unwrap_err(), &[name, "NaN", "element 10"]);
        let finished = |event: &&Event| matches!(event, Event::Loaded { done, of } if done == of);
        assert_eq!(events.iter().filter(finished).count(), before, "{path}");
        let starts = events.iter().filter(|&event| *event == Event::Stage(Stage::Load)).count();
        assert_eq!(starts, before + 1, "{path}");
    }
}

#[test]
fn a_nan_in_what_drawing_never_reads_does_not_matter() {
    let copied = Model::TinyA.copy();
    let nan = f32::NAN.to_le_bytes();
    for (path, name) in
        [(VAE, "encoder.conv_in.weight"), (TEXT_ENCODER, "layers.2.mlp.down_proj.weight")]
    {
        copied.edit_tensor(path, name, |tensor| tensor.data[..4].copy_from_slice(&nan));
    }
    let asks = [ask("a cat", (8, 8))];
    let expected = draw(&mut Model::TinyA.open(|_| ()), &asks);
    assert!(draw(&mut open(copied.folder(), |_| ()).unwrap(), &asks) == expected);
}

#[test]
fn weights_that_overflow_are_an_error_and_not_a_black_picture() {
    let copied = Model::TinyA.copy();
    copied.edit_tensor(TRANSFORMER, "layers.0.feed_forward.w2.weight", |tensor| {
        for value in tensor.data.as_chunks_mut::<4>().0 {
            *value = 3e38f32.to_le_bytes();
        }
    });
    let mut engine = open(copied.folder(), |_| ()).unwrap();
    let (result, _) = watched(&mut engine, &[ask("a cat", (8, 8))], |_, _| ());
    assert_says(&result.unwrap_err(), &["transformer", "not numbers"]);
}
