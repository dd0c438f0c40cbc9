//! How a model asks for its weights: by the checkpoint's own names, with the shape it expects and what
//! it is for.
//!
//! The loading code is its own list of weights: run with [`Manifest`] it only writes down what it
//! asks for, which is then compared with the files before anything is read.

use std::cell::RefCell;
use std::fmt::Display;

use zao_backend::prelude::*;
use zao_backend::{Care, Form, Matrix, Planner, Policy, Role, Shape};

use crate::{Error, Layer, Result};

/// A place where weights come from.
pub trait Checkpoint {
    /// The tensor of this name.
    ///
    /// # Errors
    /// [`Error::Weight`] when there is none or its shape is another.
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Form>;

    /// [`Self::tensor`], told that it is, or is a part of, a matrix. Whoever only hands tensors out need
    /// not know.
    ///
    /// # Errors
    /// Those of [`Self::tensor`].
    fn matrix(&self, name: &str, shape: &[usize], _role: Role, _care: Care) -> Result<Form> {
        self.tensor(name, shape)
    }

    /// Told which tensors become one linear weight. Whoever hands tensors out need not know.
    fn layer(&self, _layer: Layer) {}
}

/// A tensor that a part of the model declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Its name in the checkpoint.
    pub name: String,
    /// Its shape, outermost first.
    pub shape: Vec<usize>,
    /// What it is for.
    pub usage: Usage,
}

/// What a tensor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Values that stay as they are, in `f32`: norm weights, biases, pad tokens.
    Vector,
    /// A weight, or a part of one, that a device takes in.
    Matrix {
        /// What the weight does.
        role: Role,
        /// How far it may be rounded.
        care: Care,
    },
}

impl Declared {
    /// Number of its values.
    #[must_use]
    pub fn values(&self) -> usize {
        self.shape.iter().product()
    }
}

/// A checkpoint without content that remembers what was asked.
#[derive(Debug, Default)]
pub struct Manifest {
    asked: RefCell<Vec<Declared>>,
    layers: RefCell<Vec<Layer>>,
}

impl Manifest {
    /// Runs a loading function without any weight and returns what it asked for.
    ///
    /// # Errors
    /// What the function returns: a configuration that makes no sense.
    pub fn of(load: impl FnOnce(&Loader<'_, Planner>) -> Result<()>) -> Result<Vec<Declared>> {
        Ok(Self::after(load)?.asked.into_inner())
    }

    /// The linear weights that a loading function makes of what it asks for.
    ///
    /// # Errors
    /// What the function returns: a configuration that makes no sense.
    pub fn layers_of(load: impl FnOnce(&Loader<'_, Planner>) -> Result<()>) -> Result<Vec<Layer>> {
        Ok(Self::after(load)?.layers.into_inner())
    }

    fn after(load: impl FnOnce(&Loader<'_, Planner>) -> Result<()>) -> Result<Self> {
        let manifest = Self::default();
        let planner = Planner::new(Policy::F32);
        load(&Loader::new(&planner, &manifest))?;
        Ok(manifest)
    }
}

impl Manifest {
    fn note(&self, name: &str, shape: &[usize], usage: Usage) -> Form {
        let (name, shape) = (name.to_owned(), shape.to_vec());
        self.asked.borrow_mut().push(Declared { name, shape: shape.clone(), usage });
        Form::Hollow(shape)
    }
}

impl Checkpoint for Manifest {
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Form> {
        Ok(self.note(name, shape, Usage::Vector))
    }

    fn matrix(&self, name: &str, shape: &[usize], role: Role, care: Care) -> Result<Form> {
        Ok(self.note(name, shape, Usage::Matrix { role, care }))
    }

    fn layer(&self, layer: Layer) {
        self.layers.borrow_mut().push(layer);
    }
}

/// A checkpoint seen from below one of its name prefixes, and the device that takes the weights.
pub struct Loader<'a, B: Backend> {
    backend: &'a B,
    checkpoint: &'a dyn Checkpoint,
    prefix: String,
}

impl<'a, B: Backend> Loader<'a, B> {
    /// A loader at the root of `checkpoint`.
    pub fn new(backend: &'a B, checkpoint: &'a dyn Checkpoint) -> Self {
        Self { backend, checkpoint, prefix: String::new() }
    }

    /// The loader below `name`, as in `layers.0`.
    #[must_use]
    pub fn at(&self, name: impl Display) -> Self {
        Self {
            backend: self.backend,
            checkpoint: self.checkpoint,
            prefix: format!("{}{name}.", self.prefix),
        }
    }

    /// The full name of the layer whose weight is called `name` below this prefix.
    pub(crate) fn layer_name(&self, name: &str) -> String {
        let name = self.name(name);
        name.strip_suffix(".weight").unwrap_or(&name).to_owned()
    }

    /// The full name of `name` below this prefix.
    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// One tensor, checked to hold numbers only.
    fn form(&self, name: &str, shape: &[usize], usage: Usage) -> Result<Form> {
        let name = self.name(name);
        let form = match usage {
            Usage::Vector => self.checkpoint.tensor(&name, shape)?,
            Usage::Matrix { role, care } => self.checkpoint.matrix(&name, shape, role, care)?,
        };
        if form.shape() != shape {
            let detail = format!("expected shape {shape:?}, found {:?}", form.shape());
            return Err(Error::Weight { name, detail });
        }
        let floats = match &form {
            Form::Dense(_) if B::FINDS_NON_FINITE && matches!(usage, Usage::Matrix { .. }) => {
                return Ok(form);
            }
            Form::Dense(stored) => stored,
            // Every integer is a number.
            Form::Int8Panels(panels) => panels.scales(),
            Form::Blocks(_) | Form::Scaled(_) if !B::FINDS_NON_FINITE => {
                return match form.packed_non_finite() {
                    Some((index, value)) => Err(Error::NotFinite { name, index, value }),
                    None => Ok(form),
                };
            }
            _ => return Ok(form),
        };
        if let Some(index) = floats.first_non_finite() {
            let mut value = [0.0];
            floats.widen(index, &mut value);
            return Err(Error::NotFinite { name, index, value: value[0] });
        }
        Ok(form)
    }

    /// A weight made of the tensors `names`, each of the same number of inputs.
    pub(crate) fn matrix(
        &self,
        role: Role,
        names: &[(&str, &[usize])],
        care: Care,
    ) -> Result<Weight<B>> {
        if let (Role::Linear | Role::SwiGlu, Some(&(_, &[_, inputs]))) = (role, names.first()) {
            let part = |(name, shape): &(&str, &[usize])| (self.layer_name(name), shape[0]);
            let parts = names.iter().map(part).collect();
            self.checkpoint.layer(Layer { parts, inputs, role, care });
        }
        let usage = Usage::Matrix { role, care };
        let parts = names.iter().map(|(name, shape)| self.form(name, shape, usage));
        let parts = parts.collect::<Result<Vec<_>>>()?;
        let label = self.name(names.first().map_or("", |(name, _)| *name));
        let matrix = Matrix::new(label, role, parts)?.with_care(care);
        Weight::load(self.backend, &matrix).map_err(|error| match error {
            zao_backend::Error::NotFinite { part, index } => {
                let mut value = [f32::NAN];
                if let Some(Form::Dense(stored)) = matrix.parts().get(part) {
                    stored.widen(index, &mut value);
                }
                let name = names.get(part).map_or("", |(name, _)| *name);
                Error::NotFinite { name: self.name(name), index, value: value[0] }
            }
            other => other.into(),
        })
    }

    /// A vector as an `f32` row `[1, width]` that stays with the model.
    pub(crate) fn vector(&self, name: &str, width: usize) -> Result<Tensor<B>> {
        self.row(&[(name, &[width])])
    }

    /// Vectors one after the other as one row. A shape with a leading 1 is a vector too.
    pub(crate) fn row(&self, names: &[(&str, &[usize])]) -> Result<Tensor<B>> {
        let mut values = Vec::new();
        for (name, shape) in names {
            match self.form(name, shape, Usage::Vector)? {
                Form::Dense(stored) => values.extend(stored.to_f32()),
                Form::Hollow(shape) => {
                    values.resize(values.len() + shape.iter().product::<usize>(), 0.0);
                }
                _ => {
                    let detail = "a vector must be stored as floating-point numbers".into();
                    return Err(Error::Weight { name: self.name(name), detail });
                }
            }
        }
        Ok(self.backend.upload(Shape::new(1, values.len()), &values, Region::Model)?)
    }
}
