//! Which arithmetic a picture is drawn in: as asked for, and as settled. Settling `auto` is NOT done here.

use serde::{Deserialize, Serialize};

use crate::name::named;

/// The precision as asked for, where the choice may be left to zao.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// `auto`: what suits the device and the model best.
    #[default]
    Auto,
    /// `f32`: 32-bit floating point.
    F32,
    /// `bf16`: weights and activations in bfloat16, sums in 32-bit floating point.
    Bf16,
    /// `fp8`: as `int8`, in 8-bit floating point.
    Fp8,
    /// `int8`: weights and activations in 8-bit integers with scales, sums in 32 bits; layers that
    /// would suffer in bfloat16 or better.
    Int8,
}

/// The precision a picture was really drawn in; unlike [`Precision`] it cannot be `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ResolvedPrecision {
    /// `f32`: 32-bit floating point.
    F32,
    /// `bf16`: weights and activations in bfloat16, sums in 32-bit floating point.
    Bf16,
    /// `fp8`: as `int8`, in 8-bit floating point.
    Fp8,
    /// `int8`: weights and activations in 8-bit integers with scales, sums in 32 bits; layers that
    /// would suffer in bfloat16 or better.
    Int8,
}

impl Precision {
    /// Every choice, the default first.
    pub const ALL: [Self; 5] = [Self::Auto, Self::F32, Self::Bf16, Self::Fp8, Self::Int8];

    /// The name used in JSON and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::F32 => ResolvedPrecision::F32.as_str(),
            Self::Bf16 => ResolvedPrecision::Bf16.as_str(),
            Self::Fp8 => ResolvedPrecision::Fp8.as_str(),
            Self::Int8 => ResolvedPrecision::Int8.as_str(),
        }
    }
}

impl ResolvedPrecision {
    /// The name used in JSON and in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Fp8 => "fp8",
            Self::Int8 => "int8",
        }
    }
}

impl From<ResolvedPrecision> for Precision {
    fn from(resolved: ResolvedPrecision) -> Self {
        match resolved {
            ResolvedPrecision::F32 => Self::F32,
            ResolvedPrecision::Bf16 => Self::Bf16,
            ResolvedPrecision::Fp8 => Self::Fp8,
            ResolvedPrecision::Int8 => Self::Int8,
        }
    }
}

named!(Precision, "precision");
named!(ResolvedPrecision);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_the_command_line_use_the_same_names() {
        for choice in Precision::ALL {
            assert_eq!(serde_json::to_value(choice).unwrap(), choice.as_str());
            assert_eq!(choice.as_str().parse(), Ok(choice));
        }
        for resolved in [ResolvedPrecision::F32, ResolvedPrecision::Bf16, ResolvedPrecision::Int8] {
            assert_eq!(serde_json::to_value(resolved).unwrap(), resolved.as_str());
            assert_eq!(resolved.as_str(), Precision::from(resolved).as_str());
        }
    }

    #[test]
    fn a_resolved_precision_is_never_auto() {
        assert!(serde_json::from_str::<ResolvedPrecision>("\"auto\"").is_err());
    }
}
