//! What became of requests: each one's moments and ending, and many of them as numbers. How requests are sent is known
//! in [`crate::drive`], when in [`mod@crate::run`].

mod spread;
mod tally;

use std::time::{Duration, Instant};

use crate::picture::Fault;

pub(crate) use spread::Histogram;
pub use spread::Spread;
pub(crate) use tally::{Surroundings, Tally};

/// The moments of one request.
#[derive(Debug, Clone)]
pub(crate) struct Moments {
    /// When it was to be sent: in open-loop modes the planned moment, however late the client was.
    pub(crate) start: Instant,
    /// First byte of the answer.
    pub(crate) first_byte: Option<Instant>,
    /// First *payload* of a picture on its way: never the head of an answer, a place in the queue or a sign of life.
    pub(crate) first_preview: Option<Instant>,
    /// Last byte of the last picture, or the moment at which it was clear that none comes.
    pub(crate) end: Option<Instant>,
    /// Seconds that events were on their way, by the server's clock at their begin and this machine's at their end.
    pub(crate) news: Vec<f64>,
    /// How far off the times were that the server foresaw, see [`crate::foreseen`].
    pub(crate) eta_errors: Vec<f64>,
}

impl Moments {
    pub(crate) fn from(start: Instant) -> Self {
        Self {
            start,
            first_byte: None,
            first_preview: None,
            end: None,
            news: Vec::new(),
            eta_errors: Vec::new(),
        }
    }
}

/// What a server says of a request that it has answered.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Told {
    /// Seconds in the queue.
    pub(crate) queue: Option<f64>,
    /// Seconds of work.
    pub(crate) inference: Option<f64>,
    /// The most memory that the device held.
    pub(crate) memory_bytes: Option<f64>,
}

/// Why a request brought no picture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Trouble {
    /// The server said that it has too much to do: status 429.
    Refused { code: String, detail: String, retry_after: Option<Duration> },
    /// Everything else; `code` is the server's, or one of ours for what never reached it.
    Failed { code: String, detail: String },
}

impl Trouble {
    pub(crate) fn failed(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Failed { code: code.into(), detail: detail.into() }
    }

    /// The connection broke.
    pub(crate) fn lost(error: &hyper::Error) -> Self {
        // hyper keeps the reason one level down.
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
        Self::failed("connection_lost", format!("{error}{}", cause.unwrap_or_default()))
    }

    /// An answer that is not what the protocol says.
    pub(crate) fn bad_answer(detail: String) -> Self {
        Self::Failed { code: "bad_answer".into(), detail }
    }
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ending {
    /// With the pictures asked for, decoded and checked.
    Correct,
    /// With a picture that is not one of those asked for.
    Wrong(Fault),
    /// Without a picture.
    Trouble(Trouble),
}

/// One request, when it is over and its pictures are checked.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) moments: Moments,
    pub(crate) told: Told,
    /// How often the server refused it before.
    pub(crate) refusals: u32,
    /// Pictures that came.
    pub(crate) pictures: u32,
    pub(crate) ending: Ending,
}

impl Sample {
    /// Seconds until its end.
    pub(crate) fn seconds(&self) -> f64 {
        self.moments.end.map_or(0.0, |end| (end - self.moments.start).as_secs_f64())
    }

    /// Seconds until a moment.
    pub(crate) fn until(&self, moment: Option<Instant>) -> Option<f64> {
        moment.map(|moment| moment.saturating_duration_since(self.moments.start).as_secs_f64())
    }

    /// Whether its pictures are what was asked for.
    pub(crate) fn is_correct(&self) -> bool {
        self.ending == Ending::Correct
    }
}
