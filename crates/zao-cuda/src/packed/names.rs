//! How rows of a part lie, and which kernels read them.

use zao_backend::{BlockKind, ScaledKind};

use crate::weight::Kept;

/// How rows lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// In quantised blocks.
    Blocks(BlockKind),
    /// In 8 bits, with a scale a row beside them.
    Scaled(ScaledKind),
    /// As processors multiply integers, with a scale a row beside them.
    Panels,
    /// As they are multiplied.
    Same,
}

/// The name for what is kept.
macro_rules! by_kept {
    ($kept:expr, $prefix:literal) => {
        match $kept {
            Kept::F32 => concat!($prefix, "_f32"),
            Kept::Bf16 => concat!($prefix, "_bf16"),
            Kept::Fp8 => concat!($prefix, "_fp8"),
            Kept::Int8 => concat!($prefix, "_int8"),
        }
    };
}

/// The same where only 8 bits are kept.
macro_rules! measuring {
    ($kept:expr, $prefix:literal) => {
        match $kept {
            Kept::Fp8 => Some(concat!("measure_", $prefix, "_fp8")),
            Kept::Int8 => Some(concat!("measure_", $prefix, "_int8")),
            Kept::F32 | Kept::Bf16 => None,
        }
    };
}

impl Layout {
    /// The kernel that copies rows as they are.
    pub(super) const SAME: &'static str = "same";
    /// Rows of a panel.
    pub(super) const PANEL: usize = 32;

    /// Bytes of a row of `width` values without what lies beside; of panels, as if each row were stored alone.
    pub(super) fn row_bytes(self, kept: Kept, width: usize) -> usize {
        match self {
            Self::Blocks(kind) => width / kind.values() * kind.bytes(),
            Self::Scaled(_) => width,
            Self::Panels => width.next_multiple_of(4),
            Self::Same => width * kept.size(),
        }
    }

    /// How many values at a time are rotated back, where any are and that is not always the same.
    pub(super) fn rotated(self) -> usize {
        match self {
            Self::Scaled(ScaledKind::Int8 { rotated: Some(size) }) => size,
            Self::Blocks(_) | Self::Scaled(_) | Self::Panels | Self::Same => 1,
        }
    }

    /// The kernel of `unpack.cu` for such rows, if there is one.
    pub(super) fn unpacking(self, kept: Kept) -> Option<&'static str> {
        Some(match self {
            Self::Blocks(kind) => match kind {
                BlockKind::Q4_0 => by_kept!(kept, "q4_0"),
                BlockKind::Q4_1 => by_kept!(kept, "q4_1"),
                BlockKind::Q5_0 => by_kept!(kept, "q5_0"),
                BlockKind::Q5_1 => by_kept!(kept, "q5_1"),
                BlockKind::Q8_0 => match kept {
                    Kept::F32 => "q8_0_f32",
                    Kept::Bf16 => "q8_0_bf16",
                    Kept::Fp8 | Kept::Int8 => return None,
                },
                BlockKind::Q2K => by_kept!(kept, "q2_k"),
                BlockKind::Q3K => by_kept!(kept, "q3_k"),
                BlockKind::Q4K => by_kept!(kept, "q4_k"),
                BlockKind::Q5K => by_kept!(kept, "q5_k"),
                BlockKind::Q6K => by_kept!(kept, "q6_k"),
                BlockKind::Int4 => by_kept!(kept, "int4"),
            },
            Self::Scaled(kind) => match (kind, kept) {
                (ScaledKind::E4m3, Kept::F32) => "e4m3_f32",
                (ScaledKind::E4m3, Kept::Bf16) => "e4m3_bf16",
                (ScaledKind::E5m2, Kept::F32) => "e5m2_f32",
                (ScaledKind::E5m2, Kept::Bf16) => "e5m2_bf16",
                (ScaledKind::Int8 { rotated: None }, Kept::F32) => "int8_f32",
                (ScaledKind::Int8 { rotated: None }, Kept::Bf16) => "int8_bf16",
                _ => return None,
            },
            Self::Panels | Self::Same => return None,
        })
    }

    /// The kernel of `load_packed.cu` that turns such rows into those that are kept, if there is one.
    pub(super) fn conversion(self, kept: Kept) -> Option<&'static str> {
        Some(match (self, kept) {
            (Self::Same, _)
            | (Self::Scaled(ScaledKind::E4m3), Kept::Fp8)
            | (Self::Scaled(ScaledKind::Int8 { rotated: None }), Kept::Int8) => Self::SAME,
            (Self::Blocks(BlockKind::Q8_0), Kept::Fp8) => "q8_0_fp8",
            (Self::Blocks(BlockKind::Q8_0), Kept::Int8) => "q8_0_int8",
            (Self::Scaled(ScaledKind::E4m3), Kept::Int8) => "e4m3_int8",
            (Self::Scaled(ScaledKind::E5m2), Kept::Fp8) => "e5m2_fp8",
            (Self::Scaled(ScaledKind::E5m2), Kept::Int8) => "e5m2_int8",
            (Self::Scaled(ScaledKind::Int8 { rotated: None }), Kept::Fp8) => "int8_fp8",
            (Self::Scaled(ScaledKind::Int8 { rotated: Some(_) }), _) => by_kept!(kept, "rotated"),
            (Self::Panels, _) => by_kept!(kept, "panels"),
            (Self::Blocks(_) | Self::Scaled(_), _) => return None,
        })
    }

    /// The kernel of `load_packed.cu` that measures such rows for 8 bits, if they have to be.
    pub(super) fn measure(self, kept: Kept) -> Option<&'static str> {
        let Self::Blocks(kind) = self else { return None };
        match kind {
            BlockKind::Q4_0 => measuring!(kept, "q4_0"),
            BlockKind::Q4_1 => measuring!(kept, "q4_1"),
            BlockKind::Q5_0 => measuring!(kept, "q5_0"),
            BlockKind::Q5_1 => measuring!(kept, "q5_1"),
            BlockKind::Q8_0 => None,
            BlockKind::Q2K => measuring!(kept, "q2_k"),
            BlockKind::Q3K => measuring!(kept, "q3_k"),
            BlockKind::Q4K => measuring!(kept, "q4_k"),
            BlockKind::Q5K => measuring!(kept, "q5_k"),
            BlockKind::Q6K => measuring!(kept, "q6_k"),
            BlockKind::Int4 => measuring!(kept, "int4"),
        }
    }
}
