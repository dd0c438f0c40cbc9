//! How much the ledger takes on and keeps. Settings are values here; where they come from is NOT known.

use std::time::Duration;

/// How much the ledger takes on and keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Jobs that may wait at once.
    pub queued: usize,
    /// Jobs of one client that may wait at once.
    pub queued_per_client: usize,
    /// Pictures of one client that workers may have at once; `None` for any number. A job with more goes when its client has none.
    pub in_flight_per_client: Option<usize>,
    /// Bytes that may have come with jobs that are not over, such as pictures to begin with.
    pub input_bytes: u64,
    /// Jobs that workers draw at the same time, for estimates of time.
    pub at_once: u32,
    /// How long a job may wait until a worker takes it; `None` for any time.
    pub wait: Option<Duration>,
    /// How often a job may lose its worker before it fails: a job that kills workers must not do so for ever.
    pub losses: u32,
    /// A job that waited this long counts as one priority higher, so that none waits for ever.
    pub ageing: Duration,
    /// How long the next job in line may be passed over by smaller ones because no worker has room for it.
    pub patience: Duration,
    /// How long to wait for a database that another program has locked.
    pub busy: Duration,
    /// The largest size of the database in bytes, a tenth of which is kept for what becomes of jobs that are accepted; `None` is as large as
    /// the disk.
    pub database_bytes: Option<u64>,
    /// Free bytes of the disk below which no job is accepted, because its pictures might find no room.
    pub reserve_bytes: u64,
    /// Bytes of a file that is removed when the disk is full, so that there is room to write down what is begun, cancelled, over or
    /// removed.
    pub ballast_bytes: u64,
    /// How long results are kept.
    pub retention: Retention,
}

/// How long the results of jobs that are over are kept. Whatever comes first removes the oldest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// How long a job and its pictures are kept after it was over.
    pub age: Duration,
    /// How many bytes of pictures are kept.
    pub bytes: u64,
    /// How many jobs that are over are kept.
    pub jobs: u64,
    /// How long it is remembered of a removed job that it was there.
    pub tombstones: Duration,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Limits {
    fn default() -> Self {
        Self {
            queued: 256,
            queued_per_client: 64,
            in_flight_per_client: None,
            input_bytes: 1 << 30,
            at_once: 1,
            wait: None,
            losses: 3,
            ageing: Duration::from_secs(60),
            patience: Duration::from_secs(10),
            busy: Duration::from_secs(5),
            database_bytes: None,
            reserve_bytes: 64 << 20,
            ballast_bytes: 4 << 20,
            retention: Retention::default(),
        }
    }
}

impl Retention {
    /// Bytes that pictures which are never removed may take: half, so that what is drawn next has room.
    #[must_use]
    pub fn kept_bytes(&self) -> u64 {
        self.bytes / 2
    }

    /// Jobs that may have such pictures.
    #[must_use]
    pub fn kept_jobs(&self) -> u64 {
        self.jobs / 2
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self { age: 7 * DAY, bytes: 2_000_000_000, jobs: 100_000, tombstones: 7 * DAY }
    }
}
