//! What is damaged: small good files of every kind, and the inputs in `corpus` that once were news.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use safetensors::Dtype;

use crate::parsers::Parser;
use crate::writers::gguf;
use crate::writers::safetensors::{Tensor, write};

/// All inputs for a parser to begin with.
pub(crate) fn of(parser: Parser) -> Vec<Vec<u8>> {
    let mut inputs = match parser {
        Parser::Gguf => vec![text_encoder(), transformer(), golden(), nothing()],
        Parser::Safetensors => vec![plain(), scaled(false), scaled(true)],
        Parser::Packing => vec![panels(), int4(), low_rank(), fp8()],
        Parser::Index => {
            vec![
                br#"{"metadata": {"total_size": 8}, "weight_map": {"a": "one.safetensors"}}"#
                    .to_vec(),
            ]
        }
    };
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    if let Ok(entries) = fs::read_dir(tests.join("fuzz/corpus").join(parser.name())) {
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        inputs.extend(paths.iter().map(|path| fs::read(path).unwrap()));
    }
    inputs
}

fn golden() -> Vec<u8> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    fs::read(tests.join("goldens/blocks.gguf")).unwrap()
}

fn entry(name: &str, shape: &[usize], kind: u32, size: usize) -> gguf::Tensor {
    gguf::Tensor { name: name.into(), shape: shape.to_vec(), kind, bytes: vec![1; size] }
}

fn text_encoder() -> Vec<u8> {
    gguf::file(
        "qwen3",
        &[
            entry("token_embd.weight", &[2, 32], gguf::Q8_0, 68),
            entry("blk.0.attn_q.weight", &[2, 32], gguf::Q8_0, 68),
            entry("output_norm.weight", &[4], gguf::F32, 16),
        ],
    )
}

fn transformer() -> Vec<u8> {
    gguf::file(
        "lumina2",
        &[
            entry("cap_embedder.1.weight", &[2, 3], gguf::F16, 12),
            entry("layers.0.feed_forward.w1.weight", &[2, 3], gguf::BF16, 12),
            entry("layers.0.attention.qkv.weight", &[3, 32], gguf::Q8_0, 102),
            entry("x_pad_token", &[4], gguf::F32, 16),
        ],
    )
}

/// Tensors without values, of as many rows or columns as can be claimed.
fn nothing() -> Vec<u8> {
    let tensors =
        [entry("a", &[1 << 62, 0], gguf::Q8_0, 0), entry("b", &[0, 1 << 61], gguf::F32, 0)];
    gguf::file("qwen3", &tensors)
}

/// A part without anything special; also the shard that an index may list.
pub(crate) fn plain() -> Vec<u8> {
    let names =
        ["a", "decoder.conv_in.weight", "decoder.conv_out.weight", "decoder.up.1.block.0.x"];
    let mut tensors: Vec<_> = names.iter().map(|name| Tensor::f32(name, &[1, 1], &[1.0])).collect();
    tensors.push(Tensor::f32("decoder.mid.attn_1.q.weight", &[1, 1, 1, 1], &[1.0]));
    write(&tensors, None)
}

fn scaled(in_metadata: bool) -> Vec<u8> {
    let json = r#"{"format": "int8_tensorwise", "convrot": true, "convrot_groupsize": 4}"#;
    let qkv = "model.diffusion_model.layers.0.attention.qkv";
    let mut tensors = vec![
        Tensor::f32("model.diffusion_model.cap_embedder.1.weight", &[1, 2], &[1.0; 2]),
        Tensor::new(
            "model.diffusion_model.layers.0.feed_forward.w1.weight",
            Dtype::F8_E4M3,
            &[2, 4],
            vec![0x38; 8],
        ),
        Tensor::f32("model.diffusion_model.layers.0.feed_forward.w1.scale_weight", &[1], &[2.0]),
        Tensor::new("model.diffusion_model.scaled_fp8", Dtype::F8_E4M3, &[2], vec![0; 2]),
        Tensor::new(&format!("{qkv}.weight"), Dtype::I8, &[3, 4], vec![1; 12]),
        Tensor::f32(&format!("{qkv}.weight_scale"), &[3, 1], &[1.0; 3]),
        Tensor::new(
            "model.diffusion_model.cap_embedder.0.weight",
            Dtype::F8_E5M2,
            &[2],
            vec![60; 2],
        ),
    ];
    if in_metadata {
        let layers = format!(r#"{{"layers": {{"{qkv}": {json}}}}}"#);
        return write(&tensors, Some(HashMap::from([("_quantization_metadata".into(), layers)])));
    }
    tensors.push(Tensor::new(
        &format!("{qkv}.comfy_quant"),
        Dtype::U8,
        &[json.len()],
        json.as_bytes().to_vec(),
    ));
    write(&tensors, None)
}

fn panels() -> Vec<u8> {
    let metadata = [
        ("zao", "int8-panels"),
        ("version", "1"),
        ("rotation", "hadamard-256"),
        ("shapes", r#"{"embed_tokens.weight": [2, 5]}"#),
    ];
    let tensors = [
        Tensor::new("embed_tokens.weight", Dtype::U8, &[1, 2, 32, 4], vec![128; 256]),
        Tensor::f32("embed_tokens.weight_scale", &[2], &[1.0; 2]),
        Tensor::f32("layers.0.self_attn.q_proj.weight", &[1, 1], &[1.0]),
    ];
    described(&tensors, &metadata)
}

fn int4() -> Vec<u8> {
    let metadata = [
        ("zao", "int4-blocks"),
        ("version", "1"),
        ("group", "64"),
        ("shapes", r#"{"embed_tokens.weight": [2, 64]}"#),
    ];
    let tensors = [
        Tensor::new("embed_tokens.weight", Dtype::U8, &[2, 1, 34], vec![60; 68]),
        Tensor::f32("layers.0.self_attn.q_proj.weight", &[1, 1], &[1.0]),
    ];
    described(&tensors, &metadata)
}

fn low_rank() -> Vec<u8> {
    let metadata = [
        ("zao", "int4-blocks"),
        ("version", "2"),
        ("group", "64"),
        ("shapes", r#"{"embed_tokens.weight": [2, 64]}"#),
        ("ranks", r#"{"embed_tokens.weight": 1}"#),
    ];
    let tensors = [
        Tensor::new("embed_tokens.weight", Dtype::U8, &[2, 1, 34], vec![60; 68]),
        Tensor::new("embed_tokens.weight_up", Dtype::BF16, &[2, 1], vec![60; 4]),
        Tensor::new("embed_tokens.weight_down", Dtype::BF16, &[1, 64], vec![60; 128]),
    ];
    described(&tensors, &metadata)
}

fn fp8() -> Vec<u8> {
    let metadata = [
        ("zao", "fp8-rows"),
        ("version", "1"),
        (
            "shapes",
            r#"{"embed_tokens.weight": [2, 3], "layers.0.self_attn.q_proj.weight": [1, 1]}"#,
        ),
    ];
    let tensors = [
        Tensor::new("embed_tokens.weight", Dtype::F8_E4M3, &[2, 3], vec![0x38; 6]),
        Tensor::f32("embed_tokens.weight_scale", &[2], &[1.0; 2]),
        Tensor::new("layers.0.self_attn.q_proj.weight", Dtype::F8_E4M3, &[1, 1], vec![0x38]),
        Tensor::f32("layers.0.self_attn.q_proj.weight_scale", &[1], &[1.0]),
    ];
    described(&tensors, &metadata)
}

fn described(tensors: &[Tensor], metadata: &[(&str, &str)]) -> Vec<u8> {
    let metadata = metadata.iter().map(|&(key, value)| (key.to_owned(), value.to_owned()));
    write(tensors, Some(metadata.collect()))
}
