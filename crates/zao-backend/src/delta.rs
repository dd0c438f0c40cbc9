//! What adapter files change about a model's layers, as they store it: factors of a matrix that is added to
//! a weight. Nothing is loaded to a device here, and no file is known.

use crate::{Error, Result, Stored};

/// A matrix that is stored whole, or as the product of two.
#[derive(Clone, Debug)]
pub enum Half {
    /// `[out, in]`.
    Whole(Stored),
    /// `up [out, rank]` times `down [rank, in]`.
    Product {
        /// `[out, rank]`.
        up: Stored,
        /// `[rank, in]`.
        down: Stored,
    },
}

/// How the matrix that is added is stored.
#[derive(Clone, Debug)]
pub enum Factors {
    /// `up [out, rank]` times `down [rank, in]`: LoRA.
    LowRank {
        /// `[out, rank]`.
        up: Stored,
        /// `[rank, in]`.
        down: Stored,
    },
    /// Two matrices `[out, in]`, multiplied element by element: LoHa.
    Hadamard([Half; 2]),
    /// The Kronecker product of `[o1, i1]` and `[o2, i2]`, which is `[o1 o2, i1 i2]`: LoKr.
    Kronecker([Half; 2]),
    /// The matrix itself, `[out, in]`.
    Dense(Stored),
}

/// What an adapter changes about some layers that lie one below the other in one weight: `W` becomes
/// `W + scale * factors`, or with a magnitude (DoRA) that, its rows stretched to the length that the magnitude
/// says.
#[derive(Clone, Debug)]
pub struct StoredDelta {
    /// The layers by the checkpoint's names (`layers.0.attention.to_q`); several where a file has one matrix
    /// for weights that the checkpoint keeps apart.
    pub layers: Vec<String>,
    /// The matrix that is added.
    pub factors: Factors,
    /// What it is multiplied with: alpha over rank.
    pub scale: f32,
    /// The length of each row of the changed weight, `[out]` or `[out, 1]`.
    pub magnitude: Option<Stored>,
}

/// The two sides of a matrix, if `stored` is one.
fn sides(stored: &Stored) -> Option<[usize; 2]> {
    <[usize; 2]>::try_from(stored.shape()).ok()
}

/// The shape of `up` times `down`.
fn product(up: &Stored, down: &Stored) -> Option<[usize; 2]> {
    let ([out, rank], [same, inner]) = (sides(up)?, sides(down)?);
    (rank == same && rank > 0).then_some([out, inner])
}

impl Half {
    /// Its shape, unless its factors do not fit each other.
    #[must_use]
    pub fn shape(&self) -> Option<[usize; 2]> {
        match self {
            Self::Whole(stored) => sides(stored),
            Self::Product { up, down } => product(up, down),
        }
    }

    /// The shapes of what is stored, for errors.
    fn stored(&self) -> Vec<&Stored> {
        match self {
            Self::Whole(stored) => vec![stored],
            Self::Product { up, down } => vec![up, down],
        }
    }

    /// The matrix in full.
    #[must_use]
    pub fn to_f32(&self) -> Vec<f32> {
        match self {
            Self::Whole(stored) => stored.to_f32(),
            Self::Product { up, down } => multiplied(up, down),
        }
    }
}

/// `up` times `down`, in full.
fn multiplied(up: &Stored, down: &Stored) -> Vec<f32> {
    let Some([rank, inner]) = sides(down) else { return Vec::new() };
    let (up, down) = (up.to_f32(), down.to_f32());
    let mut rows = vec![0.0; up.len() / rank.max(1) * inner];
    for (row, factors) in rows.chunks_mut(inner.max(1)).zip(up.chunks(rank.max(1))) {
        add_product(row, factors, &down);
    }
    rows
}

/// `row += factors` times the matrix `down`.
fn add_product(row: &mut [f32], factors: &[f32], down: &[f32]) {
    for (factor, down) in factors.iter().zip(down.chunks(row.len().max(1))) {
        for (value, down) in row.iter_mut().zip(down) {
            *value += factor * down;
        }
    }
}

impl Factors {
    /// The shape `[out, in]` of the matrix, unless the factors do not fit each other.
    #[must_use]
    pub fn shape(&self) -> Option<[usize; 2]> {
        match self {
            Self::LowRank { up, down } => product(up, down),
            Self::Hadamard([first, second]) => {
                first.shape().filter(|&shape| second.shape() == Some(shape))
            }
            Self::Kronecker([left, right]) => {
                let ([o1, i1], [o2, i2]) = (left.shape()?, right.shape()?);
                Some([o1.checked_mul(o2)?, i1.checked_mul(i2)?])
            }
            Self::Dense(stored) => sides(stored),
        }
    }

    /// Everything that is stored.
    fn stored(&self) -> Vec<&Stored> {
        match self {
            Self::LowRank { up, down } => vec![up, down],
            Self::Hadamard(halves) | Self::Kronecker(halves) => {
                halves.iter().flat_map(Half::stored).collect()
            }
            Self::Dense(stored) => vec![stored],
        }
    }

    /// The shapes of what is stored, as errors show them.
    #[must_use]
    pub fn stored_shapes(&self) -> Vec<Vec<usize>> {
        self.stored().into_iter().map(|stored| stored.shape().to_vec()).collect()
    }

    /// What users call this kind.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::LowRank { .. } => "LoRA",
            Self::Hadamard(_) => "LoHa",
            Self::Kronecker(_) => "LoKr",
            Self::Dense(_) => "dense",
        }
    }
}

impl StoredDelta {
    /// Checks that it can be added to a weight `[out, in]`, and that it holds numbers.
    ///
    /// # Errors
    /// [`Error::Shape`] that says which factors do not fit, without the name of the layer.
    pub fn check(&self, out: usize, inner: usize) -> Result<()> {
        let shapes = self.factors.stored_shapes();
        let wrong = |what: String| Err(Error::shape("adapter", what));
        if self.factors.shape() != Some([out, inner]) {
            let kind = self.factors.name();
            return wrong(format!(
                "the {kind} factors {shapes:?} do not make a matrix [{out}, {inner}]"
            ));
        }
        if let Some(magnitude) = &self.magnitude
            && ![&[out][..], &[out, 1]].contains(&magnitude.shape())
        {
            let found = magnitude.shape();
            return wrong(format!(
                "the magnitude {found:?} has not one value for each of {out} outputs"
            ));
        }
        let all = self.factors.stored().into_iter().chain(&self.magnitude);
        let finite = all.into_iter().all(|stored| stored.first_non_finite().is_none());
        if !finite || !self.scale.is_finite() {
            return wrong("it holds values that are not numbers; the file is damaged".into());
        }
        Ok(())
    }

    /// The rows of `scale * factors` one by one, without what a magnitude does.
    #[must_use]
    pub fn rows(&self) -> DeltaRows {
        let kind = match &self.factors {
            Factors::LowRank { up, down } => Kind::low_rank(up, down),
            Factors::Hadamard([first, second]) => Kind::Hadamard(
                [first, second]
                    .map(|half| {
                        let inner = half.shape().map_or(0, |[_, inner]| inner);
                        match half {
                            Half::Whole(stored) => Kind::Whole { values: stored.to_f32(), inner },
                            Half::Product { up, down } => Kind::low_rank(up, down),
                        }
                    })
                    .into(),
            ),
            Factors::Kronecker([left, right]) => {
                let inner = |half: &Half| half.shape().map_or(0, |[_, inner]| inner);
                Kind::Kronecker {
                    left: (left.to_f32(), inner(left)),
                    right: (right.to_f32(), inner(right)),
                }
            }
            Factors::Dense(stored) => Kind::Whole {
                values: stored.to_f32(),
                inner: sides(stored).map_or(0, |[_, inner]| inner),
            },
        };
        DeltaRows { kind, scale: self.scale }
    }
}

/// The rows of the matrix that is added, made one at a time.
#[derive(Debug)]
pub struct DeltaRows {
    kind: Kind,
    scale: f32,
}

#[derive(Debug)]
enum Kind {
    LowRank { up: Vec<f32>, down: Vec<f32>, rank: usize },
    Hadamard(Vec<Self>),
    Kronecker { left: (Vec<f32>, usize), right: (Vec<f32>, usize) },
    Whole { values: Vec<f32>, inner: usize },
}

impl Kind {
    fn low_rank(up: &Stored, down: &Stored) -> Self {
        let rank = sides(down).map_or(0, |[rank, _]| rank);
        Self::LowRank { up: up.to_f32(), down: down.to_f32(), rank }
    }

    fn row(&self, index: usize, row: &mut [f32]) {
        match self {
            Self::LowRank { up, down, rank } => {
                row.fill(0.0);
                add_product(row, &up[index * rank..][..*rank], down);
            }
            Self::Hadamard(halves) => {
                row.fill(1.0);
                let mut factor = vec![0.0; row.len()];
                for half in halves {
                    half.row(index, &mut factor);
                    row.iter_mut().zip(&factor).for_each(|(value, factor)| *value *= factor);
                }
            }
            Self::Kronecker { left: (left, i1), right: (right, i2) } => {
                let o2 = right.len() / (*i2).max(1);
                let right = &right[index % o2 * i2..][..*i2];
                let left = &left[index / o2 * i1..][..*i1];
                for (part, left) in row.chunks_mut((*i2).max(1)).zip(left) {
                    part.iter_mut().zip(right).for_each(|(value, right)| *value = left * right);
                }
            }
            Self::Whole { values, inner } => {
                row.copy_from_slice(&values[index * inner..][..*inner]);
            }
        }
    }
}

impl DeltaRows {
    /// Row `index`, over what `row` holds.
    ///
    /// # Panics
    /// When there is no such row, or `row` is not as long as one.
    pub fn row(&self, index: usize, row: &mut [f32]) {
        self.kind.row(index, row);
        row.iter_mut().for_each(|value| *value *= self.scale);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(shape: [usize; 2], values: &[f32]) -> Stored {
        Stored::from_f32(&shape, values)
    }

    fn delta(factors: Factors) -> StoredDelta {
        StoredDelta { layers: vec!["layer".into()], factors, scale: 2.0, magnitude: None }
    }

    fn rows(delta: &StoredDelta) -> Vec<f32> {
        let [out, inner] = delta.factors.shape().unwrap();
        delta.check(out, inner).unwrap();
        let (rows, mut all) = (delta.rows(), vec![0.0; out * inner]);
        all.chunks_mut(inner).enumerate().for_each(|(i, row)| rows.row(i, row));
        all
    }

    #[test]
    fn every_kind_makes_the_matrix_of_its_definition() {
        let (up, down) = (stored([2, 1], &[1.0, 3.0]), stored([1, 2], &[5.0, 7.0]));
        let low_rank = delta(Factors::LowRank { up: up.clone(), down: down.clone() });
        assert_eq!(rows(&low_rank), [10.0, 14.0, 30.0, 42.0]);
        let whole = Half::Whole(stored([2, 2], &[1.0, 2.0, 3.0, 4.0]));
        let hadamard = Factors::Hadamard([whole.clone(), Half::Product { up, down }]);
        assert_eq!(rows(&delta(hadamard)), [10.0, 28.0, 90.0, 168.0]);
        let right = Half::Whole(stored([1, 2], &[10.0, 1.0]));
        let kronecker = Factors::Kronecker([whole, right]);
        assert_eq!(rows(&delta(kronecker)), [20.0, 2.0, 40.0, 4.0, 60.0, 6.0, 80.0, 8.0]);
        assert_eq!(rows(&delta(Factors::Dense(stored([1, 2], &[1.0, 2.0])))), [2.0, 4.0]);
    }

    #[test]
    fn factors_that_do_not_fit_are_refused_with_their_shapes() {
        let low_rank = |up, down| {
            let [up, down]: [[usize; 2]; 2] = [up, down];
            let zeros = |shape: [usize; 2]| stored(shape, &vec![0.0; shape[0] * shape[1]]);
            delta(Factors::LowRank { up: zeros(up), down: zeros(down) })
        };
        assert!(low_rank([4, 2], [2, 3]).check(4, 3).is_ok());
        for (up, down) in [([4, 2], [1, 3]), ([5, 2], [2, 3]), ([4, 2], [2, 4]), ([4, 0], [0, 3])] {
            let error = low_rank(up, down).check(4, 3).unwrap_err().to_string();
            assert!(error.contains(&format!("{up:?}")) && error.contains("[4, 3]"), "{error}");
        }
        let magnitude = Some(Stored::from_f32(&[1, 3], &[1.0; 3]));
        let dora = StoredDelta { magnitude, ..low_rank([4, 2], [2, 3]) };
        assert!(dora.check(4, 3).unwrap_err().to_string().contains("magnitude"));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let damaged = delta(Factors::Dense(stored([1, 1], &[f32::NAN])));
        assert!(damaged.check(1, 1).unwrap_err().to_string().contains("damaged"));
    }
}
