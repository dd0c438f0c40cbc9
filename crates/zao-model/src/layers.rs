//! Layers that every part of the model uses: a linear layer and a norm weight, loaded by name.

use zao_backend::prelude::*;
use zao_backend::{Care, Delta, Role};

use crate::adapter::Following;
use crate::checkpoint::LinearWeight;
use crate::{Loader, Result};

/// `y = x W^T + b`, or without `b`.
pub(crate) struct Linear<B: Backend> {
    /// What adapters know it by.
    name: String,
    pub(crate) weight: Weight<B>,
    /// The low-rank part that the weight is stored with.
    own: Option<Delta<B>>,
    pub(crate) bias: Option<Tensor<B>>,
}

/// Whether a layer has a bias.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bias {
    Yes,
    No,
}

impl<B: Backend> Linear<B> {
    /// The layer `name` with weights `[out, inner]`.
    pub(crate) fn load(
        loader: &Loader<'_, B>,
        (out, inner): (usize, usize),
        bias: Bias,
        care: Care,
    ) -> Result<Self> {
        let parts: [(&str, &[usize]); 1] = [("weight", &[out, inner])];
        let LinearWeight { weight, own } = loader.linear(Role::Linear, &parts, inner, care)?;
        Ok(Self {
            name: loader.layer_name("weight"),
            weight,
            own,
            bias: match bias {
                Bias::Yes => Some(loader.vector("bias", out)?),
                Bias::No => None,
            },
        })
    }

    /// Several layers of the same input as one, their outputs side by side in the order given.
    pub(crate) fn load_stacked(
        loader: &Loader<'_, B>,
        layers: &[(&str, usize)],
        inner: usize,
        bias: Bias,
        care: Care,
    ) -> Result<Self> {
        let weights: Vec<_> =
            layers.iter().map(|(name, out)| (format!("{name}.weight"), [*out, inner])).collect();
        let weights: Vec<(&str, &[usize])> =
            weights.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())).collect();
        let biases: Vec<_> =
            layers.iter().map(|(name, out)| (format!("{name}.bias"), [*out])).collect();
        let biases: Vec<(&str, &[usize])> =
            biases.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())).collect();
        let LinearWeight { weight, own } = loader.linear(Role::Linear, &weights, inner, care)?;
        Ok(Self {
            name: loader.layer_name(weights.first().map_or("", |(name, _)| *name)),
            weight,
            own,
            bias: match bias {
                Bias::Yes => Some(loader.row(&biases)?),
                Bias::No => None,
            },
        })
    }

    /// `x W^T + b`.
    pub(crate) fn forward(&self, b: &B, x: &Tensor<B>) -> Result<Tensor<B>> {
        self.follow(b, x, &Following::none())
    }

    fn adapted<'a>(&'a self, x: &Tensor<B>, following: &Following<'a, B>) -> Vec<Adapted<'a, B>> {
        following.at(&self.name, self.own.as_ref(), x.rows())
    }

    /// `x W^T + b`, with what the rows follow.
    pub(crate) fn follow(
        &self,
        b: &B,
        x: &Tensor<B>,
        following: &Following<'_, B>,
    ) -> Result<Tensor<B>> {
        let adapted = self.adapted(x, following);
        Ok(b.adapted_linear(x, &self.weight, self.bias.as_ref(), &adapted)?)
    }

    /// `silu(x W^T + b)`, with what the rows follow, read next by `feeds`.
    pub(crate) fn follow_silu(
        &self,
        b: &B,
        x: &Tensor<B>,
        following: &Following<'_, B>,
        feeds: &Self,
    ) -> Result<Tensor<B>> {
        let (adapted, feeds) = (self.adapted(x, following), Some(&feeds.weight));
        Ok(b.adapted_linear_silu(x, &self.weight, self.bias.as_ref(), &adapted, feeds)?)
    }

    /// `out += x W^T + b`.
    pub(crate) fn add_to(&self, b: &B, out: &mut Tensor<B>, x: &Tensor<B>) -> Result<()> {
        let adapted = self.adapted(x, &Following::none());
        Ok(b.adapted_linear_accumulate(out, x, &self.weight, self.bias.as_ref(), &adapted)?)
    }
}

/// `w2(silu(w1 x) * w3 x)` under whatever names the checkpoint gives the three.
pub(crate) struct FeedForward<B: Backend> {
    /// What adapters know its first weight by.
    name: String,
    w13: Weight<B>,
    /// The low-rank part that it is stored with.
    own: Option<Delta<B>>,
    w2: Linear<B>,
}

impl<B: Backend> FeedForward<B> {
    /// Loads `[gate, up, down]` of a layer of width `dim` and hidden width `hidden`.
    pub(crate) fn load(
        loader: &Loader<'_, B>,
        [gate, up, down]: [&str; 3],
        dim: usize,
        hidden: usize,
    ) -> Result<Self> {
        let (gate, up) = (format!("{gate}.weight"), format!("{up}.weight"));
        let shape: &[usize] = &[hidden, dim];
        let names = [(gate.as_str(), shape), (up.as_str(), shape)];
        let LinearWeight { weight: w13, own } =
            loader.linear(Role::SwiGlu, &names, dim, Care::Usual)?;
        Ok(Self {
            name: loader.layer_name(&gate),
            w13,
            own,
            w2: Linear::load(&loader.at(down), (dim, hidden), Bias::No, Care::Usual)?,
        })
    }

    /// The weight that reads the input.
    pub(crate) fn input(&self) -> &Weight<B> {
        &self.w13
    }

    /// `[tokens, dim] -> [tokens, dim]`, with what the rows follow.
    pub(crate) fn follow(
        &self,
        b: &B,
        x: &Tensor<B>,
        following: &Following<'_, B>,
    ) -> Result<Tensor<B>> {
        let hidden = self.hidden(b, x, following)?;
        self.w2.follow(b, &hidden, following)
    }

    /// Adds the result to `out`.
    pub(crate) fn add_to(&self, b: &B, out: &mut Tensor<B>, x: &Tensor<B>) -> Result<()> {
        let hidden = self.hidden(b, x, &Following::none())?;
        self.w2.add_to(b, out, &hidden)
    }

    fn hidden(&self, b: &B, x: &Tensor<B>, following: &Following<'_, B>) -> Result<Tensor<B>> {
        let adapted = following.at(&self.name, self.own.as_ref(), x.rows());
        Ok(b.adapted_swiglu(x, &self.w13, &adapted, Some(&self.w2.weight))?)
    }
}
