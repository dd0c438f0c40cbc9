//! The rows of a matrix among threads: quantised, and compared with what they were. What is computed for a row does
//! not depend on who computes it.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use zao_backend::{BlockKind, Blocks, Dtype, Form, LowRank, Scaled, ScaledKind, Stored};

/// About how many values a thread takes at a time: they and what becomes of them stay in its cache.
const AT_A_TIME: usize = 1 << 15;

/// A matrix whose rows are shared among threads.
pub(super) struct Rows<'a> {
    matrix: &'a Stored,
    rows: usize,
    columns: usize,
    threads: NonZeroUsize,
    less: Option<Product>,
}

/// A low-rank matrix that is taken from the values.
struct Product {
    /// `[out, rank]`.
    up: Vec<f32>,
    /// `[rank, in]`.
    down: Vec<f32>,
}

impl<'a> Rows<'a> {
    /// The rows of `matrix`, the outermost of its dimensions; `None` when it has no values.
    pub(super) fn of(matrix: &'a Stored, threads: NonZeroUsize) -> Option<Self> {
        let &rows = matrix.shape().first()?;
        let columns = matrix.len().checked_div(rows)?;
        (columns > 0).then_some(Self { matrix, rows, columns, threads, less: None })
    }

    /// Rows at a time.
    fn step(&self) -> usize {
        (AT_A_TIME / self.columns).max(1)
    }

    /// Blocks of int4; columns are whole blocks.
    pub(super) fn int4(&self) -> Form {
        let row = self.columns / BlockKind::Int4.values() * BlockKind::Int4.bytes();
        let mut bytes = vec![0; self.rows * row];
        self.each(bytes.chunks_mut(self.step() * row), |values, out| {
            Blocks::round_to_int4(values, out);
        });
        let blocks = Blocks::new(BlockKind::Int4, [self.rows, self.columns], bytes.into());
        Form::Blocks(blocks.expect("every row was rounded to whole blocks"))
    }

    /// Blocks of int4 beside the low-rank matrix `up`, `[out, rank]`, times `down`, `[rank, in]`: they hold what it
    /// leaves.
    pub(super) fn int4_beside(self, up: &Stored, down: &Stored) -> Form {
        let less = Some(Product { up: up.to_f32(), down: down.to_f32() });
        let rest = Self { less, ..self }.int4();
        let both = LowRank::new(rest, up.clone(), down.clone());
        Form::LowRank(both.expect("the factors make a matrix of this shape"))
    }

    /// fp8 with a scale a row.
    pub(super) fn fp8(&self) -> Form {
        let mut bytes = vec![0; self.rows * self.columns];
        let mut scales = vec![0.0; self.rows];
        let of_threads =
            bytes.chunks_mut(self.step() * self.columns).zip(scales.chunks_mut(self.step()));
        self.each(of_threads, |values, (out, scales)| {
            let rows = values.chunks(self.columns).zip(out.chunks_mut(self.columns));
            for ((values, out), scale) in rows.zip(scales) {
                *scale = Scaled::round_to_e4m3(values, out);
            }
        });
        let shape = [self.rows, self.columns];
        let scaled = Scaled::new(ScaledKind::E4m3, shape, bytes.into(), scales);
        Form::Scaled(scaled.expect("every row has its bytes and its scale"))
    }

    /// How far other values are from these: the root of the mean square of the differences over that of the values.
    /// `other` writes its values of the rows from a first one on.
    pub(super) fn relative_error(&self, other: impl Fn(usize, &mut [f32]) + Sync) -> f64 {
        let mut sums = vec![[0.0; 2]; self.rows.div_ceil(self.step())];
        self.each(sums.iter_mut().enumerate(), |values, (index, sums)| {
            let mut others = vec![0.0; values.len()];
            other(index * self.step(), &mut others);
            for (value, other) in values.iter().zip(&others) {
                sums[0] += f64::from(value - other).powi(2);
                sums[1] += f64::from(*value).powi(2);
            }
        });
        let [lost, all] = sums.iter().fold([0.0; 2], |[a, b], [c, d]| [a + c, b + d]);
        if all > 0.0 { (lost / all).sqrt() } else { 0.0 }
    }

    /// [`Self::relative_error`] of blocks, or of blocks with a low-rank part.
    pub(super) fn error_of(&self, form: &Form) -> f64 {
        self.relative_error(|first, out| match form {
            Form::Blocks(blocks) => blocks.widen(first, out),
            form => {
                let rows = form.rows(first..first + out.len() / self.columns);
                match rows.map(|rows| rows.unpacked(Dtype::F32)) {
                    Some(Form::Dense(values)) => values.widen(0, out),
                    _ => unreachable!("{} has rows", form.name()),
                }
            }
        })
    }

    /// Calls `work` with the values of some rows and what belongs to them, one of `items` for each [`Self::step`]
    /// rows in order; who works on which is not determined.
    fn each<T: Send>(
        &self,
        items: impl Iterator<Item = T> + Send,
        work: impl Fn(&[f32], T) + Sync,
    ) {
        let step = self.step();
        let items = Mutex::new(items.zip((0..self.rows).step_by(step)));
        let take_turns = || {
            let mut values = vec![0.0; step.min(self.rows) * self.columns];
            loop {
                let next = items.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((item, first)) = next else { break };
                let count = step.min(self.rows - first);
                let values = &mut values[..count * self.columns];
                self.matrix.widen(first * self.columns, values);
                if let Some(Product { up, down }) = &self.less {
                    let rank = down.len() / self.columns;
                    let rows = values.chunks_mut(self.columns);
                    for (row, up) in rows.zip(up[first * rank..].chunks(rank)) {
                        subtract_product(row, up, down);
                    }
                }
                work(values, item);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.threads.get().min(self.rows.div_ceil(step)) {
                scope.spawn(take_turns);
            }
            take_turns();
        });
    }
}

/// `row -= factors` times the matrix `down`.
fn subtract_product(row: &mut [f32], factors: &[f32], down: &[f32]) {
    for (factor, down) in factors.iter().zip(down.chunks(row.len().max(1))) {
        row.iter_mut().zip(down).for_each(|(value, down)| *value -= factor * down);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(shape: [usize; 2]) -> Stored {
        let value = |i: usize| ((i * i % 1009) as f32 - 504.0) / 700.0;
        Stored::from_f32(&shape, &(0..shape[0] * shape[1]).map(value).collect::<Vec<_>>())
    }

    #[test]
    fn any_number_of_threads_makes_the_same_of_each_row() {
        let matrix = matrix([700, 192]);
        let rows = |threads| Rows::of(&matrix, NonZeroUsize::new(threads).unwrap()).unwrap();
        for make in [Rows::int4, Rows::fp8] {
            let (alone, shared) = (make(&rows(1)), make(&rows(3)));
            let values = |form: &Form| match form.clone().unpacked(zao_backend::Dtype::F32) {
                Form::Dense(stored) => stored.to_f32(),
                other => panic!("{other:?}"),
            };
            let (alone, shared) = (values(&alone), values(&shared));
            assert_eq!(alone, shared);
            let error = |threads| {
                rows(threads).relative_error(|first, out| {
                    out.copy_from_slice(&alone[first * 192..][..out.len()]);
                })
            };
            assert!(error(1) > 0.0 && error(1) < 0.1 && error(1) == error(3), "{}", error(1));
        }
    }

    #[test]
    fn what_is_the_same_has_no_error_and_what_is_nothing_cannot_have_one() {
        let one = NonZeroUsize::MIN;
        let matrix = matrix([3, 5]);
        let rows = Rows::of(&matrix, one).unwrap();
        assert_eq!(rows.relative_error(|first, out| matrix.widen(first * 5, out)), 0.0);
        assert_eq!(rows.relative_error(|_, out| out.fill(0.0)), 1.0);
        let zeros = Stored::from_f32(&[2, 2], &[0.0; 4]);
        assert_eq!(Rows::of(&zeros, one).unwrap().relative_error(|_, out| out.fill(0.0)), 0.0);
        assert!(Rows::of(&Stored::from_f32(&[0, 2], &[]), one).is_none());
        assert!(Rows::of(&Stored::from_f32(&[2, 0], &[]), one).is_none());
    }
}
