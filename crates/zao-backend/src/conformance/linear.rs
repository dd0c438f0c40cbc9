//! Cases of matrix multiplies.

use super::bench::{Bench, DTYPES, Packing, Reader, Scenario, agree, agree_all};
use super::compare::{Bound, same_bits};
use super::{Failure, Outcome, random};
use crate::op::LinearOps;
use crate::{Backend, BlockKind, Dtype, Policy, Result, Role, ScaledKind, Shape, Tensor, Weight};

/// What is done with the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Store,
    Silu,
    Accumulate,
    SwiGlu,
}

/// What the input is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    /// Values around one.
    Plain,
    /// A few channels are a thousand times larger, as in real feed-forward layers.
    Outliers,
    /// `f32` whatever the device's policy, as the time embedding is.
    Table,
}

/// One multiply.
#[derive(Clone, Debug)]
struct Multiply {
    tokens: usize,
    inputs: usize,
    /// Heights of the stacked parts; for SwiGLU, of each of the two.
    outputs: Vec<usize>,
    dtype: Dtype,
    /// How the parts are stored instead, in turn, if they are packed.
    packed: Vec<Packing>,
    form: Form,
    bias: bool,
    input: Input,
    reader: Reader,
}

impl Multiply {
    fn new(tokens: usize, inputs: usize, outputs: usize) -> Self {
        Self {
            tokens,
            inputs,
            outputs: vec![outputs],
            dtype: Dtype::F32,
            packed: Vec::new(),
            form: Form::Store,
            bias: true,
            input: Input::Plain,
            reader: Reader::None,
        }
    }

    fn swiglu(tokens: usize, inputs: usize, outputs: usize) -> Self {
        Self { form: Form::SwiGlu, bias: false, ..Self::new(tokens, inputs, outputs) }
    }

    fn width(&self) -> usize {
        self.outputs.iter().sum()
    }

    /// `[tokens, inputs]` host values.
    fn x(&self) -> Vec<f32> {
        let mut x = random::values(1, self.tokens * self.inputs);
        if self.input == Input::Outliers {
            for row in x.chunks_mut(self.inputs) {
                row.iter_mut().skip(3).step_by(97).for_each(|v| *v *= 1000.0);
            }
        }
        x
    }

    fn weight<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Weight<B>> {
        let (role, parts) = match self.form {
            Form::SwiGlu => (Role::SwiGlu, [&self.outputs[..], &self.outputs[..]].concat()),
            Form::Store | Form::Silu | Form::Accumulate => (Role::Linear, self.outputs.clone()),
        };
        if !self.packed.is_empty() {
            let packings = self.packed.iter().cycle();
            let parts: Vec<_> = packings
                .zip(parts)
                .map(|(&packing, rows)| (packing, [rows, self.inputs]))
                .collect();
            return bench.packed_weight(role, &parts);
        }
        let shapes: Vec<_> = parts.iter().map(|&rows| vec![rows, self.inputs]).collect();
        bench.weight(role, self.dtype, &shapes)
    }

    /// The multiply of `x`, `[rows, inputs]` host values.
    fn multiply<B: Backend>(
        &self,
        bench: &Bench<'_, B>,
        weight: &Weight<B>,
        x: &[f32],
    ) -> Result<Vec<f32>> {
        let backend = bench.backend;
        let rows = x.len() / self.inputs;
        let bias = bench.vector(&random::values(2, self.width()))?;
        let bias = self.bias.then_some(&bias);
        let feeds = bench.reader(self.reader, self.width())?;
        let feeds = feeds.as_ref();
        let x: Tensor<B> = match self.input {
            Input::Plain | Input::Outliers => bench.linear_input(rows, x)?,
            Input::Table => bench.table(rows, x)?,
        };
        let count = Shape::new(rows, self.width()).len();
        let y = match self.form {
            Form::Accumulate => {
                // The residual of a row is the same wherever the row stands.
                let row = random::values(3, self.width());
                let mut y = bench.activation(rows, &row.repeat(rows))?;
                backend.linear_accumulate(&mut y, &x, weight, bias)?;
                y
            }
            Form::Store => {
                bench.poison_for(Reader::None, count)?;
                backend.linear(&x, weight, bias)?
            }
            Form::Silu => {
                bench.poison_for(self.reader, count)?;
                backend.linear_silu(&x, weight, bias, feeds)?
            }
            Form::SwiGlu => {
                bench.poison_for(self.reader, count)?;
                backend.swiglu(&x, weight, feeds)?
            }
        };
        backend.read(&y)
    }
}

impl Scenario for Multiply {
    fn run<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Vec<f32>> {
        let weight = self.weight(bench)?;
        self.multiply(bench, &weight, &self.x())
    }

    fn bound(&self, policy: Policy) -> Bound {
        let result = match self.form {
            Form::Silu | Form::SwiGlu => self.reader.element(policy),
            Form::Store | Form::Accumulate => policy.activation,
        };
        let bound = Bound::product(self.inputs, policy.linear_input, result);
        // The product of two sums has the errors of both.
        if self.form == Form::SwiGlu { bound.plus(bound) } else { bound }
    }
}

const TOKENS: [usize; 5] = [1, 2, 31, 32, 33];
const WIDTHS: [usize; 5] = [1, 7, 64, 341, 682];

/// Every number of tokens around the tile sizes with widths that divide nothing.
pub fn linear_odd_sizes<B: Backend>(backend: &B) -> Outcome {
    for inputs in WIDTHS {
        for outputs in [1, 7, 64, 341] {
            agree_all(backend, TOKENS.map(|tokens| Multiply::new(tokens, inputs, outputs)))?;
        }
    }
    Ok(())
}

/// Sums longer than any block of a blocked multiply.
pub fn linear_long_sums<B: Backend>(backend: &B) -> Outcome {
    agree_all(backend, [Multiply::new(70, 2500, 70), Multiply::new(1, 5000, 130)])
}

/// Weights stored as `f32`, f16 and bf16.
pub fn linear_stored_types<B: Backend>(backend: &B) -> Outcome {
    agree_all(
        backend,
        DTYPES.into_iter().flat_map(|dtype| {
            let swiglu = Multiply::swiglu(33, 64, 341);
            [Multiply { dtype, ..Multiply::new(33, 341, 70) }, Multiply { dtype, ..swiglu }]
        }),
    )
}

/// Weights in every packed form: rows that leave panels and groups half filled, more tokens than a block has, SwiGLU.
pub fn linear_packed_forms<B: Backend>(backend: &B) -> Outcome {
    for packing in Packing::all() {
        for (tokens, inputs, outputs) in [(1, 256, 33), (33, 768, 70), (250, 1280, 64)] {
            let base = Multiply::new(tokens, inputs, outputs);
            agree(backend, &Multiply { packed: vec![packing], ..base })?;
            let swiglu =
                Multiply { packed: vec![packing], ..Multiply::swiglu(tokens, inputs, outputs) };
            agree_all(backend, Reader::ALL.map(|reader| Multiply { reader, ..swiglu.clone() }))?;
        }
    }
    // Of few columns, which are no group of any device.
    let short = [BlockKind::Q4_0, BlockKind::Q8_0].map(Packing::Blocks);
    let short = short.into_iter().chain([Packing::Scaled(ScaledKind::E4m3)]);
    agree_all(
        backend,
        short.flat_map(|packing| {
            [32, 96, 352]
                .map(|inputs| Multiply { packed: vec![packing], ..Multiply::new(7, inputs, 40) })
        }),
    )
}

/// Parts of one weight that are stored each in another form, some of them dense.
pub fn linear_packed_beside_dense<B: Backend>(backend: &B) -> Outcome {
    let (q4, q6) = (Packing::Blocks(BlockKind::Q4K), Packing::Blocks(BlockKind::Q6K));
    for packed in [
        vec![q4, q6, Packing::Dense(Dtype::Bf16)],
        vec![Packing::Dense(Dtype::F32), q4, Packing::Scaled(ScaledKind::E4m3)],
        vec![q6, Packing::Dense(Dtype::Bf16), q4],
    ] {
        for (tokens, form) in [(1, Form::Store), (33, Form::Accumulate), (200, Form::Store)] {
            let outputs = vec![96, 32, 70];
            let base =
                Multiply { outputs, packed: packed.clone(), ..Multiply::new(tokens, 768, 1) };
            agree(backend, &Multiply { form, ..base })?;
        }
        let pair = Multiply { packed, ..Multiply::swiglu(33, 512, 70) };
        agree(backend, &pair)?;
    }
    Ok(())
}

/// Queries, keys and values of different heights in one weight.
pub fn linear_stacked_parts<B: Backend>(backend: &B) -> Outcome {
    for outputs in [vec![96, 32, 32], vec![7, 1, 5], vec![64, 64, 64], vec![341, 2]] {
        for dtype in DTYPES {
            let outputs = outputs.clone();
            agree_all(
                backend,
                [1, 33].map(|tokens| Multiply {
                    outputs: outputs.clone(),
                    dtype,
                    ..Multiply::new(tokens, 70, 1)
                }),
            )?;
        }
    }
    Ok(())
}

/// Every way a product is finished, with and without a bias.
pub fn linear_epilogues<B: Backend>(backend: &B) -> Outcome {
    for form in [Form::Store, Form::Silu, Form::Accumulate] {
        for bias in [false, true] {
            for (tokens, inputs, outputs) in [(1, 64, 64), (33, 341, 70), (2, 7, 1)] {
                let base = Multiply { form, bias, ..Multiply::new(tokens, inputs, outputs) };
                agree_all(backend, Reader::ALL.map(|reader| Multiply { reader, ..base.clone() }))?;
            }
        }
    }
    Ok(())
}

/// SwiGLU, also of widths that leave a half-filled tile.
pub fn linear_swiglu<B: Backend>(backend: &B) -> Outcome {
    for (inputs, outputs) in [(64, 64), (341, 341), (70, 1), (1, 7), (128, 682)] {
        for tokens in TOKENS {
            let base = Multiply::swiglu(tokens, inputs, outputs);
            agree_all(backend, Reader::ALL.map(|reader| Multiply { reader, ..base.clone() }))?;
        }
    }
    Ok(())
}

/// Channels a thousand times larger than the others.
pub fn linear_outlier_channels<B: Backend>(backend: &B) -> Outcome {
    for dtype in DTYPES {
        let base = Multiply { dtype, input: Input::Outliers, ..Multiply::new(33, 682, 70) };
        agree(backend, &base)?;
    }
    Ok(())
}

/// An input that is `f32` although the device multiplies in a narrower type.
pub fn linear_reads_f32<B: Backend>(backend: &B) -> Outcome {
    for (tokens, inputs, outputs) in [(1, 256, 70), (33, 70, 33)] {
        let base = Multiply { input: Input::Table, ..Multiply::new(tokens, inputs, outputs) };
        agree(backend, &Multiply { form: Form::Silu, reader: Reader::Linear, ..base.clone() })?;
        agree(backend, &base)?;
    }
    Ok(())
}

/// The multiplies whose rows are looked at one by one.
fn batches() -> impl Iterator<Item = Multiply> {
    let packed = [Multiply::new(100, 768, 70), Multiply::swiglu(100, 768, 70)]
        .map(|base| Multiply { packed: vec![Packing::Blocks(BlockKind::Q4K)], ..base });
    [(64, 64), (341, 70), (2500, 33)]
        .into_iter()
        .flat_map(|(inputs, outputs)| {
            let store = Multiply::new(100, inputs, outputs);
            let swiglu = Multiply::swiglu(100, inputs, outputs);
            let accumulate = Multiply { form: Form::Accumulate, ..store.clone() };
            [store, swiglu, accumulate]
        })
        .chain(packed)
}

/// A row has the same bits alone, in a smaller batch and in a larger one, wherever it stands.
pub fn linear_rows_are_independent<B: Backend>(backend: &B) -> Outcome {
    for batch in batches() {
        let bench = Bench::start(backend)?;
        let weight = batch.weight(&bench)?;
        let x = batch.x();
        let whole = batch.multiply(&bench, &weight, &x)?;
        for rows in [0..1, 99..100, 50..51, 3..5, 10..13, 0..31, 40..72, 64..97, 1..100] {
            let x = &x[rows.start * batch.inputs..rows.end * batch.inputs];
            let got = batch.multiply(&bench, &weight, x)?;
            same_bits(&got, &whole[rows.start * batch.width()..rows.end * batch.width()]).map_err(
                |d| Failure::differs(format!("rows {rows:?} alone and within {batch:?}"), d),
            )?;
        }
    }
    Ok(())
}

/// A row does not change when all others become NaN.
pub fn linear_ignores_bad_neighbours<B: Backend>(backend: &B) -> Outcome {
    for batch in batches() {
        let bench = Bench::start(backend)?;
        let weight = batch.weight(&bench)?;
        let x = batch.x();
        let whole = batch.multiply(&bench, &weight, &x)?;
        for row in [0, 50, 99] {
            let mut poisoned = vec![f32::NAN; x.len()];
            let own = row * batch.inputs..(row + 1) * batch.inputs;
            poisoned[own.clone()].copy_from_slice(&x[own]);
            let got = batch.multiply(&bench, &weight, &poisoned)?;
            let own = row * batch.width()..(row + 1) * batch.width();
            same_bits(&got[own.clone()], &whole[own])
                .map_err(|d| Failure::differs(format!("row {row} among NaN in {batch:?}"), d))?;
        }
    }
    Ok(())
}
