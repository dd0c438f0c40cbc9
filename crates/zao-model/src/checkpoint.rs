//! How a model asks for its weights: by the checkpoint's own names, with the shape it expects and what
//! it is for.
//!
//! The loading code is its own list of weights: run with [`Manifest`] it only writes down what it
//! asks for, which is then compared with the files before anything is read.

use std::cell::RefCell;
use std::fmt::Display;

use zao_backend::prelude::*;
use zao_backend::{Care, Delta, Form, Matrix, Planner, Policy, Role, Shape};

use crate::adapter::own_term;
use crate::{Error, Fill, Layer, Result};

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

/// A linear weight on a device.
pub(crate) struct LinearWeight<B: Backend> {
    /// What is multiplied.
    pub(crate) weight: Weight<B>,
    /// The low-rank part that it is stored with, which is added for every row.
    pub(crate) own: Option<Delta<B>>,
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
        match self.check(&name, &form, usage)? {
            None => Ok(form),
            Some((index, value)) => Err(Error::NotFinite { name, index, value }),
        }
    }

    /// The first of the values that is no number, unless the device finds it when it takes the values in.
    fn check(&self, name: &str, form: &Form, usage: Usage) -> Result<Option<(usize, f32)>> {
        let floats = match form {
            Form::LowRank(both) => {
                for factor in [both.up(), both.down()] {
                    if let Some(index) = factor.first_non_finite() {
                        let detail = format!(
                            "its low-rank part {:?} holds a value that is no number, at index {index}; the file is \
                             damaged, get it again",
                            factor.shape()
                        );
                        return Err(Error::Weight { name: name.into(), detail });
                    }
                }
                return self.check(name, both.rest(), usage);
            }
            Form::Dense(_) if B::FINDS_NON_FINITE && matches!(usage, Usage::Matrix { .. }) => {
                return Ok(None);
            }
            Form::Dense(stored) => stored,
            // Every integer is a number.
            Form::Int8Panels(panels) => panels.scales(),
            Form::Blocks(_) | Form::Scaled(_) if !B::FINDS_NON_FINITE => {
                return Ok(form.packed_non_finite());
            }
            _ => return Ok(None),
        };
        Ok(floats.first_non_finite().map(|index| {
            let mut value = [0.0];
            floats.widen(index, &mut value);
            (index, value[0])
        }))
    }

    /// A linear weight made of the tensors `names`, each `[out, inputs]`.
    pub(crate) fn linear(
        &self,
        role: Role,
        names: &[(&str, &[usize])],
        inputs: usize,
        care: Care,
    ) -> Result<LinearWeight<B>> {
        let part = |(name, shape): &(&str, &[usize])| (self.layer_name(name), shape[0]);
        let layer = Layer { parts: names.iter().map(part).collect(), inputs, role, care };
        self.checkpoint.layer(layer.clone());
        let usage = Usage::Matrix { role, care };
        let (mut parts, mut low_rank) = (Vec::new(), Vec::new());
        for (name, shape) in names {
            parts.push(match self.form(name, shape, usage)? {
                Form::LowRank(both) => {
                    low_rank.push(both.delta(&self.layer_name(name)));
                    both.rest().clone()
                }
                form => form,
            });
        }
        let is_hollow = parts.iter().all(|part| matches!(part, Form::Hollow(_)));
        let fill = match is_hollow {
            true => Fill::Shapes(self.checkpoint),
            false => Fill::Values(self.checkpoint),
        };
        let weight = self.load(role, names, parts, care)?;
        let own = own_term(self.backend, &layer, &low_rank, fill)?;
        Ok(LinearWeight { weight, own })
    }

    /// A table, or the kernel of a convolution.
    pub(crate) fn matrix(
        &self,
        role: Role,
        (name, shape): (&str, &[usize]),
        care: Care,
    ) -> Result<Weight<B>> {
        let form = self.form(name, shape, Usage::Matrix { role, care })?;
        if matches!(form, Form::LowRank(_)) {
            let detail = "it has a low-rank part, which only linear layers may have; convert the model again";
            return Err(Error::Weight { name: self.name(name), detail: detail.into() });
        }
        self.load(role, &[(name, shape)], vec![form], care)
    }

    fn load(
        &self,
        role: Role,
        names: &[(&str, &[usize])],
        parts: Vec<Form>,
        care: Care,
    ) -> Result<Weight<B>> {
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
