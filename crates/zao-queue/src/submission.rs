//! What comes in: a job to be kept, and what the ledger says to it. Whether a request makes sense was decided before.

use std::time::Duration;

use sha2::{Digest, Sha256};
use zao_api::{JobRequest, Priority};

use crate::{Demand, Error, JobId, Result, Sender};

/// A job to be kept until it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    /// Whose job it is: clients take turns. Whatever tells one from another, such as an address or a token's name.
    pub client: String,
    /// Who sent it, and which way it came. Requests that differ only in it ask for the same.
    pub sender: Sender,
    /// The `Idempotency-Key`: as long as the job is remembered, another submission of the same owner with it is the same job. Those
    /// whom nothing tells apart share their keys.
    pub key: Option<String>,
    /// What the key stands for beside the job, such as how its client wants to be answered; empty where that is all.
    pub form: String,
    /// What was asked for, as clients see it again. Pictures to begin with belong into `inputs`, not here.
    pub request: JobRequest,
    /// What a worker needs to know, with nothing left open; the ledger does not look into it.
    pub plan: String,
    /// Width of each picture in pixels.
    pub width: u32,
    /// Height of each picture in pixels.
    pub height: u32,
    /// Denoising steps of each picture.
    pub steps: u32,
    /// The seed of each picture, one or more. They are settled here, so that a job which is drawn twice gives the same pictures.
    pub seeds: Vec<u64>,
    /// Whose turn it is before others'.
    pub priority: Priority,
    /// How long the job may take from its start.
    pub deadline: Duration,
    /// Bytes that a worker needs besides; removed when the job is over.
    pub inputs: Vec<Input>,
    /// What the client should know from the beginning, one line each.
    pub warnings: Vec<String>,
    /// The id of the request that brought it, so that logs lead from one to the other also after a restart. Requests that differ
    /// only in it ask for the same.
    pub request_id: Option<String>,
}

/// Bytes that a job needs, such as a picture to begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// What it is in the job, such as `image`; each name once.
    pub name: String,
    /// The bytes of the file.
    pub bytes: Vec<u8>,
}

/// What became of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acceptance {
    /// It is kept, and will be drawn whatever happens to this process.
    Accepted(JobId),
    /// It was submitted before, with the same key, as this job.
    Repeated(JobId),
    /// It is not kept.
    Refused(Refusal),
}

/// Why a submission is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// As many jobs wait as may, or as much came with them.
    QueueFull {
        /// When a place will probably be free.
        retry_after: Duration,
    },
    /// As many jobs of this client wait as may.
    ClientFull {
        /// When the first of them will probably be taken.
        retry_after: Duration,
    },
    /// The key was used for a different request.
    Conflict {
        /// The job of that request.
        job: JobId,
    },
}

impl Submission {
    /// How much there is to draw.
    #[must_use]
    pub fn demand(&self) -> Demand {
        Demand {
            width: self.width,
            height: self.height,
            steps: self.steps,
            pictures: self.seeds.len(),
        }
    }

    /// What it is known by when it comes again: its key, among those of its owner.
    pub(crate) fn known_as(&self) -> Option<String> {
        let key = self.key.as_ref()?;
        // Keys have no ends of lines in them, so nobody's is another's with an owner.
        Some(match &self.sender.owner {
            Some(owner) => format!("{}\n{key}", owner.as_str()),
            None => key.clone(),
        })
    }

    pub(crate) fn check(&self) -> Result<()> {
        let fault = if self.seeds.is_empty() {
            "it has no seeds; give one for each picture"
        } else if self.width == 0 || self.height == 0 || self.steps == 0 {
            "its pictures have no size or no steps; settle both before"
        } else if self.client.is_empty() {
            "it is nobody's; name the client"
        } else {
            return Ok(());
        };
        Err(Error::BadSubmission(fault))
    }

    /// Tells whether two submissions ask for the same. What the server chose for the client, such as a seed, does not count.
    pub(crate) fn fingerprint(&self, request: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut add = |bytes: &[u8]| {
            // With its length, no text can borrow bytes from the next one.
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        add(request.as_bytes());
        // Keys that were kept before there was any still stand for the same.
        if !self.form.is_empty() {
            add(self.form.as_bytes());
        }
        for input in &self.inputs {
            add(input.name.as_bytes());
            add(&input.bytes);
        }
        hash.finalize().into()
    }
}
