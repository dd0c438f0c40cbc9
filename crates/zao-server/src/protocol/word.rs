//! What a worker tells its parent.

use serde::{Deserialize, Serialize};
use zao_api::{ErrorCode, Quality, ResolvedPrecision, Stage};
use zao_engine::{CardReading, Grid, ModelInfo, Rung};

use super::{Attachment, Frame, JobId};

/// Something that a worker says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// It opens its model.
    Loading,
    /// It can draw.
    Ready(Box<Facts>),
    /// It wants up to so many more pictures now; what it said before counts no more.
    Room {
        /// How many.
        pictures: u32,
    },
    /// Something happened to a job.
    Job {
        /// Which one.
        job: JobId,
        /// What.
        report: Report,
    },
    /// A piece of work is done, which tells how long such work takes.
    Took(Took),
    /// Something to be counted.
    Count(Count),
    /// How its adapters are; what it said before counts no more.
    Adapters {
        /// Names of those that are open.
        open: Vec<String>,
        /// Names of those that could not be opened when that was ordered, and why.
        refused: Vec<(String, String)>,
    },
    /// It lives.
    Beat(Beat),
    /// It cannot go on, and ends.
    Fatal {
        /// Why, in one line.
        message: String,
    },
}

/// What happens to a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// It is busy with something else now.
    Stage {
        /// With what.
        stage: Stage,
    },
    /// A denoising step is done.
    Step {
        /// Of which picture.
        picture: u32,
        /// Steps done.
        done: u32,
        /// Steps in all.
        of: u32,
    },
    /// What a picture looks like so far.
    Preview {
        /// Which picture.
        picture: u32,
        /// The kind of file.
        mime: String,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The file.
        file: Attachment,
    },
    /// A picture is done.
    Picture {
        /// Which one.
        index: u32,
        /// Its seed.
        seed: u64,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// How long it took from its first stage on.
        seconds: f64,
        /// Bytes of the device's memory that were held for it and what was drawn beside it.
        held_bytes: u64,
        /// A PNG with its recipe.
        png: Attachment,
    },
    /// Something to know, although the job goes on.
    Warning {
        /// In one line.
        message: String,
    },
    /// All pictures that were ordered are done. The last report.
    Done,
    /// The job will not be drawn. The last report.
    Failed {
        /// What kind of failure.
        code: ErrorCode,
        /// In one line.
        message: String,
    },
}

impl Report {
    /// Whether it is the last one of its job.
    #[must_use]
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Done | Self::Failed { .. })
    }
}

/// Something that a server counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// A step of so many pictures together.
    Step {
        /// How many.
        pictures: u32,
        /// Pixels of all of them.
        pixels: u64,
        /// For how long.
        seconds: f64,
    },
    /// Memory was short, and something was done about it.
    Relief {
        /// What.
        rung: Relief,
    },
    /// Pictures began, whose prompts were known or had to be read.
    Prompts {
        /// How many had been read before.
        remembered: u64,
        /// How many were read.
        read: u64,
    },
    /// A device that had nothing to do was looked at.
    Probed {
        /// What was found.
        outcome: Probed,
    },
    /// A picture went through all its steps.
    Denoised {
        /// For how long, with the steps of others in between.
        seconds: f64,
    },
    /// A picture became a PNG.
    Encoded {
        /// Its pixels.
        pixels: u64,
        /// In which time.
        seconds: f64,
    },
}

/// How a device was that had nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probed {
    /// It computed what is right.
    Ok,
    /// It had no room for it, which another program may have taken.
    NoRoom,
    /// It failed, or computed something else.
    Failed,
    /// It did not answer.
    Hung,
}

impl Probed {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Ok, Self::NoRoom, Self::Failed, Self::Hung];

    /// The name used in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NoRoom => "no_room",
            Self::Failed => "failed",
            Self::Hung => "hung",
        }
    }
}

/// What an engine does when memory is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relief {
    /// Gave back what was only kept for later.
    Caches,
    /// Drew fewer pictures at a time.
    Batch,
    /// Decoded in bands.
    Bands,
    /// Let the text encoder give up its place.
    TextEncoder,
    /// Drew a smaller picture.
    Size,
}

impl Relief {
    /// Every one, in the order in which they are tried.
    pub const ALL: [Self; 5] =
        [Self::Caches, Self::Batch, Self::Bands, Self::TextEncoder, Self::Size];

    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caches => "caches",
            Self::Batch => "batch",
            Self::Bands => "bands",
            Self::TextEncoder => "text_encoder",
            Self::Size => "size",
        }
    }
}

impl From<Rung> for Relief {
    fn from(rung: Rung) -> Self {
        match rung {
            Rung::Caches => Self::Caches,
            Rung::Batch => Self::Batch,
            Rung::Bands => Self::Bands,
            Rung::TextEncoder => Self::TextEncoder,
            Rung::Size => Self::Size,
        }
    }
}

/// What a worker draws with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The version of zao.
    pub version: String,
    /// What users call the model.
    pub model: String,
    /// Tells models of the same name apart by their content.
    pub fingerprint: String,
    /// What both sides of a picture are multiples of, in pixels.
    pub size_multiple: u32,
    /// Pixels of a latent cell's side.
    pub pixels_per_cell: u32,
    /// Width and height of the largest picture.
    pub max_size: (u32, u32),
    /// Width and height to draw when nobody asks for others.
    pub default_size: (u32, u32),
    /// Static shift of the noise schedule.
    pub shift: f32,
    /// The device as users name it, as `cuda:0`.
    pub device: String,
    /// What it is, in words.
    pub device_detail: String,
    /// The precision that is drawn in.
    pub precision: ResolvedPrecision,
    /// Why: a part of a sentence.
    pub precision_reason: String,
    /// Why no card draws although there is one: a part of a sentence.
    pub passed_over: Option<String>,
    /// The most tokens of a prompt that the model reads.
    pub max_prompt_tokens: u32,
    /// Bytes of memory that a picture of each quality would take alone, with the weights, as it is planned.
    pub memory: Vec<(Quality, u64)>,
    /// Names of the adapters that were there when it began.
    pub loras: Vec<String>,
}

impl Facts {
    /// The model as [`zao_request`] wants to know it.
    #[must_use]
    pub fn model_info(&self) -> ModelInfo {
        let grid = |(width, height): (u32, u32)| Grid::new(height as usize, width as usize);
        ModelInfo {
            name: self.model.clone(),
            fingerprint: self.fingerprint.clone(),
            size_multiple: self.size_multiple as usize,
            pixels_per_cell: self.pixels_per_cell as usize,
            max_size: grid(self.max_size),
            default_size: grid(self.default_size),
            shift: self.shift,
        }
    }
}

/// A sign of life, at least once a second, from a thread that does nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Beat {
    /// Bytes of the device's memory for weights and runs.
    pub held_bytes: u64,
    /// The most that these were since the process began.
    pub peak_bytes: u64,
    /// Bytes of the device's memory that weights and runs may still take, where a bound is known.
    pub free_bytes: Option<u64>,
    /// Adapters that are loaded.
    pub loras: u32,
    /// Bytes of main memory that cannot be had back from it, where the system tells: files that are only mapped do not
    /// count.
    pub resident_bytes: Option<u64>,
    /// What the engine is busy with.
    pub busy: Option<Busy>,
    /// Seconds for which its device, which had nothing to do, has been looked at.
    pub probing: Option<f64>,
    /// What its card told last, where it is one that tells and did so a moment ago.
    pub gauges: Option<Gauges>,
}

/// What a card tells of itself: what it does not tell is absent, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gauges {
    /// Share of the last moments in which it computed, from 0 to 1.
    pub utilization: Option<f64>,
    /// Power of the whole card, in watts.
    pub power_watts: Option<f64>,
    /// What it has taken since its driver was loaded, in joules.
    pub energy_joules: Option<f64>,
    /// Temperature of the chip, in degrees Celsius.
    pub temperature_celsius: Option<f64>,
    /// Clock of its multiprocessors, in hertz.
    pub sm_clock_hertz: Option<f64>,
    /// Bytes of its memory that are in use, by whomever.
    pub memory_used_bytes: Option<u64>,
}

impl From<CardReading> for Gauges {
    fn from(reading: CardReading) -> Self {
        let CardReading {
            utilization,
            power_watts,
            energy_joules,
            temperature_celsius,
            sm_clock_hertz,
            memory_used_bytes,
        } = reading;
        Self {
            utilization,
            power_watts,
            energy_joules,
            temperature_celsius,
            sm_clock_hertz,
            memory_used_bytes,
        }
    }
}

/// Work that is not done yet.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Busy {
    /// What it is.
    pub stage: Stage,
    /// How much of it, in the unit of its stage: pixels, or characters of prompts.
    pub amount: u64,
    /// For how long; while weights are read, since the last byte.
    pub seconds: f64,
}

/// Work that is done: a denoising step, or another stage as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Took {
    /// What it was.
    pub stage: Stage,
    /// How much, as in [`Busy::amount`].
    pub amount: u64,
    /// For how long.
    pub seconds: f64,
}

impl Frame for Word {
    fn attachments(&mut self) -> Vec<&mut Attachment> {
        match self {
            Self::Job { report: Report::Preview { file, .. }, .. } => vec![file],
            Self::Job { report: Report::Picture { png, .. }, .. } => vec![png],
            Self::Job { .. }
            | Self::Loading
            | Self::Ready(_)
            | Self::Room { .. }
            | Self::Took(_)
            | Self::Count(_)
            | Self::Adapters { .. }
            | Self::Beat(_)
            | Self::Fatal { .. } => Vec::new(),
        }
    }
}
