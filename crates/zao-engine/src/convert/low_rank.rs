//! Whether a matrix gains by a low-rank part beside its int4: decided from its values, since most do not. The part has to
//! beat what its bytes would gain as more bits for every weight.

use std::num::NonZeroUsize;

use zao_backend::{BlockKind, Blocks, Stored};

use super::subspace::Subspace;

/// The ranks that are tried.
const RANKS: [usize; 2] = [16, 32];

/// How much more a part has to gain than the same bytes as bits would: it also takes time whenever the layer is
/// multiplied.
const MARGIN: f64 = 1.5;

/// How much of the gain that is needed a glance has to see: it looks at some rows only, and finds less than there is.
const GLANCE: f64 = 0.4;

/// Rows that a glance takes the subspace from, and rows that it is tried on.
const SAMPLED: usize = 384;
const TRIED: usize = 48;

/// Rows that gains are measured on, at least.
const MEASURED: usize = 128;

/// A part that pays.
#[derive(Clone, Debug)]
pub(super) struct LowRankPart {
    /// `[out, rank]`, bf16.
    pub(super) up: Stored,
    /// `[rank, in]`, bf16.
    pub(super) down: Stored,
    /// The relative error of int4 without the part, as some of the rows show it.
    pub(super) error_without: f64,
}

/// How much smaller the error of int4 becomes, in bits: one halves it.
fn bits_gained(without: f64, with: f64) -> f64 {
    if without > 0.0 { (without / with.max(f64::MIN_POSITIVE)).log2() } else { 0.0 }
}

/// Bits for each weight that a part of this rank takes in bf16.
fn bits_taken(rank: usize, [out, inner]: [usize; 2]) -> f64 {
    16.0 * rank as f64 * (out + inner) as f64 / (out as f64 * inner as f64)
}

/// Bits that a part of this rank has to gain.
fn bits_needed(rank: usize, shape: [usize; 2]) -> f64 {
    MARGIN * bits_taken(rank, shape)
}

/// Bytes of the matrix that [`worthwhile`] reads where nothing is gained.
pub(super) fn glanced_bytes(shape: [usize; 2], stored: u64) -> u64 {
    let [out, _] = shape;
    let rows = if out <= SAMPLED + TRIED { out } else { SAMPLED + TRIED };
    (stored as f64 * rows as f64 / out.max(1) as f64) as u64
}

/// The part that gains most beyond what it has to, if there is one: `matrix` is `[out, in]`, of whole groups of int4.
pub(super) fn worthwhile(matrix: &Stored, threads: NonZeroUsize) -> Option<LowRankPart> {
    let &[out, inner] = matrix.shape() else { return None };
    let shape = [out, inner];
    let ranks = RANKS.into_iter().filter(|&rank| rank < out.min(inner));
    let ranks: Vec<_> = ranks.collect();
    let most = *ranks.last()?;
    if !glance(matrix, shape, &ranks, threads) {
        return None;
    }
    let subspace = Subspace::of(matrix, most, threads);
    let step = (out / MEASURED.max(out / 16)).max(1);
    let rows: Vec<_> = (0..out).step_by(step).collect();
    let without = error(matrix, inner, &rows, |_, _| ());
    let candidates = ranks.into_iter().map(|rank| {
        let [up, down] = subspace.factors(rank);
        let (ups, downs) = (up.to_f32(), down.to_f32());
        let with = error(matrix, inner, &rows, |row, values| {
            subtract_product(values, &ups[row * rank..][..rank], &downs);
        });
        let surplus = bits_gained(without, with) - bits_needed(rank, shape);
        (surplus, LowRankPart { up, down, error_without: without })
    });
    let best = candidates.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(surplus, _)| *surplus > 0.0).map(|(_, part)| part)
}

/// `row -= factors` times the matrix `down`.
pub(super) fn subtract_product(row: &mut [f32], factors: &[f32], down: &[f32]) {
    for (factor, down) in factors.iter().zip(down.chunks(row.len().max(1))) {
        row.iter_mut().zip(down).for_each(|(value, down)| *value -= factor * down);
    }
}

/// Whether a part may pay, from some rows: what a subspace of most of them leaves of the others. Rows that it was not taken from
/// cannot flatter it.
fn glance(
    matrix: &Stored,
    [out, inner]: [usize; 2],
    ranks: &[usize],
    threads: NonZeroUsize,
) -> bool {
    let worst = |with: f64, rank: usize| with >= GLANCE * bits_needed(rank, [out, inner]);
    if out <= SAMPLED + TRIED {
        return ranks.iter().any(|&rank| bits_needed(rank, [out, inner]) < MOST_GAINED);
    }
    // Spread over the matrix, whose blocks of rows may differ: heads of attention do.
    let spread = |i: usize| i * out / (SAMPLED + TRIED);
    let every = (SAMPLED + TRIED) / TRIED;
    let (tried, sampled): (Vec<_>, Vec<_>) =
        (0..SAMPLED + TRIED).partition(|i| i % every == every / 2);
    let mut values = vec![0.0; sampled.len() * inner];
    for (row, &i) in values.chunks_mut(inner).zip(&sampled) {
        matrix.widen(spread(i) * inner, row);
    }
    let sample = Stored::from_f32(&[sampled.len(), inner], &values);
    let most = ranks.last().copied().unwrap_or(0);
    let subspace = Subspace::of(&sample, most, threads);
    let rows: Vec<_> = tried.into_iter().map(spread).collect();
    let without = error(matrix, inner, &rows, |_, _| ());
    ranks.iter().any(|&rank| {
        let with = error(matrix, inner, &rows, |_, values| subspace.project_out(values, rank));
        worst(bits_gained(without, with), rank)
    })
}

/// Bits that nothing gains: a part that needs more is not looked for.
const MOST_GAINED: f64 = 8.0;

/// The error of int4 on these rows after `less` took something from each, over the rows' own length.
fn error(matrix: &Stored, inner: usize, rows: &[usize], less: impl Fn(usize, &mut [f32])) -> f64 {
    let bytes = inner / BlockKind::Int4.values() * BlockKind::Int4.bytes();
    let (mut values, mut rounded) = (vec![0.0; inner], vec![0.0; inner]);
    let (mut lost, mut all) = (0.0, 0.0);
    for &row in rows {
        matrix.widen(row * inner, &mut values);
        all += values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>();
        less(row, &mut values);
        let mut packed = vec![0; bytes];
        Blocks::round_to_int4(&values, &mut packed);
        let blocks = Blocks::new(BlockKind::Int4, [1, inner], packed.into());
        blocks.expect("rows are whole groups").widen(0, &mut rounded);
        let differences = values.iter().zip(&rounded).map(|(a, b)| f64::from(a - b).powi(2));
        lost += differences.sum::<f64>();
    }
    if all > 0.0 { (lost / all).sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::subspace::tests::of_spectrum;
    use super::*;

    const THREADS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

    /// Values of about a normal distribution, those of some inputs larger.
    fn normal([out, inner]: [usize; 2], large: impl Fn(usize) -> bool) -> Stored {
        let mut state = 11_u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f32 / (1 << 24) as f32 - 0.5
        };
        let value = |i: usize| {
            let sum: f32 = (0..6).map(|_| uniform()).sum();
            if large(i % inner) { 20.0 * sum } else { sum }
        };
        Stored::from_f32(&[out, inner], &(0..out * inner).map(value).collect::<Vec<_>>())
    }

    /// Whether a part pays, and how many times it divides the error.
    fn gained(matrix: &Stored) -> Option<f64> {
        let part = worthwhile(matrix, THREADS)?;
        let rank = part.down.shape()[0];
        let (ups, downs) = (part.up.to_f32(), part.down.to_f32());
        let rows: Vec<_> = (0..matrix.shape()[0]).collect();
        let inner = matrix.shape()[1];
        let [without, with] = [0, rank].map(|rank| {
            error(matrix, inner, &rows, |row, values| {
                subtract_product(values, &ups[row * part.down.shape()[0]..][..rank], &downs);
            })
        });
        assert!(
            (part.error_without / without - 1.0).abs() < 0.05,
            "{without} {}",
            part.error_without
        );
        assert!(bits_gained(without, with) > bits_taken(rank, [matrix.shape()[0], inner]));
        Some(without / with)
    }

    #[test]
    fn normal_weights_and_small_matrices_gain_nothing() {
        for shape in [[1024, 1024], [2048, 640], [256, 256], [64, 64], [640, 128]] {
            assert!(gained(&normal(shape, |_| false)).is_none(), "{shape:?}");
        }
        assert!(gained(&Stored::from_f32(&[512, 512], &vec![0.0; 512 * 512])).is_none());
    }

    #[test]
    fn a_few_large_inputs_and_fast_falling_spectra_do() {
        let large = gained(&normal([1024, 1024], |input| input % 128 == 5)).unwrap();
        assert!((4.0..6.0).contains(&large), "eight inputs of twenty times: {large}");
        let values: Vec<f32> = (1..=1024).map(|i| (i as f32).powf(-0.7)).collect();
        let falling = gained(&of_spectrum([1024, 1024], &values)).unwrap();
        assert!(falling > 1.9, "{falling}");
        let values: Vec<f32> = (1..=1024).map(|i| (i as f32).powf(-0.3)).collect();
        assert!(gained(&of_spectrum([1024, 1024], &values)).is_none());
    }

    #[test]
    fn a_part_costs_what_its_bytes_would_be_as_bits() {
        assert_eq!(bits_taken(16, [256, 256]), 2.0);
        assert!((bits_taken(32, [3840, 3840]) - 0.267).abs() < 0.001);
        assert_eq!(bits_gained(0.2, 0.05), 2.0);
        assert_eq!(glanced_bytes([4320, 64], 1000), 100);
    }
}
