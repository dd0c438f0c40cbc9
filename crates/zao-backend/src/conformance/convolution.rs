//! Cases of convolutions.

use super::bench::{Bench, DTYPES, Reader, Scenario, agree, agree_all};
use super::compare::Bound;
use super::{Outcome, random};
use crate::op::{ImageOps, Stride};
use crate::{Backend, Dtype, Grid, Policy, Result, Role};

/// One convolution.
#[derive(Clone, Debug)]
struct Convolve {
    grid: Grid,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: Stride,
    accumulate: bool,
    dtype: Dtype,
    /// The input as a norm before the convolution leaves it, or as the latent comes.
    input: Reader,
}

impl Convolve {
    fn new(grid: Grid, inputs: usize, outputs: usize, kernel: usize) -> Self {
        Self {
            grid,
            inputs,
            outputs,
            kernel,
            stride: Stride::One,
            accumulate: false,
            dtype: Dtype::F32,
            input: Reader::Linear,
        }
    }

    /// The shape the weight is stored in; a flat kernel of side 0 stands for `[out, in]`.
    fn stored_shape(&self) -> Vec<usize> {
        match self.kernel {
            0 => vec![self.outputs, self.inputs],
            k => vec![self.outputs, self.inputs, k, k],
        }
    }
}

impl Scenario for Convolve {
    fn run<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Vec<f32>> {
        let backend = bench.backend;
        let values = random::values(1, self.grid.area() * self.inputs);
        let x = match self.input {
            Reader::None => bench.activation(self.grid.area(), &values)?,
            Reader::Linear => bench.careful_input(self.grid.area(), &values)?,
        };
        let weight = bench.weight(Role::Conv, self.dtype, &[self.stored_shape()])?;
        let bias = bench.vector(&random::values(2, self.outputs))?;
        if self.accumulate {
            let residual = random::values(3, self.grid.area() * self.outputs);
            let mut out = bench.activation(self.grid.area(), &residual)?;
            backend.conv2d_accumulate(&mut out, &x, self.grid, &weight, &bias)?;
            return backend.read(&out);
        }
        let cells = match self.stride {
            Stride::One => self.grid.area(),
            Stride::Two => self.grid.over(2).area(),
        };
        bench.poison_for(Reader::None, cells * self.outputs)?;
        backend.read(&backend.conv2d(&x, self.grid, &weight, &bias, self.stride)?)
    }

    fn bound(&self, policy: Policy) -> Bound {
        let terms = self.inputs * self.kernel.max(1).pow(2);
        Bound::product(terms, policy.careful_input, policy.activation)
    }
}

const GRIDS: [Grid; 5] =
    [Grid::new(1, 1), Grid::new(2, 2), Grid::new(5, 7), Grid::new(1, 9), Grid::new(16, 24)];
const CHANNELS: [(usize, usize); 6] = [(1, 1), (3, 16), (16, 3), (16, 16), (33, 1), (33, 33)];

/// Kernels of side 1 and 3 on every grid, with channels that divide nothing.
pub fn conv2d_grids<B: Backend>(backend: &B) -> Outcome {
    for grid in GRIDS {
        for (inputs, outputs) in CHANNELS {
            agree_all(backend, [1, 3].map(|k| Convolve::new(grid, inputs, outputs, k)))?;
        }
    }
    Ok(())
}

/// The stride that halves a picture pads at the bottom and right only.
pub fn conv2d_stride_two<B: Backend>(backend: &B) -> Outcome {
    for grid in [Grid::new(2, 2), Grid::new(6, 10), Grid::new(16, 24)] {
        for (inputs, outputs) in CHANNELS {
            let stride = Stride::Two;
            agree(backend, &Convolve { stride, ..Convolve::new(grid, inputs, outputs, 3) })?;
        }
    }
    Ok(())
}

/// Added to a residual.
pub fn conv2d_accumulates<B: Backend>(backend: &B) -> Outcome {
    for grid in GRIDS {
        for kernel in [1, 3] {
            let accumulate = true;
            agree(backend, &Convolve { accumulate, ..Convolve::new(grid, 33, 16, kernel) })?;
        }
    }
    Ok(())
}

/// Kernels stored as `f32`, f16 and bf16, and flat ones stored as a matrix.
pub fn conv2d_stored_types<B: Backend>(backend: &B) -> Outcome {
    for dtype in DTYPES {
        for kernel in [0, 1, 3] {
            let base = Convolve { dtype, ..Convolve::new(Grid::new(5, 7), 16, 33, kernel) };
            agree(backend, &base)?;
        }
    }
    Ok(())
}

/// An input that is an activation, as the latent and the residual stream are.
pub fn conv2d_reads_activations<B: Backend>(backend: &B) -> Outcome {
    for kernel in [1, 3] {
        let input = Reader::None;
        agree(backend, &Convolve { input, ..Convolve::new(Grid::new(5, 7), 16, 33, kernel) })?;
    }
    Ok(())
}

/// Sums longer than any block of a blocked multiply.
pub fn conv2d_long_sums<B: Backend>(backend: &B) -> Outcome {
    agree(backend, &Convolve::new(Grid::new(9, 5), 300, 20, 3))
}
