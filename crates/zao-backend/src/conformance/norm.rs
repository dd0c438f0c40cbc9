//! Cases of the normalisations over a token's width.

use super::bench::{Bench, PACKED, Reader, Scenario, agree, agree_all};
use super::compare::{Bound, same_bits};
use super::{Failure, Outcome, random};
use crate::op::{Modulation, NextNorm, NormOps};
use crate::{Backend, Policy, Result, Segments, Tensor, Weight};

const EPS: f32 = 1e-5;

/// Which normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rms,
    LayerScale,
    GatedResidual,
    GatedResidualNorm,
}

/// Where scales or gates come from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Modulated {
    No,
    /// A table with `before` other columns, in `f32`, of values around `size`.
    Table {
        before: usize,
        size: f32,
    },
    /// A table of the activation's type.
    Activation,
}

/// One normalisation.
#[derive(Clone, Debug)]
struct Norm {
    kind: Kind,
    width: usize,
    segments: Vec<usize>,
    modulated: Modulated,
    /// What is added to every input.
    mean: f32,
    /// What every 97th input channel is multiplied with.
    outliers: f32,
    reader: Reader,
}

impl Norm {
    fn new(kind: Kind, width: usize, segments: &[usize]) -> Self {
        let modulated = match kind {
            Kind::Rms => Modulated::No,
            Kind::LayerScale | Kind::GatedResidual => Modulated::Table { before: 0, size: 1.0 },
            Kind::GatedResidualNorm => Modulated::Table { before: 13, size: 1.0 },
        };
        let segments = segments.to_vec();
        let reader = Reader::None;
        Self { kind, width, segments, modulated, mean: 0.0, outliers: 1.0, reader }
    }

    fn tokens(&self) -> usize {
        self.segments.iter().sum()
    }

    /// `[tokens, width]` host values.
    fn x(&self) -> Vec<f32> {
        let mut x = random::values(1, self.tokens() * self.width);
        for (i, x) in x.iter_mut().enumerate() {
            *x += self.mean;
            if i % self.width % 97 == 3 {
                *x *= self.outliers;
            }
        }
        x
    }

    /// A table, `[segments, anything]`, and its first used column.
    fn table<B: Backend>(
        &self,
        bench: &Bench<'_, B>,
        seed: u64,
    ) -> Result<Option<(Tensor<B>, usize)>> {
        let rows = self.segments.len();
        match self.modulated {
            Modulated::No => Ok(None),
            Modulated::Table { before, size } => {
                let columns = before + self.width + 5;
                let values = random::scaled(seed, rows * columns, size);
                bench.table(rows, &values).map(|table| Some((table, before)))
            }
            Modulated::Activation => {
                let values = random::values(seed, rows * 2 * self.width);
                bench.activation(rows, &values).map(|table| Some((table, self.width)))
            }
        }
    }
}

impl Scenario for Norm {
    fn run<B: Backend>(&self, bench: &Bench<'_, B>) -> Result<Vec<f32>> {
        let backend = bench.backend;
        let tokens = self.tokens();
        let x = bench.activation(tokens, &self.x())?;
        let residual = || bench.activation(tokens, &random::values(4, tokens * self.width));
        let weight = bench.vector(&random::values(3, self.width))?;
        let segments = Segments::new(self.segments.iter().copied());
        let table = self.table(bench, 2)?;
        let modulation = modulation(table.as_ref(), &segments);
        let feeds = bench.reader(self.reader, self.width)?;
        bench.poison_for(self.reader, tokens * self.width)?;
        let y = match (self.kind, modulation) {
            (Kind::GatedResidual, gate) => {
                let mut residual = residual()?;
                backend.gated_residual(&mut residual, &x, &weight, EPS, gate)?;
                residual
            }
            (Kind::GatedResidualNorm, gate) => {
                let next = Next::new(self, bench)?;
                let (mut residual, next) = (residual()?, next.norm(&segments, feeds.as_ref()));
                bench.poison_for(self.reader, tokens * self.width)?;
                backend.gated_residual_norm(&mut residual, &x, &weight, EPS, gate, next)?
            }
            (Kind::LayerScale, Some(scale)) => {
                backend.layer_norm_scale(&x, EPS, scale, feeds.as_ref())?
            }
            (Kind::Rms | Kind::LayerScale, scale) => {
                backend.rms_norm(&x, &weight, EPS, scale, feeds.as_ref())?
            }
        };
        backend.read(&y)
    }

    fn bound(&self, policy: Policy) -> Bound {
        let sum = |result| Bound::sum(self.width, result);
        let bound = match self.kind {
            Kind::GatedResidual => sum(policy.activation),
            Kind::Rms | Kind::LayerScale => sum(self.reader.element(policy)),
            // The stream is stored before it is normed. With weights and scales, the largest value of a row of 3840 is
            // 9 times its root mean square: rounding to 127 steps of it, by itself, takes 1.03 of the bound of others.
            Kind::GatedResidualNorm => {
                sum(policy.activation).plus(sum(self.reader.element(policy))).uneven()
            }
        };
        // Subtracting a mean that is large beside the deviation uncovers its rounding.
        bound.amplified(1.0 + f64::from(self.mean))
    }
}

/// The modulation by a table and its first used column.
fn modulation<'a, B: Backend>(
    table: Option<&'a (Tensor<B>, usize)>,
    segments: &'a Segments,
) -> Option<Modulation<'a, B>> {
    table.map(|(table, column)| Modulation { table, column: *column, segments })
}

/// What the norm of a residual stream is made of.
struct Next<B: Backend> {
    weight: Tensor<B>,
    table: Option<(Tensor<B>, usize)>,
}

impl<B: Backend> Next<B> {
    fn new(norm: &Norm, bench: &Bench<'_, B>) -> Result<Self> {
        let weight = bench.vector(&random::values(5, norm.width))?;
        Ok(Self { weight, table: norm.table(bench, 6)? })
    }

    fn norm<'a>(&'a self, segments: &'a Segments, feeds: Option<&'a Weight<B>>) -> NextNorm<'a, B> {
        let scale = modulation(self.table.as_ref(), segments);
        NextNorm { weight: &self.weight, eps: EPS, scale, feeds }
    }
}

const WIDTHS: [usize; 6] = [7, 64, 341, 682, 1024, 3840];

fn both_readers(norm: &Norm) -> [Norm; 2] {
    Reader::ALL.map(|reader| Norm { reader, ..norm.clone() })
}

/// RMSNorm of every width, one token and many.
pub fn rms_norm_sizes<B: Backend>(backend: &B) -> Outcome {
    for width in WIDTHS.into_iter().chain([1]) {
        for segments in [&[1][..], &[3], &PACKED] {
            agree_all(backend, both_readers(&Norm::new(Kind::Rms, width, segments)))?;
        }
    }
    Ok(())
}

/// RMSNorm with a scale for each segment, anywhere in a table of either type.
pub fn rms_norm_modulated<B: Backend>(backend: &B) -> Outcome {
    let places = [
        Modulated::Table { before: 0, size: 1.0 },
        Modulated::Table { before: 13, size: 1.0 },
        Modulated::Activation,
    ];
    for modulated in places {
        for width in [7, 64, 341] {
            let norm = Norm { modulated, ..Norm::new(Kind::Rms, width, &PACKED) };
            agree_all(backend, both_readers(&norm))?;
        }
    }
    Ok(())
}

/// Channels a thousand times larger than the others.
pub fn rms_norm_outlier_channels<B: Backend>(backend: &B) -> Outcome {
    agree(backend, &Norm { outliers: 1000.0, ..Norm::new(Kind::Rms, 682, &PACKED) })
}

/// LayerNorm of every width, with tables of either type.
pub fn layer_norm_scale_sizes<B: Backend>(backend: &B) -> Outcome {
    for width in WIDTHS {
        let norm = Norm::new(Kind::LayerScale, width, &PACKED);
        agree_all(backend, both_readers(&norm))?;
        agree(backend, &Norm { modulated: Modulated::Activation, ..norm.clone() })?;
        let modulated = Modulated::Table { before: 3, size: 1.0 };
        agree(backend, &Norm { modulated, ..norm })?;
    }
    Ok(())
}

/// A mean a hundred times the deviation: a variance from sums of squares loses it.
pub fn layer_norm_scale_large_mean<B: Backend>(backend: &B) -> Outcome {
    agree_all(
        backend,
        [64, 682].map(|width| Norm { mean: 100.0, ..Norm::new(Kind::LayerScale, width, &PACKED) }),
    )
}

/// The residual with and without a gate.
pub fn gated_residual_sizes<B: Backend>(backend: &B) -> Outcome {
    for width in WIDTHS.into_iter().chain([1]) {
        let norm = Norm::new(Kind::GatedResidual, width, &PACKED);
        agree(backend, &Norm { modulated: Modulated::No, ..norm.clone() })?;
        agree(backend, &Norm { modulated: Modulated::Activation, ..norm.clone() })?;
        agree(backend, &norm)?;
        agree(backend, &Norm { segments: vec![1], ..norm })?;
    }
    Ok(())
}

/// Gates so large that `exp` of them overflows, where `tanh` is one, and so small that it is linear.
pub fn gated_residual_extreme_gates<B: Backend>(backend: &B) -> Outcome {
    agree_all(
        backend,
        [1e-4, 10.0, 1000.0].map(|size| Norm {
            modulated: Modulated::Table { before: 9, size },
            ..Norm::new(Kind::GatedResidual, 64, &PACKED)
        }),
    )
}

/// The residual and the stream's norm after it, with and without modulation.
pub fn gated_residual_norm_sizes<B: Backend>(backend: &B) -> Outcome {
    for width in WIDTHS.into_iter().chain([1]) {
        let norm = Norm::new(Kind::GatedResidualNorm, width, &PACKED);
        for modulated in [norm.modulated, Modulated::No, Modulated::Activation] {
            agree_all(backend, both_readers(&Norm { modulated, ..norm.clone() }))?;
        }
        agree(backend, &Norm { segments: vec![1], ..norm })?;
    }
    Ok(())
}

/// In one pass, the stream and its norm have the bits that the two operations give them.
pub fn gated_residual_norm_is_both<B: Backend>(backend: &B) -> Outcome {
    for width in WIDTHS {
        let norm = Norm::new(Kind::GatedResidualNorm, width, &PACKED);
        for norm in both_readers(&norm) {
            let failed = |source| Failure::refused(format!("{norm:?}"), source);
            let bench = Bench::start(backend)?;
            let (together, apart) = one_pass_and_two(&norm, &bench).map_err(failed)?;
            for (what, together, apart) in
                [("stream", &together.0, &apart.0), ("norm", &together.1, &apart.1)]
            {
                same_bits(together, apart)
                    .map_err(|d| Failure::differs(format!("the {what} of {norm:?}"), d))?;
            }
        }
    }
    Ok(())
}

/// A residual stream and its norm.
type StreamAndNorm = (Vec<f32>, Vec<f32>);

fn one_pass_and_two<B: Backend>(
    norm: &Norm,
    bench: &Bench<'_, B>,
) -> Result<(StreamAndNorm, StreamAndNorm)> {
    let (backend, tokens) = (bench.backend, norm.tokens());
    let y = bench.activation(tokens, &norm.x())?;
    let stream = || bench.activation(tokens, &random::values(4, tokens * norm.width));
    let weight = bench.vector(&random::values(3, norm.width))?;
    let segments = Segments::new(norm.segments.iter().copied());
    let (table, next) = (norm.table(bench, 2)?, Next::new(norm, bench)?);
    let gate = modulation(table.as_ref(), &segments);
    let feeds = bench.reader(norm.reader, norm.width)?;

    let (mut x, next) = (stream()?, || next.norm(&segments, feeds.as_ref()));
    let normed = backend.gated_residual_norm(&mut x, &y, &weight, EPS, gate, next())?;
    let together = (backend.read(&x)?, backend.read(&normed)?);

    let (mut x, NextNorm { weight: next_weight, eps, scale, feeds }) = (stream()?, next());
    backend.gated_residual(&mut x, &y, &weight, EPS, gate)?;
    let normed = backend.rms_norm(&x, next_weight, eps, scale, feeds)?;
    Ok((together, (backend.read(&x)?, backend.read(&normed)?)))
}

/// A token has the same bits alone and in a batch.
pub fn rms_norm_rows_are_independent<B: Backend>(backend: &B) -> Outcome {
    for width in [7, 341, 3840] {
        let bench = Bench::start(backend)?;
        let norm = Norm::new(Kind::Rms, width, &[33]);
        let weight = bench.vector(&random::values(3, width))?;
        let values = norm.x();
        let run = |values: &[f32]| {
            let x = bench.activation(values.len() / width, values)?;
            backend.read(&backend.rms_norm(&x, &weight, EPS, None, None)?)
        };
        let whole = run(&values)?;
        for rows in [0..1, 32..33, 5..8, 1..33] {
            let elements = rows.start * width..rows.end * width;
            same_bits(&run(&values[elements.clone()])?, &whole[elements]).map_err(|d| {
                Failure::differs(format!("rows {rows:?} alone and within {norm:?}"), d)
            })?;
        }
    }
    Ok(())
}
