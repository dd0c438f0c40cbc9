//! The command line as typed. Nothing is checked here that needs a model or a file.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A sentence becomes a picture: Z-Image-Turbo in one binary.
#[derive(Parser, Debug)]
#[command(name = "zao", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Draw pictures from a prompt
    Generate(Box<GenerateArgs>),
    /// Show how a picture was made
    Info(InfoArgs),
    /// List the models that are installed
    Models(ModelsArgs),
    /// Download a model, or go on where a download stopped
    Pull(PullArgs),
}

#[derive(Args, Debug)]
pub(crate) struct GenerateArgs {
    /// What to draw
    #[arg(value_name = "PROMPT", conflicts_with = "prompt_option")]
    pub(crate) prompt: Option<String>,

    /// What to draw (the same as PROMPT)
    #[arg(long = "prompt", value_name = "PROMPT")]
    pub(crate) prompt_option: Option<String>,

    /// File to write; several pictures get -1, -2 ... before the extension
    #[arg(long, short, value_name = "FILE", default_value = "result.png")]
    pub(crate) output: PathBuf,

    /// Installed model or model folder [default: z-image-turbo if installed, else the demo model]
    #[arg(long, short, value_name = "NAME|PATH")]
    pub(crate) model: Option<String>,

    /// Width in pixels, a multiple of 16 [default: the model's own]
    #[arg(long, value_name = "PIXELS", conflicts_with = "size")]
    pub(crate) width: Option<u32>,

    /// Height in pixels, a multiple of 16 [default: the model's own]
    #[arg(long, value_name = "PIXELS", conflicts_with = "size")]
    pub(crate) height: Option<u32>,

    /// Width and height in one, as in 1024x768
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    pub(crate) size: Option<(u32, u32)>,

    /// Denoising steps, each one forward of the model [default: 8]
    #[arg(long, value_name = "N")]
    pub(crate) steps: Option<u32>,

    /// Guidance as diffusers counts it: 0 is off, others' "CFG scale" is this plus 1 [default: 0]
    #[arg(long, value_name = "SCALE", allow_negative_numbers = true)]
    pub(crate) guidance: Option<f32>,

    /// What not to draw; needs --guidance
    #[arg(long, value_name = "PROMPT")]
    pub(crate) negative: Option<String>,

    /// With guidance: limit the prediction's norm to this multiple of the unguided one; 0 is off
    #[arg(long, value_name = "FACTOR", allow_negative_numbers = true)]
    pub(crate) cfg_normalization: Option<f32>,

    /// With guidance: stop guiding after this part of the way, from 0 to 1 [default: 1]
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    pub(crate) cfg_truncation: Option<f32>,

    /// Seed of the first picture; the next ones count up [default: random, and printed]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// How many pictures
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) count: Option<u32>,

    /// Where to compute: auto or cpu
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub(crate) device: String,

    /// Arithmetic: auto, f32 or bf16 [default: auto]
    #[arg(long, value_name = "PRECISION")]
    pub(crate) precision: Option<zao_api::Precision>,

    /// Noise generator: torch-cpu or nv [default: torch-cpu]
    #[arg(long, value_name = "RNG")]
    pub(crate) rng: Option<zao_api::Rng>,

    /// Threads to compute with on the CPU [default: one a core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,

    /// Draw the picture of this PNG again, or with other options vary it
    #[arg(long, value_name = "FILE.png")]
    pub(crate) from: Option<PathBuf>,

    /// Print one JSON object: files, seeds, times, memory
    #[arg(long)]
    pub(crate) json: bool,

    /// Say nothing but errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Args, Debug)]
pub(crate) struct InfoArgs {
    /// A PNG made by zao or another tool
    #[arg(value_name = "FILE.png")]
    pub(crate) file: PathBuf,

    /// Print the exact recipe as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ModelsArgs {
    /// Print one JSON array
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct PullArgs {
    /// Which model: z-image-turbo or z-image
    #[arg(value_name = "NAME")]
    pub(crate) name: String,

    /// Where to download from
    #[arg(long, value_enum, value_name = "HUB", default_value_t = HubName::Huggingface)]
    pub(crate) from: HubName,

    /// How many files at the same time
    #[arg(long, value_name = "N", default_value = "4")]
    pub(crate) parallel: NonZeroUsize,

    /// Say nothing but errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// The hubs that publish the models.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HubName {
    /// huggingface.co, or the mirror in HF_ENDPOINT
    Huggingface,
    /// modelscope.cn
    Modelscope,
}

fn parse_size(text: &str) -> Result<(u32, u32), String> {
    let (width, height) = text
        .split_once(['x', 'X', '*', '×'])
        .ok_or_else(|| "expected WIDTHxHEIGHT, as in 1024x768".to_owned())?;
    let side = |text: &str| {
        text.trim().parse::<u32>().map_err(|_| format!("{text:?} is not a number of pixels"))
    };
    Ok((side(width)?, side(height)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for text in ["1024x768", "1024X768", "1024*768", "1024×768", "1024 x 768"] {
            assert_eq!(parse_size(text), Ok((1024, 768)), "{text}");
        }
        for text in ["1024", "x768", "1024x", "-1x5", "axb", ""] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
