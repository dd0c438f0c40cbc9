//! Attention: which kernel takes which, and 8-bit results.

mod division;
mod hopper;
mod portable;

use std::ops::Range;

use zao_backend::op::{Attention, Heads, Mask};
use zao_backend::{Element, Result, Segments};

use crate::address::{scales, start};
use crate::device::Cuda;
use crate::driver::DevicePtr;
use crate::quantise::{Quantised, quantise};
use crate::staging::Scratch;

pub(crate) use hopper::WorkLists;

/// An attention in plain addresses and sizes, as its kernels see it.
#[derive(Clone, Copy, Debug)]
struct Packed<'a> {
    /// The fused tensor, a row for each row of the segments.
    qkv: DevicePtr,
    /// How it is held.
    element: Element,
    heads: Heads,
    segments: &'a Segments,
    mask: Mask,
}

/// `Attention` of `zao-backend`.
pub(crate) fn attention(cuda: &Cuda, op: Attention<'_, Cuda>) -> Result<()> {
    let (element, to) = (op.qkv.element(), op.out.element());
    let whole = Packed {
        qkv: start(op.qkv),
        element,
        heads: op.heads,
        segments: op.segments,
        mask: op.mask,
    };
    if to == element {
        return attend(cuda, &whole, start(op.out));
    }
    if !matches!(to, Element::Fp8 | Element::Int8) {
        return Err(cuda.unsupported("attention", format!("from {element:?} to {to:?}")));
    }
    // The scale of a row spans all heads, so it is known only after all of them. Segments go through scratch some at a
    // time, so that it stays small.
    let width = op.out.width();
    let row = width * element.size();
    let groups = groups(op.segments, Scratch::USUAL / row.max(1));
    let most = groups.iter().map(Range::len).max().unwrap_or(0);
    let between = cuda.scratch(most * row)?;
    for rows in groups {
        let inside = op.segments.iter().filter(|s| rows.start <= s.start && s.end <= rows.end);
        let segments = Segments::new(inside.map(|segment| segment.len()));
        let qkv = whole.qkv.plus(rows.start * op.qkv.width() * element.size());
        attend(cuda, &Packed { qkv, segments: &segments, ..whole }, between)?;
        let out = Quantised {
            values: start(op.out).plus(rows.start * width),
            scales: scales(op.out).plus(rows.start * size_of::<f32>()),
            element: to,
            rows: rows.len(),
            width,
        };
        quantise(cuda, between, element, out)?;
    }
    Ok(())
}

/// Writes the result at `out`, in the type of what is read, by the kernel that suits it.
fn attend(cuda: &Cuda, packed: &Packed<'_>, out: DevicePtr) -> Result<()> {
    if hopper::takes(cuda, packed) {
        hopper::attend(cuda, packed, out)
    } else if portable::takes(packed) {
        portable::attend(cuda, packed, out)
    } else {
        let what = format!("heads {} wide of {:?}", packed.heads.dim, packed.element);
        Err(cuda.unsupported("attention", what))
    }
}

/// Rows of consecutive whole segments, up to `most` at once unless a segment alone has more.
fn groups(segments: &Segments, most: usize) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for segment in segments.iter() {
        match groups.last_mut() {
            Some(group) if segment.end - group.start <= most => group.end = segment.end,
            _ => groups.push(segment),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_hold_whole_segments_and_all_rows() {
        let segments = Segments::new([3, 0, 4, 9, 1]);
        assert_eq!(groups(&segments, 7), [0..7, 7..16, 16..17]);
        assert_eq!(groups(&segments, 100), vec![0..17; 1]);
        assert_eq!(groups(&segments, 1), [0..3, 3..3, 3..7, 7..16, 16..17]);
        assert_eq!(groups(&Segments::new([]), 7), [] as [Range<usize>; 0]);
    }
}
