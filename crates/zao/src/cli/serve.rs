//! The arguments of `zao serve`.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::memory::bytes;
use super::{WorkerArgs, whole};

/// How the server is to be.
#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// Address to listen at; 0.0.0.0 for other machines, too, which then should need a --token
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) host: IpAddr,

    /// Port to listen at
    #[arg(long, short, value_name = "PORT", default_value = "7860")]
    pub(crate) port: u16,

    /// Folder for jobs and pictures [default: `jobs` beside the models]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,

    /// What clients have to send as `Authorization: Bearer TOKEN`; better set as ZAO_TOKEN, where other users of the machine do
    /// not see it
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: Option<String>,

    /// Another origin whose pages may use this server, as `https://studio.example`; may be given several times
    #[arg(long = "origin", value_name = "ORIGIN")]
    pub(crate) origins: Vec<String>,

    #[command(flatten)]
    pub(crate) worker: WorkerArgs,

    /// Main memory above which a worker is replaced, beside the files it has mapped, as in 12G
    #[arg(long, value_name = "SIZE", value_parser = bytes, allow_negative_numbers = true)]
    pub(crate) worker_memory: Option<u64>,

    /// Jobs that may wait
    #[arg(long, value_name = "N", default_value = "256")]
    #[arg(value_parser = |text: &str| whole(text, 1..=100_000_u32))]
    pub(crate) queue: u32,

    /// Jobs of one client that may wait
    #[arg(long, value_name = "N", default_value = "64")]
    #[arg(value_parser = |text: &str| whole(text, 1..=100_000_u32))]
    pub(crate) queue_per_client: u32,

    /// Requests of one client in a minute [default: any number]
    #[arg(long, value_name = "N", value_parser = |text: &str| whole(text, 1..=1_000_000_u32))]
    pub(crate) rate: Option<u32>,

    /// Seconds that a job may take from its start
    #[arg(long, value_name = "SECONDS", default_value = "300")]
    #[arg(value_parser = |text: &str| whole(text, 1..=86_400_u32))]
    pub(crate) deadline: u32,

    /// Seconds that running jobs have to finish when the server is told to stop
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    #[arg(value_parser = |text: &str| whole(text, 0..=3600_u32))]
    pub(crate) drain: u32,

    /// Days that pictures are kept
    #[arg(long, value_name = "DAYS", default_value = "7")]
    #[arg(value_parser = |text: &str| whole(text, 1..=36_500_u32))]
    pub(crate) keep_days: u32,

    /// How much room pictures may take; the oldest go first
    #[arg(long, value_name = "SIZE", default_value = "2G", value_parser = bytes)]
    pub(crate) keep_size: u64,

    /// Most pictures of one request
    #[arg(long, value_name = "N", default_value = "16")]
    #[arg(value_parser = |text: &str| whole(text, 1..=1000_u32))]
    pub(crate) max_count: u32,

    /// Most steps of a picture
    #[arg(long, value_name = "N", default_value = "100")]
    #[arg(value_parser = |text: &str| whole(text, 1..=1000_u32))]
    pub(crate) max_steps: u32,

    /// Folder with the page, in place of the one that is built in: for whoever works on it
    #[arg(long, value_name = "FOLDER")]
    pub(crate) page: Option<PathBuf>,

    /// How the log is written
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) log: LogForm,
}

/// How a log is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogForm {
    /// A line for people.
    Text,
    /// An object of JSON a line.
    Json,
}

impl WorkerArgs {
    /// The same arguments as a command line, for a worker on `device`.
    pub(crate) fn command_line(&self, device: &str) -> Vec<OsString> {
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
        add("ram", self.memory.ram.map(|bytes| format!("{bytes}b").into()));
        let on = self.memory.text_encoder_on.to_possible_value();
        add("text-encoder-on", on.map(|on| on.get_name().into()));
        add("threads", self.threads.map(|threads| threads.to_string().into()));
        add("idle-release", Some(self.idle_release.to_string().into()));
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
            "--text-encoder-on",
            "cpu",
        ];
        let args = serve(&told);
        let line = args.worker.command_line("cuda:1");
        let line = std::iter::once("zao".into()).chain(line);
        let Command::Worker(worker) = Cli::try_parse_from(line).unwrap().command else {
            panic!("it is a worker");
        };
        let same = WorkerArgs { device: "cuda:1".parse().unwrap(), ..args.worker };
        assert_eq!(format!("{worker:?}"), format!("{same:?}"));
    }
}
