//! A matrix that is stored as a packed one and a low-rank one that is added to it, so that what is rounded coarsely
//! is only what the low-rank one leaves. Which matrices gain by it, and how the factors are found, is not known here.

use std::ops::Range;

use crate::{Error, Factors, Form, Result, Stored, StoredDelta};

/// `rest + up down`, `[out, in]`.
#[derive(Clone, Debug)]
pub struct LowRank {
    rest: Box<Form>,
    up: Stored,
    down: Stored,
}

impl LowRank {
    /// The sum of `rest`, `[out, in]`, and of `up`, `[out, rank]`, times `down`, `[rank, in]`. The rest may be packed,
    /// dense, or a shape alone, for a rehearsal.
    ///
    /// # Errors
    /// [`Error::Shape`] when the three do not fit each other, or the rest is stored in a way that nothing is added to.
    pub fn new(rest: Form, up: Stored, down: Stored) -> Result<Self> {
        let wrong = |why: &str| {
            let shapes = [rest.shape(), up.shape(), down.shape()];
            Err(Error::shape("low-rank part", format!("{why}, found {shapes:?}")))
        };
        if matches!(rest, Form::Int8Panels(_) | Form::LowRank(_)) {
            return wrong("a rest in panels, or with a part of its own, has none");
        }
        match (rest.shape(), up.shape(), down.shape()) {
            (&[out, inner], &[outputs, rank], &[same, inputs])
                if (out, inner, rank) == (outputs, inputs, same) && rank > 0 =>
            {
                Ok(Self { rest: Box::new(rest), up, down })
            }
            _ => wrong("expected [out, in], [out, rank] and [rank, in]"),
        }
    }

    /// What the low-rank matrix is added to.
    #[must_use]
    pub fn rest(&self) -> &Form {
        &self.rest
    }

    /// `[out, rank]`.
    #[must_use]
    pub fn up(&self) -> &Stored {
        &self.up
    }

    /// `[rank, in]`.
    #[must_use]
    pub fn down(&self) -> &Stored {
        &self.down
    }

    /// Columns of `up`.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.down.shape()[0]
    }

    /// The same factors beside another form of the same rest.
    ///
    /// # Errors
    /// Those of [`Self::new`].
    pub fn beside(&self, rest: Form) -> Result<Self> {
        Self::new(rest, self.up.clone(), self.down.clone())
    }

    /// The low-rank matrix as something that is added to the layer called `layer`.
    #[must_use]
    pub fn delta(&self, layer: &str) -> StoredDelta {
        let factors = Factors::LowRank { up: self.up.clone(), down: self.down.clone() };
        StoredDelta { layers: vec![layer.to_owned()], factors, scale: 1.0, magnitude: None }
    }

    /// Some rows of it, as [`Form::rows`].
    pub(crate) fn rows(&self, rows: Range<usize>) -> Option<Self> {
        let rest = self.rest.rows(rows.clone())?;
        let Form::Dense(up) = Form::Dense(self.up.clone()).rows(rows)? else { return None };
        Some(Self { rest: Box::new(rest), up, down: self.down.clone() })
    }

    /// What writes the values of whole rows from a first one on.
    pub(crate) fn widening(self) -> impl Fn(usize, &mut [f32]) {
        let (columns, rank) = (self.down.shape()[1], self.rank());
        let down = self.down.to_f32();
        move |first, out: &mut [f32]| {
            self.rest.widen_rows(first, out);
            let mut factors = vec![0.0; rank];
            for (row, out) in (first..).zip(out.chunks_mut(columns.max(1))) {
                self.up.widen(row * rank, &mut factors);
                for (factor, down) in factors.iter().zip(down.chunks(columns.max(1))) {
                    out.iter_mut().zip(down).for_each(|(value, down)| *value += factor * down);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BlockKind, Blocks, Dtype};

    fn int4(rows: usize) -> Form {
        let values: Vec<f32> = (0..rows * 64).map(|i| ((i * i) % 31) as f32 - 15.0).collect();
        let mut bytes = vec![0; rows * BlockKind::Int4.bytes()];
        Blocks::round_to_int4(&values, &mut bytes);
        Form::Blocks(Blocks::new(BlockKind::Int4, [rows, 64], bytes.into()).unwrap())
    }

    fn factor(shape: [usize; 2]) -> Stored {
        let values: Vec<f32> = (0..shape[0] * shape[1]).map(|i| (i % 7) as f32 - 3.0).collect();
        Stored::from_f32(&shape, &values)
    }

    fn values(form: Form) -> Vec<f32> {
        let Form::Dense(stored) = form.unpacked(Dtype::F32) else { panic!("it was unpacked") };
        stored.to_f32()
    }

    #[test]
    fn values_are_those_of_the_rest_and_of_the_product() {
        let (rest, up, down) = (int4(3), factor([3, 2]), factor([2, 64]));
        let both = LowRank::new(rest.clone(), up.clone(), down.clone()).unwrap();
        let (up, down) = (up.to_f32(), down.to_f32());
        let product =
            |i: usize| -> f32 { (0..2).map(|r| up[i / 64 * 2 + r] * down[r * 64 + i % 64]).sum() };
        let expected: Vec<f32> =
            values(rest).iter().enumerate().map(|(i, rest)| rest + product(i)).collect();
        let form = Form::LowRank(both.clone());
        assert_eq!(values(form.clone()), expected);
        assert_eq!(values(form.rows(1..3).unwrap()), expected[64..]);
        assert_eq!(form.bytes(), 3 * 34 + 4 * (3 * 2 + 2 * 64));
        assert_eq!((form.shape(), form.is_packed(), both.rank()), (&[3, 64][..], true, 2));

        // A rest that a device does not multiply packed is unpacked by itself.
        let dense = both.beside(both.rest().clone().unpacked(Dtype::F32)).unwrap();
        assert_eq!(values(Form::LowRank(dense)), expected);
    }

    #[test]
    fn parts_that_do_not_fit_are_refused_with_their_shapes() {
        for (up, down) in
            [([3, 2], [3, 64]), ([2, 2], [2, 64]), ([3, 2], [2, 32]), ([3, 0], [0, 64])]
        {
            let error = LowRank::new(int4(3), factor(up), factor(down)).unwrap_err().to_string();
            assert!(error.contains(&format!("{up:?}")) && error.contains("[3, 64]"), "{error}");
        }
        let own = LowRank::new(int4(3), factor([3, 1]), factor([1, 64])).unwrap();
        assert!(LowRank::new(Form::LowRank(own), factor([3, 1]), factor([1, 64])).is_err());
    }

    #[test]
    fn damage_of_the_rest_is_found_with_its_place() {
        let mut bytes = vec![0; 2 * 34];
        bytes[34..36].copy_from_slice(&[0x00, 0x7c]);
        let blocks = Blocks::new(BlockKind::Int4, [2, 64], bytes.into()).unwrap();
        let both = LowRank::new(Form::Blocks(blocks), factor([2, 1]), factor([1, 64])).unwrap();
        let (index, value) = Form::LowRank(both).packed_non_finite().unwrap();
        assert!((64..128).contains(&index) && !value.is_finite());
    }
}
