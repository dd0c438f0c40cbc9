//! The arguments of `zao bench`.

use std::num::NonZeroUsize;

use clap::{Args, Subcommand};
use zao_engine::{Architecture, Device, MAX_STEPS, MAX_TOKENS, WeightForm};

use super::{FileArgs, MOST_WORKERS, MemoryArgs, pixels, whole};

/// No measurement needs more repetitions, pictures at a time, or rows.
const MOST_REPETITIONS: NonZeroUsize = NonZeroUsize::new(1000).expect("1000 is not zero");
pub(super) const MOST_PICTURES: NonZeroUsize = NonZeroUsize::new(64).expect("64 is not zero");
const MOST_ROWS: usize = 1 << 20;

#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    pub(crate) command: BenchCommand,
}

#[derive(Subcommand, Debug)]
pub(crate) enum BenchCommand {
    /// Measure one forward of the transformer
    ///
    /// One run that is not timed comes first. What is computed once a picture and not once a step
    /// (refining the caption, the adaLN outputs of the schedule) is not timed either.
    Forward(ForwardArgs),
    /// Measure encoding a caption
    Text(TextArgs),
    /// Measure decoding a latent to a picture
    Vae(VaeArgs),
    /// Measure whole pictures, stage by stage
    ///
    /// Every repetition starts from nothing, as a run of `zao generate` does, and nothing warms up
    /// before. Loading includes making the random weights.
    Generate(PictureArgs),
    /// Measure the large matrix products of the transformer
    Gemm(GemmArgs),
    /// Measure what it is like to use a model: the first picture, the next ones, several at once
    ///
    /// Reports the memory of the device before, meanwhile and after. A model from files is opened and read
    /// anew for each first picture; one of random weights makes them, which takes longer than reading.
    Scenarios(ScenariosArgs),
}

/// What measurements of random weights take.
#[derive(Args, Debug)]
pub(crate) struct CommonArgs {
    /// Architecture to fill with random weights: z-image-turbo or tiny
    #[arg(long, value_name = "NAME")]
    pub(crate) synthetic: Architecture,

    #[command(flatten)]
    pub(crate) weights: WeightsArg,

    #[command(flatten)]
    pub(crate) setting: SettingArgs,
}

#[derive(Args, Debug)]
pub(crate) struct WeightsArg {
    /// How the large random matrices are stored: bf16, fp8, int4 or as GGUF's q8_0, q6_k, q4_k, ...
    #[arg(long, value_name = "FORM", default_value = "bf16", requires = "synthetic")]
    pub(crate) weights: WeightForm,
}

/// Where and how it is measured, and how it is told.
#[derive(Args, Debug)]
pub(crate) struct SettingArgs {
    /// Where to compute: auto, cpu, cuda or cuda:N, as for `zao generate`
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub(crate) device: Device,

    /// Arithmetic, as for `zao generate`
    #[arg(long, value_name = "PRECISION", default_value = "auto")]
    pub(crate) precision: zao_api::Precision,

    /// Threads to compute with on the CPU [default: one a core]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, NonZeroUsize::MIN..=MOST_WORKERS))]
    pub(crate) threads: Option<NonZeroUsize>,

    /// The most memory to use for weights and runs, in MiB [default: what is free]
    #[arg(long, value_name = "MIB", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, 1..=1_u64 << 30))]
    pub(crate) memory_limit: Option<u64>,

    #[command(flatten)]
    pub(crate) memory: MemoryArgs,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    /// Say nothing but the result and errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ForwardArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(flatten)]
    pub(crate) size: SizeArg,
    #[command(flatten)]
    pub(crate) caption: CaptionArg,
    #[command(flatten)]
    pub(crate) repeat: RepeatArg,

    /// How many pictures at a time
    #[arg(long, value_name = "N", default_value = "1", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, NonZeroUsize::MIN..=MOST_PICTURES))]
    pub(crate) batch: NonZeroUsize,
}

#[derive(Args, Debug)]
pub(crate) struct TextArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(flatten)]
    pub(crate) caption: CaptionArg,
    #[command(flatten)]
    pub(crate) repeat: RepeatArg,
}

#[derive(Args, Debug)]
pub(crate) struct VaeArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(flatten)]
    pub(crate) size: SizeArg,
    #[command(flatten)]
    pub(crate) repeat: RepeatArg,
}

#[derive(Args, Debug)]
pub(crate) struct PictureArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(flatten)]
    pub(crate) size: SizeArg,
    #[command(flatten)]
    pub(crate) caption: CaptionArg,

    /// Denoising steps
    #[arg(long, value_name = "N", default_value = "8", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, 1..=MAX_STEPS))]
    pub(crate) steps: usize,

    /// How many pictures, one after the other
    #[arg(long, value_name = "N", default_value = "1", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, NonZeroUsize::MIN..=MOST_REPETITIONS))]
    pub(crate) repeat: NonZeroUsize,
}

#[derive(Args, Debug)]
pub(crate) struct GemmArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(flatten)]
    pub(crate) size: SizeArg,
    #[command(flatten)]
    pub(crate) repeat: RepeatArg,

    /// Rows of the inputs, separated by commas [default: a picture of --size and a caption of 64]
    #[arg(long, value_name = "M", value_delimiter = ',', allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, 1..=MOST_ROWS))]
    pub(crate) tokens: Vec<usize>,
}

#[derive(Args, Debug)]
pub(crate) struct ScenariosArgs {
    #[command(flatten)]
    pub(crate) setting: SettingArgs,

    /// Architecture to fill with random weights: z-image-turbo or tiny
    #[arg(long, value_name = "NAME")]
    #[arg(conflicts_with_all = ["model", "transformer", "text_encoder", "vae", "tokenizer"])]
    pub(crate) synthetic: Option<Architecture>,

    #[command(flatten)]
    pub(crate) weights: WeightsArg,

    /// Name of an installed model, or path of a model folder or file [default: the best that is
    /// installed]
    #[arg(long, short, value_name = "NAME|PATH")]
    pub(crate) model: Option<String>,

    #[command(flatten)]
    pub(crate) files: FileArgs,

    #[command(flatten)]
    pub(crate) size: SizeArg,

    /// Denoising steps
    #[arg(long, value_name = "N", default_value = "8", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, 1..=MAX_STEPS))]
    pub(crate) steps: usize,

    #[command(flatten)]
    pub(crate) repeat: RepeatArg,

    /// How many pictures at once, separated by commas
    #[arg(long, value_name = "N", default_values = ["1", "2", "4", "8"])]
    #[arg(value_delimiter = ',')]
    #[arg(allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, NonZeroUsize::MIN..=MOST_PICTURES))]
    pub(crate) batches: Vec<NonZeroUsize>,
}

#[derive(Args, Debug)]
pub(crate) struct SizeArg {
    /// Width and height in pixels, as in 512x768, or one number for both; multiples of 16
    #[arg(long, value_name = "SIZE", default_value = "512", allow_hyphen_values = true)]
    #[arg(value_parser = size)]
    pub(crate) size: (u32, u32),
}

#[derive(Args, Debug)]
pub(crate) struct CaptionArg {
    /// Tokens of the caption
    #[arg(long, value_name = "N", default_value = "64", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, 1..=MAX_TOKENS))]
    pub(crate) tokens: usize,
}

#[derive(Args, Debug)]
pub(crate) struct RepeatArg {
    /// How many timed repetitions
    #[arg(long, value_name = "N", default_value = "5", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, NonZeroUsize::MIN..=MOST_REPETITIONS))]
    pub(crate) repeat: NonZeroUsize,
}

/// One side or both.
pub(super) fn size(text: &str) -> Result<(u32, u32), String> {
    match super::size(text) {
        Ok(size) => Ok(size),
        Err(_) if !text.contains(['x', 'X', '*', '×']) => pixels(text).map(|side| (side, side)),
        Err(refusal) => Err(refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_side_stands_for_both() {
        assert_eq!(size("512"), Ok((512, 512)));
        assert_eq!(size("512x768"), Ok((512, 768)));
        for text in ["", "x", "512x", "-512", "many"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
