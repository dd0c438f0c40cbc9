//! How fast the machine multiplies at best: chains of one instruction that never leave the registers.

#![allow(unsafe_code, reason = "it runs single instructions")]

/// Whether `vdpbf16ps` multiplies more bf16 in a second than multiply-adds of widened numbers. On
/// Zen 4 and 5 it is twice as fast, on Golden Cove half as fast.
pub(crate) fn bf16_dot_is_faster() -> bool {
    false
}
