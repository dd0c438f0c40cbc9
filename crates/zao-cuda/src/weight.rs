//! Weights: in which form each is kept on the card, and where its parts lie; tables stay with the host.

use std::borrow::Cow;

use zao_backend::{Care, Dtype, Error, Form, Matrix, Result, Role, Stored};

use crate::CudaPrecision;
use crate::address::{int, scales_at};
use crate::device::Cuda;
use crate::driver::DevicePtr;
use crate::home::{Arrangement, Home};
use crate::loader::{Measure, Part, Shipment, Values, Way};
use crate::packed::{self, PackedMatrix};

/// The type of a weight's elements on the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kept {
    /// Single precision.
    F32,
    /// bf16.
    Bf16,
    /// e4m3 floats with one `f32` scale a row.
    Fp8,
    /// 8-bit integers with one `f32` scale a row.
    Int8,
}

impl Kept {
    /// What a weight is kept in: what the precision multiplies, as far as its care and role let it.
    pub(crate) const fn of(precision: CudaPrecision, role: Role, care: Care) -> Self {
        let usual = matches!(care, Care::Usual) && matches!(role, Role::Linear | Role::SwiGlu);
        match precision {
            CudaPrecision::F32 => Self::F32,
            CudaPrecision::Fp8 if usual => Self::Fp8,
            CudaPrecision::Int8 if usual => Self::Int8,
            CudaPrecision::Bf16 | CudaPrecision::Fp8 | CudaPrecision::Int8 => Self::Bf16,
        }
    }

    /// Bytes of one element.
    pub(crate) const fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Bf16 => 2,
            Self::Fp8 | Self::Int8 => 1,
        }
    }

    /// Whether each row has a scale.
    pub(crate) const fn has_scales(self) -> bool {
        matches!(self, Self::Fp8 | Self::Int8)
    }

    /// Bytes of `rows` rows of `width` elements, scales included.
    pub(crate) const fn bytes(self, rows: usize, width: usize) -> usize {
        let elements = rows * width;
        if self.has_scales() {
            scales_at(elements) + rows * size_of::<f32>()
        } else {
            elements * self.size()
        }
    }
}

/// A weight as this device keeps it.
#[derive(Debug)]
pub struct CudaWeight(Held);

#[derive(Debug)]
enum Held {
    Matrix(CardMatrix),
    Packed(PackedMatrix),
    /// Of a table a run reads few rows, so it stays where it is stored, in the host's memory.
    Table(Stored),
}

/// A matrix on the card: `[rows, inputs]`, row-major and without gaps. Stacked parts follow each
/// other; of a SwiGLU pair row `2i` is row `i` of the first part and row `2i + 1` of the second; a convolution
/// is `[out][kh][kw][in]`. An 8-bit weight has its scales behind the elements, on a boundary of 16 bytes.
#[derive(Debug)]
pub(crate) struct CardMatrix {
    home: Home,
    kept: Kept,
    /// Number of elements.
    elements: usize,
}

/// A matrix that lies on the card for the kernels that are launched next, until [`AtHand::used`].
#[derive(Debug)]
pub(crate) struct AtHand<'a> {
    matrix: &'a CardMatrix,
    start: DevicePtr,
}

impl CudaWeight {
    /// What is multiplied: any role but [`Role::Table`].
    pub(crate) fn matrix(&self) -> Result<&CardMatrix> {
        match &self.0 {
            Held::Matrix(matrix) => Ok(matrix),
            Held::Table(_) => Err(Error::shape("linear", "a lookup table is not multiplied")),
            Held::Packed(_) => {
                Err(Error::shape("linear", "only a layer's own weight stays packed"))
            }
        }
    }

    /// What is multiplied after it is unpacked, unless it lies unpacked.
    pub(crate) fn packed(&self) -> Option<&PackedMatrix> {
        match &self.0 {
            Held::Packed(packed) => Some(packed),
            Held::Matrix(_) | Held::Table(_) => None,
        }
    }

    /// What rows are looked up in: only [`Role::Table`].
    pub(crate) fn table(&self) -> Result<&Stored> {
        match &self.0 {
            Held::Table(table) => Ok(table),
            Held::Matrix(_) | Held::Packed(_) => {
                Err(Error::shape("embed", "a matrix is no lookup table"))
            }
        }
    }
}

impl CardMatrix {
    /// Has the matrix on the card for what is launched next.
    pub(crate) fn at_hand(&self, cuda: &Cuda) -> Result<AtHand<'_>> {
        Ok(AtHand { matrix: self, start: self.home.at_hand(cuda)? })
    }

    /// The first element, where it lies on the card for good.
    pub(crate) fn resident(&self) -> Option<DevicePtr> {
        self.home.resident()
    }

    /// How elements are held.
    pub(crate) fn kept(&self) -> Kept {
        self.kept
    }
}

impl AtHand<'_> {
    /// How elements are held.
    pub(crate) fn kept(&self) -> Kept {
        self.matrix.kept
    }

    /// The first element.
    pub(crate) fn values(&self) -> DevicePtr {
        self.start
    }

    /// The `f32` scale of each row of an 8-bit weight, or null.
    pub(crate) fn scales(&self) -> DevicePtr {
        scales_of(self.start, self.matrix.kept, self.matrix.elements)
    }

    /// Everything that reads it is launched.
    pub(crate) fn used(self, cuda: &Cuda) -> Result<()> {
        self.matrix.home.used(cuda)
    }
}

/// Where the scales of a matrix lie that begins at `start`, or null.
fn scales_of(start: DevicePtr, kept: Kept, elements: usize) -> DevicePtr {
    if kept.has_scales() { start.plus(scales_at(elements)) } else { DevicePtr::NULL }
}

/// Bytes of device memory that a matrix takes once it is loaded in this precision: a whole weight, or a part
/// of one. `shape` is `[out, in]` or `[out, in, k, k]`. A table takes none.
#[must_use]
pub fn kept_bytes(precision: CudaPrecision, (role, care): (Role, Care), shape: &[usize]) -> u64 {
    let ([rows, rest @ ..], false) = (shape, role == Role::Table) else { return 0 };
    Kept::of(precision, role, care).bytes(*rows, rest.iter().product()) as u64
}

/// Takes a matrix to the card, in the form that its role asks for.
pub(crate) fn load(cuda: &Cuda, matrix: &Matrix) -> Result<CudaWeight> {
    if let (Role::Table, [Form::Dense(table)]) = (matrix.role(), matrix.parts()) {
        return Ok(CudaWeight(Held::Table(table.clone())));
    }
    let kept = Kept::of(cuda.settings().precision, matrix.role(), matrix.care());
    if packed::stays(matrix, kept) {
        return Ok(CudaWeight(Held::Packed(PackedMatrix::load(cuda, matrix, kept)?)));
    }
    let (rows, width) = extent(matrix);
    let home = Home::take_in(cuda, matrix, &Arrangement::Multiplied(kept))?;
    Ok(CudaWeight(Held::Matrix(CardMatrix { home, kept, elements: rows * width })))
}

/// Rows of a matrix as it is kept, and elements of each.
fn extent(matrix: &Matrix) -> (usize, usize) {
    let pair = if matrix.role() == Role::SwiGlu { 2 } else { 1 };
    (matrix.rows() * pair, matrix.columns() * matrix.kernel() * matrix.kernel())
}

/// Bytes that a matrix takes in this form.
pub(crate) fn bytes(matrix: &Matrix, kept: Kept) -> usize {
    let (rows, width) = extent(matrix);
    kept.bytes(rows, width)
}

/// What brings a matrix to `to`, where it lies in the form of `kept`.
pub(crate) fn shipment<'a>(
    cuda: &Cuda,
    matrix: &'a Matrix,
    kept: Kept,
    to: DevicePtr,
) -> Result<Shipment<'a>> {
    let (rows, width) = extent(matrix);
    let scales = scales_of(to, kept, rows * width);
    let mut loading = Loading::new(cuda, matrix);
    let mut first = 0;
    for (number, part) in matrix.parts().iter().enumerate() {
        let pair = matrix.role() == Role::SwiGlu;
        let (first_row, step) = if pair { (number, 2) } else { (first, 1) };
        loading.add(number, part, &Place { kept, values: to, scales, first: first_row, step })?;
        first += part.shape()[0];
    }
    Ok(loading.shipment())
}

/// Rows of a matrix where they are kept: row `i` of a part becomes row `first + i * step`.
pub(crate) struct Place {
    pub(crate) kept: Kept,
    /// The first of all rows.
    pub(crate) values: DevicePtr,
    /// Their scales, or null.
    pub(crate) scales: DevicePtr,
    pub(crate) first: usize,
    pub(crate) step: usize,
}

/// A shipment of a matrix while it is put together.
pub(crate) struct Loading<'c, 'a> {
    cuda: &'c Cuda,
    matrix: &'a Matrix,
    shipment: Shipment<'a>,
}

impl<'c, 'a> Loading<'c, 'a> {
    /// Nothing yet.
    pub(crate) fn new(cuda: &'c Cuda, matrix: &'a Matrix) -> Self {
        Self { cuda, matrix, shipment: Shipment::default() }
    }

    /// Part `number` of the matrix, which is converted to what is kept at `place`.
    pub(crate) fn add(&mut self, number: usize, form: &'a Form, place: &Place) -> Result<()> {
        let refused =
            |why: &str| self.cuda.unsupported("load", format!("{}: {why}", self.matrix.name()));
        let part =
            match form {
                Form::Dense(stored) => {
                    let taps = self.matrix.kernel() * self.matrix.kernel();
                    let sizes = (self.matrix.columns(), taps);
                    let way = way(self.cuda, stored.dtype(), place, sizes)?;
                    let (values, bytes) =
                        (Values::Dense(stored.dtype()), Cow::Borrowed(&stored.bytes()[..]));
                    Part { number, values, bytes, rows: stored.shape()[0], way }
                }
                Form::Hollow(_) => return Err(refused("without values it is no weight")),
                _ => packed::convert(self.cuda, self.matrix, number, form, place)?.ok_or_else(
                    || refused("this device does not know the form in which it is stored"),
                )?,
            };
        self.shipment.parts.push(part);
        Ok(())
    }

    /// `rows` rows of part `number`, or of what lies beside it, that are copied to `to`.
    pub(crate) fn copy(
        &mut self,
        number: usize,
        values: Values,
        (bytes, rows): (Cow<'a, [u8]>, usize),
        to: DevicePtr,
    ) {
        let way = Way::AsIs { to, row: bytes.len().checked_div(rows).unwrap_or(0) };
        self.shipment.parts.push(Part { number, values, bytes, rows, way });
    }

    /// What is found out of the rows once they are there.
    pub(crate) fn measure(&mut self, measure: Measure) {
        self.shipment.measures.push(measure);
    }

    /// All of it.
    pub(crate) fn shipment(self) -> Shipment<'a> {
        self.shipment
    }
}

/// How rows of `columns * taps` elements get to their place.
fn way(cuda: &Cuda, dtype: Dtype, place: &Place, (columns, taps): (usize, usize)) -> Result<Way> {
    let width = columns * taps;
    let &Place { kept, values: to, scales, first, step } = place;
    let row = kept.size() * width;
    let same = matches!((dtype, kept), (Dtype::F32, Kept::F32) | (Dtype::Bf16, Kept::Bf16));
    if same && step == 1 && taps == 1 {
        return Ok(Way::AsIs { to: to.plus(first * row), row });
    }
    let name = |rows: [&'static str; 4], taps_first: [&'static str; 2]| match (kept, taps) {
        (Kept::F32, 1) => rows[0],
        (Kept::Bf16, 1) => rows[1],
        (Kept::Fp8, _) => rows[2],
        (Kept::Int8, _) => rows[3],
        (Kept::F32, _) => taps_first[0],
        (Kept::Bf16, _) => taps_first[1],
    };
    let name = match dtype {
        Dtype::F32 => name(
            ["rows_f32_f32", "rows_f32_bf16", "rows_f32_fp8", "rows_f32_int8"],
            ["taps_f32_f32", "taps_f32_bf16"],
        ),
        Dtype::F16 => name(
            ["rows_f16_f32", "rows_f16_bf16", "rows_f16_fp8", "rows_f16_int8"],
            ["taps_f16_f32", "taps_f16_bf16"],
        ),
        Dtype::Bf16 => name(
            ["rows_bf16_f32", "rows_bf16_bf16", "rows_bf16_fp8", "rows_bf16_int8"],
            ["taps_bf16_f32", "taps_bf16_bf16"],
        ),
    };
    let kernel = cuda.kernel("load", name)?;
    if taps > 1 {
        let (columns, taps) = (int(columns)?, int(taps)?);
        return Ok(Way::Taps { kernel, to, row, columns, taps });
    }
    Ok(Way::Rows { kernel, to, scales, width: int(width)?, first: int(first)?, step: int(step)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_follow_precision_and_care() {
        use CudaPrecision::{Bf16, F32, Fp8};
        let bytes = |precision, care| kept_bytes(precision, (Role::Linear, care), &[10, 33]);
        assert_eq!(bytes(F32, Care::Usual), 1320);
        assert_eq!(bytes(Bf16, Care::Usual), 660);
        assert_eq!(bytes(Fp8, Care::Usual), 336 + 40);
        assert_eq!(bytes(Fp8, Care::AtLeastBf16), 660);
        assert_eq!(kept_bytes(Fp8, (Role::Table, Care::Usual), &[10, 33]), 0);
        let conv = kept_bytes(Fp8, (Role::Conv, Care::AtLeastBf16), &[10, 4, 3, 3]);
        assert_eq!(conv, 720);
    }
}
