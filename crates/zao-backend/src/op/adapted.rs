//! Linear layers whose rows follow adapters: what has to be computed before the layer itself, in planned
//! memory like everything else.

use std::ops::Range;

use super::{Epilogue, Linear, Op, ensure, result_for};
use crate::adaptation::{Adaptation, Addend, Delta};
use crate::{Backend, Element, Region, Result, Role, Shape, Tensor, Weight};

/// Some rows of a packed sequence, and what their sums get beside those of the weight.
pub struct Adapted<'a, B: Backend> {
    /// The rows.
    pub rows: Range<usize>,
    /// What belongs to the weight itself, as it is stored: its addends come first, and have no gain. Adapters that scale sums
    /// bring with them what their gain makes of it.
    pub own: Option<&'a Delta<B>>,
    /// The adapters that these rows follow.
    pub by: Option<&'a Adaptation<B>>,
}

impl<'a, B: Backend> Adapted<'a, B> {
    /// What is added, each with its scale, in order.
    fn addends(&self) -> impl Iterator<Item = (&'a Addend<B>, f32)> + use<'a, B> {
        let own = self.own.into_iter().flat_map(|delta| &delta.addends);
        let by = self.by.into_iter().flat_map(Adaptation::addends);
        own.map(|addend| (addend, 1.0)).chain(by)
    }

    /// What sums are multiplied with first.
    fn gain(&self) -> Option<&'a Tensor<B>> {
        self.by.and_then(Adaptation::gain)
    }
}

/// What happens to the sums of some rows before the end of a [`Linear`].
pub struct Change<'a, B: Backend> {
    /// The rows of `x` and `out`.
    pub rows: Range<usize>,
    /// What sums are multiplied with first, `[1, sums]`, `f32`.
    pub gain: Option<&'a Tensor<B>>,
    /// What is added then, in order.
    pub terms: Vec<Term<'a, B>>,
}

/// `scale * input * matrix^T`, added to sums.
pub struct Term<'a, B: Backend> {
    /// A row for each row of the change, `f32` or bf16.
    pub input: &'a Tensor<B>,
    /// What it is multiplied with.
    pub matrix: TermMatrix<'a, B>,
    /// The factor in front.
    pub scale: f32,
}

/// The matrix of a [`Term`].
pub enum TermMatrix<'a, B: Backend> {
    /// `[out, width of the input]`, of the role of the weight that is changed.
    Weight(&'a Weight<B>),
    /// `left kron identity`: the input is `[i1, o2]` in each row, and sum `first + a o2 + c` gets
    /// `sum over b of left[a, b] * input[b, c]`.
    Kronecker {
        /// `[o1, i1]`, `f32`.
        left: &'a Tensor<B>,
        /// The first sum that is changed.
        first: usize,
    },
}

/// Sums that a row has before the end of a linear layer.
pub(crate) fn sums<B: Backend>(weight: &Weight<B>) -> usize {
    match weight.role() {
        Role::SwiGlu => 2 * weight.rows(),
        Role::Linear | Role::Table | Role::Conv => weight.rows(),
    }
}

/// What the terms of some rows read.
struct Inputs<B: Backend> {
    /// The rows themselves where `x` cannot be read as it is.
    copy: Option<Tensor<B>>,
    /// For each addend what its term reads, unless that is the rows themselves.
    products: Vec<Option<Tensor<B>>>,
}

/// The changes of a layer that reads `x`, handed to `then`.
pub(super) fn changed<B: Backend>(
    backend: &B,
    x: &Tensor<B>,
    weight: &Weight<B>,
    adapted: &[Adapted<'_, B>],
    then: impl FnOnce(&[Change<'_, B>]) -> Result<()>,
) -> Result<()> {
    let mut end = 0;
    for by in adapted {
        let rows = &by.rows;
        let fits = end <= rows.start
            && rows.start < rows.end
            && rows.end <= x.rows()
            && by.gain().is_none_or(|gain| gain.shape() == Shape::new(1, sums(weight)));
        ensure(fits, "linear", || format!("adapters for rows {rows:?} of {x:?} by {weight:?}"))?;
        end = rows.end;
    }
    let inputs = adapted.iter().map(|adapted| inputs(backend, x, weight, adapted));
    let inputs = inputs.collect::<Result<Vec<_>>>()?;
    let changes: Vec<_> = adapted
        .iter()
        .zip(&inputs)
        .map(|(by, inputs)| {
            let own = inputs.copy.as_ref().unwrap_or(x);
            let mut terms = Vec::with_capacity(inputs.products.len());
            for ((addend, scale), product) in by.addends().zip(&inputs.products) {
                let matrix = match addend {
                    Addend::LowRank { up, .. } => TermMatrix::Weight(up),
                    Addend::Dense(matrix) => TermMatrix::Weight(matrix),
                    Addend::Kronecker { left, first, .. } => {
                        TermMatrix::Kronecker { left, first: *first }
                    }
                };
                terms.push(Term { input: product.as_ref().unwrap_or(own), matrix, scale });
            }
            Change { rows: by.rows.clone(), gain: by.gain(), terms }
        })
        .collect();
    then(&changes)
}

fn inputs<B: Backend>(
    backend: &B,
    x: &Tensor<B>,
    weight: &Weight<B>,
    by: &Adapted<'_, B>,
) -> Result<Inputs<B>> {
    let rows = &by.rows;
    let is_quantised = !matches!(x.element(), Element::F32 | Element::Bf16);
    let reshapes = by.addends().any(|(addend, _)| matches!(addend, Addend::Kronecker { .. }));
    let mut copy = None;
    if is_quantised || reshapes || *rows != (0..x.rows()) {
        let element = if is_quantised { backend.policy().careful_input } else { x.element() };
        let shape = Shape::new(rows.len(), x.width());
        let mut to = Tensor::allocate(backend, shape, element, Region::Step)?;
        super::MemoryOps::copy_rows(backend, &mut to, 0, x, rows.clone())?;
        copy = Some(to);
    }
    let mut products = Vec::new();
    for (addend, _) in by.addends() {
        let product = match addend {
            Addend::LowRank { down, up } => {
                check_matrix(up, weight, down.rows())?;
                let read = copy.as_ref().unwrap_or(x);
                Some(product(backend, read, down, up)?)
            }
            Addend::Dense(matrix) => {
                check_matrix(matrix, weight, x.width())?;
                None
            }
            Addend::Kronecker { left, right, first } => {
                let (shape, inner) = (left.shape(), right.columns());
                let fits = shape.width * inner == x.width()
                    && first + shape.rows * right.rows() <= sums(weight);
                ensure(fits, "linear", || {
                    format!("{left:?} kron {right:?} from {first} on, added to {weight:?}")
                })?;
                let whole = Shape::new(rows.len(), x.width());
                let read = copy.as_mut().expect("rows that are reshaped were copied");
                read.reshape(Shape::new(rows.len() * shape.width, inner));
                let mut mixed = product(backend, read, right, right)?;
                read.reshape(whole);
                mixed.reshape(Shape::new(rows.len(), shape.width * right.rows()));
                Some(mixed)
            }
        };
        products.push(product);
    }
    Ok(Inputs { copy, products })
}

/// Checks that `matrix` makes sums like those of `weight` of `inner` inputs.
fn check_matrix<B: Backend>(matrix: &Weight<B>, weight: &Weight<B>, inner: usize) -> Result<()> {
    let fits = matrix.role() == weight.role()
        && matrix.rows() == weight.rows()
        && matrix.columns() == inner;
    ensure(fits, "linear", || format!("{matrix:?} of {inner} inputs added to {weight:?}"))
}

/// `x weight^T`, as `reader` reads it.
fn product<B: Backend>(
    backend: &B,
    x: &Tensor<B>,
    weight: &Weight<B>,
    reader: &Weight<B>,
) -> Result<Tensor<B>> {
    let mut out = result_for(backend, Shape::new(x.rows(), weight.rows()), Some(reader))?;
    let (bias, epilogue) = (None, Epilogue::Store);
    let fits = x.width() == weight.columns() && weight.role() == Role::Linear;
    ensure(fits, "linear", || format!("{x:?} times {weight:?} of an adapter"))?;
    backend.launch(Op::Linear(Linear {
        x,
        weight,
        bias,
        epilogue,
        changes: &[],
        out: &mut out,
    }))?;
    Ok(out)
}
