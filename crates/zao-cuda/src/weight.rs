//! Weights: in which form each is kept on the card, and where its parts lie; tables stay with the host.

use std::sync::Arc;

use zao_backend::{
    Backend, Care, Dtype, Error, Form, Matrix, Region, Result, Role, Stored, Streamed,
};

use crate::CudaPrecision;
use crate::address::{int, scales_at};
use crate::device::Cuda;
use crate::driver::DevicePtr;
use crate::loader::{self, Part, Way};
use crate::memory::Memory;
use crate::streaming::Streaming;

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
    const fn of(precision: CudaPrecision, role: Role, care: Care) -> Self {
        let usual = matches!(care, Care::Usual) && matches!(role, Role::Linear | Role::SwiGlu);
        match precision {
            CudaPrecision::F32 => Self::F32,
            CudaPrecision::Fp8 if usual => Self::Fp8,
            CudaPrecision::Int8 if usual => Self::Int8,
            CudaPrecision::Bf16 | CudaPrecision::Fp8 | CudaPrecision::Int8 => Self::Bf16,
        }
    }

    /// Bytes of one element.
    const fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Bf16 => 2,
            Self::Fp8 | Self::Int8 => 1,
        }
    }

    const fn has_scales(self) -> bool {
        matches!(self, Self::Fp8 | Self::Int8)
    }

    /// Bytes of `rows` rows of `width` elements, scales included.
    const fn bytes(self, rows: usize, width: usize) -> usize {
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

/// Where the bytes of a matrix are.
#[derive(Debug)]
enum Home {
    /// On the card.
    Resident(Memory),
    /// They pass through a window; which of its weights this is.
    Streamed(Arc<Streaming>, usize),
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
        }
    }

    /// What rows are looked up in: only [`Role::Table`].
    pub(crate) fn table(&self) -> Result<&Stored> {
        match &self.0 {
            Held::Table(table) => Ok(table),
            Held::Matrix(_) => Err(Error::shape("embed", "a matrix is no lookup table")),
        }
    }
}

impl CardMatrix {
    /// Has the matrix on the card for what is launched next.
    pub(crate) fn at_hand(&self, cuda: &Cuda) -> Result<AtHand<'_>> {
        let start = match &self.home {
            Home::Resident(memory) => memory.start(),
            Home::Streamed(streaming, number) => streaming.bring(cuda, *number)?,
        };
        Ok(AtHand { matrix: self, start })
    }

    /// The first element, where it lies on the card for good.
    pub(crate) fn resident(&self) -> Option<DevicePtr> {
        match &self.home {
            Home::Resident(memory) => Some(memory.start()),
            Home::Streamed(..) => None,
        }
    }

    /// How elements are held.
    pub(crate) fn kept(&self) -> Kept {
        self.kept
    }
}

impl AtHand<'_> {
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
        match &self.matrix.home {
            Home::Resident(_) => Ok(()),
            Home::Streamed(streaming, number) => streaming.used(cuda, *number),
        }
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

/// Bytes of memory that a part takes which is multiplied as it is packed; `None` for what has to be unpacked before
/// it is loaded.
#[must_use]
pub fn packed_bytes(
    _precision: CudaPrecision,
    (_role, _care): (Role, Care),
    _form: &Form,
) -> Option<u64> {
    None
}

/// Takes a matrix to the card, in the form that its role asks for.
pub(crate) fn load(cuda: &Cuda, matrix: &Matrix) -> Result<CudaWeight> {
    if matrix.role() == Role::Table
        && let [table] = stored(cuda, matrix)?.as_slice()
    {
        return Ok(CudaWeight(Held::Table((*table).clone())));
    }
    let kept = Kept::of(cuda.settings().precision, matrix.role(), matrix.care());
    let (rows, width) = extent(matrix);
    let (bytes, elements) = (kept.bytes(rows, width), rows * width);
    let streaming = cuda.streaming_now().clone();
    let may_pass = Streamed::takes(matrix.role(), matrix.care());
    let home = match streaming.filter(|streaming| may_pass && !streaming.stays(bytes)) {
        Some(streaming) => {
            let number = streaming.add(cuda, matrix, kept)?;
            Home::Streamed(streaming, number)
        }
        None => {
            let memory = cuda.allocate(bytes, Region::Model)?;
            loader::load_resident(cuda, &parts(cuda, matrix, kept, memory.start())?)?;
            Home::Resident(memory)
        }
    };
    Ok(CudaWeight(Held::Matrix(CardMatrix { home, kept, elements })))
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

/// How the stored parts of a matrix get to `to`, where it lies in the form of `kept`.
pub(crate) fn parts<'a>(
    cuda: &Cuda,
    matrix: &'a Matrix,
    kept: Kept,
    to: DevicePtr,
) -> Result<Vec<Part<'a>>> {
    let (rows, width) = extent(matrix);
    let target = Target { start: to, kept, elements: rows * width };
    let taps = matrix.kernel() * matrix.kernel();
    let mut parts = Vec::new();
    let mut first = 0;
    for (number, part) in stored(cuda, matrix)?.into_iter().enumerate() {
        let count = part.shape()[0];
        let pair = matrix.role() == Role::SwiGlu;
        let (first_row, step) = if pair { (number, 2) } else { (first, 1) };
        let way = way(cuda, part.dtype(), target, (first_row, step), (matrix.columns(), taps))?;
        let (dtype, bytes) = (part.dtype(), part.bytes());
        parts.push(Part { number, dtype, bytes, rows: count, way });
        first += count;
    }
    Ok(parts)
}

/// Where a matrix comes to lie.
#[derive(Clone, Copy, Debug)]
struct Target {
    start: DevicePtr,
    kept: Kept,
    elements: usize,
}

/// The dense parts of a matrix, which are all that this device takes.
fn stored<'a>(cuda: &Cuda, matrix: &'a Matrix) -> Result<Vec<&'a Stored>> {
    let refused = |why: &str| cuda.unsupported("load", format!("{}: {why}", matrix.name()));
    let parts = matrix.parts().iter().map(|form| match form {
        Form::Dense(stored) => Ok(stored),
        Form::Int8Panels(_) => Err(refused(
            "it is stored in int8 as processors multiply it; use the original files, which this device \
             quantises while it loads them",
        )),
        Form::Hollow(_) => Err(refused("without values it is no weight")),
        _ => Err(refused("this device does not know the form in which it is stored")),
    });
    parts.collect()
}

/// How rows of `columns * taps` elements get into a weight, beginning at row `first` and `step` apart.
fn way(
    cuda: &Cuda,
    dtype: Dtype,
    weight: Target,
    (first, step): (usize, usize),
    (columns, taps): (usize, usize),
) -> Result<Way> {
    let width = columns * taps;
    let row = weight.kept.size() * width;
    let same = matches!((dtype, weight.kept), (Dtype::F32, Kept::F32) | (Dtype::Bf16, Kept::Bf16));
    if same && step == 1 && taps == 1 {
        return Ok(Way::AsIs { to: weight.start.plus(first * row), row });
    }
    let name = |rows: [&'static str; 4], taps_first: [&'static str; 2]| match (weight.kept, taps) {
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
        return Ok(Way::Taps { kernel, to: weight.start, row, columns, taps });
    }
    let scales = scales_of(weight.start, weight.kept, weight.elements);
    let to = weight.start;
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
