//! Matrix multiplies with what is fused into their ends.

use super::adapted::changed;
use super::{Adapted, Change, Op, all_f32, ensure, result_for};
use crate::{Backend, Error, Result, Role, Shape, Tensor, Weight};

/// What happens to `x W^T + bias` before it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Epilogue {
    /// It is written as it is. With a [`Role::SwiGlu`] weight, `silu(x W1^T) * (x W3^T)` is.
    Store,
    /// `silu` of it is written.
    Silu,
    /// It is added to what `out` holds: the residual connection.
    Accumulate,
}

/// `out = epilogue(x W^T + bias)`, summed in `f32` over the input width; for the rows of `changes` with
/// what these do to `x W^T`.
///
/// A row of the result depends on the same row of `x` only, and on nothing else in the batch: not on
/// the number of rows either. Devices keep that bit for bit.
pub struct Linear<'a, B: Backend> {
    /// `[tokens, in]`, of the activation's or the linear input's type, or `f32`.
    pub x: &'a Tensor<B>,
    /// `[out, in]`, of [`Role::Linear`] or [`Role::SwiGlu`].
    pub weight: &'a Weight<B>,
    /// `[1, out]`, `f32`. Never with [`Role::SwiGlu`].
    pub bias: Option<&'a Tensor<B>>,
    /// What is fused into the end.
    pub epilogue: Epilogue,
    /// What adapters do to some rows, in the order of the rows.
    pub changes: &'a [Change<'a, B>],
    /// `[tokens, out]`.
    pub out: &'a mut Tensor<B>,
}

/// Matrix multiplies.
pub trait LinearOps: Backend {
    /// `x W^T + bias`, `[tokens, in] -> [tokens, out]`.
    ///
    /// # Errors
    /// No memory, or sizes that do not fit.
    fn linear(
        &self,
        x: &Tensor<Self>,
        weight: &Weight<Self>,
        bias: Option<&Tensor<Self>>,
    ) -> Result<Tensor<Self>> {
        self.adapted_linear(x, weight, bias, &[])
    }

    /// [`LinearOps::linear`], some rows of which follow adapters.
    ///
    /// # Errors
    /// Those of [`LinearOps::linear`], or adapters for another weight.
    fn adapted_linear(
        &self,
        x: &Tensor<Self>,
        weight: &Weight<Self>,
        bias: Option<&Tensor<Self>>,
        adapted: &[Adapted<'_, Self>],
    ) -> Result<Tensor<Self>> {
        let mut out = result_for(self, Shape::new(x.rows(), weight.rows()), None)?;
        launch(self, x, weight, bias, Epilogue::Store, adapted, &mut out)?;
        Ok(out)
    }

    /// `silu(x W^T + bias)`, read next by `feeds`.
    ///
    /// # Errors
    /// No memory, or sizes that do not fit.
    fn linear_silu(
        &self,
        x: &Tensor<Self>,
        weight: &Weight<Self>,
        bias: Option<&Tensor<Self>>,
        feeds: Option<&Weight<Self>>,
    ) -> Result<Tensor<Self>> {
        self.adapted_linear_silu(x, weight, bias, &[], feeds)
    }

    /// [`LinearOps::linear_silu`], some rows of which follow adapters.
    ///
    /// # Errors
    /// Those of [`LinearOps::linear_silu`], or adapters for another weight.
    fn adapted_linear_silu(
        &self,
        x: &Tensor<Self>,
        weight: &Weight<Self>,
        bias: Option<&Tensor<Self>>,
        adapted: &[Adapted<'_, Self>],
        feeds: Option<&Weight<Self>>,
    ) -> Result<Tensor<Self>> {
        let mut out = result_for(self, Shape::new(x.rows(), weight.rows()), feeds)?;
        launch(self, x, weight, bias, Epilogue::Silu, adapted, &mut out)?;
        Ok(out)
    }

    /// `silu(x W1^T) * (x W3^T)`, read next by `feeds`.
    ///
    /// # Errors
    /// No memory, a weight that is not [`Role::SwiGlu`], or sizes that do not fit.
    fn swiglu(
        &self,
        x: &Tensor<Self>,
        weight: &Weight<Self>,
        feeds: Option<&Weight<Self>>,
    ) -> Result<Tensor<Self>> {
        self.adapted_swiglu(x, weight, &[], feeds)
    }

    /// [`LinearOps::swiglu`], some rows of which follow adapters.
    ///
    /// # Errors
    /// Those of [`LinearOps::swiglu`], or adapters for another weight.
    fn adapted_swiglu(
        &self,
        x: &Tensor<Self>,
        weight: &Weight<Self>,
        adapted: &[Adapted<'_, Self>],
        feeds: Option<&Weight<Self>>,
    ) -> Result<Tensor<Self>> {
        if weight.role() != Role::SwiGlu {
            return Err(Error::shape("swiglu", format!("{weight:?} is not a pair of matrices")));
        }
        let mut out = result_for(self, Shape::new(x.rows(), weight.rows()), feeds)?;
        launch(self, x, weight, None, Epilogue::Store, adapted, &mut out)?;
        Ok(out)
    }

    /// `out += x W^T + bias`.
    ///
    /// # Errors
    /// Sizes that do not fit.
    fn linear_accumulate(
        &self,
        out: &mut Tensor<Self>,
        x: &Tensor<Self>,
        weight: &Weight<Self>,
        bias: Option<&Tensor<Self>>,
    ) -> Result<()> {
        self.adapted_linear_accumulate(out, x, weight, bias, &[])
    }

    /// [`LinearOps::linear_accumulate`], some rows of which follow adapters.
    ///
    /// # Errors
    /// Those of [`LinearOps::linear_accumulate`], adapters for another weight, or no memory for what they read.
    fn adapted_linear_accumulate(
        &self,
        out: &mut Tensor<Self>,
        x: &Tensor<Self>,
        weight: &Weight<Self>,
        bias: Option<&Tensor<Self>>,
        adapted: &[Adapted<'_, Self>],
    ) -> Result<()> {
        launch(self, x, weight, bias, Epilogue::Accumulate, adapted, out)
    }
}

impl<B: Backend> LinearOps for B {}

fn launch<B: Backend>(
    backend: &B,
    x: &Tensor<B>,
    weight: &Weight<B>,
    bias: Option<&Tensor<B>>,
    epilogue: Epilogue,
    adapted: &[Adapted<'_, B>],
    out: &mut Tensor<B>,
) -> Result<()> {
    let shape = Shape::new(x.rows(), weight.rows());
    let fits = x.width() == weight.columns()
        && out.shape() == shape
        && bias.is_none_or(|b| b.shape() == Shape::new(1, weight.rows()))
        && all_f32(bias)
        && match weight.role() {
            Role::Linear => true,
            Role::SwiGlu => bias.is_none() && epilogue == Epilogue::Store,
            Role::Conv | Role::Table => false,
        };
    ensure(fits, "linear", || format!("{x:?} times {weight:?} with bias {bias:?} into {out:?}"))?;
    changed(backend, x, weight, adapted, |changes| {
        backend.launch(Op::Linear(Linear { x, weight, bias, epilogue, changes, out }))
    })
}
