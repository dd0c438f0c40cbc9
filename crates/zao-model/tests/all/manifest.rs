//! The weights that the model asks for against those that checkpoints have.

use std::collections::BTreeMap;

use zao_backend::{Care, Role};
use zao_model::text::TextEncoder;
use zao_model::transformer::Transformer;
use zao_model::vae::{Decoder, Encoder};
use zao_model::{Declared, TransformerConfig, Usage};
use zao_weights::PartName;

use crate::harness::Sample;

type Shapes = BTreeMap<String, Vec<usize>>;

fn in_files(sample: &Sample, part: PartName) -> Shapes {
    let part = sample.weights(part).0;
    part.iter().map(|(name, stored)| (name.to_owned(), stored.shape().to_vec())).collect()
}

/// As a map; nothing may be declared twice.
fn declared(tensors: impl IntoIterator<Item = Declared>) -> Shapes {
    let mut shapes = Shapes::new();
    for Declared { name, shape, .. } in tensors {
        assert!(shapes.insert(name.clone(), shape).is_none(), "{name} is declared twice");
    }
    shapes
}

fn samples() -> [Sample; 3] {
    [Sample::tiny_a(), Sample::tiny_b(), Sample::demo()]
}

#[test]
fn the_transformer_declares_what_is_in_the_files() {
    for sample in samples() {
        let manifest = Transformer::manifest(&sample.transformer_config()).unwrap();
        assert_eq!(declared(manifest), in_files(&sample, PartName::Transformer));
    }
}

#[test]
fn the_two_halves_of_the_autoencoder_declare_what_is_in_the_files() {
    for sample in samples() {
        let config = sample.vae_config();
        let manifests = [Decoder::manifest(&config).unwrap(), Encoder::manifest(&config).unwrap()];
        assert_eq!(declared(manifests.concat()), in_files(&sample, PartName::Vae));
    }
}

#[test]
fn the_text_encoder_declares_what_it_reads_and_what_it_leaves() {
    for sample in Sample::tiny() {
        let (loaded, unread) = TextEncoder::manifest(&sample.text_config()).unwrap();
        let mut all = declared([loaded, unread.clone()].concat());
        let files = in_files(&sample, PartName::TextEncoder);
        // Only a whole language model has an output head of its own.
        let head = "lm_head.weight";
        assert!(unread.iter().any(|tensor| tensor.name == head));
        if !files.contains_key(head) {
            all.remove(head);
        }
        assert_eq!(all, files);
    }
    // What was converted is without what nobody reads.
    let sample = Sample::demo();
    let (loaded, _) = TextEncoder::manifest(&sample.text_config()).unwrap();
    assert_eq!(declared(loaded), in_files(&sample, PartName::TextEncoder));
}

#[test]
fn the_published_transformer_has_six_billion_parameters() {
    let manifest = Transformer::manifest(&TransformerConfig::default()).unwrap();
    assert_eq!(manifest.iter().map(Declared::values).sum::<usize>(), 6_154_908_736);
}

#[test]
fn what_has_to_stay_precise_is_declared_so() {
    let sample = Sample::tiny_a();
    let manifest = Transformer::manifest(&sample.transformer_config()).unwrap();
    let usage = |wanted: &str| {
        let found = manifest.iter().find(|tensor| tensor.name == wanted);
        found.unwrap_or_else(|| panic!("{wanted} is not declared")).usage
    };
    let (linear, swiglu) = (Role::Linear, Role::SwiGlu);
    for (name, role, care) in [
        ("layers.0.attention.to_k.weight", linear, Care::Usual),
        ("layers.0.feed_forward.w3.weight", swiglu, Care::Usual),
        ("all_x_embedder.2-1.weight", linear, Care::AtLeastBf16),
        ("t_embedder.mlp.0.weight", linear, Care::Unrounded),
        ("cap_embedder.1.weight", linear, Care::Unrounded),
        ("layers.1.adaLN_modulation.0.weight", linear, Care::Unrounded),
        ("all_final_layer.2-1.linear.weight", linear, Care::Unrounded),
    ] {
        assert_eq!(usage(name), Usage::Matrix { role, care }, "{name}");
    }
    for name in ["x_pad_token", "layers.0.attention_norm1.weight", "cap_embedder.0.weight"] {
        assert_eq!(usage(name), Usage::Vector, "{name}");
    }
    let vae = Decoder::manifest(&sample.vae_config()).unwrap();
    let usual = |tensor: &Declared| match tensor.usage {
        Usage::Matrix { care, .. } => care == Care::Usual,
        Usage::Vector => false,
    };
    assert!(!vae.iter().any(usual), "the autoencoder stays in bf16 or better");
}
