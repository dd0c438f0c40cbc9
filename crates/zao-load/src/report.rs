//! What was measured, as data: the same in every form that it is written in. How numbers come about is known in
//! `record` and `run`.

mod columns;
mod csv;
mod devices;
mod json;
mod markdown;
mod table;
mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plan::Arrivals;
use crate::{Protocol, Spread};

pub use csv::csv;
pub use devices::{DeviceUse, Devices, Teller};
pub use json::{read, write};
pub use markdown::markdown;
pub use table::table;
pub use words::Language;

/// The version of the JSON form; what reads another refuses it.
pub const SCHEMA_VERSION: u32 = 1;

/// A measurement. Times are seconds, shares are from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The program that measured, with its version.
    pub tool: String,
    /// `sweep`, `rate`, `soak` or `replay`.
    pub mode: String,
    /// Address of the server.
    pub target: String,
    /// What was spoken.
    pub protocol: Protocol,
    /// When it began, in seconds since 1970.
    pub started_at: f64,
    /// How it was asked.
    pub settings: Asked,
    /// The requests before everything; `null` if there were none.
    pub warm_up: Option<WarmUp>,
    /// One for each load, or each span of a soak.
    pub rows: Vec<Row>,
    /// Place of the last row whose goodput rose by more than 5 %.
    pub knee: Option<usize>,
    /// What readers have to know about the whole.
    pub remarks: Vec<String>,
}

/// How a server was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// Width and height; `null` where the server chose.
    pub size: Option<(u32, u32)>,
    /// Denoising steps; `null` where the server chose.
    pub steps: Option<u32>,
    /// Pictures of a request.
    pub count: u32,
    /// Previews of a picture.
    pub previews: u32,
    /// How long a request might take.
    pub timeout_seconds: f64,
    /// Whether refused requests came again.
    pub retry: bool,
    /// Seed of the plan.
    pub seed: u64,
    /// What a good request keeps, as it was given.
    pub objectives: Vec<String>,
}

/// The requests before everything.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WarmUp {
    /// How many.
    pub requests: u32,
    /// How many of them brought no right picture.
    pub failed: u32,
    /// The slowest: of a server that just started, the first.
    pub longest_seconds: f64,
}

/// What a server was given to do.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Load {
    /// Clients that wait for their answers.
    Closed {
        /// How many.
        clients: usize,
    },
    /// Requests at a rate.
    Open {
        /// How many.
        per_second: f64,
        /// How they followed each other.
        arrivals: Arrivals,
    },
    /// Requests at recorded moments.
    Replayed,
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed { clients: 1 } => f.write_str("1 client"),
            Self::Closed { clients } => write!(f, "{clients} clients"),
            Self::Open { per_second, .. } => write!(f, "{per_second}/s"),
            Self::Replayed => f.write_str("replay"),
        }
    }
}

/// One load, measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What the server was given to do.
    pub load: Load,
    /// When it began, in seconds from the begin of the first row.
    pub from_seconds: f64,
    /// How long it was measured.
    pub seconds: f64,
    /// Requests that ended in that time, however they did; and those that it left behind and that were waited for.
    pub requests: u64,
    /// Those that brought the right pictures.
    pub correct: u64,
    /// Their pictures.
    pub pictures: u64,
    /// Requests with right pictures a second.
    pub throughput: f64,
    /// Right pictures a second.
    pub pictures_per_second: f64,
    /// Requests a second with right pictures and within all objectives.
    pub goodput: f64,
    /// Until the first byte.
    pub ttfb: Option<Spread>,
    /// Until the first picture on its way; `null` where nothing is streamed.
    pub ttfp: Option<Spread>,
    /// Until the last byte of right pictures.
    pub e2e: Option<Spread>,
    /// In the queue, as the server says.
    pub queue: Option<Spread>,
    /// Of work, as the server says.
    pub inference: Option<Spread>,
    /// Of the whole, neither queue nor work.
    pub overhead: Option<Spread>,
    /// From the moment at which something happened, as the server says, until the client was told; `null` where it does not say. Only as
    /// good as the two clocks agree: measured on the server's own machine.
    #[serde(default)]
    pub news: Option<Spread>,
    /// How far off the server was each time that it foresaw when a job would be done, as a share of the time that was left:
    /// no seconds. `null` where it foresees nothing.
    #[serde(default)]
    pub eta_error: Option<Spread>,
    /// Requests without a picture, by code; refused ones are not among them.
    pub errors: BTreeMap<String, u64>,
    /// Requests with a wrong picture, by what is wrong.
    pub wrong: BTreeMap<String, u64>,
    /// What was said first of each code.
    pub details: BTreeMap<String, String>,
    /// Answers 429.
    pub refusals: u64,
    /// Requests that ended with one.
    pub refused: u64,
    /// Requests that were due and not sent, because too many were in flight.
    pub dropped: u64,
    /// Requests in flight on average: as many as there were clients, or as was observed.
    pub in_flight: f64,
    /// How far the row is from Little's law, see [`crate::littles_law`].
    pub littles_law_residual: Option<f64>,
    /// The most that the server's gauges of memory showed, in bytes.
    pub memory: BTreeMap<String, f64>,
    /// The most that waited, as the server says.
    pub queue_depth: Option<f64>,
    /// What the server's cards did; `null` where nobody told.
    #[serde(default)]
    pub devices: Option<Devices>,
    /// Whether the client was fast enough.
    pub client: ClientLoad,
    /// What readers have to know about this row.
    pub remarks: Vec<String>,
}

/// How busy the client itself was.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ClientLoad {
    /// Share of all processors; `null` where it is not known.
    pub cpu: Option<f64>,
    /// How late the client was to do what was due, at worst.
    pub lag_seconds: f64,
}

impl Row {
    /// Requests that brought no right picture, refused ones aside.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.errors.values().chain(self.wrong.values()).sum()
    }

    /// The same as a share of all; 0 without requests.
    #[must_use]
    pub fn failed_share(&self) -> f64 {
        if self.requests == 0 { 0.0 } else { self.failed() as f64 / self.requests as f64 }
    }

    /// The greatest of the gauges of memory.
    #[must_use]
    pub fn memory_bytes(&self) -> Option<f64> {
        self.memory.values().copied().reduce(f64::max)
    }
}

/// The last row whose goodput is more than 5 % above that of the row before; the first, if none is.
pub(crate) fn knee(rows: &[Row]) -> Option<usize> {
    let rises = |at: &usize| rows[*at].goodput > 1.05 * rows[at - 1].goodput;
    match rows.len() {
        0 | 1 => None,
        count => Some((1..count).rev().find(rises).unwrap_or(0)),
    }
}
