//! A job as it came, and as the pictures that it becomes for the engine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use zao_api::{InputImage, Request};
use zao_engine::{Grid, Job, ModelInfo, Start};
use zao_request::{Loras, Provenance};

use super::failure::Failure;
use crate::protocol::{Draw, JobId};

/// A job that came, and is not looked at closer yet.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) draw: Draw,
    beginning: Option<Beginning>,
    /// How long it may take from its start, if that is bounded.
    pub(super) allowed: Option<Allowed>,
}

/// The picture that a job begins with.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) start: Start,
    pub(super) record: InputImage,
}

/// How long a job may take. Until it has begun that is only a length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed {
    length: Duration,
    until: Option<Instant>,
}

impl Allowed {
    /// `None` for what is beyond all time.
    pub(super) fn of(seconds: f64) -> Option<Self> {
        let length = Duration::try_from_secs_f64(seconds.max(0.0)).ok()?;
        Some(Self { length, until: None })
    }

    /// The job begins, if it had not.
    pub(super) fn begin(&mut self, now: Instant) {
        if self.until.is_none() {
            self.until = now.checked_add(self.length);
        }
    }

    /// What is left of it.
    pub(super) fn left(&self, now: Instant) -> Duration {
        self.until.map_or(self.length, |until| until.saturating_duration_since(now))
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now >= until)
    }

    pub(super) fn seconds(&self) -> f64 {
        self.length.as_secs_f64()
    }
}

/// A picture of a job.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) of: JobId,
    pub(super) index: u32,
    pub(super) job: Job,
    pub(super) provenance: Arc<Provenance>,
    /// How often it is shown on its way.
    pub(super) previews: usize,
    /// When its first stage began.
    pub(super) begun: Option<Instant>,
    /// When its first step began.
    pub(super) stepping: Option<Instant>,
    /// What is drawn in its place, where memory is short.
    pub(super) smaller: Option<Grid>,
}

impl Piece {
    /// Pixels of the picture.
    pub(super) fn pixels(&self) -> u64 {
        if let Some(smaller) = self.smaller {
            return smaller.area() as u64;
        }
        self.job.ask().width as u64 * self.job.ask().height as u64
    }

    /// How much text it has to be read for, with what the template adds.
    pub(super) fn text(&self) -> u64 {
        let ask = self.job.ask();
        (ask.prompt.chars().count() + ask.negative.chars().count()) as u64 + TEMPLATE
    }
}

/// About how many characters a template adds to a prompt.
const TEMPLATE: u64 = 100;

impl Arrival {
    pub(super) fn new(draw: Draw, beginning: Option<Beginning>) -> Self {
        let allowed = draw.request.deadline_seconds.and_then(Allowed::of);
        Self { draw, beginning, allowed }
    }

    /// The pictures, which follow `loras`.
    pub(super) fn into_pieces(
        self,
        loras: &Loras,
        provenance: &Provenance,
        model: &ModelInfo,
    ) -> Result<Vec<Piece>, Failure> {
        let Self { draw, beginning, .. } = self;
        let size = Grid::new(draw.height as usize, draw.width as usize);
        let request = Request { steps: Some(draw.steps.into()), ..draw.request.request };
        let (request, _) = zao_request::complete(request, model);
        let (start, record) = beginning.map(|it| (it.start, it.record)).unzip();
        let provenance = provenance.clone().with_image(record).with_loras(loras.used().to_vec());
        let provenance = Arc::new(provenance.told(draw.request.metadata != Some(false)));
        let may_shrink = draw.request.allow_downscale == Some(true);
        let piece = |&index: &u32| {
            let internal = |message| Failure::new(zao_api::ErrorCode::Internal, message);
            let seed = draw.seeds.get(index as usize);
            let seed = *seed.ok_or_else(|| internal(format!("picture {index} has no seed")))?;
            let job = zao_request::job(&request, seed, size, start.as_ref(), loras.stack(), model);
            let job = job.map_err(|error| Failure::of_engine(&error.into()))?;
            Ok(Piece {
                of: draw.job.clone(),
                index,
                job: if may_shrink { job.or_smaller() } else { job },
                provenance: Arc::clone(&provenance),
                previews: draw.previews as usize,
                begun: None,
                stepping: None,
                smaller: None,
            })
        };
        draw.pictures.iter().map(piece).collect()
    }
}
