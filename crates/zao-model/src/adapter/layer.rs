//! The deltas of one weight as a device multiplies them: all low-rank ones as one pair, so that a layer has
//! two short products whatever its parts; Kronecker products as they are; what is neither as one dense matrix.

use zao_backend::prelude::*;
use zao_backend::{
    Addend, Care, Delta, Factors, Form, Half, Matrix, Role, Shape, Stored, StoredDelta,
};

use super::{Fill, norms};
use crate::layer::Placed;
use crate::{Checkpoint, Declared, Layer, Result, Usage};

/// Ranks are filled with zeros to a multiple of this: rows of whole cache lines and matrix instructions.
const RANKS: usize = 32;

/// How a delta is applied.
enum Way<'a> {
    /// With this rank.
    LowRank(usize),
    Kronecker(&'a [Half; 2]),
    Dense,
}

impl Placed<'_> {
    fn way(&self, layer: &Layer) -> Way<'_> {
        let rank_of = |half: &Half| match half {
            Half::Product { down, .. } => down.shape()[0],
            Half::Whole(_) => usize::MAX,
        };
        match &self.delta.factors {
            Factors::LowRank { down, .. } => Way::LowRank(down.shape()[0]),
            Factors::Hadamard([first, second]) => {
                let rank = rank_of(first).saturating_mul(rank_of(second));
                let pair = rank.saturating_mul(self.rows + layer.inputs);
                if pair < self.rows * layer.inputs { Way::LowRank(rank) } else { Way::Dense }
            }
            // Rows that are stretched one by one are no Kronecker product any more.
            Factors::Kronecker(halves) if self.delta.magnitude.is_none() => Way::Kronecker(halves),
            Factors::Kronecker(_) | Factors::Dense(_) => Way::Dense,
        }
    }
}

/// All of one layer.
struct Ways<'a> {
    low_rank: Vec<(&'a Placed<'a>, usize)>,
    kronecker: Vec<(&'a Placed<'a>, &'a [Half; 2])>,
    dense: Vec<&'a Placed<'a>>,
}

impl<'a> Ways<'a> {
    fn of(layer: &Layer, placed: impl IntoIterator<Item = &'a Placed<'a>>) -> Self {
        let mut ways = Self { low_rank: Vec::new(), kronecker: Vec::new(), dense: Vec::new() };
        for placed in placed {
            match placed.way(layer) {
                Way::LowRank(rank) => ways.low_rank.push((placed, rank)),
                Way::Kronecker(halves) => ways.kronecker.push((placed, halves)),
                Way::Dense => ways.dense.push(placed),
            }
        }
        ways
    }

    fn rank(&self) -> usize {
        self.low_rank.iter().map(|(_, rank)| rank).sum::<usize>().next_multiple_of(RANKS)
    }
}

/// What the gain of DoRA adds to the low-rank part that a weight is stored with: a layer adds that part after the gain,
/// to rows without adapters as well, so that rows with them have to make up for it.
struct Gained {
    /// The part.
    part: StoredDelta,
    /// The delta with the magnitude, by its number.
    of: usize,
    /// The first of that one's rows that it is for, and of the layer's sums.
    row: usize,
    first: usize,
    rows: usize,
}

impl Gained {
    /// Those of all deltas that have a magnitude.
    fn of(layer: &Layer, placed: &[Placed<'_>], checkpoint: &dyn Checkpoint) -> Vec<Self> {
        let mut gained = Vec::new();
        for (of, placed) in placed.iter().enumerate().filter(|(_, it)| it.delta.magnitude.is_some())
        {
            let mut row = 0;
            for name in &placed.delta.layers {
                let rows = layer.rows_of(name).unwrap_or_default().len();
                if let Some(part) = low_rank_part(layer, name, rows, checkpoint) {
                    gained.push(Self { part, of, row, first: placed.first + row, rows });
                }
                row += rows;
            }
        }
        gained
    }

    fn placed(&self) -> Placed<'_> {
        Placed { delta: &self.part, first: self.first, rows: self.rows }
    }
}

/// The low-rank part that a layer's weight is stored with. Weights that cannot be read are told of where their rows are measured.
fn low_rank_part(
    layer: &Layer,
    name: &str,
    rows: usize,
    checkpoint: &dyn Checkpoint,
) -> Option<StoredDelta> {
    let (weight, shape) = (format!("{name}.weight"), [rows, layer.inputs]);
    match checkpoint.matrix(&weight, &shape, layer.role, layer.care) {
        Ok(Form::LowRank(both)) => Some(both.delta(name)),
        _ => None,
    }
}

/// The tensors that the deltas of a layer are on a device, where `checkpoint` has its weights, or their shapes.
pub(super) fn tensors(
    layer: &Layer,
    placed: &[Placed<'_>],
    checkpoint: &dyn Checkpoint,
) -> Vec<Declared> {
    let gained = Gained::of(layer, placed, checkpoint);
    let gained: Vec<_> = gained.iter().map(Gained::placed).collect();
    let ways = Ways::of(layer, placed.iter().chain(&gained));
    let tensor = |shape: [usize; 2], usage| Declared {
        name: format!("adapter of {}", layer.name()),
        shape: shape.to_vec(),
        usage,
    };
    let matrix = |role, shape| tensor(shape, Usage::Matrix { role, care: care(layer) });
    let like = |inner| {
        let parts = parts(layer);
        std::iter::repeat_n(matrix(layer.role, [layer.sums() / parts, inner]), parts)
    };
    let mut tensors = Vec::new();
    if !ways.low_rank.is_empty() {
        tensors.push(matrix(Role::Linear, [ways.rank(), layer.inputs]));
        tensors.extend(like(ways.rank()));
    }
    for (_, [left, right]) in ways.kronecker {
        tensors.push(tensor(left.shape().unwrap_or_default(), Usage::Vector));
        tensors.push(matrix(Role::Linear, right.shape().unwrap_or_default()));
    }
    if !ways.dense.is_empty() {
        tensors.extend(like(layer.inputs));
    }
    tensors
}

/// Stored parts of a weight like that of the layer.
fn parts(layer: &Layer) -> usize {
    if layer.role == Role::SwiGlu { 2 } else { 1 }
}

/// A weight of an adapter is never rounded further than bf16.
fn care(layer: &Layer) -> Care {
    layer.care.max(Care::AtLeastBf16)
}

/// The deltas of `layer` on the device.
pub(super) fn delta<B: Backend>(
    b: &B,
    layer: &Layer,
    placed: &[Placed<'_>],
    fill: Fill<'_>,
) -> Result<Delta<B>> {
    for placed in placed {
        placed.delta.check(placed.rows, layer.inputs)?;
    }
    let stretches = placed.iter().map(|placed| norms::stretch(layer, placed, fill));
    let stretches = stretches.collect::<Result<Vec<_>>>()?;
    let gained = Gained::of(layer, placed, fill.checkpoint());
    let factors = gained.iter().map(|gained| {
        let stretch = stretches[gained.of].as_deref().unwrap_or_default();
        stretch.iter().skip(gained.row).take(gained.rows).map(|stretch| stretch - 1.0).collect()
    });
    let factors: Vec<Vec<f32>> = factors.collect();
    let added: Vec<_> = gained.iter().map(Gained::placed).collect();
    let stretch_of = |of: &Placed<'_>| {
        let index = |all: &[Placed<'_>]| all.iter().position(|placed| std::ptr::eq(placed, of));
        match (index(placed), index(&added)) {
            (Some(index), _) => stretches[index].as_deref(),
            (None, Some(index)) => Some(factors[index].as_slice()),
            (None, None) => None,
        }
    };
    let ways = Ways::of(layer, placed.iter().chain(&added));
    let mut addends = Vec::new();
    if !ways.low_rank.is_empty() {
        addends.push(low_rank(b, layer, &ways, &stretch_of, fill)?);
    }
    for (placed, [left, right]) in &ways.kronecker {
        addends.push(kronecker(b, layer, placed, (left, right), fill)?);
    }
    if !ways.dense.is_empty() {
        let mut all = vec![0.0; if fill.has_values() { layer.sums() * layer.inputs } else { 0 }];
        let mut row = vec![0.0; layer.inputs];
        for placed in ways.dense.iter().filter(|_| fill.has_values()) {
            let (rows, stretch) = (placed.delta.rows(), stretch_of(placed));
            for index in 0..placed.rows {
                rows.row(index, &mut row);
                let factor = stretch.map_or(1.0, |stretch| stretch[index]);
                let to = &mut all[(placed.first + index) * layer.inputs..][..layer.inputs];
                to.iter_mut().zip(&row).for_each(|(to, value)| *to += factor * value);
            }
        }
        addends.push(Addend::Dense(like(b, layer, layer.inputs, &all, fill)?));
    }
    let mut gain = None;
    for (placed, stretch) in placed.iter().zip(&stretches) {
        let Some(stretch) = stretch else { continue };
        let gain = gain.get_or_insert_with(|| vec![0.0; layer.sums()]);
        let own = &mut gain[placed.first..][..placed.rows];
        own.iter_mut().zip(stretch).for_each(|(gain, stretch)| *gain = stretch - 1.0);
    }
    Ok(Delta { addends, gain })
}

/// All low-rank deltas side by side: each has rows of its own in `down`, and columns in `up` that are zero but
/// for the sums that it changes.
fn low_rank<'s, B: Backend>(
    b: &B,
    layer: &Layer,
    ways: &Ways<'_>,
    stretch_of: &dyn Fn(&Placed<'_>) -> Option<&'s [f32]>,
    fill: Fill<'_>,
) -> Result<Addend<B>> {
    let (rank, inner) = (ways.rank(), layer.inputs);
    let (mut down, mut up) = (Vec::new(), Vec::new());
    if fill.has_values() {
        (down, up) = (vec![0.0; rank * inner], vec![0.0; layer.sums() * rank]);
        let mut at = 0;
        for (placed, of) in &ways.low_rank {
            let (own_up, own_down) = pair(&placed.delta.factors);
            down[at * inner..][..own_down.len()].copy_from_slice(&own_down);
            let stretch = stretch_of(placed);
            for (index, own) in own_up.chunks(*of).enumerate() {
                let factor = placed.delta.scale * stretch.map_or(1.0, |stretch| stretch[index]);
                let to = &mut up[(placed.first + index) * rank + at..][..*of];
                to.iter_mut().zip(own).for_each(|(to, value)| *to = factor * value);
            }
            at += of;
        }
    }
    let down = matrix(b, layer, Role::Linear, vec![fill.form([rank, inner], &down)])?;
    Ok(Addend::LowRank { down, up: like(b, layer, rank, &up, fill)? })
}

/// The factors of a low-rank delta, `[out, rank]` and `[rank, in]`. A product of two low-rank matrices element by
/// element is one itself: its factors are the products of their columns and rows, each with each.
fn pair(factors: &Factors) -> (Vec<f32>, Vec<f32>) {
    match factors {
        Factors::LowRank { up, down } => (up.to_f32(), down.to_f32()),
        Factors::Hadamard(
            [Half::Product { up: up1, down: down1 }, Half::Product { up: up2, down: down2 }],
        ) => {
            let (rank1, rank2, inner) = (down1.shape()[0], down2.shape()[0], down1.shape()[1]);
            let (up1, up2, down1, down2) =
                (up1.to_f32(), up2.to_f32(), down1.to_f32(), down2.to_f32());
            let (mut up, mut down) = (Vec::new(), Vec::new());
            for (row1, row2) in up1.chunks(rank1).zip(up2.chunks(rank2)) {
                up.extend(row1.iter().flat_map(|a| row2.iter().map(move |b| a * b)));
            }
            for row1 in down1.chunks(inner) {
                for row2 in down2.chunks(inner) {
                    down.extend(row1.iter().zip(row2).map(|(a, b)| a * b));
                }
            }
            (up, down)
        }
        Factors::Hadamard(_) | Factors::Kronecker(_) | Factors::Dense(_) => {
            unreachable!("only what has a rank is low-rank")
        }
    }
}

fn kronecker<B: Backend>(
    b: &B,
    layer: &Layer,
    placed: &Placed<'_>,
    (left, right): (&Half, &Half),
    fill: Fill<'_>,
) -> Result<Addend<B>> {
    let ([o1, i1], right_shape) =
        (left.shape().unwrap_or_default(), right.shape().unwrap_or_default());
    let mut values = vec![0.0; o1 * i1];
    let mut right_values = Vec::new();
    if fill.has_values() {
        values.copy_from_slice(&left.to_f32());
        values.iter_mut().for_each(|value| *value *= placed.delta.scale);
        right_values = right.to_f32();
    }
    let right = matrix(b, layer, Role::Linear, vec![fill.form(right_shape, &right_values)])?;
    let left = b.upload(Shape::new(o1, i1), &values, Region::Model)?;
    Ok(Addend::Kronecker { left, right, first: placed.first })
}

/// A weight `[sums, inner]` of the layer's own role.
fn like<B: Backend>(
    b: &B,
    layer: &Layer,
    inner: usize,
    values: &[f32],
    fill: Fill<'_>,
) -> Result<Weight<B>> {
    let parts = parts(layer);
    let shape = [layer.sums() / parts, inner];
    let part = |i: usize| {
        let values = values.get(i * shape[0] * inner..).unwrap_or_default();
        fill.form(shape, &values[..values.len().min(shape[0] * inner)])
    };
    matrix(b, layer, layer.role, (0..parts).map(part).collect())
}

fn matrix<B: Backend>(b: &B, layer: &Layer, role: Role, parts: Vec<Form>) -> Result<Weight<B>> {
    let name = format!("adapter of {}", layer.name());
    let matrix = Matrix::new(name, role, parts)?.with_care(care(layer));
    Ok(Weight::load(b, &matrix)?)
}

impl Fill<'_> {
    fn has_values(self) -> bool {
        matches!(self, Self::Values(_))
    }

    fn checkpoint(&self) -> &dyn Checkpoint {
        let (Self::Values(checkpoint) | Self::Shapes(checkpoint)) = self;
        *checkpoint
    }

    /// `values` in this shape, or the shape alone.
    fn form(self, shape: [usize; 2], values: &[f32]) -> Form {
        match self {
            Self::Values(_) => Form::Dense(Stored::from_f32(&shape, values)),
            Self::Shapes(_) => Form::Hollow(shape.to_vec()),
        }
    }
}
