//! Models of other shapes than any published one run and agree between devices, which proves that no
//! size is built into the model or a device.

use std::sync::Arc;

use serde_json::{Value, json};
use zao_backend::Shape;
use zao_backend::prelude::*;
use zao_model::text::TextEncoder;
use zao_model::transformer::{BatchItem, Transformer};
use zao_model::vae::{Decoder, Encoder, Thrift};
use zao_model::{TextConfig, TransformerConfig, VaeConfig};

use crate::harness::{Device, assert_within};
use crate::random::{Random, noise};

/// Results with what they are.
type Outputs = Vec<(String, Vec<f32>)>;

/// Fails unless every device gives the same numbers up to rounding.
macro_rules! assert_devices_agree {
    ($run:ident, $config:expr) => {
        let config = $config;
        let expected = $run(&Device::scalar(), &config);
        for ((what, got), (_, expected)) in $run(&Device::cpu_f32(), &config).iter().zip(&expected)
        {
            assert_within(what, got, expected, 1e-5);
        }
        // Norms over a handful of values amplify what bf16 rounds, so all results count together.
        let all = |outputs: Outputs| -> Vec<f32> {
            outputs.into_iter().flat_map(|(_, values)| values).collect()
        };
        let got = all($run(&Device::cpu_bf16(), &config));
        assert_within("all in bf16", &got, &all(expected), 3e-2);
    };
}

fn transformer<B: Backend>(device: &Device<B>, config: &Value) -> Outputs {
    let b = &device.backend;
    let config = TransformerConfig::from_json(config.to_string().as_bytes()).unwrap();
    let model = Transformer::load(b, &Random, &config).unwrap();
    // One patch with one caption token, a row of patches, and more patches than one unit of padding.
    let (patch, width) = (config.patch(), config.cap_feat_dim);
    let cases = [((1, 1), 1, 0.0), ((1, 3), 33, 0.5), ((5, 9), 32, 1.0)];
    let features = cases.map(|(_, tokens, _)| {
        device.upload_rows(Shape::new(tokens, width), &noise("caption", tokens * width))
    });
    let captions = model.refine(b, &features.each_ref()).unwrap();
    let latents = cases.map(|((rows, columns), ..)| Grid::new(rows, columns).times(patch));
    let items = captions.into_iter().zip(latents);
    let items = items.map(|(caption, latent)| BatchItem { caption: Arc::new(caption), latent });
    let batch = model.batch(b, items.collect()).unwrap();
    let modulations = model.modulations(b, &cases.map(|(.., t)| t)).unwrap();
    let inputs = latents.map(|grid| {
        let shape = Shape::new(config.in_channels, grid.area());
        device.upload_rows(shape, &noise("latent", shape.len()))
    });
    let times = [0, 1, 2].map(|i| (&modulations, i));
    let outputs = model.forward(b, &batch, &inputs.each_ref(), &times).unwrap();
    let named = latents.into_iter().zip(&outputs);
    named.map(|(grid, output)| (format!("latent {grid}"), device.read(output))).collect()
}

#[test]
fn transformers() {
    for config in [
        json!({ "dim": 96, "n_heads": 3, "axes_dims": [8, 12, 12], "in_channels": 3,
                "n_layers": 2, "n_refiner_layers": 1, "cap_feat_dim": 40 }),
        json!({ "dim": 128, "n_heads": 4, "axes_dims": [16, 8, 8], "in_channels": 16,
                "n_layers": 1, "n_refiner_layers": 2, "cap_feat_dim": 17, "rope_theta": 10.0 }),
        json!({ "dim": 64, "n_heads": 1, "axes_dims": [32, 30, 2], "in_channels": 1,
                "n_layers": 1, "n_refiner_layers": 1, "cap_feat_dim": 64, "qk_norm": false,
                "all_patch_size": [1], "t_scale": 500.0, "norm_eps": 1e-3 }),
        json!({ "dim": 264, "n_heads": 12, "axes_dims": [2, 10, 10], "in_channels": 4,
                "n_layers": 1, "n_refiner_layers": 0, "cap_feat_dim": 8, "all_patch_size": [3] }),
    ] {
        assert_devices_agree!(transformer, config);
    }
}

fn text<B: Backend>(device: &Device<B>, config: &Value) -> Outputs {
    let b = &device.backend;
    let config = TextConfig::from_json(config.to_string().as_bytes()).unwrap();
    let model = TextEncoder::load(b, &Random, &config).unwrap();
    let prompts: [&[u32]; 3] = [&[7], &[0; 33], &[9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4]];
    let features = model.encode(b, &prompts).unwrap();
    let named = prompts.iter().zip(&features);
    named.map(|(ids, features)| (format!("{} tokens", ids.len()), device.read(features))).collect()
}

#[test]
fn text_encoders() {
    for config in [
        json!({ "vocab_size": 10, "hidden_size": 30, "intermediate_size": 41,
                "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 1,
                "head_dim": 32, "attention_bias": true, "rope_theta": 100.0 }),
        json!({ "vocab_size": 11, "hidden_size": 64, "intermediate_size": 7,
                "num_hidden_layers": 2, "num_attention_heads": 1, "rms_norm_eps": 1e-2 }),
        json!({ "vocab_size": 12, "hidden_size": 33, "intermediate_size": 1,
                "num_hidden_layers": 4, "num_attention_heads": 6, "num_key_value_heads": 3,
                "head_dim": 10 }),
        // Of a single layer nothing but the embedding is computed.
        json!({ "vocab_size": 13, "hidden_size": 5, "intermediate_size": 8,
                "num_hidden_layers": 1, "num_attention_heads": 1, "head_dim": 2 }),
    ] {
        assert_devices_agree!(text, config);
    }
}

fn vae<B: Backend>(device: &Device<B>, config: &Value) -> Outputs {
    let b = &device.backend;
    let config = VaeConfig::from_json(config.to_string().as_bytes()).unwrap();
    let decoder = Decoder::load(b, &Random, &config).unwrap();
    let encoder = Encoder::load(b, &Random, &config).unwrap();
    let mut outputs = Outputs::new();
    for grid in [Grid::new(1, 1), Grid::new(3, 1), Grid::new(2, 5)] {
        let shape = Shape::new(config.latent_channels, grid.area());
        let latent = device.upload_rows(shape, &noise("latent", shape.len()));
        let picture = device.read(&decoder.decode(b, &latent, grid, Thrift::NONE).unwrap());
        let grid = grid.times(config.scale());
        assert_eq!(picture.len(), 3 * grid.area());
        let moments = encoder.encode(b, &noise("picture", 3 * grid.area()), grid).unwrap();
        assert_eq!(moments.mean.len(), shape.len());
        outputs.push((format!("decoded to {grid}"), picture));
        outputs.push((format!("mean of {grid}"), moments.mean));
        outputs.push((format!("logvar of {grid}"), moments.logvar));
    }
    outputs
}

#[test]
fn autoencoders() {
    for config in [
        json!({ "block_out_channels": [12], "layers_per_block": 2, "latent_channels": 3,
                "norm_num_groups": 3, "scaling_factor": 2.0 }),
        json!({ "block_out_channels": [6, 10], "layers_per_block": 3, "latent_channels": 1,
                "norm_num_groups": 2, "scaling_factor": 0.5, "shift_factor": -1.0,
                "use_quant_conv": false }),
        json!({ "block_out_channels": [4, 8, 8, 4, 16], "layers_per_block": 1,
                "latent_channels": 5, "norm_num_groups": 4, "scaling_factor": 1.0,
                "mid_block_add_attention": false, "use_post_quant_conv": false }),
    ] {
        assert_devices_agree!(vae, config);
    }
}
