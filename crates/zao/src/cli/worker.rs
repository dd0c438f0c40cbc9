//! The arguments of `zao worker`, which `zao serve` gives, not people.

use std::num::NonZeroUsize;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};
use zao_engine::Device;

use super::serve::{DRAWING, MEMORY};
use super::{FileArgs, MOST_WORKERS, MemoryArgs, TuningArgs, whole};

/// What a worker draws with.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = DRAWING)]
pub(crate) struct WorkerArgs {
    /// Name of an installed model, or path of a model folder, or of a file with one part or all
    /// [default: z-image-turbo, else any other that is installed, else the built-in demo model]
    #[arg(long, short, value_name = "NAME|PATH")]
    pub(crate) model: Option<String>,

    #[command(flatten)]
    pub(crate) files: FileArgs,

    /// Where to compute: auto, cpu, cuda (the first NVIDIA card) or cuda:N. With auto every card that can be drawn on gets a worker
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub(crate) device: Device,

    /// Arithmetic: auto, f32, bf16, fp8 or int8
    #[arg(long, value_name = "PRECISION", default_value = "auto")]
    pub(crate) precision: zao_api::Precision,

    /// Threads to compute with on the CPU [default: one a core]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, NonZeroUsize::MIN..=MOST_WORKERS))]
    pub(crate) threads: Option<NonZeroUsize>,

    #[command(flatten)]
    pub(crate) tuning: TuningArgs,

    /// Whether a worker draws a small picture before it says that it is ready, so that no client waits for its weights or finds its
    /// device broken
    #[arg(long, value_name = "true|false", default_value = "true")]
    #[arg(action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) warm_up: bool,

    /// After how many seconds without work, and then as often, a device is asked to compute a little, so that one which has stopped to
    /// answer is noticed before the next picture; 0 is never
    #[arg(long, value_name = "SECONDS", default_value = "60", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, 0..=u64::from(u32::MAX)))]
    pub(crate) idle_probe: u64,

    #[command(flatten, next_help_heading = MEMORY)]
    pub(crate) memory: MemoryArgs,

    /// After how many seconds without work memory is given back; 0 is never
    #[arg(long, value_name = "SECONDS", default_value = "600", allow_negative_numbers = true)]
    #[arg(help_heading = MEMORY)]
    #[arg(value_parser = |text: &str| whole(text, 0..=u64::from(u32::MAX)))]
    pub(crate) idle_release: u64,
}
