//! What the log says of a job from its acceptance to its end, each line with the request that brought it. Words that a
//! client wrote are NOT in it, unless the server is told to log prompts.

use zao_api::{Job, JobStatus};
use zao_queue::{JobId, Submission};

/// A job as it comes in, for the line about it.
pub(crate) struct Arrival {
    client: String,
    request: Option<String>,
    size: (u32, u32),
    steps: u32,
    pictures: usize,
    /// Only where prompts are logged.
    prompt: Option<String>,
}

impl Arrival {
    pub(crate) fn new(submission: &Submission, log_prompts: bool) -> Self {
        Self {
            client: submission.client.clone(),
            request: submission.request_id.clone(),
            size: (submission.width, submission.height),
            steps: submission.steps,
            pictures: submission.seeds.len(),
            prompt: log_prompts.then(|| submission.request.request.prompt.clone()),
        }
    }

    /// It is kept, as this job.
    pub(crate) fn accepted(&self, job: &JobId) {
        let Self { client, request, size: (width, height), steps, pictures, prompt } = self;
        tracing::info!(
            job = job.as_str(),
            request,
            client,
            width,
            height,
            steps,
            pictures,
            prompt,
            "job accepted"
        );
    }

    /// It was kept before, as this job.
    pub(crate) fn repeated(&self, job: &JobId) {
        let Self { client, request, .. } = self;
        tracing::info!(job = job.as_str(), request, client, "job asked for again");
    }
}

/// A worker has it.
pub(crate) fn started(job: &str, request: Option<&str>, worker: &str, attempt: u32) {
    tracing::info!(job, request, worker, attempt, "job started");
}

/// It waits again, for a reason that is the worker's.
pub(crate) fn waits_again(job: &str, request: Option<&str>, worker: &str, why: &str) {
    tracing::warn!(job, request, worker, why, "job waits again");
}

/// It is over, if it is: how, and where its time went.
pub(crate) fn ended(job: &Job, request: Option<&str>, worker: Option<&str>) {
    let timing = job.timing.as_ref();
    let queue_seconds = timing.map(|timing| milliseconds(timing.queue_seconds));
    let inference_seconds = timing.map(|timing| milliseconds(timing.inference_seconds));
    let (id, pictures) = (job.id.as_str(), job.images.len());
    match job.status {
        JobStatus::Completed => tracing::info!(
            job = id,
            request,
            worker,
            pictures,
            queue_seconds,
            inference_seconds,
            "job completed"
        ),
        JobStatus::Failed => {
            let code = job.error.as_ref().map(|error| code(error.code));
            let error = job.error.as_ref().map(|error| error.message.as_str());
            tracing::warn!(
                job = id,
                request,
                worker,
                code,
                error,
                pictures,
                queue_seconds,
                inference_seconds,
                "job failed"
            );
        }
        JobStatus::Cancelled => tracing::info!(job = id, request, worker, "job cancelled"),
        JobStatus::Queued | JobStatus::Running => {}
    }
}

/// Seconds to the millisecond: more digits are no more true, and harder to read.
pub(crate) fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// The code as clients see it.
fn code(code: zao_api::ErrorCode) -> String {
    let json = serde_json::to_value(code).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_logged_as_clients_are_told() {
        assert_eq!(code(zao_api::ErrorCode::WorkerLost), "worker_lost");
    }

    #[test]
    fn seconds_have_three_digits() {
        assert_eq!(milliseconds(1.234_567), 1.235);
    }
}
