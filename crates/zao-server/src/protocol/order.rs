//! What the parent tells a worker.

use serde::{Deserialize, Serialize};
use zao_api::JobRequest;

use super::{Attachment, Frame, JobId};

/// Something that a worker is to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Draw pictures of a job.
    Draw(Box<Draw>),
    /// Nobody wants the job any more.
    Cancel {
        /// Which one.
        job: JobId,
    },
    /// Have an adapter open before a job names it.
    OpenAdapter {
        /// Its name in the folder.
        name: String,
    },
    /// Give up what an adapter takes of the device's memory.
    CloseAdapter {
        /// Its name in the folder.
        name: String,
    },
    /// Finish what is under way, and give all memory back that is only kept for later.
    Free,
    /// Finish what was handed over, and exit.
    Drain,
}

/// Pictures to draw: a job that is settled but for what only the engine knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draw {
    /// The job that they belong to.
    pub job: JobId,
    /// What was asked for. Its `image` and `mask` are not read: they are attached.
    pub request: JobRequest,
    /// The seed of every picture of the job, also of those that are there already.
    pub seeds: Vec<u64>,
    /// Which of them to draw: places in `seeds`.
    pub pictures: Vec<u32>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Denoising steps.
    pub steps: u32,
    /// How many pictures of the way there each picture shows.
    pub previews: u32,
    /// The picture to begin with, as a PNG, JPEG or WebP.
    pub image: Option<Attachment>,
    /// The mask, likewise.
    pub mask: Option<Attachment>,
}

impl Frame for Order {
    fn attachments(&mut self) -> Vec<&mut Attachment> {
        match self {
            Self::Draw(draw) => draw.image.iter_mut().chain(&mut draw.mask).collect(),
            Self::Cancel { .. }
            | Self::OpenAdapter { .. }
            | Self::CloseAdapter { .. }
            | Self::Free
            | Self::Drain => Vec::new(),
        }
    }
}
