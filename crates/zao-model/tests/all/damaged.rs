//! What is refused: damaged or unfit weights by their names, and inputs that do not fit the model.

use std::sync::Arc;

use zao_backend::prelude::*;
use zao_backend::{Form, Scalar, Shape, Stored};
use zao_model::text::TextEncoder;
use zao_model::transformer::{BatchItem, Transformer};
use zao_model::vae::{Decoder, Encoder};
use zao_model::{Checkpoint, Error, Result};
use zao_weights::PartName;

use crate::harness::{Device, Sample, Weights};

/// A checkpoint with one tensor replaced, or taken away.
struct Tampered {
    sound: Weights,
    name: &'static str,
    replacement: Option<Stored>,
}

impl Checkpoint for Tampered {
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Form> {
        match &self.replacement {
            Some(stored) if name == self.name => Ok(Form::Dense(stored.clone())),
            None if name == self.name => self.sound.tensor("no such tensor", shape),
            _ => self.sound.tensor(name, shape),
        }
    }
}

/// A tensor of each part, among them a matrix, a vector, a table and a kernel.
const TENSORS: [(PartName, &str); 7] = [
    (PartName::Transformer, "layers.1.feed_forward.w3.weight"),
    (PartName::Transformer, "noise_refiner.0.adaLN_modulation.0.bias"),
    (PartName::Transformer, "x_pad_token"),
    (PartName::TextEncoder, "embed_tokens.weight"),
    (PartName::TextEncoder, "layers.0.self_attn.k_norm.weight"),
    (PartName::Vae, "decoder.up_blocks.0.upsamplers.0.conv.weight"),
    (PartName::Vae, "encoder.mid_block.resnets.1.norm2.bias"),
];

/// Loads a part and returns why that failed.
fn refusal(sample: &Sample, part: PartName, weights: &Tampered) -> Error {
    let error = match part {
        PartName::Transformer => {
            Transformer::load(&Scalar, weights, &sample.transformer_config()).err()
        }
        PartName::TextEncoder => TextEncoder::load(&Scalar, weights, &sample.text_config()).err(),
        PartName::Vae => {
            let config = sample.vae_config();
            let decoder = Decoder::load(&Scalar, weights, &config).err();
            decoder.or_else(|| Encoder::load(&Scalar, weights, &config).err())
        }
    };
    error.unwrap_or_else(|| panic!("{} was accepted", weights.name))
}

/// The refusals of each of [`TENSORS`] in each tiny model, with `change` made to it.
fn refusals(change: impl Fn(&Stored) -> Option<Stored>) -> Vec<(&'static str, Error)> {
    let mut refusals = Vec::new();
    for sample in Sample::tiny() {
        for (part, name) in TENSORS {
            let sound = sample.weights(part);
            let replacement = change(sound.0.dense(name).unwrap());
            let weights = Tampered { sound, name, replacement };
            refusals.push((name, refusal(&sample, part, &weights)));
        }
    }
    refusals
}

#[test]
fn a_value_that_is_no_number_is_named_with_its_place() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let change = |stored: &Stored| {
            let mut values = stored.to_f32();
            *values.last_mut().unwrap() = bad;
            Some(Stored::from_f32(stored.shape(), &values))
        };
        for (damaged, error) in refusals(change) {
            let Error::NotFinite { name, index, value } = error else { panic!("{error}") };
            assert_eq!(name, damaged);
            assert!(index > 0 && value.to_bits() == bad.to_bits(), "{name} at {index}: {value}");
        }
    }
}

#[test]
fn another_shape_is_named_with_both_shapes() {
    let change = |stored: &Stored| {
        let shape = [&[1], stored.shape()].concat();
        Stored::new(stored.dtype(), shape, stored.bytes().clone())
    };
    for (unfit, error) in refusals(change) {
        let message = error.to_string();
        assert!(matches!(error, Error::Weight { name, .. } if name == unfit), "{message}");
        assert!(
            message.contains("expected shape [") && message.contains("found [1, "),
            "{message}"
        );
    }
}

#[test]
fn a_missing_tensor_stops_loading() {
    for (_, error) in refusals(|_| None) {
        assert!(matches!(error, Error::Weight { .. }), "{error}");
    }
}

#[test]
fn a_picture_beyond_the_positions_is_refused_with_the_limit() {
    let device = Device::scalar();
    let sample = Sample::tiny_b();
    let transformer = sample.transformer(&device);
    let features = device.upload(&sample.golden.array("stages/caption"));
    let caption = transformer.refine(&Scalar, &[&features]).unwrap().remove(0);
    let caption = Arc::new(caption);
    let max = Grid::new(192, 64);
    for (latent, fits) in
        [(max, true), (Grid::new(max.height + 2, 2), false), (Grid::new(2, max.width + 2), false)]
    {
        let items = vec![BatchItem { caption: caption.clone(), latent }];
        match transformer.batch(&Scalar, items) {
            Ok(_) => assert!(fits, "{latent} was accepted"),
            Err(Error::TooLarge { asked, max: limit }) => {
                assert!(!fits && asked == latent && limit == max, "{asked} {limit}");
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let device = Device::scalar();
    let sample = Sample::tiny_a();
    let vocabulary = u32::try_from(sample.text_config().vocab_size).unwrap();
    let encoder = sample.text_encoder(&device);
    assert!(encoder.encode(&Scalar, &[&[vocabulary - 1]]).is_ok());
    assert!(encoder.encode(&Scalar, &[&[vocabulary]]).is_err());

    let transformer = sample.transformer(&device);
    let narrow = device.upload_rows(Shape::new(2, 47), &[0.0; 94]);
    assert!(transformer.refine(&Scalar, &[&narrow]).is_err());

    let features = device.upload(&sample.golden.array("stages/caption"));
    let latents = device.upload(&sample.golden.array("stages/latents"));
    let few = device.upload_rows(Shape::new(3, 60), &[0.0; 180]);
    let caption = transformer.refine(&Scalar, &[&features]).unwrap().remove(0);
    let item = BatchItem { caption: Arc::new(caption), latent: Grid::new(6, 10) };
    let batch = transformer.batch(&Scalar, vec![item]).unwrap();
    let modulations = transformer.modulations(&Scalar, &[0.5]).unwrap();
    let at = (&modulations, 0);
    let run = |latents: &[&Tensor<Scalar>], times: &[_]| {
        transformer.forward(&Scalar, &batch, latents, times).is_ok()
    };
    assert!(run(&[&latents], &[at]));
    assert!(!run(&[&few], &[at]), "too few channels");
    assert!(!run(&[&latents, &latents], &[at]), "two latents of one picture");
    assert!(!run(&[&latents], &[at, at]), "two times of one picture");
    assert!(!run(&[], &[at]), "no latent");
    assert!(!run(&[&latents], &[]), "no time");
    assert!(!run(&[&latents], &[(&modulations, 1)]), "a time that was not asked for");
}
