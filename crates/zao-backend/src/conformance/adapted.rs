//! Cases of linear layers whose rows follow adapters.

use std::ops::Range;
use std::sync::Arc;

use super::bench::{Bench, Reader, Scenario, agree_all, stored};
use super::compare::{Bound, same_bits};
use super::{Failure, Outcome, random};
use crate::op::{Adapted, LinearOps, MemoryOps};
use crate::{
    Adaptation, Addend, Backend, Care, Delta, Dtype, Form, Matrix, Policy, Region, Result, Role,
    Shape, Weight,
};

/// What is done with the sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Store,
    Silu,
    SwiGlu,
    Accumulate,
}

/// What an adapter consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Of this rank.
    LowRank(usize),
    /// `[o1, i1]`; the other side is what is left of the layer.
    Kronecker(usize, usize),
    Dense,
    /// Of rank 8, and sums are scaled.
    Gain,
    /// Three of the above, one after the other.
    Stack,
    /// The weight's own, of rank 32, and beside it one of rank 8 that sums are scaled for.
    Own,
}

/// A layer, some rows of which follow adapters.
#[derive(Clone, Debug)]
struct Layer {
    tokens: usize,
    inputs: usize,
    /// Heights of the stacked parts; for SwiGLU, of each of the two.
    outputs: Vec<usize>,
    end: End,
    kind: Kind,
    rows: Vec<Range<usize>>,
    reader: Reader,
}

impl Layer {
    fn new(kind: Kind, end: End) -> Self {
        let (tokens, inputs, outputs) = (70, 96, vec![48]);
        Self { tokens, inputs, outputs, end, kind, rows: only(33..65), reader: Reader::None }
    }

    fn width(&self) -> usize {
        self.outputs.iter().sum()
    }

    fn role(&self) -> Role {
        if self.end == End::SwiGlu { Role::SwiGlu } else { Role::Linear }
    }

    fn sums(&self) -> usize {
        if self.end == End::SwiGlu { 2 * self.width() } else { self.width() }
    }

    /// A weight of an adapter, `[heights, inputs]`.
    fn matrix<B: Backend>(
        b: &B,
        (role, seed): (Role, u64),
        heights: &[usize],
        inputs: usize,
    ) -> Result<Weight<B>> {
        let factor = 1.0 / (inputs as f32).sqrt();
        let parts = heights.iter().enumerate().map(|(i, &rows)| {
            let values = random::scaled(seed + i as u64, rows * inputs, factor);
            Form::Dense(stored(Dtype::Bf16, &[rows, inputs], &values))
        });
        let matrix = Matrix::new("adapter", role, parts.collect())?.with_care(Care::AtLeastBf16);
        Weight::load(b, &matrix)
    }

    /// The heights of the parts that make sums like the layer's.
    fn heights(&self) -> Vec<usize> {
        if self.end == End::SwiGlu { vec![self.width(); 2] } else { vec![self.width()] }
    }

    fn delta<B: Backend>(&self, b: &B, kind: Kind) -> Result<Delta<B>> {
        let low_rank = |rank| -> Result<_> {
            let down = Self::matrix(b, (Role::Linear, 10), &[rank], self.inputs)?;
            let up = Self::matrix(b, (self.role(), 20), &self.heights(), rank)?;
            Ok(Addend::LowRank { down, up })
        };
        let mut gain = None;
        let addend = match kind {
            Kind::LowRank(rank) => low_rank(rank)?,
            Kind::Kronecker(o1, i1) => {
                let left = random::scaled(30, o1 * i1, 1.0 / (i1 as f32).sqrt());
                let left = b.upload(Shape::new(o1, i1), &left, Region::Model)?;
                // Not all sums, and not from the first on.
                let o2 = (self.sums() - 1) / o1;
                let right = Self::matrix(b, (Role::Linear, 40), &[o2], self.inputs / i1)?;
                Addend::Kronecker { left, right, first: self.sums() - o1 * o2 }
            }
            Kind::Dense => {
                Addend::Dense(Self::matrix(b, (self.role(), 50), &self.heights(), self.inputs)?)
            }
            Kind::Gain | Kind::Stack | Kind::Own => {
                gain = Some(random::scaled(60, self.sums(), 0.5));
                low_rank(8)?
            }
        };
        Ok(Delta { addends: vec![addend], gain })
    }

    fn adaptation<B: Backend>(&self, b: &B) -> Result<Adaptation<B>> {
        let kinds = match self.kind {
            Kind::Stack => {
                vec![(Kind::Gain, 0.5), (Kind::Kronecker(4, 8), -1.0), (Kind::Gain, 0.25)]
            }
            Kind::Own => vec![(Kind::Gain, 0.75)],
            kind => vec![(kind, 0.75)],
        };
        let deltas =
            kinds.into_iter().map(|(kind, scale)| Ok((Arc::new(self.delta(b, kind)?), scale)));
        Adaptation::new(b, deltas.collect::<Result<_>>()?)
    }

    fn x(&self) -> Vec<f32> {
        random::values(1, self.tokens * self.inputs)
    }

    /// The layer of `x`, host values, with adapters for `rows`.
    fn apply<B: Backend>(
        &self,
        bench: &Bench<'_, B>,
        x: &[f32],
        rows: &[Range<usize>],
    ) -> Result<Vec<f32>> {
        let b = bench.backend;
        let parts = match self.end {
            End::SwiGlu => [&self.outputs[..], &self.outputs[..]].concat(),
            End::Store | End::Silu | End::Accumulate => self.outputs.clone(),
        };
        let shapes: Vec<_> = parts.iter().map(|&rows| vec![rows, self.inputs]).collect();
        let weight = bench.weight(self.role(), Dtype::F32, &shapes)?;
        let by = self.adaptation(b)?;
        let own = (self.kind == Kind::Own).then(|| self.delta(b, Kind::LowRank(32))).transpose()?;
        let adapted = rows.iter().map(|rows| Adapted {
            rows: rows.clone(),
            own: own.as_ref(),
            by: Some(&by),
        });
        let adapted: Vec<_> = adapted.collect();
        let count = x.len() / self.inputs;
        let x = bench.linear_input(count, x)?;
        let bias = bench.vector(&random::values(2, self.width()))?;
        let feeds = bench.reader(self.reader, self.width())?;
        let feeds = feeds.as_ref();
        bench.poison_for(self.reader, count * self.width())?;
        let y = match self.end {
            End::Store => b.adapted_linear(&x, &weight, Some(&bias), &adapted)?,
            End::Silu => b.adapted_linear_silu(&x, &weight, Some(&bias), &adapted, feeds)?,
            End::SwiGlu => b.adapted_swiglu(&x, &weight, &adapted, feeds)?,
            End::Accumulate => {
                let stream = random::values(3, self.width()).repeat(count);
                let mut y = bench.activation(count, &stream)?;
                b.adapted_linear_accumulate(&mut y, &x, &weight, Some(&bias), &adapted)?;
                y
            }
        };
        b.read(&y)
    }
}

impl Scenario for Layer {
    fn run<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Vec<f32>> {
        self.apply(bench, &self.x(), &self.rows)
    }

    fn bound(&self, policy: Policy) -> Bound {
        let result = match self.end {
            End::Silu | End::SwiGlu => self.reader.element(policy),
            End::Store | End::Accumulate => policy.activation,
        };
        let product = Bound::product(self.inputs, policy.linear_input, result);
        // What a term reads was rounded, and so was what it is multiplied with.
        let term = Bound::product(self.inputs, policy.careful_input, policy.careful_input);
        let sum = product.plus(term);
        if self.end == End::SwiGlu { sum.plus(sum) } else { sum }
    }
}

/// One range, which is not its elements.
fn only(rows: Range<usize>) -> Vec<Range<usize>> {
    std::iter::once(rows).collect()
}

const ENDS: [End; 4] = [End::Store, End::Silu, End::SwiGlu, End::Accumulate];
const KINDS: [Kind; 7] = [
    Kind::LowRank(1),
    Kind::LowRank(32),
    Kind::Kronecker(4, 8),
    Kind::Dense,
    Kind::Gain,
    Kind::Stack,
    Kind::Own,
];

/// Every kind of change before every end, for some rows of the middle.
pub fn adapted_kinds<B: Backend>(backend: &B) -> Outcome {
    for end in ENDS {
        for reader in Reader::ALL {
            agree_all(backend, KINDS.map(|kind| Layer { reader, ..Layer::new(kind, end) }))?;
        }
    }
    Ok(())
}

/// Odd sizes, stacked parts, one row, all rows, neighbouring changes.
pub fn adapted_sizes<B: Backend>(backend: &B) -> Outcome {
    for kind in [Kind::LowRank(5), Kind::LowRank(300), Kind::Kronecker(2, 3), Kind::Stack] {
        let inputs = if kind == Kind::Stack { 168 } else { 69 };
        let layer =
            |rows: Vec<Range<usize>>| Layer { inputs, rows, ..Layer::new(kind, End::Store) };
        agree_all(
            backend,
            [
                Layer { tokens: 1, ..layer(only(0..1)) },
                Layer { outputs: vec![96, 32, 32], ..layer(only(0..70)) },
                Layer { outputs: vec![7, 11, 5], ..layer(vec![0..1, 1..34, 69..70]) },
                Layer { end: End::SwiGlu, outputs: vec![341], ..layer(vec![3..40, 41..69]) },
            ],
        )?;
    }
    Ok(())
}

/// Rows have the same bits whether rows beside them follow adapters or not, and alone.
pub fn adapted_rows_are_independent<B: Backend>(backend: &B) -> Outcome {
    for end in ENDS {
        for kind in KINDS {
            let layer = Layer { reader: Reader::Linear, ..Layer::new(kind, end) };
            let bench = Bench::start(backend)?;
            let (x, width) = (layer.x(), layer.width());
            let mixed = layer.apply(&bench, &x, &[20..37, 40..64])?;
            let parts =
                [(0..20, false), (20..37, true), (37..40, false), (40..64, true), (64..70, false)];
            for (rows, follows) in parts {
                let own = &x[rows.start * layer.inputs..rows.end * layer.inputs];
                let all = 0..rows.len();
                let changed = if follows { only(all) } else { Vec::new() };
                let alone = layer.apply(&bench, own, &changed)?;
                same_bits(&alone, &mixed[rows.start * width..rows.end * width]).map_err(|d| {
                    Failure::differs(format!("rows {rows:?} alone and within {layer:?}"), d)
                })?;
            }
        }
    }
    Ok(())
}

/// Adapters for other rows or other weights than there are.
pub fn adapted_refuses_what_does_not_fit<B: Backend>(backend: &B) -> Outcome {
    let bench = Bench::start(backend)?;
    let layer = Layer::new(Kind::LowRank(8), End::Store);
    let other = Layer { inputs: 32, ..layer.clone() };
    for rows in [only(60..71), only(5..5), vec![0..10, 9..12]] {
        refused(layer.apply(&bench, &layer.x(), &rows), &format!("rows {rows:?}"))?;
    }
    let by = other.adaptation(backend)?;
    let weight = bench.weight(Role::Linear, Dtype::F32, &[vec![48, 96]])?;
    let x = bench.linear_input(70, &layer.x())?;
    let adapted = [Adapted { rows: 0..70, own: None, by: Some(&by) }];
    refused(backend.adapted_linear(&x, &weight, None, &adapted), "an adapter of 32 inputs for 96")
}

fn refused<T>(result: Result<T>, what: &str) -> Outcome {
    match result {
        Err(crate::Error::Shape { .. }) => Ok(()),
        Err(other) => Err(accepted(what, other.to_string())),
        Ok(_) => Err(accepted(what, "a result".into())),
    }
}

fn accepted(what: &str, got: String) -> Failure {
    Failure::Accepted { what: what.into(), expected: "a shape that is refused", got }
}
