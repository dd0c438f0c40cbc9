//! What happens to a job, as its clients are told. Which events are kept for how long is NOT known here.

use serde::{Deserialize, Serialize};

use crate::{Image, Job, Stage};

/// Something that happened to a job.
///
/// Its JSON is `{"event": name, "data": {"job": id, ...}}`: the two fields of a server-sent event, so that whoever sends or receives
/// one takes this apart or puts it together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
#[allow(
    missing_docs,
    reason = "each variant has the job's id, and the rest is said at the variant"
)]
pub enum JobEvent {
    /// How the job stands; the first event of every stream.
    Snapshot { job: String, state: Box<Job> },
    /// The job waits at this place, 1 being next, and will probably be done in so many seconds.
    Queued {
        job: String,
        position: u64,
        #[cfg_attr(feature = "schema", schema(required))]
        eta_seconds: Option<f64>,
    },
    /// A worker took it.
    Started { job: String, worker: String },
    /// The worker is busy with something else now.
    Stage { job: String, stage: Stage },
    /// A denoising step is done, of one picture or (`null`) of all.
    Step {
        job: String,
        step: u32,
        steps: u32,
        #[cfg_attr(feature = "schema", schema(required))]
        eta_seconds: Option<f64>,
        #[cfg_attr(feature = "schema", schema(required))]
        picture: Option<u32>,
    },
    /// What the picture at that place looks like so far, in Base64.
    Preview { job: String, index: u32, mime: String, b64: String, width: u32, height: u32 },
    /// A picture is done and stored.
    Image { job: String, image: Image },
    /// Something to know, although the job goes on.
    Warning { job: String, message: String },
    /// The worker was replaced, the job waits again.
    Requeued { job: String, reason: String },
    /// All pictures are there. The last event.
    Completed { job: String, state: Box<Job> },
    /// The job will not be drawn. The last event.
    Failed { job: String, state: Box<Job> },
    /// Nobody wants the job any more. The last event.
    Cancelled { job: String, state: Box<Job> },
}
