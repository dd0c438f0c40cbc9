//! The largest singular vectors of a matrix, by randomised subspace iteration (Halko, Martinsson, Tropp 2011). Every sum has
//! an order of its own, so that the bits are the same with any number of threads. What becomes of the vectors is not
//! decided here.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use half::bf16;
use zao_backend::{Dtype, Stored};

/// Vectors that are iterated beside those that are asked for, which makes the last of these exact.
const OVERSAMPLED: usize = 8;

/// Times that the matrix and its transpose are applied to what was drawn. Each makes singular values differ by their cube more,
/// so that slowly falling ones are told apart, too.
const ITERATIONS: usize = 2;

/// Vectors, and rows or columns of the matrix, that are multiplied at a time: their sums stay in registers.
const VECTORS: usize = 8;
const LINES: usize = 4;

/// Rows or columns of the matrix that a thread takes at a time.
const STRIP: usize = 64;

/// The largest singular vectors of a matrix `[out, in]`, in the order of their values, and these.
pub(super) struct Subspace {
    /// Left ones, of the length of one.
    left: Vec<Vec<f32>>,
    /// Right ones, of the length of their values.
    right: Vec<Vec<f32>>,
    values: Vec<f64>,
}

impl Subspace {
    /// The `rank` largest of `matrix`, which has two dimensions.
    pub(super) fn of(matrix: &Stored, rank: usize, threads: NonZeroUsize) -> Self {
        let &[out, inner] = matrix.shape() else { unreachable!("only matrices are iterated") };
        let count = (rank + OVERSAMPLED).min(out).min(inner).next_multiple_of(VECTORS);
        let dense = Dense { matrix, out, inner, threads };
        let mut basis = orthonormal(dense.times(&Tall::drawn(inner, count)).vectors());
        for _ in 0..ITERATIONS {
            let right = orthonormal(dense.transposed_times(&Tall::of(&basis, out)).vectors());
            basis = orthonormal(dense.times(&Tall::of(&right, inner)).vectors());
        }
        // What the matrix is within the basis: its small eigenproblem turns both sides to singular vectors.
        let within = dense.transposed_times(&Tall::of(&basis, out)).vectors();
        let gram = within.iter().map(|a| within.iter().map(|b| dot(a, b)).collect()).collect();
        let (values, turns) = eigen(gram);
        let kept = rank.min(out).min(inner);
        let turned = |vectors: &[Vec<f32>], turn: &[f64]| {
            let mut sum = vec![0.0_f32; vectors.first().map_or(0, Vec::len)];
            for (vector, &factor) in vectors.iter().zip(turn) {
                let factor = factor as f32;
                sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += factor * value);
            }
            sum
        };
        let turns = &turns[..kept];
        Self {
            left: turns.iter().map(|turn| turned(&basis, turn)).collect(),
            right: turns.iter().map(|turn| turned(&within, turn)).collect(),
            values: values[..kept].iter().map(|value| value.max(0.0).sqrt()).collect(),
        }
    }

    /// The best matrix of at most this rank as `up`, `[out, rank]`, and `down`, `[rank, in]`, both of about the same
    /// size, in bf16.
    pub(super) fn factors(&self, rank: usize) -> [Stored; 2] {
        let rank = rank.min(self.values.len());
        let root = |i: usize| (self.values[i].sqrt() as f32).max(f32::MIN_POSITIVE);
        let out = self.left.first().map_or(0, Vec::len);
        let inner = self.right.first().map_or(0, Vec::len);
        let up = (0..out).flat_map(|row| (0..rank).map(move |i| self.left[i][row] * root(i)));
        let down = (0..rank).flat_map(|i| self.right[i].iter().map(move |v| v / root(i)));
        [stored([out, rank], up), stored([rank, inner], down)]
    }

    /// What of the rows of `matrix`, `[rows, in]`, lies along the first `rank` right vectors, in `f32`: `up`, `[rows, rank]`,
    /// times `down`, `[rank, in]`. The matrix need not be the one that the vectors are of.
    pub(super) fn along(&self, matrix: &Stored, rank: usize) -> [Stored; 2] {
        let rank = rank.min(self.values.len());
        let inner = self.right.first().map_or(0, Vec::len);
        let (mut up, mut row) = (Vec::new(), vec![0.0; inner]);
        for index in 0..matrix.len().checked_div(inner).unwrap_or(0) {
            matrix.widen(index * inner, &mut row);
            // The vectors are as long as their values.
            let vectors = self.right.iter().zip(&self.values).take(rank);
            up.extend(vectors.map(|(right, value)| match value.powi(2) {
                0.0 => 0.0,
                square => (dot(&row, right) / square) as f32,
            }));
        }
        let rows = up.len().checked_div(rank).unwrap_or(0);
        let down = self.right[..rank].concat();
        [Stored::from_f32(&[rows, rank], &up), Stored::from_f32(&[rank, inner], &down)]
    }
}

fn stored(shape: [usize; 2], values: impl Iterator<Item = f32>) -> Stored {
    let bytes: Vec<u8> = values.flat_map(|value| bf16::from_f32(value).to_le_bytes()).collect();
    Stored::new(Dtype::Bf16, shape.to_vec(), bytes.into()).expect("every value was written")
}

/// Vectors of the same length, [`VECTORS`] of them side by side: `[vectors / VECTORS][length][VECTORS]`.
struct Tall {
    length: usize,
    blocks: Vec<[f32; VECTORS]>,
}

impl Tall {
    /// `count` vectors of signs, always the same.
    fn drawn(length: usize, count: usize) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut sign = || {
            // xorshift64*: any source of independent signs serves.
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            let high = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 63;
            if high == 0 { 1.0 } else { -1.0 }
        };
        let blocks = (0..count / VECTORS * length).map(|_| std::array::from_fn(|_| sign()));
        Self { length, blocks: blocks.collect() }
    }

    fn of(vectors: &[Vec<f32>], length: usize) -> Self {
        let block = |of: usize, row: usize| std::array::from_fn(|i| vectors[of + i][row]);
        let firsts = (0..vectors.len()).step_by(VECTORS);
        let blocks = firsts.flat_map(|of| (0..length).map(move |row| block(of, row)));
        Self { length, blocks: blocks.collect() }
    }

    fn vectors(&self) -> Vec<Vec<f32>> {
        let of = |block: &[[f32; VECTORS]], i: usize| block.iter().map(|row| row[i]).collect();
        let blocks = self.blocks.chunks(self.length.max(1));
        blocks.flat_map(|block| (0..VECTORS).map(move |i| of(block, i))).collect()
    }
}

/// A matrix that is applied to vectors, its rows or columns shared among threads.
struct Dense<'a> {
    matrix: &'a Stored,
    out: usize,
    inner: usize,
    threads: NonZeroUsize,
}

impl Dense<'_> {
    /// The matrix times each of `vectors`.
    fn times(&self, vectors: &Tall) -> Tall {
        self.by_strips(self.out, vectors, |rows, packed| {
            let mut row = vec![0.0; self.inner];
            for (i, index) in rows.enumerate() {
                self.matrix.widen(index * self.inner, &mut row);
                let lines = &mut packed[i / LINES * self.inner..][..self.inner];
                lines.iter_mut().zip(&row).for_each(|(line, value)| line[i % LINES] = *value);
            }
        })
    }

    /// Its transpose times each of `vectors`.
    fn transposed_times(&self, vectors: &Tall) -> Tall {
        self.by_strips(self.inner, vectors, |columns, packed| {
            let mut part = vec![0.0; columns.len()];
            for row in 0..self.out {
                self.matrix.widen(row * self.inner + columns.start, &mut part);
                for (group, values) in part.chunks(LINES).enumerate() {
                    packed[group * self.out + row][..values.len()].copy_from_slice(values);
                }
            }
        })
    }

    /// `count` lines, each times each of `vectors`, some at a time: `pack` lays these out as `[lines / LINES][length][LINES]`.
    fn by_strips(
        &self,
        count: usize,
        vectors: &Tall,
        pack: impl Fn(std::ops::Range<usize>, &mut [[f32; LINES]]) + Sync,
    ) -> Tall {
        let mut blocks = vec![[0.0; VECTORS]; vectors.blocks.len() / vectors.length.max(1) * count];
        let mut strips: Vec<Vec<&mut [[f32; VECTORS]]>> =
            (0..count.div_ceil(STRIP)).map(|_| Vec::new()).collect();
        for block in blocks.chunks_mut(count.max(1)) {
            block.chunks_mut(STRIP).zip(&mut strips).for_each(|(rows, strip)| strip.push(rows));
        }
        let threads = self.threads.get().min(strips.len());
        let queue = Mutex::new(strips.into_iter().enumerate());
        let take_turns = || {
            let mut packed = vec![[0.0; LINES]; STRIP / LINES * vectors.length];
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((number, mut strip)) = next else { break };
                let first = number * STRIP;
                let lines = first..(first + STRIP).min(count);
                pack(lines.clone(), &mut packed);
                let blocks = vectors.blocks.chunks(vectors.length.max(1));
                for (block, out) in blocks.zip(&mut strip) {
                    let groups = packed.chunks(vectors.length.max(1));
                    for (group, out) in groups.zip(out.chunks_mut(LINES)) {
                        out.copy_from_slice(&sums(group, block)[..out.len()]);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(take_turns);
            }
            take_turns();
        });
        Tall { length: count, blocks }
    }
}

/// Each of a few lines times each of a few vectors.
fn sums(lines: &[[f32; LINES]], vectors: &[[f32; VECTORS]]) -> [[f32; VECTORS]; LINES] {
    let mut sums = [[0.0; VECTORS]; LINES];
    for (line, vector) in lines.iter().zip(vectors) {
        for i in 0..LINES {
            for j in 0..VECTORS {
                sums[i][j] += line[i] * vector[j];
            }
        }
    }
    sums
}

/// The same vectors made orthonormal in their order (Gram-Schmidt, twice, which is enough); those that depend on others become
/// zeros.
fn orthonormal(mut vectors: Vec<Vec<f32>>) -> Vec<Vec<f32>> {
    for index in 0..vectors.len() {
        let (before, rest) = vectors.split_at_mut(index);
        let Some(vector) = rest.first_mut() else { break };
        let was = dot(vector, vector).sqrt();
        for _ in 0..2 {
            for other in before.iter() {
                let along = dot(vector, other) as f32;
                vector.iter_mut().zip(other).for_each(|(value, other)| *value -= along * other);
            }
        }
        let length = dot(vector, vector).sqrt();
        let factor = if length > 1e-6 * was { (1.0 / length) as f32 } else { 0.0 };
        vector.iter_mut().for_each(|value| *value *= factor);
    }
    vectors
}

/// The inner product, in eight sums that end in `f64`.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    const AT_ONCE: usize = 1024;
    let mut sum = 0.0;
    for (a, b) in a.chunks(AT_ONCE).zip(b.chunks(AT_ONCE)) {
        let mut lanes = [0.0_f32; 8];
        let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
        for (a, b) in a.iter().zip(b) {
            for i in 0..8 {
                lanes[i] += a[i] * b[i];
            }
        }
        sum += lanes.into_iter().map(f64::from).sum::<f64>();
        sum += rest_a.iter().zip(rest_b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    }
    sum
}

/// Eigenvalues of a symmetric matrix, the largest first, each with its vector: cyclic Jacobi rotations.
fn eigen(mut matrix: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    const SWEEPS: usize = 30;
    let count = matrix.len();
    let mut vectors: Vec<Vec<f64>> =
        (0..count).map(|i| (0..count).map(|j| f64::from(i == j)).collect()).collect();
    let total: f64 = matrix.iter().flatten().map(|value| value * value).sum();
    for _ in 0..SWEEPS {
        let beside = |(i, row): (usize, &Vec<f64>)| -> f64 {
            row[..i].iter().map(|value| value * value).sum()
        };
        if matrix.iter().enumerate().map(beside).sum::<f64>() <= 1e-24 * total {
            break;
        }
        for p in 0..count {
            for q in p + 1..count {
                if matrix[p][q] == 0.0 {
                    continue;
                }
                let theta = (matrix[q][q] - matrix[p][p]) / (2.0 * matrix[p][q]);
                let sign = if theta < 0.0 { -1.0 } else { 1.0 };
                let t = sign / (theta.abs() + theta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                let s = t * c;
                for row in &mut matrix {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
                turn_rows(&mut matrix, (p, q), (c, s));
                turn_rows(&mut vectors, (p, q), (c, s));
            }
        }
    }
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&i, &j| matrix[j][j].total_cmp(&matrix[i][i]));
    let values = order.iter().map(|&i| matrix[i][i]).collect();
    (values, order.into_iter().map(|i| std::mem::take(&mut vectors[i])).collect())
}

/// Rows `p` and `q`, `p` before `q`, turned in their plane.
fn turn_rows(rows: &mut [Vec<f64>], (p, q): (usize, usize), (c, s): (f64, f64)) {
    let (before, rest) = rows.split_at_mut(q);
    let (Some(first), Some(second)) = (before.get_mut(p), rest.first_mut()) else { return };
    for (a, b) in first.iter_mut().zip(second) {
        (*a, *b) = (c * *a - s * *b, s * *a + c * *b);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const THREADS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

    /// A matrix of these singular values, between orthonormal vectors in random directions.
    pub(in super::super) fn of_spectrum([out, inner]: [usize; 2], values: &[f32]) -> Stored {
        let mut state = 7_u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f32 / (1 << 24) as f32 - 0.5
        };
        let mut directions = |length: usize| {
            let drawn = values.iter().map(|_| (0..length).map(|_| uniform()).collect());
            orthonormal(drawn.collect())
        };
        let (left, right) = (directions(out), directions(inner));
        let mut matrix = vec![0.0_f32; out * inner];
        for (i, row) in matrix.chunks_mut(inner).enumerate() {
            for ((left, right), value) in left.iter().zip(&right).zip(values) {
                let factor = left[i] * value;
                row.iter_mut().zip(right).for_each(|(sum, right)| *sum += factor * right);
            }
        }
        Stored::from_f32(&[out, inner], &matrix)
    }

    /// Root of the mean square of what the factors leave, over that of the matrix.
    fn left_over(matrix: &Stored, [up, down]: &[Stored; 2]) -> f64 {
        let (rank, inner) = (down.shape()[0], down.shape()[1]);
        let (up, down) = (up.to_f32(), down.to_f32());
        let mut rest = matrix.to_f32();
        let all = dot(&rest, &rest);
        for (row, up) in rest.chunks_mut(inner).zip(up.chunks(rank)) {
            for (up, down) in up.iter().zip(down.chunks(inner)) {
                row.iter_mut().zip(down).for_each(|(value, down)| *value -= up * down);
            }
        }
        (dot(&rest, &rest) / all).sqrt()
    }

    #[test]
    fn singular_values_are_found_and_the_best_matrix_of_a_rank_is_made() {
        for shape in [[300, 200], [200, 300], [130, 131]] {
            let values: Vec<f32> = (1..=130).map(|i| (i as f32).powf(-0.7)).collect();
            let matrix = of_spectrum(shape, &values);
            let subspace = Subspace::of(&matrix, 16, THREADS);
            for (found, value) in subspace.values.iter().zip(&values) {
                // The last ones are mixed with those that follow.
                assert!(
                    (found / f64::from(*value) - 1.0).abs() < 0.04,
                    "{shape:?} {found} {value}"
                );
            }
            let square = |values: &[f32]| values.iter().map(|v| f64::from(v * v)).sum::<f64>();
            let best = (square(&values[16..]) / square(&values)).sqrt();
            let left = left_over(&matrix, &subspace.factors(16));
            assert!((best..best * 1.01).contains(&left), "{shape:?} {left} {best}");
            assert!(left_over(&matrix, &subspace.factors(4)) > left);
        }
    }

    #[test]
    fn a_matrix_of_small_rank_is_found_whole_and_rows_lie_in_its_subspace() {
        let matrix = of_spectrum([90, 70], &[3.0, 2.0, 1.0]);
        let subspace = Subspace::of(&matrix, 8, THREADS);
        // bf16 keeps eight bits.
        assert!(left_over(&matrix, &subspace.factors(8)) < 4e-3);
        assert!(left_over(&matrix, &subspace.along(&matrix, 3)) < 1e-3);
        assert!(left_over(&matrix, &subspace.along(&matrix, 1)) > 0.5);
        let nothing = Subspace::of(&Stored::from_f32(&[20, 30], &[0.0; 600]), 4, THREADS);
        assert!(nothing.factors(4).iter().all(|f| f.to_f32().iter().all(|value| *value == 0.0)));
    }

    #[test]
    fn any_number_of_threads_finds_the_same_bits() {
        let values: Vec<f32> = (1..=200).map(|i| 1.0 / i as f32).collect();
        let matrix = of_spectrum([333, 222], &values);
        let of =
            |threads| Subspace::of(&matrix, 16, NonZeroUsize::new(threads).unwrap()).factors(16);
        let [alone, shared] = [of(1), of(5)];
        for (alone, shared) in alone.iter().zip(&shared) {
            assert_eq!(alone.bytes(), shared.bytes());
        }
    }
}
