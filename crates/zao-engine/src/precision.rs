//! In which precision to draw, and why that one.

use std::borrow::Cow;

use zao_backend::Grid;
use zao_model::guidance::Guidance;
use zao_model::noise::Generator;

use crate::devices::Found;
use crate::error::Bytes;
use crate::memory::Budget;
use crate::model::ModelFiles;
use crate::parts::Piece;
use crate::placement::Footprint;
use crate::rehearsal::{Actor, rehearse};
use crate::watch::Watch;
use crate::work::Work;
use crate::{Ask, CancelToken, Device, Error, Job, ModelInfo, Result, Settings};

/// A model that takes less than this in f32 is drawn with in f32.
const SMALL: u64 = 1 << 30;

/// Whether a model of so many values is drawn with in f32.
pub(crate) fn is_small(values: u64) -> bool {
    values * size_of::<f32>() as u64 <= SMALL
}

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
    /// Weights and the inputs of matrix multiplies in 8-bit floats, the autoencoder in bf16.
    Fp8,
    /// Weights and the inputs of matrix multiplies in 8-bit integers, the autoencoder in bf16.
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
    /// It is the smallest, and a part of the weights still has to be streamed from main memory.
    Streams {
        /// Bytes that a picture would need with all weights of the transformer on the device.
        needed: u64,
        /// Bytes of memory that may be used.
        free: u64,
    },
    /// It is the smallest, though not even that fits into the memory of the card.
    Beyond {
        /// Bytes that a picture would need beside the largest part of the model.
        needed: u64,
        /// Bytes of memory that may be used.
        free: u64,
    },
}

impl PrecisionReason {
    /// Whether the machine decided, so that the same model may be drawn with otherwise elsewhere.
    #[must_use]
    pub const fn is_choice(self) -> bool {
        matches!(
            self,
            Self::Fits { .. } | Self::Short { .. } | Self::Streams { .. } | Self::Beyond { .. }
        )
    }
}

impl std::fmt::Display for ResolvedPrecision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Fp8 => "fp8",
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
            Self::Fits { needed, free: u64::MAX } => {
                write!(f, "a picture needs {} of memory, and no limit is known", Bytes(needed))
            }
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
            Self::Streams { needed, free } => write!(
                f,
                "even so a picture would need {} of memory, and {} can be used; weights are streamed from main memory",
                Bytes(needed),
                Bytes(free)
            ),
            Self::Beyond { needed, free } => write!(
                f,
                "with all that can be streamed from main memory a picture would need {}, and {} can be used",
                Bytes(needed),
                Bytes(free)
            ),
        }
    }
}

/// What a model is drawn with, and why.
pub(crate) struct Choice {
    pub(crate) found: Found,
    /// Why a card that is there is not used.
    pub(crate) passed_over: Option<String>,
    pub(crate) precision: ResolvedPrecision,
    pub(crate) reason: PrecisionReason,
}

/// The device and the precision for `model`, which users know as `info`, within what `settings` allow.
///
/// # Errors
/// A device that is not there, or a precision that it or the model cannot be had in.
pub(crate) fn choose(settings: &Settings, model: &ModelFiles, info: &ModelInfo) -> Result<Choice> {
    let (device, asked) = (settings.device, settings.precision);
    let found = Found::find(device)?;
    let budget = Budget::of(settings, &found);
    let decided = resolve(asked, model, info, &found, budget);
    let passed_over = match (&found, &decided) {
        (Found::Cpu, _) => None,
        _ if device != Device::Auto => None,
        (card, Err(error)) => Some(format!("{}: {error}", card.name())),
        (card, Ok((_, PrecisionReason::Beyond { needed, free }))) => {
            let (needed, free) = (Bytes(*needed), Bytes(*free));
            Some(format!("{} has {free} of memory to use, a picture needs {needed}", card.name()))
        }
        (_, Ok(_)) => None,
    };
    if passed_over.is_some() {
        let found = Found::Cpu;
        let budget = Budget::of(settings, &found);
        let (precision, reason) = resolve(asked, model, info, &found, budget)?;
        return Ok(Choice { found, passed_over, precision, reason });
    }
    let (precision, reason) = decided?;
    Ok(Choice { found, passed_over, precision, reason })
}

/// The precision for `model`, which users know as `info`, on a device within `budget`.
///
/// # Errors
/// A precision that the device or the model's weights cannot be had in.
fn resolve(
    asked: Precision,
    model: &ModelFiles,
    info: &ModelInfo,
    found: &Found,
    budget: Budget,
) -> Result<(ResolvedPrecision, PrecisionReason)> {
    use ResolvedPrecision::{Bf16, F32, Fp8, Int8};
    match asked {
        Precision::Exactly(precision) if !found.has(precision) => Err(Error::NotInPrecision {
            device: found.name().into(),
            asked: precision,
            instead: "use int8, which takes as little memory",
        }),
        Precision::Exactly(precision @ (F32 | Bf16 | Fp8)) if model.is_int8() => {
            Err(Error::StoredInInt8 { asked: precision })
        }
        Precision::Exactly(precision) => Ok((precision, PrecisionReason::Asked)),
        Precision::Auto if model.is_int8() => Ok((Int8, PrecisionReason::Stored)),
        Precision::Auto if is_small(model.values()) => Ok((F32, PrecisionReason::Small)),
        Precision::Auto => {
            let free = budget.total(0, found.free_bytes());
            let needs = |precision| needs(model, info, found, precision);
            let best = needs(Bf16)?;
            if best.resident <= free {
                return Ok((Bf16, PrecisionReason::Fits { needed: best.resident, free }));
            }
            let smaller = if found.has(Fp8) { Fp8 } else { Int8 };
            let Needs { resident, least } = needs(smaller)?;
            Ok(if resident <= free || matches!(found, Found::Cpu) {
                (smaller, PrecisionReason::Short { needed: best.resident, free })
            } else if least <= free {
                // Fewer bytes come over the bus faster, and nothing else is known of the time here.
                (smaller, PrecisionReason::Streams { needed: resident, free })
            } else {
                (smaller, PrecisionReason::Beyond { needed: least, free })
            })
        }
    }
}

/// Bytes that drawing one picture of the usual size needs.
struct Needs {
    /// With the whole transformer on the device. The text encoder is used once a prompt, and may be streamed.
    resident: u64,
    /// With as much streamed as can be.
    least: u64,
}

fn needs(
    model: &ModelFiles,
    info: &ModelInfo,
    found: &Found,
    precision: ResolvedPrecision,
) -> Result<Needs> {
    let target = found.with(precision);
    let run = usual_run(model, info, Actor::reading(target.policy()))? + found.beside_bytes();
    let footprints = model.footprints(target);
    let least = footprints.iter().map(Footprint::least).max().unwrap_or(0);
    let transformer = footprints[Piece::Transformer as usize].bytes;
    Ok(Needs { resident: run + least.max(transformer), least: run + least })
}

/// Bytes that drawing one picture of the usual size takes beside the weights.
fn usual_run(model: &ModelFiles, info: &ModelInfo, actor: Actor) -> Result<u64> {
    let job = Job::new(usual_picture(info.default_size), info)?;
    let (events, cancel, mut deliver) = (|_| (), CancelToken::new(), drop);
    let watch = Watch::new(&events, &cancel, &mut deliver);
    let work = Work::new(model, Cow::Borrowed(&job), &watch)?;
    Ok(rehearse(model, actor, &[work])?.bytes() as u64)
}

/// What people ask for, as far as memory depends on it.
pub(crate) fn usual_picture(size: Grid) -> Ask {
    Ask {
        start: None,
        prompt: "a picture of something, told in a sentence of the usual length".into(),
        negative: String::new(),
        width: size.width,
        height: size.height,
        steps: 1,
        guidance: Guidance::OFF,
        seed: 0,
        generator: Generator::TorchCpu,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Architecture, Synthetic, WeightForm};

    fn model(architecture: Architecture) -> (ModelFiles, ModelInfo) {
        let synthetic = Synthetic { architecture, tokens: 64, weights: WeightForm::Bf16 };
        let model = ModelFiles::synthetic(synthetic).unwrap();
        let info = ModelInfo::of("test", &model);
        (model, info)
    }

    const GB: u64 = 1_000_000_000;

    #[test]
    fn a_large_model_is_drawn_with_in_the_best_precision_that_fits() {
        use ResolvedPrecision::{Bf16, F32, Int8};
        let (model, info) = model(Architecture::ZImageTurbo);
        let resolve = |limit| {
            resolve(Precision::Auto, &model, &info, &Found::Cpu, Budget::new(Some(limit))).unwrap()
        };
        let (precision, reason) = resolve(100 * GB);
        let PrecisionReason::Fits { needed, free } = reason else { panic!("{reason:?}") };
        assert_eq!((precision, free), (Bf16, 100 * GB), "f32 would gain nothing");
        assert!((13 * GB..17 * GB).contains(&needed), "{needed}");
        assert_eq!(resolve(needed).0, Bf16);
        let short = PrecisionReason::Short { needed, free: needed - 1 };
        assert_eq!(resolve(needed - 1), (Int8, short));
        assert_eq!(resolve(1).0, Int8, "that nothing fits is told when something is drawn");
        assert!(reason.is_choice() && short.is_choice());
        assert!(reason.to_string().contains("93.1 GiB") && short.to_string().contains("bf16"));
        let exactly = Precision::Exactly(F32);
        let asked =
            super::resolve(exactly, &model, &info, &Found::Cpu, Budget::new(Some(1))).unwrap();
        assert_eq!(asked, (F32, PrecisionReason::Asked));
    }

    #[test]
    fn a_small_model_loses_nothing_however_little_memory_there_is() {
        let (model, info) = model(Architecture::Tiny);
        let chosen =
            resolve(Precision::Auto, &model, &info, &Found::Cpu, Budget::new(Some(1))).unwrap();
        assert_eq!(chosen, (ResolvedPrecision::F32, PrecisionReason::Small));
        assert!(!PrecisionReason::Small.is_choice());
    }

    #[test]
    fn the_published_model_takes_what_its_weights_take() {
        use ResolvedPrecision::{Bf16, F32, Int8};
        use zao_weights::PartName::{TextEncoder, Transformer, Vae};
        let (model, _) = model(Architecture::ZImageTurbo);
        for (part, precision, gigabytes) in [
            (Transformer, Bf16, 12.3),
            (Transformer, F32, 12.3), // It is published in bf16, which f32 has no use for widening.
            (Transformer, Int8, 6.3),
            (TextEncoder, Bf16, 7.8),
            (TextEncoder, Int8, 4.3),
            (Vae, Int8, 0.1),
        ] {
            let bytes = model.loaded_bytes(part, Found::Cpu.with(precision)) as f64 / GB as f64;
            assert!((bytes - gigabytes).abs() < 0.06, "{part} in {precision}: {bytes}");
        }
        let int8 = Found::Cpu.with(Int8);
        assert_eq!(model.largest_part(int8), model.loaded_bytes(Transformer, int8));
    }
}
