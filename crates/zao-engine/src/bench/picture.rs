//! Whole pictures through the engine itself: each repetition opens the model anew, as a run of the
//! command does, so that loading is measured too.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use zao_backend::Policy;

use crate::model::ModelFiles;
use crate::rehearsal::rehearse_stages;
use crate::watch::Watch;
use crate::work::Work;
use crate::{CancelToken, Event, Job, Result, Settings, Synthetic, Timings, open_synthetic};

/// What drawing one picture again and again gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// Each repetition.
    pub runs: Vec<Drawing>,
    /// The arithmetic of one.
    pub flops: StageFlops,
    /// Additions and multiplications a second that this machine does at most in this precision.
    pub peak: f64,
}

/// One picture, from nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// Where the time went.
    pub timings: Timings,
    /// From before the model was opened until its picture was there.
    pub total: Duration,
}

/// Additions and multiplications of the stages of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageFlops {
    /// Encoding and refining the caption.
    pub text: u64,
    /// All steps, and the adaLN outputs of the schedule.
    pub denoise: u64,
    /// Latent to pixels.
    pub decode: u64,
}

impl StageFlops {
    /// All stages.
    #[must_use]
    pub fn total(self) -> u64 {
        self.text + self.denoise + self.decode
    }
}

/// The arithmetic of `job` on a device of this policy.
pub(super) fn flops(model: &ModelFiles, policy: Policy, job: &Job) -> Result<StageFlops> {
    let (events, cancel, mut deliver) = (|_| (), CancelToken::new(), drop);
    let work = Work::new(model, Cow::Borrowed(job), &Watch::new(&events, &cancel, &mut deliver))?;
    rehearse_stages(model, policy, &[work])
}

/// Draws `job` on an engine that nothing was loaded into.
pub(super) fn draw(
    synthetic: Synthetic,
    settings: &Settings,
    job: &Job,
    events: &dyn Fn(Event),
) -> Result<Drawing> {
    let since = Instant::now();
    let mut engine = open_synthetic(synthetic, settings)?;
    let (_, timings) = engine.draw(std::slice::from_ref(job), events, &CancelToken::new())?;
    Ok(Drawing { timings, total: since.elapsed() })
}
