//! The same weights in other files and other element types draw the same picture.

use std::collections::HashMap;

use half::{bf16, f16};
use safetensors::Dtype;
use serde_json::json;
use zao_engine::{Ask, Picture};

use crate::support::{Copied, Model, Tensor, ask, draw, open, psnr};

/// The weights of the plain demo model, all in bf16.
const WEIGHTS: [&str; 3] = [
    "text_encoder/model.safetensors",
    "transformer/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
];

fn picture(copied: &Copied) -> Picture {
    let ask = Ask { steps: 4, ..ask("a red apple on a blue background", (128, 96)) };
    draw(&mut open(copied.folder(), |_| ()).unwrap(), &[ask]).remove(0)
}

/// A copy of the plain demo model whose weights went through `convert`.
fn converted(dtype: Dtype, convert: impl Fn(bf16) -> Vec<u8>) -> Picture {
    let copied = Model::Plain.copy();
    for path in WEIGHTS {
        let mut tensors = copied.tensors(path);
        for Tensor { dtype: stored, data, .. } in &mut tensors {
            assert_eq!(*stored, Dtype::BF16);
            *stored = dtype;
            *data =
                data.as_chunks().0.iter().flat_map(|b| convert(bf16::from_le_bytes(*b))).collect();
        }
        copied.write_tensors(path, &tensors);
    }
    picture(&copied)
}

#[test]
fn in_f32_bit_for_bit_and_in_f16_as_close_as_its_range_allows() {
    let original = picture(&Model::Plain.copy());
    let f32_picture = converted(Dtype::F32, |v| v.to_f32().to_le_bytes().to_vec());
    assert!(f32_picture == original);

    let f16_picture = converted(Dtype::F16, |v| f16::from_f32(v.to_f32()).to_le_bytes().to_vec());
    let psnr = psnr(&f16_picture.rgb, &original.rgb);
    println!("f16 weights: {psnr:.1} dB");
    assert!(psnr > 50.0, "{psnr}");
}

#[test]
fn in_shards_bit_for_bit_even_beside_a_single_file() {
    let copied = Model::Plain.copy();
    let original = picture(&copied);
    for path in WEIGHTS {
        let stem = path.strip_suffix(".safetensors").unwrap();
        let mut shards: [Vec<Tensor>; 3] = Default::default();
        for (i, tensor) in copied.tensors(path).into_iter().enumerate() {
            shards[i % 3].push(tensor);
        }
        let mut weight_map = HashMap::new();
        for (i, shard) in shards.iter().enumerate() {
            let file = format!("{stem}-{i}.safetensors");
            copied.write_tensors(&file, shard);
            let name = file.split('/').next_back().unwrap().to_owned();
            weight_map.extend(shard.iter().map(|t| (t.name.clone(), name.clone())));
        }
        let index = json!({ "metadata": {}, "weight_map": weight_map });
        std::fs::write(copied.path(&format!("{path}.index.json")), index.to_string()).unwrap();
        // The index is what counts, as in diffusers: what this holds must not be read.
        std::fs::write(copied.path(path), "not weights").unwrap();
    }
    assert!(picture(&copied) == original);
}

#[test]
fn the_names_of_a_whole_language_model_serve_too() {
    let copied = Model::TinyA.copy();
    let picture = |copied: &Copied| {
        draw(&mut open(copied.folder(), |_| ()).unwrap(), &[ask("a cat", (40, 24))]).remove(0)
    };
    let original = picture(&copied);
    let mut tensors = copied.tensors(WEIGHTS[0]);
    for tensor in &mut tensors {
        tensor.name = format!("model.{}", tensor.name);
    }
    // What drawing never reads may be absent: the last layer and the norm behind it.
    tensors.retain(|t| !t.name.starts_with("model.layers.2.") && t.name != "model.norm.weight");
    copied.write_tensors(WEIGHTS[0], &tensors);
    assert!(picture(&copied) == original);
}
