//! The instructions that multiply words and add them up, one type for each.
//!
//! `load` and `broadcast` move words, `dot` adds to each sum the products within a word. Nothing here
//! knows tiles or memory layouts.

use super::Into;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(super) use avx2::{Fma256, Madd256, Vnni256};
#[cfg(target_arch = "x86_64")]
pub(super) use avx512::{Bf16Dot512, Fma512, Vnni512, VnniShorts512};
pub(super) use portable::{PortableBytes, PortableFloats, PortableShorts};

/// An instruction that multiplies words of a panel with a broadcast word.
pub(super) trait Dot: Copy {
    /// A register of words.
    type Words: Copy;
    /// A register of sums.
    type Sum: Copy;
    /// Words and sums of a register.
    const LANES: usize;
    /// Vectors of a tile: with two sums each they fill the register file but for three registers.
    const VECTORS: usize;

    /// Sums that begin at zero.
    ///
    /// # Safety
    /// The machine must have the instruction.
    unsafe fn zero() -> Self::Sum;

    /// Consecutive words.
    ///
    /// # Safety
    /// The machine must have the instruction, and `from` as many words.
    unsafe fn load(from: *const u32) -> Self::Words;

    /// One word in every lane.
    ///
    /// # Safety
    /// The machine must have the instruction, and `from` a word.
    unsafe fn broadcast(from: *const u32) -> Self::Words;

    /// `sum + panel * vector`.
    ///
    /// # Safety
    /// The machine must have the instruction.
    unsafe fn dot(sum: Self::Sum, panel: Self::Words, vector: Self::Words) -> Self::Sum;
}

/// A product of floating-point numbers.
pub(super) trait FloatDot: Dot {
    /// Writes or adds sums to consecutive `f32`.
    ///
    /// # Safety
    /// The machine must have the instruction, and `to` as many elements.
    unsafe fn write(sum: Self::Sum, into: Into, to: *mut f32);
}

/// A product of integers.
pub(super) trait IntegerDot: Dot {
    /// Sums that begin at `start`.
    ///
    /// # Safety
    /// The machine must have the instruction.
    unsafe fn start(start: i32) -> Self::Sum;

    /// Writes or adds `sum * row` to consecutive `f32`.
    ///
    /// # Safety
    /// The machine must have the instruction, and `to` as many elements.
    unsafe fn write(sum: Self::Sum, row: f32, into: Into, to: *mut f32);

    /// Writes or adds `sum * row * columns` to consecutive `f32`.
    ///
    /// # Safety
    /// The machine must have the instruction, `to` and `columns` as many elements.
    unsafe fn write_columns(
        sum: Self::Sum,
        row: f32,
        columns: *const f32,
        into: Into,
        to: *mut f32,
    );
}
