//! Whether a matrix gains by a low-rank part beside its int4: decided from its values, since most do not. The part has to
//! beat what its bytes would gain as more bits for every weight.

use std::num::NonZeroUsize;

use zao_backend::Stored;

use super::rows::Rows;
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
const MEASURED: usize = 256;

/// Bits that nothing gains: a part that needs more is not looked for.
const MOST_GAINED: f64 = 8.0;

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
    let measured: Vec<_> = (0..out).step_by(step).collect();
    let sample = some_rows(matrix, &measured);
    let without = error(&sample, None, threads)?;
    let candidates = ranks.into_iter().filter_map(|rank| {
        let [up, down] = subspace.factors(rank);
        let with = error(&sample, Some(&[some_rows(&up, &measured), down.clone()]), threads)?;
        let surplus = bits_gained(without, with) - bits_needed(rank, shape);
        Some((surplus, LowRankPart { up, down, error_without: without }))
    });
    let best = candidates.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(surplus, _)| *surplus > 0.0).map(|(_, part)| part)
}

/// Whether a part may pay, from some rows: what a subspace of most of them leaves of the others. Rows that it was not
/// taken from cannot flatter it.
fn glance(matrix: &Stored, shape: [usize; 2], ranks: &[usize], threads: NonZeroUsize) -> bool {
    let [out, _] = shape;
    if out <= SAMPLED + TRIED {
        return ranks.iter().any(|&rank| bits_needed(rank, shape) < MOST_GAINED);
    }
    // Spread over the matrix, whose rows may differ from block to block: those of attention's heads do.
    let every = (SAMPLED + TRIED) / TRIED;
    let (tried, sampled): (Vec<_>, Vec<_>) =
        (0..SAMPLED + TRIED).partition(|i| i % every == every / 2);
    let spread = |rows: Vec<usize>| {
        let rows: Vec<_> = rows.into_iter().map(|i| i * out / (SAMPLED + TRIED)).collect();
        some_rows(matrix, &rows)
    };
    let most = ranks.last().copied().unwrap_or(0);
    let subspace = Subspace::of(&spread(sampled), most, threads);
    let tried = spread(tried);
    let Some(without) = error(&tried, None, threads) else { return false };
    ranks.iter().any(|&rank| {
        error(&tried, Some(&subspace.along(&tried, rank)), threads)
            .is_some_and(|with| bits_gained(without, with) >= GLANCE * bits_needed(rank, shape))
    })
}

/// Some rows of a matrix, in `f32`.
fn some_rows(matrix: &Stored, rows: &[usize]) -> Stored {
    let width = matrix.shape()[1];
    let mut values = vec![0.0; rows.len() * width];
    for (values, row) in values.chunks_mut(width.max(1)).zip(rows) {
        matrix.widen(row * width, values);
    }
    Stored::from_f32(&[rows.len(), width], &values)
}

/// The relative error of int4, perhaps beside the product of `[up, down]`; `None` without any value.
fn error(matrix: &Stored, beside: Option<&[Stored; 2]>, threads: NonZeroUsize) -> Option<f64> {
    let rows = || Rows::of(matrix, threads);
    let form = match beside {
        None => rows()?.int4(),
        Some([up, down]) => rows()?.int4_beside(up, down),
    };
    Some(rows()?.error_of(&form))
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
        let (rank, shape) = (part.down.shape()[0], [matrix.shape()[0], matrix.shape()[1]]);
        let of = |beside: Option<&[Stored; 2]>| error(matrix, beside, THREADS).unwrap();
        let (without, with) = (of(None), of(Some(&[part.up, part.down])));
        assert!(
            (part.error_without / without - 1.0).abs() < 0.05,
            "{without} {}",
            part.error_without
        );
        assert!(bits_gained(without, with) > bits_taken(rank, shape));
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
    fn telling_that_nothing_is_gained_takes_less_time_than_rounding() {
        for shape in [[3840, 3840], [3840, 10_240]] {
            let matrix = normal(shape, |_| false);
            // The least of up to three times each: another program may take the processor during one of them.
            let (mut rounding, mut telling) = (f64::INFINITY, f64::INFINITY);
            let is_less = (0..3).any(|_| {
                let since = std::time::Instant::now();
                let rounded = Rows::of(&matrix, THREADS).unwrap().int4();
                rounding = rounding.min(since.elapsed().as_secs_f64());
                let since = std::time::Instant::now();
                assert!(worthwhile(&matrix, THREADS).is_none());
                telling = telling.min(since.elapsed().as_secs_f64());
                let percent = 100.0 * telling / rounding;
                eprintln!("{shape:?}: {percent:.0} % of {} bytes' rounding", rounded.bytes());
                telling < rounding
            });
            assert!(is_less, "{telling} s, and {rounding} s of rounding");
        }
    }

    #[test]
    fn a_part_costs_what_its_bytes_would_be_as_bits() {
        assert_eq!(bits_taken(16, [256, 256]), 2.0);
        assert!((bits_taken(32, [3840, 3840]) - 0.267).abs() < 0.001);
        assert_eq!(bits_gained(0.2, 0.05), 2.0);
        assert_eq!(glanced_bytes([4320, 64], 1000), 100);
    }
}
