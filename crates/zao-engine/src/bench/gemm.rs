//! The large products of the transformer's layers, one at a time.

use zao_backend::prelude::*;
use zao_backend::{Care, Form, Matrix, Role, Shape};
use zao_model::{Checkpoint, TransformerConfig};
use zao_weights::PartName;

use super::workload::{Workload, activation};
use crate::Result;
use crate::model::ModelFiles;

/// The layers of a transformer's block that multiply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Queries, keys and values in one.
    Qkv,
    /// What follows attention.
    Out,
    /// The feed-forward's gate and up projection in one, SwiGLU at the end.
    SwiGlu,
    /// The feed-forward's way back.
    Down,
}

/// A layer's product for a number of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// The layer.
    pub layer: Layer,
    /// Rows of the input.
    pub tokens: usize,
}

/// The sizes of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Rows of input and output.
    pub m: usize,
    /// Columns of the matrix, both of SwiGLU's counted.
    pub n: usize,
    /// Columns of the input.
    pub k: usize,
}

impl Layer {
    /// Every one, in the order in which a block runs them.
    pub const ALL: [Self; 4] = [Self::Qkv, Self::Out, Self::SwiGlu, Self::Down];

    /// A short name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Qkv => "qkv",
            Self::Out => "out",
            Self::SwiGlu => "swiglu",
            Self::Down => "down",
        }
    }

    /// The tensors it is made of, below a block.
    const fn tensors(self) -> &'static [&'static str] {
        match self {
            Self::Qkv => {
                &["attention.to_q.weight", "attention.to_k.weight", "attention.to_v.weight"]
            }
            Self::Out => &["attention.to_out.0.weight"],
            Self::SwiGlu => &["feed_forward.w1.weight", "feed_forward.w3.weight"],
            Self::Down => &["feed_forward.w2.weight"],
        }
    }

    /// Rows and columns of each of those tensors.
    fn shape(self, config: &TransformerConfig) -> [usize; 2] {
        let (dim, hidden) = (config.dim, config.hidden_dim());
        match self {
            Self::Qkv | Self::Out => [dim, dim],
            Self::SwiGlu => [hidden, dim],
            Self::Down => [dim, hidden],
        }
    }
}

impl Product {
    /// Its sizes in a block of these.
    pub(super) fn extent(self, config: &TransformerConfig) -> Extent {
        let [rows, columns] = self.layer.shape(config);
        Extent { m: self.tokens, n: rows * self.layer.tensors().len(), k: columns }
    }
}

/// A product to measure.
pub(super) struct Gemm {
    pub(super) product: Product,
    /// Elements of its matrix.
    elements: u64,
}

impl Gemm {
    pub(super) fn new(product: Product, config: &TransformerConfig) -> Self {
        let Extent { n, k, .. } = product.extent(config);
        Self { product, elements: (n * k) as u64 }
    }
}

impl Workload for Gemm {
    type Loaded<B: Backend> = Weight<B>;
    type Ready<B: Backend> = Tensor<B>;

    const PART: PartName = PartName::Transformer;

    /// In the widest form that a device keeps.
    fn weight_bytes(&self) -> Option<u64> {
        Some(self.elements * size_of::<f32>() as u64)
    }

    fn load<B: Backend>(
        &self,
        b: &B,
        checkpoint: &dyn Checkpoint,
        model: &ModelFiles,
    ) -> Result<Weight<B>> {
        let layer = self.product.layer;
        let shape = layer.shape(&model.transformer);
        let role = match layer {
            Layer::SwiGlu => Role::SwiGlu,
            Layer::Qkv | Layer::Out | Layer::Down => Role::Linear,
        };
        let part =
            |name: &&str| checkpoint.matrix(&format!("layers.0.{name}"), &shape, role, Care::Usual);
        let parts = layer.tensors().iter().map(part).collect::<zao_model::Result<Vec<Form>>>()?;
        Ok(Weight::load(b, &Matrix::new(layer.as_str(), role, parts)?)?)
    }

    /// Inputs as a norm leaves them: of the type that the weight reads.
    fn prepare<B: Backend>(&self, b: &B, _: &ModelFiles, weight: &Weight<B>) -> Result<Tensor<B>> {
        let x = activation(b, Shape::new(self.product.tokens, weight.columns()), 1)?;
        let ones = vec![1.0; weight.columns()];
        let ones = b.upload(Shape::new(1, weight.columns()), &ones, Region::Job)?;
        Ok(b.rms_norm(&x, &ones, 1e-5, None, Some(weight))?)
    }

    fn run<B: Backend>(&self, b: &B, weight: &Weight<B>, x: &Tensor<B>) -> Result<Vec<Tensor<B>>> {
        let out = match self.product.layer {
            // What reads the result of SwiGLU is as careful as SwiGLU's own weight.
            Layer::SwiGlu => b.swiglu(x, weight, Some(weight))?,
            Layer::Qkv | Layer::Out | Layer::Down => b.linear(x, weight, None)?,
        };
        Ok(vec![out])
    }
}
