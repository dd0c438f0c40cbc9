//! How a model asks for its weights: by the checkpoint's own names, with the shape it expects.
//!
//! The loading code is its own list of weights: run with [`Manifest`] it only writes down what it
//! asks for, which is then compared with the files before anything is read.

use std::cell::RefCell;
use std::fmt::Display;

use zao_backend::prelude::*;
use zao_backend::{Care, Form, Matrix, Planner, Policy, Role, Shape};

use crate::{Error, Result};

/// A place where weights come from.
pub trait Checkpoint {
    /// The tensor of this name.
    ///
    /// # Errors
    /// [`Error::Weight`] when there is none or its shape is another.
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Form>;
}

/// A tensor that a part of the model declares: name and shape.
pub type Declared = (String, Vec<usize>);

/// A checkpoint without content that remembers what was asked.
#[derive(Debug, Default)]
pub struct Manifest {
    asked: RefCell<Vec<Declared>>,
}

impl Manifest {
    /// Runs a loading function without any weight and returns what it asked for.
    ///
    /// # Errors
    /// What the function returns: a configuration that makes no sense.
    pub fn of(load: impl FnOnce(&Loader<'_, Planner>) -> Result<()>) -> Result<Vec<Declared>> {
        let manifest = Self::default();
        let planner = Planner::new(Policy::F32);
        load(&Loader::new(&planner, &manifest))?;
        Ok(manifest.asked.into_inner())
    }
}

impl Checkpoint for Manifest {
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Form> {
        self.asked.borrow_mut().push((name.to_owned(), shape.to_vec()));
        Ok(Form::Hollow(shape.to_vec()))
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

    /// The full name of `name` below this prefix.
    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// One tensor, checked to hold numbers only.
    fn form(&self, name: &str, shape: &[usize]) -> Result<Form> {
        let name = self.name(name);
        let form = self.checkpoint.tensor(&name, shape)?;
        if form.shape() != shape {
            let detail = format!("expected shape {shape:?}, found {:?}", form.shape());
            return Err(Error::Weight { name, detail });
        }
        if let Form::Dense(stored) = &form
            && let Some(index) = stored.first_non_finite()
        {
            let mut value = [0.0];
            stored.widen(index, &mut value);
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
        let parts = names.iter().map(|(name, shape)| self.form(name, shape));
        let parts = parts.collect::<Result<Vec<_>>>()?;
        let label = self.name(names.first().map_or("", |(name, _)| *name));
        let matrix = Matrix::new(label, role, parts)?.with_care(care);
        Ok(Weight::load(self.backend, &matrix)?)
    }

    /// A vector as an `f32` row `[1, width]` that stays with the model.
    pub(crate) fn vector(&self, name: &str, width: usize) -> Result<Tensor<B>> {
        self.row(&[(name, &[width])])
    }

    /// Vectors one after the other as one row. A shape with a leading 1 is a vector too.
    pub(crate) fn row(&self, names: &[(&str, &[usize])]) -> Result<Tensor<B>> {
        let mut values = Vec::new();
        for (name, shape) in names {
            match self.form(name, shape)? {
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
