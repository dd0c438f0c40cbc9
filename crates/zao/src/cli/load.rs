//! The arguments of `zao load`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Subcommand, ValueEnum};
use zao_load::{Arrivals, Condition, Protocol};

use super::bench::size;
use super::whole;
use crate::language::Language;

/// More clients or requests at a time than this are a slip of the finger.
const MOST_CLIENTS: usize = 10_000;

#[derive(Args, Debug)]
pub(crate) struct LoadArgs {
    #[command(subcommand)]
    pub(crate) command: LoadCommand,
}

#[derive(Subcommand, Debug)]
pub(crate) enum LoadCommand {
    /// Measure with more and more clients, each of which waits for its picture and asks again
    Sweep(SweepArgs),
    /// Measure with requests that come at a rate, whatever becomes of those before
    ///
    /// Times count from the moment at which a request was to be sent, so that a server that stalls cannot hide it.
    Rate(RateArgs),
    /// Measure for long, and look whether times or memory grow
    Soak(SoakArgs),
    /// Play a recording of requests
    ///
    /// Each line is a JSON object: `at` in seconds, and the fields of a job of zao, of which only `prompt` is needed.
    Replay(ReplayArgs),
    /// Compare two measurements that --save wrote
    Compare(CompareArgs),
}

#[derive(Args, Debug)]
pub(crate) struct SweepArgs {
    /// Numbers of clients, separated by commas; a row for each
    #[arg(long, short = 'c', value_name = "N", value_delimiter = ',')]
    #[arg(default_values = ["1", "4", "8", "16", "32"], allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, 1..=MOST_CLIENTS))]
    pub(crate) clients: Vec<usize>,

    /// How long to measure with each, as in 30s or 2min
    #[arg(long, short = 'd', value_name = "TIME", default_value = "2min", value_parser = duration)]
    pub(crate) duration: Duration,

    /// End a row sooner, after so many requests
    #[arg(long, short = 'n', value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, 1..=u64::MAX))]
    pub(crate) requests: Option<u64>,

    /// End a row sooner, when its last three windows of a tenth of --duration are alike within this; the row is of those
    #[arg(long, value_name = "PERCENT", value_parser = percent, allow_negative_numbers = true)]
    pub(crate) stable: Option<f64>,

    #[command(flatten)]
    pub(crate) ask: AskArgs,
    #[command(flatten)]
    pub(crate) tell: TellArgs,
}

#[derive(Args, Debug)]
pub(crate) struct RateArgs {
    /// Requests a second, separated by commas; a row for each
    #[arg(long, short = 'r', value_name = "RATE", value_delimiter = ',', required = true)]
    #[arg(allow_negative_numbers = true, value_parser = positive)]
    pub(crate) rate: Vec<f64>,

    /// How requests follow each other: poisson, as people come, or constant
    #[arg(long, value_name = "KIND", default_value = "poisson")]
    pub(crate) arrivals: Arrivals,

    /// How long to send at each rate, as in 30s or 2min
    #[arg(long, short = 'd', value_name = "TIME", default_value = "2min", value_parser = duration)]
    pub(crate) duration: Duration,

    #[command(flatten)]
    pub(crate) flight: FlightArg,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    #[command(flatten)]
    pub(crate) tell: TellArgs,
}

#[derive(Args, Debug)]
pub(crate) struct SoakArgs {
    /// Number of clients
    #[arg(long, short = 'c', value_name = "N", default_value = "4", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, 1..=MOST_CLIENTS))]
    pub(crate) clients: usize,

    /// How long to measure, as in 30min or 8h
    #[arg(long, short = 'd', value_name = "TIME", default_value = "1h", value_parser = duration)]
    pub(crate) duration: Duration,

    /// How long each row is
    #[arg(long, value_name = "TIME", default_value = "5min", value_parser = duration)]
    pub(crate) every: Duration,

    #[command(flatten)]
    pub(crate) ask: AskArgs,
    #[command(flatten)]
    pub(crate) tell: TellArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ReplayArgs {
    /// The recording
    #[arg(value_name = "TRACE.jsonl")]
    pub(crate) trace: PathBuf,

    /// Play it so many times as fast
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = positive)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) speed: f64,

    #[command(flatten)]
    pub(crate) flight: FlightArg,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    #[command(flatten)]
    pub(crate) tell: TellArgs,
}

#[derive(Args, Debug)]
pub(crate) struct CompareArgs {
    /// The measurement to compare with
    #[arg(value_name = "BEFORE.json")]
    pub(crate) before: PathBuf,

    /// The other
    #[arg(value_name = "AFTER.json")]
    pub(crate) after: PathBuf,

    /// Fail if throughput, goodput, times or memory are worse by more than this, and not by chance
    #[arg(long, value_name = "PERCENT", value_parser = percent, allow_negative_numbers = true)]
    pub(crate) worse: Option<f64>,
}

/// A bound for open loops.
#[derive(Args, Debug)]
pub(crate) struct FlightArg {
    /// No more requests on their way at a time; what is due beyond that is not sent but counted
    #[arg(long, value_name = "N", default_value = "1000", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, 1..=MOST_CLIENTS))]
    pub(crate) max_in_flight: usize,
}

/// Whom to ask for what.
#[derive(Args, Debug)]
pub(crate) struct AskArgs {
    /// Address of the server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7860")]
    pub(crate) url: String,

    /// What the server speaks: native (zao's jobs), openai or a1111
    #[arg(long, value_name = "PROTOCOL", default_value = "native")]
    pub(crate) speaks: Protocol,

    /// What the server wants to see as a bearer token [default: ZAO_TOKEN, if it is set]
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: Option<String>,

    /// Certificates of an authority of one's own, in PEM, whose servers are taken beside those of public ones
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    pub(crate) ca: Option<PathBuf>,

    /// Take any certificate: only for servers of one's own, since whoever stands between can read everything
    #[arg(long)]
    pub(crate) insecure: bool,

    /// Fields that go into every request, as a JSON object: '{"model": "z-image"}'
    #[arg(long, value_name = "JSON", value_parser = object)]
    pub(crate) extra: Option<serde_json::Map<String, serde_json::Value>>,

    /// Width and height in pixels, as in 1024x768, or one number for both [default: the server's]
    #[arg(long, value_name = "SIZE", value_parser = size, allow_hyphen_values = true)]
    pub(crate) size: Option<(u32, u32)>,

    /// Quality, where no size is given: draft, standard, high or auto
    #[arg(long, value_name = "QUALITY", conflicts_with = "size")]
    pub(crate) quality: Option<zao_api::Quality>,

    /// Denoising steps [default: the server's]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, 1..=1000_u32))]
    pub(crate) steps: Option<u32>,

    /// Guidance, as `zao generate` has it [default: the server's]
    #[arg(long, value_name = "SCALE", allow_negative_numbers = true)]
    pub(crate) guidance: Option<f32>,

    /// Pictures of a request
    #[arg(long, value_name = "N", default_value = "1", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, 1..=100_u32))]
    pub(crate) count: u32,

    /// Pictures of the way there that each picture shows, which is what TTFP measures; not with a1111
    #[arg(long, value_name = "N", default_value = "0", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, 0..=8_u32))]
    pub(crate) previews: u32,

    /// Draw this, always, instead of the built-in prompts
    #[arg(long, value_name = "PROMPT", conflicts_with = "prompts")]
    pub(crate) prompt: Option<String>,

    /// Draw the lines of this file, changed a little each time so that no cache helps
    #[arg(long, value_name = "FILE")]
    pub(crate) prompts: Option<PathBuf>,

    /// Leave prompts as they stand
    #[arg(long)]
    pub(crate) unchanged: bool,

    /// Seed of the choice of prompts, of the pictures' seeds and of arrivals
    #[arg(long, value_name = "N", default_value = "1", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, 0..=u64::MAX))]
    pub(crate) seed: u64,

    /// How long a request may take
    #[arg(long, value_name = "TIME", default_value = "2min", value_parser = duration)]
    pub(crate) timeout: Duration,

    /// Send what was refused (429) again after what Retry-After says; its time goes on
    #[arg(long)]
    pub(crate) retry: bool,

    /// Requests before everything, which are told apart
    #[arg(long, value_name = "N", default_value = "2", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| whole(text, 0..=10_000_u32))]
    pub(crate) warm_up: u32,

    /// How long to wait for the server to be ready
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    pub(crate) wait: Duration,

    /// Read these cards of this machine by its driver, numbered as nvidia-smi does: all, or some as in 0,1
    /// [default: what the server publishes of its cards; all cards of this machine, where a server here publishes nothing]
    #[arg(long, value_name = "all|N,N", value_parser = cards)]
    pub(crate) cards: Option<ChosenCards>,

    /// What a request has to keep to count for goodput, as in 'e2e<2500ms,ttfp<800ms'
    #[arg(long, value_name = "CONDITIONS", value_parser = Condition::on_requests, action = ArgAction::Append)]
    pub(crate) slo: Vec<Vec<Condition>>,

    /// Ask again for the pictures in this PNG or folder, which zao drew; they have to come bit for bit
    #[arg(long, value_name = "FILE|FOLDER", conflicts_with_all = ["same_as_single", "prompt", "prompts"])]
    pub(crate) expect: Option<PathBuf>,

    /// Draw so many requests alone first; under load they have to bring the same pixels
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "8")]
    #[arg(value_parser = |text: &str| whole(text, 1..=1000_u32), allow_negative_numbers = true)]
    pub(crate) same_as_single: Option<u32>,
}

/// Cards of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChosenCards {
    /// Every one.
    All,
    /// Those with these numbers.
    Some(Vec<usize>),
}

/// How it is told.
#[derive(Args, Debug)]
pub(crate) struct TellArgs {
    /// What every row has to keep, as in 'p95<2500ms,errors<1%,goodput>=3/s'; if one does not, the command fails
    #[arg(long, value_name = "CONDITIONS", value_parser = Condition::on_rows, action = ArgAction::Append)]
    pub(crate) assert: Vec<Vec<Condition>>,

    /// What to print
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub(crate) format: Format,

    /// Write the measurement as JSON to this file, too; `zao load compare` reads it
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,

    /// Language of the table's words [default: Chinese if LC_ALL, LC_MESSAGES or LANG say so, else English]
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    pub(crate) lang: Option<Language>,

    /// Say nothing but the result and errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// What is printed.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Columns for a terminal
    Table,
    /// A table for issues and documents
    Markdown,
    /// A line for each row, numbers in full
    Csv,
    /// Everything
    Json,
}

/// A span of time with its unit.
fn duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1e-3), ("min", 60.0), ("s", 1.0), ("h", 3600.0)];
    let read = |(unit, seconds): (&str, f64)| {
        let number: f64 = text.trim().strip_suffix(unit)?.trim().parse().ok()?;
        Duration::try_from_secs_f64(number * seconds).ok()
    };
    let found = units.into_iter().find_map(read);
    found.ok_or_else(|| "use a number and ms, s, min or h, as in 90s".into())
}

fn cards(text: &str) -> Result<ChosenCards, String> {
    if text.trim() == "all" {
        return Ok(ChosenCards::All);
    }
    let numbers = text.split(',').map(|number| number.trim().parse().ok());
    let numbers: Option<Vec<usize>> = numbers.collect();
    numbers.map(ChosenCards::Some).ok_or_else(|| "use all, or numbers as in 0,1".into())
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|&number: &f64| number > 0.0 && number <= 1e6);
    number.ok_or_else(|| "use a number above 0".into())
}

/// A share, as a number of 100.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim_end().parse::<f64>().ok();
    let number = number.filter(|&number| (0.0..=1e6).contains(&number));
    number.map(|number| number / 100.0).ok_or_else(|| "use a percentage, as in 5%".into())
}

fn object(text: &str) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("it is no JSON object: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_have_a_unit() {
        for (text, seconds) in
            [("500ms", 0.5), ("90s", 90.0), ("2min", 120.0), ("1.5 h", 5400.0), ("0s", 0.0)]
        {
            assert_eq!(duration(text).map(|it| it.as_secs_f64()), Ok(seconds), "{text}");
        }
        for text in ["", "5", "s", "-1s", "1e300h", "nans", "2m"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn cards_are_all_or_some() {
        assert_eq!(cards("all"), Ok(ChosenCards::All));
        assert_eq!(cards("0, 3"), Ok(ChosenCards::Some(vec![0, 3])));
        for text in ["", "none", "0,", "-1", "cuda:0"] {
            assert!(cards(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shares_and_rates_keep_to_their_bounds() {
        assert_eq!(percent("5 %"), Ok(0.05));
        assert_eq!(percent("12.5"), Ok(0.125));
        assert_eq!(positive("0.5"), Ok(0.5));
        for text in ["0", "-1", "inf", "many"] {
            assert!(positive(text).is_err(), "{text}");
        }
    }
}
