//! Weights that stay packed on the card: in quantised blocks, or in 8 bits beside scales where more would be multiplied.
//!
//! They are unpacked right before each product, into a space that all weights of a part share (`kernels/unpack.cu`).
//! What takes no less memory packed is converted while it is loaded (`kernels/load_packed.cu`).

mod names;
mod space;
mod unpacking;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zao_backend::{Backend, Care, Form, Matrix, Region, Result, Role, Scaled, ScaledKind};

use crate::CudaPrecision;
use crate::address::{blocks, int};
use crate::device::Cuda;
use crate::driver::{DevicePtr, Launch, args};
use crate::loader::{self, Part, Values, Way};
use crate::memory::Memory;
use crate::weight::{Kept, Loading, Place};

use names::Layout;
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
        Fate::Stays(layout) => Extent::of(kept, layout, rows, width).bytes,
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

/// How a part that is not dense gets to `place`, with the scales in device memory that are read on the way; `None` for
/// one that cannot be converted.
pub(crate) fn convert<'a>(
    cuda: &Cuda,
    matrix: &Matrix,
    number: usize,
    form: &'a Form,
    place: &Place,
) -> Result<Option<(Part<'a>, Option<Memory>)>> {
    let usage = (matrix.role(), matrix.care());
    let (Some(_), &[rows, width]) = (Fate::of(place.kept, usage, form), form.shape()) else {
        return Ok(None);
    };
    let (layout, values, bytes, groups) = match form {
        Form::Blocks(it) => {
            (Layout::Blocks(it.kind()), Values::Blocks(it.kind()), it.bytes(), rows)
        }
        Form::Scaled(it) => {
            (Layout::Scaled(it.kind()), Values::Scaled(it.kind()), it.bytes(), rows)
        }
        Form::Int8Panels(it) => {
            (Layout::Panels, Values::Integers, it.words(), rows.div_ceil(Layout::PANEL))
        }
        _ => return Ok(None),
    };
    let Some(name) = layout.conversion(place.kept) else { return Ok(None) };
    let from_scales = match form {
        Form::Scaled(scaled) => Some(scales_of(number, scaled)?),
        Form::Int8Panels(panels) => Some(panels.scales().to_f32()),
        _ => None,
    };
    let from_scales = from_scales.map(|scales| upload(cuda, &scales)).transpose()?;
    let way = Way::Packed(loader::Packed {
        kernel: cuda.kernel("load_packed", name)?,
        from_scales: from_scales.as_ref().map_or(DevicePtr::NULL, Memory::start),
        to: place.values,
        scales: place.scales,
        width: int(width)?,
        rotated: int(layout.rotated())?,
        first: int(place.first)?,
        step: int(place.step)?,
        rows,
        group: if layout == Layout::Panels { Layout::PANEL } else { 1 },
        shared: if name == Layout::SAME {
            0
        } else {
            int(width * size_of::<f32>())?.cast_unsigned()
        },
    });
    Ok(Some((Part { number, values, bytes, rows: groups, way }, from_scales)))
}

/// The scale of each row, which has to be finite with all that it is multiplied with.
fn scales_of(part: usize, scaled: &Scaled) -> Result<Vec<f32>> {
    let &[rows, width] = scaled.shape() else { return Ok(Vec::new()) };
    let largest = match scaled.kind() {
        ScaledKind::E4m3 => 448.0,
        ScaledKind::E5m2 => 57_344.0,
        ScaledKind::Int8 { .. } => 128.0,
    };
    if let Some(row) = scaled.scales().iter().position(|scale| !(scale * largest).is_finite()) {
        return Err(zao_backend::Error::NotFinite { part, index: row * width });
    }
    Ok(match scaled.scales() {
        [one] => vec![*one; rows],
        each => each.to_vec(),
    })
}

/// Device memory that holds `values` for what is queued next.
fn upload(cuda: &Cuda, values: &[f32]) -> Result<Memory> {
    let memory = cuda.keep_list(size_of_val(values))?;
    // SAFETY: the memory is as large.
    unsafe { cuda.stream().upload(memory.start(), bytemuck::cast_slice(values))? };
    Ok(memory)
}

/// Where things lie in the memory of a part, from its beginning on.
#[derive(Clone, Copy, Debug)]
struct Extent {
    /// `f32 [rows]`: what lies beside the bytes, or else what elements will be multiplied with.
    scales: usize,
    /// `f32 [rows]`: what values are multiplied with to become elements.
    factors: usize,
    /// All of it.
    bytes: usize,
}

impl Extent {
    fn of(kept: Kept, layout: Layout, rows: usize, width: usize) -> Self {
        let packed = rows * layout.row_bytes(kept, width);
        let scales = packed.next_multiple_of(PIECE);
        let lists = match layout {
            Layout::Blocks(_) if kept.has_scales() => 2,
            Layout::Blocks(_) => 0,
            Layout::Same => usize::from(kept.has_scales()),
            Layout::Scaled(_) | Layout::Panels => 1,
        };
        let list = rows * size_of::<f32>();
        Self { scales, factors: scales + list, bytes: scales + lists * list }
    }
}

/// A matrix on the card of which at least a part is packed. All of it is one piece of memory.
#[derive(Debug)]
pub(crate) struct PackedMatrix {
    /// Which weight it is, of all that there ever were.
    id: u64,
    memory: Memory,
    kept: Kept,
    parts: Vec<PackedPart>,
    /// Rows that are multiplied: both parts of a pair counted.
    rows: usize,
    width: usize,
    space: Arc<Space>,
}

#[derive(Debug)]
struct PackedPart {
    layout: Layout,
    /// Where it begins.
    at: usize,
    extent: Extent,
    rows: usize,
    /// Row `i` is multiplied as row `first + i * step`.
    first: usize,
    step: usize,
}

/// Rows that were unpacked; they stay until the next are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unpacked {
    pub(crate) values: DevicePtr,
    /// The scale of each row, or null unless elements have 8 bits.
    pub(crate) scales: DevicePtr,
}

impl PackedMatrix {
    /// Takes `matrix` to the card, of which parts stay packed.
    pub(crate) fn load(cuda: &Cuda, matrix: &Matrix, kept: Kept) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (role, care, width) = (matrix.role(), matrix.care(), matrix.columns());
        let pair = role == Role::SwiGlu;
        let (mut parts, mut end, mut first) = (Vec::new(), 0usize, 0);
        for (number, form) in matrix.parts().iter().enumerate() {
            let layout = match Fate::of(kept, (role, care), form) {
                Some(Fate::Stays(layout)) => layout,
                Some(Fate::Converted) | None => Layout::Same,
            };
            let (rows, at) = (form.shape()[0], end.next_multiple_of(BOUNDARY));
            let extent = Extent::of(kept, layout, rows, width);
            let (first_row, step) = if pair { (number, 2) } else { (first, 1) };
            parts.push(PackedPart { layout, at, extent, rows, first: first_row, step });
            (end, first) = (at + extent.bytes, first + rows);
        }
        let rows = matrix.rows() * if pair { 2 } else { 1 };
        let space = cuda.spaces().get(cuda)?;
        let memory = cuda.allocate(end, Region::Model)?;
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let packed = Self { id, memory, kept, parts, rows, width, space };
        packed.fill(cuda, matrix)?;
        Ok(packed)
    }

    /// Brings all parts.
    fn fill(&self, cuda: &Cuda, matrix: &Matrix) -> Result<()> {
        let mut loading = Loading::new(cuda, matrix);
        for (number, (part, form)) in self.parts.iter().zip(matrix.parts()).enumerate() {
            let to = self.memory.start().plus(part.at);
            match (part.layout, form) {
                (Layout::Blocks(kind), Form::Blocks(blocks)) => {
                    loading.copy(Values::Blocks(kind), blocks.bytes(), part.rows, to);
                }
                (Layout::Scaled(kind), Form::Scaled(scaled)) => {
                    let scales = scales_of(number, scaled)?;
                    // SAFETY: a part has room for the scale of each of its rows.
                    unsafe {
                        let to = to.plus(part.extent.scales);
                        cuda.stream().upload(to, bytemuck::cast_slice(&scales))?;
                    }
                    loading.copy(Values::Scaled(kind), scaled.bytes(), part.rows, to);
                }
                _ => {
                    let scales = if self.kept.has_scales() {
                        to.plus(part.extent.scales)
                    } else {
                        DevicePtr::NULL
                    };
                    let place = Place { kept: self.kept, values: to, scales, first: 0, step: 1 };
                    loading.add(form, &place)?;
                }
            }
        }
        loading.finish()?;
        self.parts.iter().try_for_each(|part| self.measure(cuda, part))
    }

    /// Finds out what the rows of a part in blocks will be multiplied with.
    fn measure(&self, cuda: &Cuda, part: &PackedPart) -> Result<()> {
        let Some(name) = part.layout.measure(self.kept) else { return Ok(()) };
        let kernel = cuda.kernel("load_packed", name)?;
        let launch =
            Launch { grid: [blocks(part.rows, 1)?, 1, 1], block: [256, 1, 1], ..Launch::ONE };
        let from = self.memory.start().plus(part.at);
        let (scales, factors) = (from.plus(part.extent.scales), from.plus(part.extent.factors));
        // SAFETY: the part has so many rows of this width, and room for two lists.
        unsafe { cuda.run(&kernel, launch, args![from, scales, factors, int(self.width)?]) }
    }

    /// What is multiplied once it is unpacked.
    pub(crate) fn kept(&self) -> Kept {
        self.kept
    }

    /// Rows that are unpacked at a time, in order.
    pub(crate) fn slices(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (rows, each) = (self.rows, space::rows_at_once(self.kept, self.rows, self.width));
        (0..rows).step_by(each).map(move |first| first..(first + each).min(rows))
    }

    /// Queues the unpacking of some rows, unless they are unpacked already. They are one of [`Self::slices`].
    pub(crate) fn unpack(&self, cuda: &Cuda, rows: &Range<usize>) -> Result<Unpacked> {
        let values = self.space.start();
        let scales = if self.kept.has_scales() {
            values.plus(crate::address::scales_at(rows.len() * self.width))
        } else {
            DevicePtr::NULL
        };
        let unpacked = Unpacked { values, scales };
        if self.space.holds(self.id, rows.start) {
            return Ok(unpacked);
        }
        self.space.holds_nothing();
        let mut packed = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let Some(of_part) = part.rows_of(rows) else { continue };
            match part.layout.unpacking(self.kept) {
                Some(kernel) => packed.push(self.packed_rows(part, kernel, &of_part, rows)),
                None => self.convert_rows(cuda, part, &of_part, rows, unpacked)?,
            }
        }
        // SAFETY: the parts have these rows, and lists of scales and factors where kernels read them; the space has room
        // for the slice.
        unsafe { unpacking::unpack(cuda, &packed, unpacked, self.width)? };
        self.space.now_holds(self.id, rows.start);
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
        let start = self.memory.start().plus(part.at);
        let list = |at: usize| start.plus(at + of_part.start * size_of::<f32>());
        let scales = if part.extent.bytes > part.extent.scales {
            list(part.extent.scales)
        } else {
            DevicePtr::NULL
        };
        PackedRows {
            kernel,
            from: start.plus(of_part.start * part.layout.row_bytes(self.kept, self.width)),
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
        let Some(name) = part.layout.conversion(self.kept) else {
            return Err(cuda.unsupported("linear", format!("rows of {:?}", part.layout)));
        };
        let PackedRows { from, scales, first, step, rows: count, .. } =
            self.packed_rows(part, name, of_part, rows);
        let kernel = cuda.kernel("load_packed", name)?;
        // Rows that are only copied are counted in bytes.
        let (width, shared) = match part.layout {
            Layout::Same => (part.layout.row_bytes(self.kept, self.width), 0),
            _ => (self.width, self.width * size_of::<f32>()),
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
    use zao_backend::{BlockKind, Blocks, Stored};

    use super::*;

    fn of(kind: BlockKind, rows: usize, width: usize) -> Form {
        let bytes = vec![0; rows * width / kind.values() * kind.bytes()];
        Form::Blocks(Blocks::new(kind, [rows, width], bytes.into()).unwrap())
    }

    #[test]
    fn what_is_smaller_packed_stays_and_is_counted_with_what_it_needs() {
        use CudaPrecision::{Bf16, F32, Fp8, Int8};
        let usual = (Role::Linear, Care::Usual);
        let int4 = of(BlockKind::Int4, 10, 128);
        // Two blocks a row; in 8 bits a scale and a factor, too.
        assert_eq!(packed_bytes(Bf16, usual, &int4), Some(688));
        assert_eq!(packed_bytes(Fp8, usual, &int4), Some(688 + 80));
        let q8_0 = of(BlockKind::Q8_0, 10, 128);
        assert_eq!(packed_bytes(F32, usual, &q8_0), Some(1360));
        assert_eq!(packed_bytes(Int8, usual, &q8_0), Some(1280 + 40));
        let scaled = |kind, width| {
            let scaled = Scaled::new(kind, [10, width], vec![0; 10 * width].into(), vec![1.0]);
            Form::Scaled(scaled.unwrap())
        };
        assert_eq!(packed_bytes(Bf16, usual, &scaled(ScaledKind::E4m3, 128)), Some(1280 + 40));
        assert_eq!(packed_bytes(Fp8, usual, &scaled(ScaledKind::E5m2, 128)), Some(1280 + 40));
        assert_eq!(unpacking_bytes(Fp8, usual, &int4), SPACE as u64);
        assert_eq!(unpacking_bytes(Fp8, usual, &q8_0), 0);
        // What is multiplied with more care, or is no whole number of groups, is unpacked before.
        assert_eq!(packed_bytes(Fp8, (Role::Linear, Care::AtLeastBf16), &int4), None);
        assert_eq!(packed_bytes(Fp8, (Role::Table, Care::Usual), &int4), None);
        assert_eq!(packed_bytes(Fp8, usual, &scaled(ScaledKind::E4m3, 120)), None);
        let dense = Form::Dense(Stored::from_f32(&[1, 16], &[0.0; 16]));
        assert_eq!(packed_bytes(Fp8, usual, &dense), None);
    }

    #[test]
    fn scales_that_are_no_numbers_are_found_with_their_row() {
        let scaled = |kind, scales| Scaled::new(kind, [2, 16], vec![0; 32].into(), scales).unwrap();
        assert_eq!(scales_of(3, &scaled(ScaledKind::E4m3, vec![0.5])).unwrap(), [0.5, 0.5]);
        for bad in [f32::NAN, f32::INFINITY, 1e38] {
            let error = scales_of(3, &scaled(ScaledKind::E4m3, vec![1.0, bad])).unwrap_err();
            assert_eq!(error, zao_backend::Error::NotFinite { part: 3, index: 16 });
        }
    }
}
