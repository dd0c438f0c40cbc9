//! The command line as typed. Nothing is checked here that needs a model or a file.

mod address;
mod bench;
mod config;
mod convert;
mod doctor;
mod files;
mod list;
mod load;
mod memory;
mod plan;
mod prompt;
mod serve;
mod tuning;
mod worker;

use std::fmt::Display;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use zao_api::{Lora, Steps};
use zao_engine::{Device, MAX_ADAPTER_SCALE, MAX_STEPS};

pub(crate) use bench::{BenchArgs, BenchCommand, CommonArgs, ScenariosArgs, SettingArgs};
pub(crate) use config::{CheckArgs, ConfigArgs, ConfigCommand, InitArgs, ShowArgs, WhichArgs};
pub(crate) use convert::{ConvertArgs, Target};
pub(crate) use doctor::DoctorArgs;
pub(crate) use files::{FileArgs, InspectArgs};
pub(crate) use list::ListArgs;
pub(crate) use load::{AskArgs, ChosenCards, Format, LoadArgs, LoadCommand, TellArgs};
pub(crate) use memory::MemoryArgs;
pub(crate) use plan::PlanArgs;
pub(crate) use prompt::{PromptArgs, PromptCheckArgs, PromptCommand, PromptTemplateArgs};
pub(crate) use serve::{LogArgs, LogForm, ServeArgs, token};
pub(crate) use tuning::{CudaLibraries, TuningArgs};
pub(crate) use worker::WorkerArgs;

/// More threads or connections than this are a slip of the finger, not a wish.
const MOST_WORKERS: NonZeroUsize = NonZeroUsize::new(1024).expect("1024 is not zero");

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
    /// Measure how fast this machine is, with random weights
    Bench(BenchArgs),
    /// Settings of `zao serve`: show them, write a file with them, check one
    Config(ConfigArgs),
    /// Store a model in int8, so that it is smaller and starts sooner
    Convert(ConvertArgs),
    /// Look at this machine: what it can draw with, and what to install or change
    Doctor(DoctorArgs),
    /// Show how a picture was made
    Info(InfoArgs),
    /// Show what a file or folder of weights is, and whether it can be drawn with
    Inspect(InspectArgs),
    /// Measure how a server of pictures behaves when many ask at once: zao's own, or another
    Load(LoadArgs),
    /// List the LoRAs that are there
    Loras(LorasArgs),
    /// List the models that are installed
    Models(ModelsArgs),
    /// Say what drawing would take of this machine or of another: memory, time, and which precision to choose
    Plan(PlanArgs),
    /// Look at a prompt before anything is drawn: what is wrong with it, which parts it has
    Prompt(PromptArgs),
    /// Download a model, or go on where a download stopped
    Pull(PullArgs),
    /// Draw for others: a page, jobs over HTTP, and a supervisor that keeps it alive
    Serve(Box<ServeArgs>),
    /// Draw for `zao serve`, which starts this
    #[command(hide = true)]
    Worker(WorkerArgs),
}

#[derive(Args, Debug)]
pub(crate) struct GenerateArgs {
    /// What to draw
    #[arg(value_name = "PROMPT", conflicts_with = "prompt_option")]
    pub(crate) prompt: Option<String>,

    /// Replace what `zao prompt check` has a replacement for, say so, and draw that prompt
    #[arg(long)]
    pub(crate) fix_prompt: bool,

    /// The words behind the first of a prompt without quotes; never used, but worth a good answer.
    #[arg(hide = true)]
    pub(crate) unquoted: Vec<String>,

    /// What to draw (the same as PROMPT)
    #[arg(long = "prompt", value_name = "PROMPT")]
    pub(crate) prompt_option: Option<String>,

    /// PNG file to write, or - for standard output; several pictures get -1, -2 ... before the
    /// extension
    #[arg(long, short, value_name = "FILE", default_value = "result.png")]
    pub(crate) output: PathBuf,

    /// Name of an installed model, or path of a model folder, or of a file with one part or all
    /// [default: z-image-turbo, else any other that is installed, else the built-in demo model]
    #[arg(long, short, value_name = "NAME|PATH")]
    pub(crate) model: Option<String>,

    #[command(flatten)]
    pub(crate) list: ListArgs,

    #[command(flatten)]
    pub(crate) files: FileArgs,

    /// Follow a LoRA (or LoHa, LoKr, DoRA): its name in the folder that `zao loras` lists, or the path of a
    /// safetensors file, and how much it counts [default: 1]; several are added up
    #[arg(long = "lora", value_name = "NAME[:SCALE]", value_parser = lora)]
    pub(crate) loras: Vec<Lora>,

    /// Merge the LoRAs into the weights while these are loaded: no cost for each step, and a little longer
    /// until the first
    #[arg(long, requires = "loras")]
    pub(crate) merge_lora: bool,

    /// Width in pixels, a multiple of 16 [default: the model's own]
    #[arg(long, value_name = "PIXELS", conflicts_with = "size", value_parser = pixels)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) width: Option<u32>,

    /// Height in pixels, a multiple of 16 [default: the model's own]
    #[arg(long, value_name = "PIXELS", conflicts_with = "size", value_parser = pixels)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) height: Option<u32>,

    /// Width and height in one, as in 1024x768, or auto: by what the prompt asks for, as far as memory allows
    #[arg(long, value_name = "WxH|auto", value_parser = asked_size, allow_hyphen_values = true)]
    pub(crate) size: Option<AskedSize>,

    /// How fine: draft, standard or high, which are 3/4, 4/4 and 5/4 of the side that the model is made
    /// for (768, 1024 and 1280 pixels for z-image-turbo), or auto, as --size auto
    #[arg(long, value_name = "QUALITY", conflicts_with_all = ["size", "width", "height"])]
    pub(crate) quality: Option<zao_api::Quality>,

    /// Picture to begin with: PNG, JPEG or WebP. Drawn in its own size, rounded down to a multiple of 16,
    /// unless another is asked for
    #[arg(long, value_name = "FILE")]
    pub(crate) image: Option<String>,

    /// How much to change that picture, above 0 and up to 1; so much of the steps is done [default: 0.6;
    /// with --mask 1]
    #[arg(long, value_name = "AMOUNT", requires = "image", allow_negative_numbers = true)]
    pub(crate) strength: Option<f64>,

    /// Where to change it, as a picture: white is drawn anew, black stays
    #[arg(long, value_name = "FILE", requires = "image")]
    pub(crate) mask: Option<String>,

    /// Draw a smaller picture where memory has no room for one as large; a seed draws another picture then
    #[arg(long, conflicts_with = "image")]
    pub(crate) allow_downscale: bool,

    /// Denoising steps, each one forward of the model, or auto: one less or more for simple and complex prompts
    /// [default: 8; for z-image 50]
    #[arg(long, value_name = "N|auto", value_parser = asked_steps, allow_negative_numbers = true)]
    pub(crate) steps: Option<Steps>,

    /// How much more to follow the prompt: 0 is off, other tools' "CFG scale" is this plus 1
    /// [default: 0; for z-image 5]
    #[arg(long, value_name = "SCALE", allow_negative_numbers = true)]
    pub(crate) guidance: Option<f32>,

    /// What not to draw; needs --guidance
    #[arg(long, value_name = "PROMPT")]
    pub(crate) negative: Option<String>,

    /// With guidance: limit the prediction's norm to this multiple of the unguided one; 0 is off
    /// [default: 0; for z-image 5]
    #[arg(long, value_name = "FACTOR", allow_negative_numbers = true)]
    pub(crate) cfg_normalization: Option<f32>,

    /// With guidance: stop guiding after this part of the way, from 0 to 1 [default: 1]
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    pub(crate) cfg_truncation: Option<f32>,

    /// Seed of the first picture; the next ones count up [default: random, and printed]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, 0..=u64::MAX))]
    pub(crate) seed: Option<u64>,

    /// How many pictures [default: 1]
    #[arg(long, short = 'n', value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, 1..=1000_u32))]
    pub(crate) count: Option<u32>,

    /// Where to compute: auto, cpu, cuda (the first NVIDIA card) or cuda:N. auto takes the first card if
    /// there is one that has enough memory
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub(crate) device: Device,

    /// Arithmetic: auto, f32, bf16, fp8 or int8. auto draws with a converted model in int8, with a small
    /// one in f32, else in bf16 if memory allows, else in 8 bits: fp8 on cards that have it, else int8
    /// [default: auto]
    #[arg(long, value_name = "PRECISION")]
    pub(crate) precision: Option<zao_api::Precision>,

    #[command(flatten)]
    pub(crate) memory: MemoryArgs,

    /// Noise generator: torch-cpu or nv [default: torch-cpu]
    #[arg(long, value_name = "RNG")]
    pub(crate) rng: Option<zao_api::Rng>,

    /// Threads to compute with on the CPU [default: one a core]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, NonZeroUsize::MIN..=MOST_WORKERS))]
    pub(crate) threads: Option<NonZeroUsize>,

    #[command(flatten)]
    pub(crate) tuning: TuningArgs,

    /// Draw the picture in this file again; other options change what they name
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
pub(crate) struct LorasArgs {
    /// Print one JSON array
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

    /// Where to download from; a mirror of Hugging Face can be named in HF_ENDPOINT
    #[arg(long, value_enum, value_name = "HUB", default_value_t = HubName::Huggingface)]
    pub(crate) from: HubName,

    /// How many files at the same time
    #[arg(long, value_name = "N", default_value = "4", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, NonZeroUsize::MIN..=MOST_WORKERS))]
    pub(crate) parallel: NonZeroUsize,

    /// How often to try again when a request fails, before giving up
    #[arg(long, value_name = "N", default_value = "5", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, 0..=1000_u32))]
    pub(crate) retries: u32,

    /// Say nothing but errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// A size as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskedSize {
    /// By what the prompt asks for.
    Auto,
    /// Width and height.
    Exactly(u32, u32),
}

/// The hubs that publish the models.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HubName {
    Huggingface,
    Modelscope,
}

/// A whole number within bounds.
fn whole<T>(text: &str, allowed: RangeInclusive<T>) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display,
{
    let number = text.parse().ok().filter(|number| allowed.contains(number));
    number
        .ok_or_else(|| format!("use a whole number from {} to {}", allowed.start(), allowed.end()))
}

/// A LoRA's name or path, and behind the last colon how much it counts.
pub(crate) fn lora(text: &str) -> Result<Lora, String> {
    let scaled = text.rsplit_once(':').and_then(|(name, scale)| Some((name, scale.parse().ok()?)));
    let (name, scale) = scaled.unwrap_or((text, 1.0));
    if name.is_empty() {
        return Err("expected a name, as in ink or ink:0.8".into());
    }
    if !(-MAX_ADAPTER_SCALE..=MAX_ADAPTER_SCALE).contains(&scale) {
        let most = MAX_ADAPTER_SCALE;
        return Err(format!(
            "a scale of {scale} is not usable; use a number from -{most} to {most}"
        ));
    }
    Ok(Lora { name: name.into(), scale })
}

/// A number of pixels; how many are possible depends on the model.
fn pixels(text: &str) -> Result<u32, String> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{text:?} is not a number of pixels"));
    }
    text.parse().map_err(|_| format!("{text} pixels are more than any picture has"))
}

fn asked_steps(text: &str) -> Result<Steps, String> {
    if text == "auto" {
        return Ok(Steps::Auto);
    }
    let steps = whole(text, 1..=MAX_STEPS as u32).map_err(|error| format!("{error}, or auto"))?;
    Ok(Steps::Exactly(steps))
}

fn asked_size(text: &str) -> Result<AskedSize, String> {
    if text == "auto" {
        return Ok(AskedSize::Auto);
    }
    let (width, height) = size(text).map_err(|error| format!("{error}, or auto"))?;
    Ok(AskedSize::Exactly(width, height))
}

pub(crate) fn size(text: &str) -> Result<(u32, u32), String> {
    let (width, height) = text
        .split_once(['x', 'X', '*', '×'])
        .ok_or_else(|| "expected WIDTHxHEIGHT, as in 1024x768".to_owned())?;
    Ok((pixels(width)?, pixels(height)?))
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
    fn numbers_keep_to_their_bounds() {
        assert_eq!(whole("7", 1..=7_u32), Ok(7));
        for text in ["0", "8", "-1", "+", "1.5", "", "99999999999999999999"] {
            let refusal = whole(text, 1..=7_u32).unwrap_err();
            assert_eq!(refusal, "use a whole number from 1 to 7", "{text}");
        }
    }

    #[test]
    fn a_scale_stands_behind_the_last_colon() {
        let read = |text| lora(text).map(|Lora { name, scale }| (name, scale));
        for (text, name, scale) in [
            ("ink", "ink", 1.0),
            ("ink:0.5", "ink", 0.5),
            ("ink:-1", "ink", -1.0),
            ("C:\\loras\\ink.safetensors", "C:\\loras\\ink.safetensors", 1.0),
            ("a:b:2", "a:b", 2.0),
        ] {
            assert_eq!(read(text), Ok((name.to_owned(), scale)), "{text}");
        }
        for text in ["", ":1", "ink:nan", "ink:1e9"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for text in ["1024x768", "1024X768", "1024*768", "1024×768", "1024 x 768"] {
            assert_eq!(asked_size(text), Ok(AskedSize::Exactly(1024, 768)), "{text}");
        }
        assert_eq!(asked_size("auto"), Ok(AskedSize::Auto));
        for text in ["1024", "x768", "1024x", "-1x5", "axb", "", "99999999999x1"] {
            assert!(asked_size(text).is_err(), "{text}");
        }
    }
}
