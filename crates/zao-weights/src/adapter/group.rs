//! The tensors that a file has for one layer, and the factors that they are.

use std::collections::BTreeMap;

use zao_backend::{Factors, Half, Stored};

use super::suffix::Field;

/// All that belongs to one name.
#[derive(Debug, Default)]
pub(super) struct Group {
    tensors: BTreeMap<Field, Stored>,
    pub(super) alpha: Option<f64>,
}

/// Factors of one kind.
pub(super) struct Kind {
    pub(super) factors: Factors,
    /// What alpha is divided by; nothing where it has no meaning.
    pub(super) rank: Option<usize>,
    pub(super) magnitude: Option<Stored>,
}

impl Group {
    /// Adds a tensor; returns whether it is new.
    pub(super) fn add(&mut self, field: Field, stored: Stored) -> bool {
        // A matrix may be stored as a convolution of one cell.
        let stored = flat(stored);
        self.tensors.insert(field, stored).is_none()
    }

    /// What it is.
    ///
    /// # Errors
    /// What is missing, or does not go together.
    pub(super) fn kind(mut self) -> Result<Kind, String> {
        let magnitude = self.tensors.remove(&Field::Magnitude);
        let found: Vec<_> = self.tensors.keys().map(|field| format!("{field:?}")).collect();
        let found = if found.is_empty() { "nothing else".into() } else { found.join(", ") };
        let mut take = |field| self.tensors.remove(&field);
        let mut pair = |up, down| match (take(up), take(down)) {
            (Some(up), Some(down)) => Ok(Some(Half::Product { up, down })),
            (None, None) => Ok(None),
            _ => Err(format!("{up:?} and {down:?} come in pairs, but there is only {found}")),
        };
        let lora = pair(Field::Up, Field::Down)?;
        let hada =
            [pair(Field::Hada1Up, Field::Hada1Down)?, pair(Field::Hada2Up, Field::Hada2Down)?];
        let factored =
            [pair(Field::Kron1Up, Field::Kron1Down)?, pair(Field::Kron2Up, Field::Kron2Down)?];
        let whole = [take(Field::Kron1), take(Field::Kron2)].map(|whole| whole.map(Half::Whole));
        let dense = take(Field::Diff);
        let rank = |half: &Half| match half {
            Half::Product { down, .. } => down.shape().first().copied(),
            Half::Whole(_) => None,
        };
        let mut kinds = Vec::new();
        if let Some(half) = lora {
            let rank = rank(&half);
            let Half::Product { up, down } = half else { unreachable!("a pair is a product") };
            kinds.push((Factors::LowRank { up, down }, rank));
        }
        match hada {
            [Some(first), Some(second)] => {
                let rank = rank(&first);
                kinds.push((Factors::Hadamard([first, second]), rank));
            }
            [None, None] => {}
            _ => return Err(format!("LoHa has four factors, but there is only {found}")),
        }
        let [left, right] = whole;
        let [left_factored, right_factored] = factored;
        let either = |whole: Option<Half>, factored: Option<Half>| match (whole, factored) {
            (Some(_), Some(_)) => Err(format!("a factor is there whole and in two: {found}")),
            (whole, factored) => Ok(whole.or(factored)),
        };
        match (either(left, left_factored)?, either(right, right_factored)?) {
            (Some(left), Some(right)) => {
                let rank = rank(&right).or_else(|| rank(&left));
                kinds.push((Factors::Kronecker([left, right]), rank));
            }
            (None, None) => {}
            _ => return Err(format!("LoKr has two matrices, but there is only {found}")),
        }
        if let Some(dense) = dense {
            kinds.push((Factors::Dense(dense), None));
        }
        let several = kinds.len() > 1;
        match kinds.pop() {
            Some((factors, rank)) if !several => Ok(Kind { factors, rank, magnitude }),
            Some(_) => Err(format!("they are of several kinds: {found}")),
            None => Err(format!("there is {found}")),
        }
    }
}

/// The same values without trailing extents of 1 behind the second.
fn flat(stored: Stored) -> Stored {
    match stored.shape() {
        [rows, columns, ones @ ..]
            if !ones.is_empty() && ones.iter().all(|&extent| extent == 1) =>
        {
            let shape = vec![*rows, *columns];
            Stored::new(stored.dtype(), shape, stored.bytes().clone()).unwrap_or(stored)
        }
        _ => stored,
    }
}
