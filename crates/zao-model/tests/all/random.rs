//! A checkpoint of any shape: random weights with the spread of trained ones, made when asked for.

use std::hash::{DefaultHasher, Hash, Hasher};

use zao_backend::{Form, Stored};
use zao_model::noise::{Generator, normal};
use zao_model::{Checkpoint, Result};

/// Has every tensor; the same name and shape always give the same values.
pub(crate) struct Random;

impl Checkpoint for Random {
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Form> {
        Ok(Form::Dense(Stored::from_f32(shape, &values(name, shape))))
    }
}

/// `count` normal values that depend on `name`.
pub(crate) fn noise(name: &str, count: usize) -> Vec<f32> {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    normal(Generator::TorchCpu, hasher.finish(), count)
}

/// Norm weights around one, biases small, and matrices that keep the size of what they multiply.
fn values(name: &str, shape: &[usize]) -> Vec<f32> {
    let (mean, deviation) = match shape {
        _ if name.ends_with("bias") => (0.0, 0.1),
        [_] => (1.0, 0.1),
        [_, inputs @ ..] => (0.0, (inputs.iter().product::<usize>() as f32).powf(-0.5)),
        [] => (0.0, 1.0),
    };
    let values = noise(name, shape.iter().product());
    values.into_iter().map(|value| mean + deviation * value).collect()
}
