//! The precision as JSON names it and as the engine takes it. Which one is chosen is NOT decided here.

use zao_api::{Precision as Asked, ResolvedPrecision as Recorded};
use zao_engine::{Description, Engine, Precision, ResolvedPrecision};

use crate::Result;

/// The precision as the engine takes it.
#[must_use]
pub fn wanted_precision(asked: Asked) -> Precision {
    match asked {
        Asked::Auto => Precision::Auto,
        Asked::F32 => Precision::Exactly(ResolvedPrecision::F32),
        Asked::Bf16 => Precision::Exactly(ResolvedPrecision::Bf16),
        Asked::Fp8 => Precision::Exactly(ResolvedPrecision::Fp8),
        Asked::Int8 => Precision::Exactly(ResolvedPrecision::Int8),
    }
}

/// The precision as JSON names it.
#[must_use]
pub fn on_the_wire(precision: ResolvedPrecision) -> Recorded {
    match precision {
        ResolvedPrecision::F32 => Recorded::F32,
        ResolvedPrecision::Bf16 => Recorded::Bf16,
        ResolvedPrecision::Fp8 => Recorded::Fp8,
        ResolvedPrecision::Int8 => Recorded::Int8,
    }
}

/// The precision that `engine` draws in, as recipes record it.
#[must_use]
pub fn recorded_precision(engine: &Engine) -> Recorded {
    on_the_wire(engine.precision())
}

/// The device as recipes record it: with what decides the last bits of its results, and who read the prompt if that was
/// another.
///
/// # Errors
/// A processor that cannot be had to read prompts.
pub fn recorded_device(engine: &mut Engine) -> Result<String> {
    let words = |it: Description| format!("{} ({})", it.device, it.numerics);
    let device = words(engine.device());
    Ok(match engine.reader()? {
        None => device,
        Some(reader) => format!("{device}, prompts read by {}", words(reader)),
    })
}
