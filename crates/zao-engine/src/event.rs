//! What a run tells while it works.

use std::time::Duration;

use crate::MemoryPlan;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What the run will take of the device's memory, before anything is loaded.
    Planned(Box<MemoryPlan>),
    /// The next stage begins.
    Stage(Stage),
    /// So many bytes of the weights needed now are loaded.
    Loaded {
        /// Bytes so far.
        done: u64,
        /// Bytes in all.
        of: u64,
    },
    /// A denoising step is finished.
    Step {
        /// Steps so far.
        done: usize,
        /// Steps in all: those of the longest job of each batch, one batch unless memory is short.
        of: usize,
    },
    /// A picture is decoded.
    Decoded {
        /// Pictures so far.
        done: usize,
        /// Pictures in all.
        of: usize,
    },
    /// The user should know this, although the run goes on.
    Warning(String),
}

/// What a run is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Reading weights.
    Load,
    /// Encoding the pictures that jobs begin with.
    Encode,
    /// Encoding prompts.
    Text,
    /// Stepping latents.
    Denoise,
    /// Decoding pictures.
    Decode,
}

/// Where the time of a run went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Reading weights.
    pub load: Duration,
    /// Encoding the pictures that jobs begin with.
    pub encode: Duration,
    /// Tokenizing, planning and encoding prompts.
    pub text: Duration,
    /// All steps.
    pub denoise: Duration,
    /// Decoding pictures.
    pub decode: Duration,
    /// Each step.
    pub steps: Vec<Duration>,
}

impl Timings {
    /// The time of one stage.
    pub(crate) fn of(&mut self, stage: Stage) -> &mut Duration {
        match stage {
            Stage::Load => &mut self.load,
            Stage::Encode => &mut self.encode,
            Stage::Text => &mut self.text,
            Stage::Denoise => &mut self.denoise,
            Stage::Decode => &mut self.decode,
        }
    }
}
