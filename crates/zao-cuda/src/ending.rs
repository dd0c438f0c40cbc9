//! The end of a matrix multiply or a convolution as `kernels/ending.cuh` is told of it.

use zao_backend::Element;

use crate::driver::{Argument, DevicePtr};

/// `struct Ending`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Ending {
    /// The result, bf16 or `f32`.
    pub(crate) out: DevicePtr,
    /// `f32`, one a column, or null.
    pub(crate) bias: DevicePtr,
    /// `f32`, one a row, or null.
    pub(crate) row_scales: DevicePtr,
    /// `f32`, one a column, or null.
    pub(crate) column_scales: DevicePtr,
    /// What is done with a sum.
    pub(crate) kind: Kind,
    /// Whether `out` is `f32`.
    pub(crate) out_f32: i32,
    /// Elements from a row of `out` to the next.
    pub(crate) out_width: i32,
}

// SAFETY: the layout of `Ending` in `ending.cuh`: four addresses and three `int`s, whose end is padded by the compiler.
unsafe impl Argument for Ending {}

/// `enum EndingKind`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is written.
    Store = 0,
    /// `silu` of it is.
    Silu = 1,
    /// It is added to what is there.
    Accumulate = 2,
    /// Columns `2i` and `2i + 1` become column `i`.
    SwiGlu = 3,
}

/// How `kernels/plain_tile.cuh` calls the ways in which elements are stored.
pub(crate) const fn stored(element: Element) -> Option<i32> {
    match element {
        Element::F32 => Some(0),
        Element::Bf16 => Some(1),
        Element::Int8 => Some(2),
        Element::Fp8 => Some(3),
        Element::U8 => None,
    }
}
