//! The weights that the model asks for against those that checkpoints have.

use std::collections::BTreeMap;

use zao_model::text::TextEncoder;
use zao_model::transformer::Transformer;
use zao_model::vae::{Decoder, Encoder};
use zao_model::{Declared, TransformerConfig};
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
    for (name, shape) in tensors {
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
    for sample in samples() {
        let (loaded, unread) = TextEncoder::manifest(&sample.text_config()).unwrap();
        let mut all = declared([loaded, unread.clone()].concat());
        let files = in_files(&sample, PartName::TextEncoder);
        // Only a whole language model has an output head of its own.
        let head = "lm_head.weight";
        assert!(unread.iter().any(|(name, _)| name == head));
        if !files.contains_key(head) {
            all.remove(head);
        }
        assert_eq!(all, files);
    }
}

#[test]
fn the_published_transformer_has_six_billion_parameters() {
    let manifest = Transformer::manifest(&TransformerConfig::default()).unwrap();
    let count = |(_, shape): &Declared| shape.iter().product::<usize>();
    assert_eq!(manifest.iter().map(count).sum::<usize>(), 6_154_908_736);
}
