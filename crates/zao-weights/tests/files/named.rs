//! The demo model's tensors, its matrices unpacked, under the names of other programs: read back, they are the demo model's.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use zao_backend::{Dtype, Form};
use zao_weights::{Error, ModelFolder, Part, PartName, Source, WeightFile};

use crate::writers::plain::unpacked;
use crate::writers::safetensors::{Tensor, read, write};
use crate::writers::{comfy, gguf};

fn demo(part: PartName) -> (Vec<Tensor>, Part) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/demo-model");
    let path = folder.join(part.folder()).join(part.single_file());
    let model = ModelFolder::open(Source::Folder(folder)).unwrap();
    let tensors = unpacked(read(&fs::read(path).unwrap()), safetensors::Dtype::BF16);
    (tensors, model.part(part).unwrap())
}

fn parse(content: Vec<u8>) -> WeightFile {
    WeightFile::parse("a file", &Bytes::from(content)).unwrap()
}

fn prefixed(prefix: &str, tensors: &[Tensor]) -> Vec<Tensor> {
    let renamed = |t: &Tensor| Tensor { name: format!("{prefix}{}", t.name), ..t.clone() };
    tensors.iter().map(renamed).collect()
}

/// Dense tensors of the same names, types, shapes and bytes, once what is packed is unpacked.
fn assert_same(found: &Part, expected: &Part) {
    let names = |part: &Part| part.names().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(names(found), names(expected));
    for (name, form) in expected.iter() {
        let ours = form.clone().unpacked(Dtype::Bf16);
        let (Form::Dense(ours), Some(Form::Dense(theirs))) = (ours, found.get(name)) else {
            panic!("{name}")
        };
        assert_eq!((ours.dtype(), ours.shape()), (theirs.dtype(), theirs.shape()), "{name}");
        assert_eq!(ours.bytes(), theirs.bytes(), "{name}");
    }
}

#[test]
fn comfyui_files_are_the_same_parts() {
    type Rename = fn(&[Tensor]) -> Vec<Tensor>;
    let same: Rename = <[Tensor]>::to_vec;
    for (part, rename, prefixes) in [
        (PartName::Transformer, comfy::transformer as Rename, &["", "model.diffusion_model."][..]),
        (PartName::Transformer, same, &["", "diffusion_model."]),
        (PartName::TextEncoder, comfy::text_encoder, &["", "text_encoders.qwen3_4b.transformer."]),
        (PartName::TextEncoder, same, &[""]),
        (PartName::Vae, comfy::vae, &["", "vae.", "first_stage_model."]),
        (PartName::Vae, same, &[""]),
    ] {
        let (tensors, expected) = demo(part);
        for prefix in prefixes {
            let file = parse(write(&prefixed(prefix, &rename(&tensors)), None));
            assert_eq!(file.parts().collect::<Vec<_>>(), [part]);
            assert_same(&file.part(part).unwrap(), &expected);
        }
    }
}

#[test]
fn pad_tokens_may_be_vectors() {
    let (mut tensors, expected) = demo(PartName::Transformer);
    for token in tensors.iter_mut().filter(|tensor| tensor.name.ends_with("pad_token")) {
        token.shape.remove(0);
    }
    let part = parse(write(&comfy::transformer(&tensors), None)).part(PartName::Transformer);
    assert_same(&part.unwrap(), &expected);
}

#[test]
fn gguf_files_are_the_same_parts() {
    for (part, architecture, tensors) in [
        (PartName::Transformer, "lumina2", comfy::transformer(&demo(PartName::Transformer).0)),
        (PartName::TextEncoder, "qwen3", comfy::llama(&demo(PartName::TextEncoder).0)),
    ] {
        let tensors = tensors.into_iter().map(|t| gguf::Tensor {
            kind: if t.dtype == safetensors::Dtype::F32 { gguf::F32 } else { gguf::BF16 },
            name: t.name,
            shape: t.shape,
            bytes: t.data,
        });
        let file = parse(gguf::file(architecture, &tensors.collect::<Vec<_>>()));
        assert_eq!(file.parts().collect::<Vec<_>>(), [part]);
        assert_same(&file.part(part).unwrap(), &demo(part).1);
    }
}

#[test]
fn one_file_may_hold_all_parts() {
    let transformer = comfy::transformer(&demo(PartName::Transformer).0);
    let text = comfy::text_encoder(&demo(PartName::TextEncoder).0);
    let all = [
        prefixed("model.diffusion_model.", &transformer),
        prefixed("text_encoders.qwen3_4b.transformer.", &text),
        prefixed("vae.", &comfy::vae(&demo(PartName::Vae).0)),
    ];
    let file = parse(write(&all.concat(), None));
    assert_eq!(file.parts().collect::<Vec<_>>(), PartName::ALL);
    for part in PartName::ALL {
        assert_same(&file.part(part).unwrap(), &demo(part).1);
    }
}

#[test]
fn another_part_is_named_by_what_it_is() {
    let file = parse(write(&comfy::vae(&demo(PartName::Vae).0), None));
    let error = file.part(PartName::Transformer).unwrap_err();
    assert!(matches!(error, Error::NotThisPart { .. }));
    let text = error.to_string();
    assert!(text.contains("no transformer") && text.contains("a vae"), "{text}");
}

#[test]
fn what_nobody_knows_is_kept_and_what_is_there_twice_refused() {
    let (mut tensors, _) = demo(PartName::TextEncoder);
    tensors.push(Tensor::f32("lm_head.weight", &[1], &[0.0]));
    tensors.push(Tensor::f32("surprise", &[1], &[0.0]));
    let mut prefixed = comfy::text_encoder(&tensors);
    prefixed.push(Tensor::f32("outside", &[1], &[0.0]));
    let part = parse(write(&prefixed, None)).part(PartName::TextEncoder).unwrap();
    for name in ["lm_head.weight", "surprise", "outside"] {
        assert!(part.get(name).is_some(), "{name}");
    }
    prefixed.push(Tensor::f32("surprise", &[1], &[0.0]));
    let error = parse(write(&prefixed, None)).part(PartName::TextEncoder).unwrap_err();
    assert!(matches!(error, Error::Duplicate { tensor, .. } if tensor == "surprise"));
}
