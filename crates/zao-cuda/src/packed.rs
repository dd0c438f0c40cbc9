//! Weights that stay packed on the card: in quantised blocks, or in 8 bits beside scales where more would be multiplied.
//!
//! They are unpacked right before each product, into a space that all weights of a part share (`kernels/unpack.cu`).
//! Whether they lie on the card for good or pass through a window is not decided here (`home.rs`).

mod convert;
mod names;
mod parts;
mod space;
mod unpacking;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zao_backend::{Care, Form, Matrix, Result, Role};

use crate::CudaPrecision;
use crate::address::{blocks, int};
use crate::device::Cuda;
use crate::driver::{DevicePtr, Launch, args};
use crate::home::{Arrangement, Home};
use crate::weight::Kept;

pub(crate) use convert::convert;
use names::Layout;
pub(crate) use parts::PackedParts;
use parts::{Extent, PackedPart};
pub(crate) use space::Spaces;
use space::{SPACE, Space};
use unpacking::PackedRows;

/// Values that kernels unpack at a time.
const GROUP: usize = 16;
/// Bytes that kernels read at a time, of packed rows.
const PIECE: usize = 16;
/// Parts of packed weights begin at multiples of this.
const BOUNDARY: usize = 256;

/// What becomes of a packed part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It stays packed.
    Stays(Layout),
    /// It takes no more memory as what is kept.
    Converted,
}

impl Fate {
    /// `None` for what has to be unpacked by whoever loads it.
    fn of(kept: Kept, (role, care): (Role, Care), form: &Form) -> Option<Self> {
        let usual = care == Care::Usual && matches!(role, Role::Linear | Role::SwiGlu);
        let groups = form.shape().last().is_some_and(|width| width.is_multiple_of(GROUP));
        match form {
            Form::Int8Panels(_) if usual => Some(Self::Converted),
            Form::Blocks(blocks) if usual => {
                let kind = blocks.kind();
                let smaller = kind.bytes() < kind.values() * kept.size();
                Some(if smaller { Self::Stays(Layout::Blocks(kind)) } else { Self::Converted })
            }
            Form::Scaled(scaled) if usual && groups => {
                let smaller = kept.size() > 1;
                Some(if smaller {
                    Self::Stays(Layout::Scaled(scaled.kind()))
                } else {
                    Self::Converted
                })
            }
            _ => None,
        }
    }
}

/// Bytes of device memory that a part takes which is handed over as it is packed; `None` for what has to be unpacked
/// before it is loaded.
#[must_use]
pub fn packed_bytes(
    precision: CudaPrecision,
    (role, care): (Role, Care),
    form: &Form,
) -> Option<u64> {
    let kept = Kept::of(precision, role, care);
    let &[rows, width] = form.shape() else { return None };
    let bytes = match Fate::of(kept, (role, care), form)? {
        Fate::Stays(layout) => {
            Extent::of(kept, layout, rows, width).bytes.next_multiple_of(BOUNDARY)
        }
        Fate::Converted => kept.bytes(rows, width),
    };
    Some(bytes as u64)
}

/// Bytes of device memory that all weights of a model's part need together besides, if this one is among them: the space
/// that they are unpacked into.
#[must_use]
pub fn unpacking_bytes(precision: CudaPrecision, (role, care): (Role, Care), form: &Form) -> u64 {
    match Fate::of(Kept::of(precision, role, care), (role, care), form) {
        Some(Fate::Stays(_)) => SPACE as u64,
        Some(Fate::Converted) | None => 0,
    }
}

/// Whether parts of `matrix` stay packed, where `kept` is multiplied.
pub(crate) fn stays(matrix: &Matrix, kept: Kept) -> bool {
    let of = |form| Fate::of(kept, (matrix.role(), matrix.care()), form);
    matrix.parts().iter().any(|form| matches!(of(form), Some(Fate::Stays(_))))
}

/// A matrix of which at least a part is packed.
#[derive(Debug)]
pub(crate) struct PackedMatrix {
    /// Which weight it is, of all that there ever were.
    id: u64,
    home: Home,
    parts: Arc<PackedParts>,
    space: Arc<Space>,
}

/// A packed matrix that lies on the card for the kernels that are launched next, until [`PackedAtHand::used`].
#[derive(Debug)]
pub(crate) struct PackedAtHand<'a> {
    matrix: &'a PackedMatrix,
    start: DevicePtr,
}

/// Rows that were unpacked; they stay until the next are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unpacked {
    pub(crate) values: DevicePtr,
    /// The scale of each row, or null unless elements have 8 bits.
    pub(crate) scales: DevicePtr,
}

impl PackedMatrix {
    /// Takes `matrix` in, of which parts stay packed.
    pub(crate) fn load(cuda: &Cuda, matrix: &Matrix, kept: Kept) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let parts = Arc::new(PackedParts::of(matrix, kept));
        let space = cuda.spaces().get(cuda)?;
        let home = Home::take_in(cuda, matrix, &Arrangement::Packed(Arc::clone(&parts)))?;
        Ok(Self { id: NEXT.fetch_add(1, Ordering::Relaxed), home, parts, space })
    }

    /// Has the matrix on the card for what is launched next.
    pub(crate) fn at_hand(&self, cuda: &Cuda) -> Result<PackedAtHand<'_>> {
        Ok(PackedAtHand { matrix: self, start: self.home.at_hand(cuda)? })
    }
}

impl PackedAtHand<'_> {
    /// What is multiplied once it is unpacked.
    pub(crate) fn kept(&self) -> Kept {
        self.matrix.parts.kept
    }

    /// Everything that reads it is launched.
    pub(crate) fn used(self, cuda: &Cuda) -> Result<()> {
        self.matrix.home.used(cuda)
    }

    /// Rows that are unpacked at a time, in order.
    pub(crate) fn slices(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let &PackedParts { kept, rows, width, .. } = &*self.matrix.parts;
        let each = space::rows_at_once(kept, rows, width);
        (0..rows).step_by(each).map(move |first| first..(first + each).min(rows))
    }

    /// Queues the unpacking of some rows, unless they are unpacked already. They are one of [`Self::slices`].
    pub(crate) fn unpack(&self, cuda: &Cuda, rows: &Range<usize>) -> Result<Unpacked> {
        let PackedMatrix { id, parts, space, .. } = self.matrix;
        let values = space.start();
        let scales = if parts.kept.has_scales() {
            values.plus(crate::address::scales_at(rows.len() * parts.width))
        } else {
            DevicePtr::NULL
        };
        let unpacked = Unpacked { values, scales };
        if space.holds(*id, rows.start) {
            return Ok(unpacked);
        }
        space.holds_nothing();
        let mut packed = Vec::with_capacity(parts.parts.len());
        for part in &parts.parts {
            let Some(of_part) = part.rows_of(rows) else { continue };
            match part.layout.unpacking(parts.kept) {
                Some(kernel) => packed.push(self.packed_rows(part, kernel, &of_part, rows)),
                None => self.convert_rows(cuda, part, &of_part, rows, unpacked)?,
            }
        }
        // SAFETY: the parts have these rows, and lists of scales and factors where kernels read them; the space has room
        // for the slice.
        unsafe { unpacking::unpack(cuda, &packed, unpacked, parts.width)? };
        space.now_holds(*id, rows.start);
        Ok(unpacked)
    }

    /// The rows `of_part`, which are among the slice `rows`.
    fn packed_rows(
        &self,
        part: &PackedPart,
        kernel: &'static str,
        of_part: &Range<usize>,
        rows: &Range<usize>,
    ) -> PackedRows {
        let &PackedParts { kept, width, .. } = &*self.matrix.parts;
        let start = self.start.plus(part.at);
        let list = |at: usize| start.plus(at + of_part.start * size_of::<f32>());
        let scales = if part.extent.bytes > part.extent.scales {
            list(part.extent.scales)
        } else {
            DevicePtr::NULL
        };
        PackedRows {
            kernel,
            from: start.plus(of_part.start * part.layout.row_bytes(kept, width)),
            scales,
            factors: list(part.extent.factors),
            first: part.first + of_part.start * part.step - rows.start,
            step: part.step,
            rows: of_part.len(),
        }
    }

    /// Queues the conversion of the rows `of_part` that are not in a form of `unpack.cu`.
    fn convert_rows(
        &self,
        cuda: &Cuda,
        part: &PackedPart,
        of_part: &Range<usize>,
        rows: &Range<usize>,
        to: Unpacked,
    ) -> Result<()> {
        let &PackedParts { kept, width, .. } = &*self.matrix.parts;
        let Some(name) = part.layout.conversion(kept) else {
            return Err(cuda.unsupported("linear", format!("rows of {:?}", part.layout)));
        };
        let PackedRows { from, scales, first, step, rows: count, .. } =
            self.packed_rows(part, name, of_part, rows);
        let kernel = cuda.kernel("load_packed", name)?;
        // Rows that are only copied are counted in bytes.
        let (width, shared) = match part.layout {
            Layout::Same => (part.layout.row_bytes(kept, width), 0),
            _ => (width, width * size_of::<f32>()),
        };
        let launch = Launch {
            grid: [blocks(count, 1)?, 1, 1],
            block: [256, 1, 1],
            shared: int(shared)?.cast_unsigned(),
            ..Launch::ONE
        };
        let (width, rotated) = (int(width)?, int(part.layout.rotated())?);
        let (first, step) = (int(first)?, int(step)?);
        let arguments = args![from, scales, to.values, to.scales, width, rotated, first, step];
        // SAFETY: the part has these rows, the space has room for the slice, and shared memory for a row.
        unsafe { cuda.run(&kernel, launch, arguments) }
    }
}

impl PackedPart {
    /// Which of its rows are among `rows` of the weight, if any are.
    fn rows_of(&self, rows: &Range<usize>) -> Option<Range<usize>> {
        // Slices of a pair are whole pairs.
        let of_part = if self.step > 1 {
            rows.start / self.step..rows.end / self.step
        } else {
            let of_part = |row: usize| row.saturating_sub(self.first).min(self.rows);
            of_part(rows.start)..of_part(rows.end)
        };
        (!of_part.is_empty()).then_some(of_part)
    }
}

#[cfg(test)]
mod tests {
    use zao_backend::{BlockKind, Blocks, Scaled, ScaledKind, Stored};

    use super::*;

    fn of(kind: BlockKind, rows: usize, width: usize) -> Form {
        let bytes = vec![0; rows * width / kind.values() * kind.bytes()];
        Form::Blocks(Blocks::new(kind, [rows, width], bytes.into()).unwrap())
    }

    #[test]
    fn what_is_smaller_packed_stays_and_is_counted_with_what_it_needs() {
        use CudaPrecision::{Bf16, F32, Fp8, Int8};
        let usual = (Role::Linear, Care::Usual);
        let int4 = of(BlockKind::Int4, 30, 128);
        // Two blocks a row are 2040 bytes; in 8 bits a scale and a factor, too. Parts begin at multiples of 256.
        assert_eq!(packed_bytes(Bf16, usual, &int4), Some(2048));
        assert_eq!(packed_bytes(Fp8, usual, &int4), Some(2304));
        let q8_0 = of(BlockKind::Q8_0, 10, 128);
        assert_eq!(packed_bytes(F32, usual, &q8_0), Some(1536));
        assert_eq!(packed_bytes(Int8, usual, &q8_0), Some(1280 + 40));
        let scaled = |kind, width| {
            let scaled = Scaled::new(kind, [10, width], vec![0; 10 * width].into(), vec![1.0]);
            Form::Scaled(scaled.unwrap())
        };
        assert_eq!(packed_bytes(Bf16, usual, &scaled(ScaledKind::E4m3, 128)), Some(1536));
        assert_eq!(packed_bytes(Fp8, usual, &scaled(ScaledKind::E5m2, 128)), Some(1320));
        assert_eq!(unpacking_bytes(Fp8, usual, &int4), SPACE as u64);
        assert_eq!(unpacking_bytes(Fp8, usual, &q8_0), 0);
        // What is multiplied with more care, or is no whole number of groups, is unpacked before.
        assert_eq!(packed_bytes(Fp8, (Role::Linear, Care::AtLeastBf16), &int4), None);
        assert_eq!(packed_bytes(Fp8, (Role::Table, Care::Usual), &int4), None);
        assert_eq!(packed_bytes(Fp8, usual, &scaled(ScaledKind::E4m3, 120)), None);
        let dense = Form::Dense(Stored::from_f32(&[1, 16], &[0.0; 16]));
        assert_eq!(packed_bytes(Fp8, usual, &dense), None);
    }
}
