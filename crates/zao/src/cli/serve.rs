//! The arguments of `zao serve`. Each is also a variable and a key of the configuration file, whose names `config` makes from the
//! flag's: nothing about a setting is written down twice.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueEnum};
use zao_engine::Device;

use super::memory::bytes;
use super::{WorkerArgs, address, whole};

/// How the server is to be.
#[derive(Args, Debug)]
#[command(after_help = "\
Each of these is also a key of the configuration file and a variable: --keep-days is keep_days and ZAO_KEEP_DAYS. A flag counts \
before a variable, a variable before the file. `zao config show --origin` says what holds and why, `zao config init` writes a \
file with all of them.")]
pub(crate) struct ServeArgs {
    /// File with settings [default: config.yaml in zao's home, if it is there]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Address to listen at; 0.0.0.0 for other machines, too, which then should need a token
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", help_heading = NETWORK)]
    #[arg(value_parser = address::listened_at)]
    pub(crate) host: IpAddr,

    /// Name that this server is reached under, beside localhost and its addresses: without a token, requests for other names are
    /// refused, for a stranger's page could make up one; several may be given
    #[arg(long = "host-name", value_name = "NAME", help_heading = NETWORK, value_parser = address::name)]
    pub(crate) host_names: Vec<String>,

    /// What clients know this server as, as `https://pictures.example`, for links in answers [default: what they ask for]
    #[arg(long, value_name = "URL", help_heading = NETWORK, value_parser = address::url)]
    pub(crate) public_url: Option<String>,

    /// Port to listen at
    #[arg(long, short, value_name = "PORT", default_value = "7860", help_heading = NETWORK)]
    #[arg(value_parser = |text: &str| whole(text, 0..=u16::MAX))]
    pub(crate) port: u16,

    /// What clients have to send as `Authorization: Bearer TOKEN`; better set as ZAO_TOKEN or in a file, where other users of the
    /// machine do not see it
    #[arg(long, value_name = "TOKEN", help_heading = NETWORK, value_parser = token)]
    pub(crate) token: Option<String>,

    /// File with that token, as containers are given secrets
    #[arg(long, value_name = "FILE", help_heading = NETWORK)]
    pub(crate) token_file: Option<PathBuf>,

    /// Token of whoever runs the server, for /admin/* and for others' jobs [default: /admin/* is for programs on the same machine]
    #[arg(long, value_name = "TOKEN", help_heading = NETWORK, value_parser = token)]
    pub(crate) admin_token: Option<String>,

    /// File with that token, likewise
    #[arg(long, value_name = "FILE", help_heading = NETWORK)]
    pub(crate) admin_token_file: Option<PathBuf>,

    /// Another origin whose pages may use this server, as `https://studio.example`; several may be given
    #[arg(long = "origin", value_name = "ORIGIN", help_heading = NETWORK, value_parser = address::origin)]
    pub(crate) origins: Vec<String>,

    /// Address of a reverse proxy before this server, whose X-Forwarded-For is believed: without it all who come through it count as
    /// one client; several may be given
    #[arg(long = "trusted-proxy", value_name = "ADDRESS", help_heading = NETWORK)]
    pub(crate) proxies: Vec<IpAddr>,

    /// Folder with the page, in place of the one that is built in: for whoever works on it
    #[arg(long, value_name = "FOLDER", help_heading = NETWORK)]
    pub(crate) page: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) worker: WorkerArgs,

    /// Devices that draw at the same time, a worker for each, as in cuda:0,cuda:2; several may be given [default: --device]
    #[arg(long = "devices", value_name = "DEVICE", value_delimiter = ',', help_heading = DRAWING)]
    pub(crate) devices: Vec<Device>,

    /// Most bytes of a request: a picture to begin with comes in it, a third larger than its file
    #[arg(long, value_name = "SIZE", default_value = "32MiB", value_parser = body, help_heading = LIMITS)]
    pub(crate) max_body: u64,

    /// Most characters of a prompt
    #[arg(long, value_name = "N", default_value = "8000", help_heading = LIMITS)]
    #[arg(value_parser = |text: &str| whole(text, 1..=1_000_000_u32))]
    pub(crate) max_prompt: u32,

    /// Most pixels of a picture: width times height
    #[arg(long, value_name = "N", default_value = "4194304", help_heading = LIMITS)]
    #[arg(value_parser = |text: &str| whole(text, 256..=67_108_864_u64))]
    pub(crate) max_pixels: u64,

    /// Most steps of a picture
    #[arg(long, value_name = "N", default_value = "100", help_heading = LIMITS)]
    #[arg(value_parser = |text: &str| whole(text, 1..=1000_u32))]
    pub(crate) max_steps: u32,

    /// Most pictures of one request
    #[arg(long, value_name = "N", default_value = "16", help_heading = LIMITS)]
    #[arg(value_parser = |text: &str| whole(text, 1..=1000_u32))]
    pub(crate) max_count: u32,

    /// Most previews of a picture on its way
    #[arg(long, value_name = "N", default_value = "8", help_heading = LIMITS)]
    #[arg(value_parser = |text: &str| whole(text, 0..=100_u32))]
    pub(crate) max_previews: u32,

    /// Clients that may listen to events at the same time; fewer where the system allows fewer open files
    #[arg(long, value_name = "N", default_value = "4096", help_heading = LIMITS)]
    #[arg(value_parser = |text: &str| whole(text, 1..=60_000_u32))]
    pub(crate) max_listeners: u32,

    /// The highest priority that a client may ask for: low, normal or high
    #[arg(long, value_name = "PRIORITY", default_value = "high", help_heading = LIMITS)]
    pub(crate) max_priority: zao_api::Priority,

    /// Requests of one client in a minute that make jobs; for others it has 20 times as many, and at least 120 [default: any number]
    #[arg(long, value_name = "N", help_heading = LIMITS)]
    #[arg(value_parser = |text: &str| whole(text, 1..=1_000_000_u32))]
    pub(crate) rate: Option<u32>,

    /// Main memory above which a worker is replaced, beside the files it has mapped, as in 12G, 256M or more [default: any]
    #[arg(long, value_name = "SIZE", value_parser = worker_memory, allow_negative_numbers = true)]
    #[arg(help_heading = MEMORY)]
    pub(crate) worker_memory: Option<u64>,

    /// Jobs that may wait
    #[arg(long, value_name = "N", default_value = "256", help_heading = QUEUE)]
    #[arg(value_parser = |text: &str| whole(text, 1..=100_000_u32))]
    pub(crate) queue: u32,

    /// Jobs of one client that may wait
    #[arg(long, value_name = "N", default_value = "64", help_heading = QUEUE)]
    #[arg(value_parser = |text: &str| whole(text, 1..=100_000_u32))]
    pub(crate) queue_per_client: u32,

    /// Pictures of one client that are drawn or handed to workers at the same time; its others wait behind those of all others, and
    /// none is refused for it; 0 is any number
    #[arg(long, value_name = "N", default_value = "0", help_heading = QUEUE)]
    #[arg(value_parser = |text: &str| whole(text, 0..=100_000_u32))]
    pub(crate) in_flight_per_client: u32,

    /// How much pictures to begin with may take together while their jobs are not over
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = bytes, help_heading = QUEUE)]
    pub(crate) max_inputs: u64,

    /// Seconds that a job may wait until a worker takes it; 0 is any time
    #[arg(long, value_name = "SECONDS", default_value = "0", help_heading = QUEUE)]
    #[arg(value_parser = |text: &str| whole(text, 0..=604_800_u32))]
    pub(crate) max_wait: u32,

    /// Seconds that a job may take from its start
    #[arg(long, value_name = "SECONDS", default_value = "300", help_heading = QUEUE)]
    #[arg(value_parser = |text: &str| whole(text, 1..=86_400_u32))]
    pub(crate) deadline: u32,

    /// Seconds that running jobs have to finish when the server is told to stop
    #[arg(long, value_name = "SECONDS", default_value = "30", help_heading = QUEUE)]
    #[arg(value_parser = |text: &str| whole(text, 0..=3600_u32))]
    pub(crate) drain: u32,

    /// Folder for jobs and pictures [default: `jobs` beside the models]
    #[arg(long, value_name = "FOLDER", help_heading = KEEPING)]
    pub(crate) folder: Option<PathBuf>,

    /// Days that pictures are kept
    #[arg(long, value_name = "DAYS", default_value = "7", help_heading = KEEPING)]
    #[arg(value_parser = |text: &str| whole(text, 1..=36_500_u32))]
    pub(crate) keep_days: u32,

    /// How much room pictures may take; the oldest go first. Those that somebody keeps for good may take half of it
    #[arg(long, value_name = "SIZE", default_value = "2G", value_parser = kept)]
    #[arg(help_heading = KEEPING)]
    pub(crate) keep_size: u64,

    /// How many jobs that are over are kept; the oldest go first
    #[arg(long, value_name = "N", default_value = "100000", help_heading = KEEPING)]
    #[arg(value_parser = |text: &str| whole(text, 100..=10_000_000_u32))]
    pub(crate) keep_jobs: u32,

    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// Less than this holds no worker, whatever it draws with: it would be replaced for ever.
const LEAST_WORKER_MEMORY: u64 = 256_000_000;

fn worker_memory(text: &str) -> Result<u64, String> {
    let size = bytes(text)?;
    if size < LEAST_WORKER_MEMORY {
        return Err("a worker takes more than that before it draws; use 256M or more".into());
    }
    Ok(size)
}

/// With less than this, pictures of a large job would be removed before whoever asked for them could have them all.
const LEAST_KEPT: u64 = 100_000_000;

fn kept(text: &str) -> Result<u64, String> {
    let size = bytes(text)?;
    if size < LEAST_KEPT {
        return Err("pictures would be removed before they are fetched; use 100M or more".into());
    }
    Ok(size)
}

/// A token as it can stand in a header. An empty one, as of a variable of a script that is not set, would only keep everybody out.
pub(crate) fn token(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("use letters, digits and signs of ASCII without spaces, one or more: it is sent in a header".into());
    }
    Ok(text.to_owned())
}

/// A smaller body holds no prompt, and a larger one no client has: each is in memory as a whole while it is read.
const BODIES: std::ops::RangeInclusive<u64> = 64_000..=1 << 30;

fn body(text: &str) -> Result<u64, String> {
    let size = bytes(text)?;
    if BODIES.contains(&size) { Ok(size) } else { Err("use a size from 64K to 1GiB".into()) }
}

/// The headings of the help, which are the chapters of the configuration file.
const NETWORK: &str = "Network";
pub(super) const DRAWING: &str = "Drawing";
pub(super) const MEMORY: &str = "Memory";
const LIMITS: &str = "Limits";
const QUEUE: &str = "Queue";
const KEEPING: &str = "Keeping";
const LOG: &str = "Log";

/// What the log is to be.
#[derive(Args, Debug)]
pub(crate) struct LogArgs {
    /// How the log is written: lines for people, or one JSON object a line
    #[arg(long = "log", value_name = "FORM", default_value = "text", help_heading = LOG)]
    pub(crate) form: LogForm,

    /// How much is written: error, warn, info, debug or trace, also of parts, as in info,zao_server=debug
    #[arg(long = "log-level", value_name = "LEVEL", default_value = "info", help_heading = LOG)]
    #[arg(value_parser = levels)]
    pub(crate) level: String,

    /// Whether the log tells what clients want drawn
    #[arg(long = "log-prompts", value_name = "true|false", default_value = "false")]
    #[arg(action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(help_heading = LOG)]
    pub(crate) prompts: bool,
}

/// How a log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogForm {
    /// A line for people.
    Text,
    /// An object of JSON a line.
    Json,
}

/// How much is logged, whole or of parts. A word that is no level would name a part, and silence all others.
fn levels(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let is_level = |text: &str| LEVELS.contains(&text);
    let means = |part: &str| match part.split_once('=') {
        Some((of, level)) => !of.is_empty() && is_level(level),
        None => is_level(part),
    };
    if text.split(',').all(means) {
        return Ok(text.to_owned());
    }
    Err(format!("use one of {}, or several as in info,zao_server=debug", LEVELS.join(", ")))
}

impl WorkerArgs {
    /// The same arguments as a command line, for a worker on `device` that may plan with so much main memory, if that is bounded.
    pub(crate) fn command_line(&self, device: &str, ram: Option<u64>) -> Vec<OsString> {
        let mut line: Vec<OsString> = vec!["worker".into(), "--device".into(), device.into()];
        let mut add = |name: &str, value: Option<OsString>| {
            if let Some(value) = value {
                line.extend([format!("--{name}").into(), value]);
            }
        };
        let files = &self.files;
        add("model", self.model.clone().map(Into::into));
        add("transformer", files.transformer.clone().map(Into::into));
        add("text-encoder", files.text_encoder.clone().map(Into::into));
        add("vae", files.vae.clone().map(Into::into));
        add("tokenizer", files.tokenizer.clone().map(Into::into));
        add("precision", Some(self.precision.as_str().into()));
        add("vram", self.memory.vram.map(|bytes| format!("{bytes}b").into()));
        add("ram", ram.map(|bytes| format!("{bytes}b").into()));
        let on = self.memory.text_encoder_on.to_possible_value();
        add("text-encoder-on", on.map(|on| on.get_name().into()));
        add("threads", self.threads.map(|threads| threads.to_string().into()));
        add("cpu", self.tuning.cpu.map(|instructions| instructions.as_str().into()));
        let libraries = self.tuning.cuda_libraries.to_possible_value();
        add("cuda-libraries", libraries.map(|libraries| libraries.get_name().into()));
        add("idle-release", Some(self.idle_release.to_string().into()));
        add("idle-probe", Some(self.idle_probe.to_string().into()));
        line.push(format!("--warm-up={}", self.warm_up).into());
        line
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::{Cli, Command};
    use super::*;

    fn serve(line: &[&str]) -> ServeArgs {
        let line = ["zao", "serve"].iter().chain(line);
        match Cli::try_parse_from(line).unwrap().command {
            Command::Serve(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_worker_is_started_with_what_the_server_was_told() {
        let told = [
            "--model",
            "demo",
            "--transformer",
            "t.gguf",
            "--vae",
            "v.safetensors",
            "--precision",
            "bf16",
            "--vram",
            "7.5GiB",
            "--threads",
            "3",
            "--idle-release",
            "5",
            "--idle-probe",
            "7",
            "--warm-up=false",
            "--text-encoder-on",
            "cpu",
            "--cpu",
            "portable",
            "--cuda-libraries",
            "off",
        ];
        let args = serve(&told);
        let line = args.worker.command_line("cuda:1", args.worker.memory.ram);
        let line = std::iter::once("zao".into()).chain(line);
        let Command::Worker(worker) = Cli::try_parse_from(line).unwrap().command else {
            panic!("it is a worker");
        };
        let same = WorkerArgs { device: "cuda:1".parse().unwrap(), ..args.worker };
        assert_eq!(format!("{worker:?}"), format!("{same:?}"));
    }

    #[test]
    fn a_token_can_be_sent() {
        assert_eq!(token(" s3cret-!~\n").as_deref(), Ok("s3cret-!~"));
        for bad in ["", "  ", "two words", "one\ntwo", "caf\u{e9}", "nul\0"] {
            assert!(token(bad).unwrap_err().contains("header"), "{bad:?}");
        }
    }

    #[test]
    fn a_level_is_a_word_or_a_list_for_parts() {
        for good in ["info", "off", "info,zao_server=debug", "zao_server::crew=trace"] {
            assert_eq!(levels(good).as_deref(), Ok(good));
        }
        for bad in ["", "loud", "json", "info,", "=info", "zao_server=loud"] {
            assert!(levels(bad).unwrap_err().contains("debug"), "{bad}");
        }
    }

    #[test]
    fn prompts_are_logged_when_somebody_says_so() {
        let logged = |line: &[&str]| serve(line).log.prompts;
        assert!(!logged(&[]));
        assert!(logged(&["--log-prompts"]) && logged(&["--log-prompts=true"]));
        assert!(!logged(&["--log-prompts=false"]));
    }
}
