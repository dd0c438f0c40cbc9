//! Random weights, each made when it is asked for: as large, and as uneven, as trained ones.
//!
//! Normal values are drawn once, into a pool; a tensor is made of pieces of it from places that its
//! name decides. So it costs little more than writing it, and nothing is kept.

use std::sync::Arc;

use bytes::Bytes;
use half::bf16;
use zao_backend::{Dtype, Form, Stored};
use zao_model::Declared;
use zao_model::noise::{Generator, normal};
use zao_weights::PartName;

use super::packed::WeightForm;

/// Values in the pool, which stays in a core's cache.
const POOL: usize = 1 << 18;
/// Values of a piece.
const PIECE: usize = 1 << 12;
/// Of so many channels, about one is an outlier, if there are as many.
const CHANNELS_PER_OUTLIER: usize = 512;

/// Where the tensors of one part come from. The same part, name and shape give the same values.
#[derive(Clone, Debug)]
pub(crate) struct RandomWeights {
    pool: Arc<[f32]>,
    part: PartName,
}

/// One part: its random weights, and which there are.
#[derive(Debug)]
pub(crate) struct RandomPart {
    weights: RandomWeights,
    declared: Vec<Declared>,
    form: WeightForm,
    /// As many zeros as the largest tensor has bytes; nobody touches them, so that they take no memory.
    nothing: Bytes,
}

/// How the values of a tensor are spread.
struct Spread {
    mean: f32,
    deviation: f32,
    /// What outlier channels are multiplied with, if there are any.
    outliers: Option<f32>,
}

impl RandomWeights {
    /// A pool that all parts share, seen from the first.
    pub(crate) fn parts() -> [Self; 3] {
        let pool: Arc<[f32]> = normal(Generator::TorchCpu, 0, POOL).into();
        PartName::ALL.map(|part| Self { pool: Arc::clone(&pool), part })
    }

    /// The tensor `name` of this shape, in bf16 as Z-Image is published.
    pub(crate) fn make(&self, name: &str, shape: &[usize]) -> Stored {
        let mut random = Random::new(self.part, name);
        let spread = Spread::of(name, shape);
        let count = shape.iter().product::<usize>();
        let mut bytes = self.fill(count, &spread, &mut random);
        if let Some(factor) = spread.outliers {
            let width = if shape.len() > 1 { shape[1..].iter().product() } else { count };
            enlarge_channels(&mut bytes, width, factor, &mut random);
        }
        let stored = Stored::new(Dtype::Bf16, shape.to_vec(), bytes.into());
        stored.expect("as many values were made as the shape has")
    }

    /// Little-endian bf16 values without outliers.
    fn fill(&self, count: usize, spread: &Spread, random: &mut Random) -> Vec<u8> {
        let scaled = |&value: &f32| bf16::from_f32(spread.mean + spread.deviation * value);
        // A tensor smaller than the pool needs only as much of it.
        let needed = count.next_multiple_of(PIECE).min(POOL - PIECE) + PIECE;
        let start = random.below(POOL - needed + 1);
        let pool = &self.pool[start..start + needed];
        let pool: Vec<u8> = pool.iter().map(scaled).flat_map(bf16::to_le_bytes).collect();
        let total = count * size_of::<bf16>();
        let mut bytes = Vec::with_capacity(total);
        while bytes.len() < total {
            let piece = (PIECE * size_of::<bf16>()).min(total - bytes.len());
            let from = random.below(needed - PIECE + 1) * size_of::<bf16>();
            bytes.extend_from_slice(&pool[from..from + piece]);
        }
        bytes
    }
}

impl RandomPart {
    /// Its large matrices are stored as `form` says.
    pub(crate) fn new(weights: RandomWeights, declared: Vec<Declared>, form: WeightForm) -> Self {
        let largest = declared.iter().map(|tensor| form.bytes(tensor)).max().unwrap_or(0);
        let nothing = vec![0; usize::try_from(largest).unwrap_or(usize::MAX)].into();
        Self { weights, declared, form, nothing }
    }

    pub(crate) fn name(&self) -> PartName {
        self.weights.part
    }

    /// Its tensors, in the order in which they are asked for.
    pub(crate) fn declared(&self) -> &[Declared] {
        &self.declared
    }

    /// The size of all tensors in bytes, as stored.
    pub(crate) fn bytes(&self) -> u64 {
        self.declared.iter().map(|tensor| self.form.bytes(tensor)).sum()
    }

    /// What a packed tensor is like, without its values; `None` for one in bf16.
    pub(crate) fn outline(&self, tensor: &Declared) -> Option<Form> {
        self.form.outline(tensor, &self.nothing)
    }

    /// The tensor of this name, if the part has one.
    pub(crate) fn make(&self, name: &str) -> Option<Form> {
        let tensor = self.declared.iter().find(|tensor| tensor.name == name)?;
        let deviation = Spread::of(name, &tensor.shape).deviation;
        let mut random = Random::new(self.weights.part, name);
        let packed = self.form.make(tensor, deviation, &mut random);
        Some(packed.unwrap_or_else(|| Form::Dense(self.weights.make(name, &tensor.shape))))
    }
}

impl Spread {
    /// Matrices keep the size of what they multiply; norm weights are near one; biases are small; a
    /// learned pad token is as large as the tokens beside it.
    fn of(name: &str, shape: &[usize]) -> Self {
        let plain = |deviation| Self { mean: 0.0, deviation, outliers: None };
        match shape {
            _ if name.ends_with("bias") => plain(0.05),
            _ if name.ends_with("pad_token") => plain(1.0),
            [_] => Self { mean: 1.0, deviation: 0.1, outliers: Some(5.0) },
            [_, inputs @ ..] => {
                let inputs = inputs.iter().product::<usize>().max(1);
                let deviation = (inputs as f32).powf(-0.5);
                Self { mean: 0.0, deviation, outliers: Some(4.0) }
            }
            [] => plain(1.0),
        }
    }
}

/// Multiplies a few of the `width` columns.
fn enlarge_channels(bytes: &mut [u8], width: usize, factor: f32, random: &mut Random) {
    let outliers = (width + CHANNELS_PER_OUTLIER / 2) / CHANNELS_PER_OUTLIER;
    let channels: Vec<usize> = (0..outliers).map(|_| random.below(width)).collect();
    for row in bytes.as_chunks_mut::<2>().0.chunks_mut(width.max(1)) {
        for &channel in &channels {
            let value = bf16::from_le_bytes(row[channel]).to_f32();
            row[channel] = bf16::from_f32(factor * value).to_le_bytes();
        }
    }
}

/// Numbers that a name decides, the same in every version of everything: SplitMix64 from an FNV-1a
/// hash.
pub(super) struct Random(u64);

impl Random {
    fn new(part: PartName, name: &str) -> Self {
        let bytes = part.folder().bytes().chain([0]).chain(name.bytes());
        let hash = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(bytes.fold(0xcbf2_9ce4_8422_2325, hash))
    }

    #[cfg(test)]
    pub(super) fn of_seed(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// So many bytes, all values alike.
    pub(super) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let (words, rest) = bytes.as_chunks_mut::<8>();
        words.iter_mut().for_each(|word| *word = self.next().to_le_bytes());
        let last = self.next().to_le_bytes();
        rest.iter_mut().zip(last).for_each(|(to, from)| *to = from);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transformer() -> RandomWeights {
        let [_, transformer, _] = RandomWeights::parts();
        transformer
    }

    fn deviation(values: &[f32], mean: f32) -> f32 {
        let squares: f32 = values.iter().map(|v| (v - mean).powi(2)).sum();
        (squares / values.len() as f32).sqrt()
    }

    #[test]
    fn a_name_always_gives_the_same_values_and_another_gives_others() {
        let shape = [700, 600];
        let make = |weights: RandomWeights, name| weights.make(name, &shape).bytes().clone();
        let first = make(transformer(), "layers.0.attention.to_q.weight");
        assert_eq!(first, make(transformer(), "layers.0.attention.to_q.weight"));
        assert_ne!(first, make(transformer(), "layers.1.attention.to_q.weight"));
        let [text, ..] = RandomWeights::parts();
        assert_ne!(first, make(text, "layers.0.attention.to_q.weight"));
    }

    #[test]
    fn matrices_keep_the_size_of_what_they_multiply() {
        for (rows, width) in [(3, 5000), (64, 64), (1, 1), (300, 2000)] {
            let matrix = transformer().make("weight", &[rows, width]);
            assert_eq!((matrix.shape(), matrix.dtype()), (&[rows, width][..], Dtype::Bf16));
            assert_eq!(matrix.first_non_finite(), None);
            let spread = deviation(&matrix.to_f32(), 0.0) * (width as f32).sqrt();
            assert!(rows * width < 100 || (0.9..1.2).contains(&spread), "{rows}x{width}: {spread}");
        }
    }

    #[test]
    fn rows_are_not_copies_of_each_other() {
        let values = transformer().make("weight", &[512, PIECE]).to_f32();
        let rows: Vec<&[f32]> = values.chunks(PIECE).collect();
        let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let large = (1..512).filter(|&i| product(rows[i - 1], rows[i]).abs() > 0.5).count();
        assert!(large < 5, "{large}");
    }

    #[test]
    fn norms_are_near_one_but_for_a_few_outliers() {
        let norm = transformer().make("layers.0.attention_norm1.weight", &[3840]).to_f32();
        let outliers = norm.iter().filter(|v| **v > 2.5).count();
        assert!((3..=8).contains(&outliers), "{outliers}");
        let usual: Vec<f32> = norm.into_iter().filter(|v| *v < 2.5).collect();
        assert!((0.08..0.12).contains(&deviation(&usual, 1.0)));
        let bias = transformer().make("bias", &[3840]).to_f32();
        assert!((0.04..0.06).contains(&deviation(&bias, 0.0)));
    }

    #[test]
    fn a_few_columns_of_a_matrix_are_large() {
        let (rows, width) = (400, 2048);
        let values = transformer().make("layers.0.attention.to_q.weight", &[rows, width]).to_f32();
        let column = |c: usize| values.iter().skip(c).step_by(width).copied().collect::<Vec<_>>();
        let spreads = (0..width).map(|c| deviation(&column(c), 0.0) * (width as f32).sqrt());
        let outliers = spreads.filter(|spread| *spread > 3.0).count();
        assert!((2..=4).contains(&outliers), "{outliers}");
    }
}
