//! Cases of convolutions.

use std::ops::Range;

use super::bench::{Bench, DTYPES, Reader, Scenario, agree, agree_all};
use super::compare::{Bound, same_bits};
use super::{Failure, Outcome, random};
use crate::op::{ConvolutionOps, Norm, Stride, View};
use crate::{Backend, Dtype, Element, Grid, Policy, Result, Role, Strip, Tensor, Weight};

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
    /// The input as an operation that feeds a convolution leaves it, or as the latent comes.
    input: Reader,
    norm: Normed,
}

/// What a cell goes through before it is multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Normed {
    Not,
    Linear,
    Silu,
    /// The mean is a thousand times the deviation, so that it has to be subtracted first.
    LargeMean,
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
            norm: Normed::Not,
        }
    }

    /// A convolution of an activation that is normalised on the way.
    fn normed(grid: Grid, inputs: usize, outputs: usize, norm: Normed) -> Self {
        Self { input: Reader::None, norm, ..Self::new(grid, inputs, outputs, 3) }
    }

    /// The shape the weight is stored in; a flat kernel of side 0 stands for `[out, in]`.
    fn stored_shape(&self) -> Vec<usize> {
        match self.kernel {
            0 => vec![self.outputs, self.inputs],
            k => vec![self.outputs, self.inputs, k, k],
        }
    }
}

impl Convolve {
    /// The mean of all values, whose deviation is one.
    fn mean(&self, policy: Policy) -> f32 {
        match (self.norm, policy.activation) {
            (Normed::LargeMean, Element::F32 | Element::U8) => 1000.0,
            // Such a mean in bf16 would leave nothing of the deviation.
            (Normed::LargeMean, Element::Bf16 | Element::Int8 | Element::Fp8) => 30.0,
            (Normed::Not | Normed::Linear | Normed::Silu, _) => 0.0,
        }
    }

    /// The values of the rows `rows` of the picture.
    fn x<B: Backend>(&self, bench: &Bench<'_, B>, rows: Range<usize>) -> Result<Tensor<B>> {
        let mean = self.mean(bench.inputs);
        let values = random::values(1, self.grid.area() * self.inputs);
        let values: Vec<f32> = values.into_iter().map(|v| v + mean).collect();
        let row = self.grid.width * self.inputs;
        let (cells, values) =
            (rows.len() * self.grid.width, &values[rows.start * row..rows.end * row]);
        match self.input {
            Reader::None => bench.activation(cells, values),
            Reader::Linear => bench.careful_input(cells, values),
        }
    }

    /// The weight, the bias, and the factors of the norm.
    fn operands<B: Backend>(
        &self,
        bench: &Bench<'_, B>,
    ) -> Result<(Weight<B>, Tensor<B>, Tensor<B>)> {
        let mean = self.mean(bench.inputs);
        let means = random::values(4, self.inputs).into_iter().map(|v| v + mean);
        let factors: Vec<f32> = means.chain(random::values(5, 2 * self.inputs)).collect();
        Ok((
            bench.weight(Role::Conv, self.dtype, &[self.stored_shape()])?,
            bench.vector(&random::values(2, self.outputs))?,
            bench.table(3, &factors)?,
        ))
    }

    fn view<'a, B: Backend>(
        &self,
        x: &'a Tensor<B>,
        rows: &Range<usize>,
        factors: &'a Tensor<B>,
    ) -> View<'a, B> {
        let norm = Norm { factors, silu: self.norm == Normed::Silu };
        let norm = (self.norm != Normed::Not).then_some(norm);
        View { x, strip: Strip::new(self.grid, rows), norm }
    }
}

impl Scenario for Convolve {
    fn run<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Vec<f32>> {
        let (backend, all) = (bench.backend, 0..self.grid.height);
        let x = self.x(bench, all.clone())?;
        let (weight, bias, factors) = self.operands(bench)?;
        let view = self.view(&x, &all, &factors);
        if self.accumulate {
            let residual = random::values(3, self.grid.area() * self.outputs);
            let mut out = bench.activation(self.grid.area(), &residual)?;
            backend.conv2d_accumulate(&mut out, view, &weight, &bias, all)?;
            return backend.read(&out);
        }
        let grid = self.stride.of(self.grid);
        bench.poison_for(Reader::None, grid.area() * self.outputs)?;
        backend.read(&backend.conv2d(view, &weight, &bias, self.stride, 0..grid.height)?)
    }

    fn bound(&self, policy: Policy) -> Bound {
        let terms = self.inputs * self.kernel.max(1).pow(2);
        let product = Bound::product(terms, policy.careful_input, policy.activation);
        match self.norm {
            Normed::Not => product,
            Normed::Linear | Normed::Silu | Normed::LargeMean => {
                product.plus(Bound::sum(4, Element::F32)).of_few()
            }
        }
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

/// The stride that doubles a picture sees every cell four times.
pub fn conv2d_enlarges<B: Backend>(backend: &B) -> Outcome {
    for grid in GRIDS {
        for (inputs, outputs) in CHANNELS {
            for input in Reader::ALL {
                let stride = Stride::Half;
                let base = Convolve::new(grid, inputs, outputs, 3);
                agree(backend, &Convolve { stride, input, ..base })?;
            }
        }
    }
    Ok(())
}

/// Cells are normalised before they are multiplied, the border around them is not.
pub fn conv2d_normalises<B: Backend>(backend: &B) -> Outcome {
    for norm in [Normed::Linear, Normed::Silu, Normed::LargeMean] {
        for grid in GRIDS {
            for (inputs, outputs) in CHANNELS {
                let base = Convolve::normed(grid, inputs, outputs, norm);
                agree_all(backend, [1, 3].map(|kernel| Convolve { kernel, ..base.clone() }))?;
                let stride = Stride::Half;
                agree(backend, &Convolve { stride, ..base })?;
            }
        }
        let base = Convolve::normed(Grid::new(6, 10), 33, 16, norm);
        agree(backend, &Convolve { stride: Stride::Two, ..base.clone() })?;
        agree(backend, &Convolve { accumulate: true, ..base.clone() })?;
        agree_all(backend, DTYPES.map(|dtype| Convolve { dtype, ..base.clone() }))?;
    }
    agree(backend, &Convolve::normed(Grid::new(9, 5), 300, 40, Normed::Silu))
}

/// Rows of a result have the same bits whatever rows are computed with them, from a picture that is
/// held as far as they see it.
pub fn conv2d_rows_are_independent<B: Backend>(backend: &B) -> Outcome {
    for grid in [Grid::new(10, 6), Grid::new(18, 26)] {
        for (inputs, outputs) in [(3, 16), (33, 33)] {
            for norm in [Normed::Not, Normed::Silu] {
                let base = Convolve::normed(grid, inputs, outputs, norm);
                for (stride, kernel) in
                    [(Stride::One, 1), (Stride::One, 3), (Stride::Two, 3), (Stride::Half, 3)]
                {
                    rows_are_independent(backend, &Convolve { stride, kernel, ..base.clone() })?;
                }
            }
        }
    }
    Ok(())
}

fn rows_are_independent<B: Backend>(backend: &B, case: &Convolve) -> Outcome {
    let bench = Bench::start(backend)?;
    let (weight, bias, factors) = case.operands(&bench)?;
    let (height, extent) = (case.grid.height, case.stride.of(case.grid));
    let row = extent.width * case.outputs;
    let residual = random::values(3, extent.area() * case.outputs);
    // The rows `rows`, from a picture of which `held` is there, stored and accumulated.
    let compute = |held: Range<usize>, rows: Range<usize>| -> Result<Vec<f32>> {
        let x = case.x(&bench, held.clone())?;
        let view = case.view(&x, &held, &factors);
        let stored = backend.conv2d(view, &weight, &bias, case.stride, rows.clone())?;
        let mut values = backend.read(&stored)?;
        if case.stride == Stride::One {
            let part = &residual[rows.start * row..rows.end * row];
            let mut out = bench.activation(rows.len() * extent.width, part)?;
            backend.conv2d_accumulate(&mut out, view, &weight, &bias, rows)?;
            values.extend(backend.read(&out)?);
        }
        Ok(values)
    };
    let whole = compute(0..height, 0..extent.height)?;
    let (stored, accumulated) = whole.split_at(extent.area() * case.outputs);
    for rows in [2..3, 0..1, extent.height - 1..extent.height, 1..extent.height - 2] {
        let range = rows.start * row..rows.end * row;
        let expected =
            [&stored[range.clone()], accumulated.get(range).unwrap_or_default()].concat();
        let held = case.stride.sees(case.kernel, &rows, height);
        for held in [0..height, held] {
            same_bits(&compute(held.clone(), rows.clone())?, &expected).map_err(|difference| {
                let what = format!("rows {rows:?} of {case:?} from rows {held:?}");
                Failure::differs(what, difference)
            })?;
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
