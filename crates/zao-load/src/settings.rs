//! What is to be measured, and how. Nothing is checked here that needs the server.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};
use zao_api::JobRequest;

use crate::condition::Condition;
use crate::plan::{Arrivals, Prompts, Trace};
use crate::{Cards, Protocol, Target};

/// How a server is asked, in every mode.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The server.
    pub target: Target,
    /// What it speaks.
    pub protocol: Protocol,
    /// What all requests have in common; its prompt is not used.
    pub pattern: JobRequest,
    /// What is drawn.
    pub prompts: Prompts,
    /// Fields for every body that other servers want, such as `model`.
    pub extra: Map<String, Value>,
    /// How long a request may take in all.
    pub timeout: Duration,
    /// Whether a refused request (429) comes again after what `Retry-After` says.
    pub retry: bool,
    /// Requests before everything, one after the other, that are told apart from the rest.
    pub warm_up: u32,
    /// Seed of prompts, seeds of pictures and arrivals.
    pub seed: u64,
    /// What a request has to keep to be good, besides its picture.
    pub objectives: Vec<Condition>,
    /// A picture of zao, or a folder of them: they are asked for again and have to come equal.
    pub expect: Option<PathBuf>,
    /// So many distinct requests are drawn alone first; under load they have to bring the same pixels.
    pub same_as_single: Option<u32>,
    /// How long to wait for the server to be ready.
    pub wait: Duration,
    /// Who tells of the server's cards.
    pub cards: Cards,
}

/// How long a row of a sweep is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Length {
    /// At most so long.
    pub duration: Duration,
    /// At most so many requests.
    pub requests: Option<u64>,
    /// Less, once the server has settled; the row is of the windows in which it had.
    pub settling: Option<Settling>,
}

/// When a server has settled: its last three windows are alike, in requests a second and in their time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settling {
    /// By how much the greatest may be above the least, as a share.
    pub within: f64,
    /// How long each window is.
    pub window: Duration,
}

impl Settling {
    /// Windows of a tenth of the longest that a row may be.
    #[must_use]
    pub fn of(within: f64, row: Duration) -> Self {
        Self { within, window: (row / 10).max(Duration::from_secs(1)) }
    }
}

/// When requests are sent.
#[derive(Debug, Clone)]
pub enum Mode {
    /// Closed loop: so many clients, each sending its next request when the last is answered; a row for each number.
    Sweep {
        /// Numbers of clients.
        clients: Vec<usize>,
        /// Of each row.
        length: Length,
    },
    /// Open loop: requests come at a rate, whatever becomes of the ones before; a row for each rate.
    Rate {
        /// Requests a second.
        per_second: Vec<f64>,
        /// How they follow each other.
        arrivals: Arrivals,
        /// Of each row.
        duration: Duration,
        /// More are not sent at a time; what is not sent for that is counted as dropped.
        most_in_flight: usize,
    },
    /// Closed loop for a long time; a row for each span.
    Soak {
        /// Number of clients.
        clients: usize,
        /// In all.
        duration: Duration,
        /// Of each row.
        window: Duration,
    },
    /// Open loop with the moments and requests of a recording.
    Replay {
        /// The recording.
        trace: Trace,
        /// As for a rate.
        most_in_flight: usize,
    },
}

impl Mode {
    /// Its name in reports.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Sweep { .. } => "sweep",
            Self::Rate { .. } => "rate",
            Self::Soak { .. } => "soak",
            Self::Replay { .. } => "replay",
        }
    }
}
