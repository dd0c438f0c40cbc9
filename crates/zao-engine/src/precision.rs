//! In which precision to draw, and why that one.

use zao_backend::Policy;
use zao_model::guidance::Guidance;
use zao_model::noise::Generator;

use crate::error::Bytes;
use crate::memory::Budget;
use crate::model::ModelFiles;
use crate::rehearsal::rehearse;
use crate::watch::Watch;
use crate::work::Work;
use crate::{Ask, CancelToken, Error, Job, ModelInfo, Result, devices};

/// A model that takes less than this in f32 is drawn with in f32.
const SMALL: u64 = 1 << 30;

/// The precision as asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// What suits the machine and the model.
    #[default]
    Auto,
    /// This one.
    Exactly(ResolvedPrecision),
}

/// The precision that a picture is drawn in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolvedPrecision {
    /// Single precision; weights keep every stored bit.
    F32,
    /// Weights and the inputs of matrix multiplies in bf16.
    Bf16,
    /// Weights and the inputs of matrix multiplies in 8 bits, the autoencoder in bf16.
    Int8,
}

/// Why a precision was chosen; its text is a part of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrecisionReason {
    /// Somebody asked for it.
    Asked,
    /// The model's weights are stored so.
    Stored,
    /// The model is so small that nothing has to be lost.
    Small,
    /// It is the best of those that fit into memory; it needs and there are so many bytes.
    Fits {
        /// Bytes that a picture needs beside the largest part of the model.
        needed: u64,
        /// Bytes of memory that may be used.
        free: u64,
    },
    /// The next better one does not fit into memory; it needs and there are so many bytes.
    Short {
        /// Bytes that a picture would need in bf16 beside the largest part of the model.
        needed: u64,
        /// Bytes of memory that may be used.
        free: u64,
    },
}

impl PrecisionReason {
    /// Whether the machine decided, so that the same model may be drawn with otherwise elsewhere.
    #[must_use]
    pub const fn is_choice(self) -> bool {
        matches!(self, Self::Fits { .. } | Self::Short { .. })
    }
}

impl std::fmt::Display for ResolvedPrecision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        })
    }
}

impl std::fmt::Display for PrecisionReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Asked => f.write_str("as asked"),
            Self::Stored => f.write_str("the model's weights are stored in int8"),
            Self::Small => f.write_str("the model is small enough to lose nothing"),
            Self::Fits { needed, free } => write!(
                f,
                "a picture needs {} of the {} of memory that can be used",
                Bytes(needed),
                Bytes(free)
            ),
            Self::Short { needed, free } => write!(
                f,
                "in bf16 a picture would need {} of memory, and {} can be used",
                Bytes(needed),
                Bytes(free)
            ),
        }
    }
}

/// The precision for `model`, which users know as `info`, within `budget`.
///
/// # Errors
/// A precision that the model's weights cannot be had in.
pub(crate) fn resolve(
    asked: Precision,
    model: &ModelFiles,
    info: &ModelInfo,
    budget: Budget,
) -> Result<(ResolvedPrecision, PrecisionReason)> {
    use ResolvedPrecision::{Bf16, F32, Int8};
    match asked {
        Precision::Exactly(precision @ (F32 | Bf16)) if model.is_int8() => {
            Err(Error::StoredInInt8 { asked: precision })
        }
        Precision::Exactly(precision) => Ok((precision, PrecisionReason::Asked)),
        Precision::Auto if model.is_int8() => Ok((Int8, PrecisionReason::Stored)),
        Precision::Auto if model.values() * size_of::<f32>() as u64 <= SMALL => {
            Ok((F32, PrecisionReason::Small))
        }
        Precision::Auto => {
            let (run, free) = (usual_run(model, info, devices::policy(Bf16))?, budget.total(0));
            let needed = model.largest_part(Bf16) + run;
            Ok(if needed <= free {
                (Bf16, PrecisionReason::Fits { needed, free })
            } else {
                (Int8, PrecisionReason::Short { needed, free })
            })
        }
    }
}

/// Bytes that drawing one picture of the usual size takes beside the weights.
fn usual_run(model: &ModelFiles, info: &ModelInfo, policy: Policy) -> Result<u64> {
    let size = info.default_size;
    let ask = Ask {
        prompt: "a picture of something, told in a sentence of the usual length".into(),
        negative: String::new(),
        width: size.width,
        height: size.height,
        steps: 1,
        guidance: Guidance::OFF,
        seed: 0,
        generator: Generator::TorchCpu,
    };
    let job = Job::new(ask, info)?;
    let (events, cancel, mut deliver) = (|_| (), CancelToken::new(), drop);
    let work = Work::new(model, &job, &Watch::new(&events, &cancel, &mut deliver))?;
    Ok(rehearse(model, policy, &[work])?.bytes() as u64)
}
