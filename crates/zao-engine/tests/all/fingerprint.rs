//! The fingerprint: the same for the same content wherever it lies, another for any other weights.

use zao_engine::Settings;
use zao_weights::Source;

use crate::support::{Copied, Model, files, open};

fn of(copied: &Copied) -> String {
    open(copied.folder(), |_| ()).unwrap().model().fingerprint.clone()
}

/// The files of a model as a table in the binary has them.
fn embedded(model: Model) -> Source {
    let files = files(&model.folder()).into_iter().map(|path| {
        let content = std::fs::read(model.folder().join(&path)).unwrap();
        (&*path.leak(), &*content.leak())
    });
    Source::Embedded(files.collect::<Vec<_>>().leak())
}

#[test]
fn a_folder_a_copy_and_an_embedded_model_have_the_same() {
    let mut all = Vec::new();
    for model in [Model::TinyA, Model::TinyB] {
        let expected = model.open(|_| ()).model().fingerprint.clone();
        assert_eq!(of(&model.copy()), expected);
        let engine = zao_engine::open("other", embedded(model), &Settings::default()).unwrap();
        assert_eq!(engine.model().fingerprint, expected);
        assert!(expected.len() == 16 && expected.bytes().all(|b| b.is_ascii_hexdigit()));
        all.push(expected);
    }
    assert_ne!(all[0], all[1]);
}

#[test]
fn one_weight_changed_at_either_end_of_any_part_changes_it() {
    let original = Model::TinyA.open(|_| ()).model().fingerprint.clone();
    for (path, name) in [
        ("text_encoder/model.safetensors", "layers.0.mlp.up_proj.weight"),
        ("transformer/diffusion_pytorch_model.safetensors", "layers.1.attention.to_q.weight"),
        ("vae/diffusion_pytorch_model.safetensors", "decoder.conv_in.weight"),
        ("vae/diffusion_pytorch_model.safetensors", "encoder.conv_in.weight"),
    ] {
        let copied = Model::TinyA.copy();
        let flip = |end: fn(&mut [u8]) -> &mut u8| {
            copied.edit_tensor(path, name, |tensor| *end(&mut tensor.data) ^= 1);
            of(&copied)
        };
        let first = flip(|data| &mut data[0]);
        assert_ne!(first, original, "the first byte of {name}");
        assert_eq!(flip(|data| &mut data[0]), original, "changed back");
        assert_ne!(flip(|data| data.last_mut().unwrap()), original, "the last byte of {name}");
    }
}

#[test]
fn another_schedule_template_or_scale_changes_it_too() {
    let original = Model::TinyA.open(|_| ()).model().fingerprint.clone();
    let copied = Model::TinyA.copy();
    copied.edit("scheduler/scheduler_config.json", |json| json["shift"] = 1.0.into());
    assert_ne!(of(&copied), original, "the shift");
    let copied = Model::TinyA.copy();
    copied.edit("vae/config.json", |json| json["scaling_factor"] = 0.25.into());
    assert_ne!(of(&copied), original, "the scaling factor");
    let copied = Model::TinyA.copy();
    let template = copied.path("tokenizer/chat_template.jinja");
    let changed = std::fs::read_to_string(&template).unwrap().replace("assistant", "painter");
    std::fs::write(template, changed).unwrap();
    assert_ne!(of(&copied), original, "the chat template");
}
