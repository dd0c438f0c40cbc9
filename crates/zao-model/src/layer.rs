//! The linear weights of a model as it loads them: which tensors of the checkpoint become one weight, and where
//! in it each lies. That is what adapters are fitted to.

use std::ops::Range;

use zao_backend::{Care, Role, StoredDelta};

/// A linear weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The layers that it is made of, by the checkpoint's names without `.weight`, and how many outputs each
    /// has.
    pub parts: Vec<(String, usize)>,
    /// Inputs of each.
    pub inputs: usize,
    /// How outputs are combined.
    pub role: Role,
    /// How far it may be rounded.
    pub care: Care,
}

/// A delta and the sums of a layer that it changes.
pub(crate) struct Placed<'a> {
    pub(crate) delta: &'a StoredDelta,
    /// The first sum.
    pub(crate) first: usize,
    /// How many there are.
    pub(crate) rows: usize,
}

impl Layer {
    /// The name of the first part, by which the weight is known.
    #[must_use]
    pub fn name(&self) -> &str {
        self.parts.first().map_or("", |(name, _)| name)
    }

    /// Outputs of all parts together.
    #[must_use]
    pub fn sums(&self) -> usize {
        self.parts.iter().map(|(_, rows)| rows).sum()
    }

    /// The outputs of the part called `name`.
    #[must_use]
    pub fn rows_of(&self, name: &str) -> Option<Range<usize>> {
        let mut first = 0;
        for (part, rows) in &self.parts {
            if part == name {
                return Some(first..first + rows);
            }
            first += rows;
        }
        None
    }

    /// Where `delta` belongs, if it is here.
    pub(crate) fn place<'a>(&self, delta: &'a StoredDelta) -> Option<Placed<'a>> {
        let start = self.rows_of(delta.layers.first()?)?.start;
        let mut end = start;
        for name in &delta.layers {
            let rows = self.rows_of(name).filter(|rows| rows.start == end)?;
            end = rows.end;
        }
        Some(Placed { delta, first: start, rows: end - start })
    }
}
