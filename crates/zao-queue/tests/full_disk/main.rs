//! A disk that is really full: a file system of a few megabytes in memory, which a user may mount for itself on Linux where user
//! namespaces are allowed; elsewhere this says that it did nothing. `cargo test --release -p zao-queue --test full_disk`. It has no test
//! harness, because it runs itself where the small disk is mounted.

#![allow(
    clippy::print_stdout,
    clippy::panic,
    reason = "a test without a harness, which says how it went"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, SystemTime};

use zao_api::{ErrorBody, ErrorCode, JobRequest, JobStatus, Priority, Request};
use zao_queue::{
    Acceptance, Cancel, Claim, Error, JobId, Ledger, Limits, Offer, Result, Retention, Sender,
    Submission,
};

/// Something to try on a disk that only it has, mounted at this place.
type Trial = fn(&Path);

/// What is tried, and the word by which this program is told to.
const TRIALS: [(&str, Trial); 2] =
    [("--everything", everything), ("--begun-when-full", begun_when_full)];

/// Room on the disk, in kilobytes.
const SIZES: [u32; 4] = [4000, 5000, 7000, 10_000];

const BALLAST: u64 = 2_000_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, folder] = &arguments[..]
        && let Some((_, trial)) = TRIALS.iter().find(|(name, _)| name == word)
    {
        trial(Path::new(folder));
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    if !mounted(folder.path(), 100, "true") {
        println!("no small disk can be mounted here, so no full disk was tried");
        return ExitCode::SUCCESS;
    }
    for (word, _) in TRIALS {
        for size in SIZES {
            let run = format!("\"$0\" {word} \"$1\"");
            assert!(mounted(folder.path(), size, &run), "{word} on {size} kB failed");
        }
    }
    println!("{} full disks, and nothing was lost", TRIALS.len() * SIZES.len());
    ExitCode::SUCCESS
}

/// Runs a command of the shell where a small disk is mounted at `folder`; whether both worked.
fn mounted(folder: &Path, kilobytes: u32, command: &str) -> bool {
    let program = std::env::current_exe().expect("this program has a path");
    let script = format!("mount -t tmpfs -o size={kilobytes}k none \"$1\" && {command}");
    let status = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", &script])
        .arg(program)
        .arg(folder)
        .status();
    status.is_ok_and(|status| status.success())
}

fn limits() -> Limits {
    let retention = Retention { age: Duration::from_secs(60), ..Retention::default() };
    let (queued, queued_per_client) = (10_000, 10_000);
    Limits {
        queued,
        queued_per_client,
        reserve_bytes: 0,
        ballast_bytes: BALLAST,
        retention,
        ..Limits::default()
    }
}

fn submission(length: usize) -> Submission {
    let request = Request { prompt: "a cat".into(), ..Request::default() };
    Submission {
        client: "ann".into(),
        sender: Sender::default(),
        key: None,
        form: String::new(),
        request: JobRequest { request, ..JobRequest::default() },
        plan: "x".repeat(length),
        width: 256,
        height: 256,
        steps: 8,
        seeds: vec![1, 2],
        priority: Priority::Normal,
        deadline: Duration::from_secs(300),
        inputs: Vec::new(),
        warnings: Vec::new(),
        request_id: None,
    }
}

fn accepted(outcome: Result<Acceptance>) -> Option<JobId> {
    match outcome {
        Ok(Acceptance::Accepted(job)) => Some(job),
        Err(Error::StorageFull { .. }) => None,
        other => panic!("{other:?}"),
    }
}

fn everything(folder: &Path) {
    let now = SystemTime::now();
    let offer = Offer { worker: "test", fits: &|_| true, idle: true };
    let ledger = Ledger::open(folder, limits(), now).expect("the ledger opens");
    let mut jobs: Vec<JobId> =
        (0..3).filter_map(|_| accepted(ledger.accept(submission(10), now))).collect();
    let take = || ledger.next(&offer, now).expect("a job is told").expect("a job waits");
    let claims = [take().claim, take().claim];
    claims.iter().for_each(|claim| ledger.started(claim, now).expect("a job starts"));
    let picture = vec![1; 100_000];
    for claim in &claims {
        ledger.finished_picture(claim, 0, &picture, now).expect("a picture is stored");
    }
    for length in [30_000, 3000, 10] {
        jobs.extend(std::iter::from_fn(|| accepted(ledger.accept(submission(length), now))));
    }
    fill(&folder.join("others"));
    let full = ledger.finished_picture(&claims[0], 1, &picture, now);
    assert!(matches!(full, Err(Error::StorageFull { .. })), "{full:?}");

    // The job fails for that reason, and others are cancelled.
    let message = "no room".to_owned();
    let error = ErrorBody { code: ErrorCode::StorageFull, message };
    ledger.failed(&claims[0], error, now).expect("a job can fail on a full disk");
    assert_eq!(ledger.cancel(&jobs[2], now).expect("a job can be cancelled"), Cancel::Done);

    // A kill right now: nothing that was accepted is lost.
    drop(ledger);
    let ledger = Ledger::open(folder, limits(), now).expect("the ledger opens on a full disk");
    let counts = ledger.counts().expect("jobs can be counted");
    assert_eq!((counts.queued, counts.failed), (jobs.len() as u64 - 2, 1));
    assert_eq!((counts.cancelled, counts.images), (1, 2));
    assert_eq!(ledger.recovered().interrupted, 1);

    // What is old can be removed, which makes room for others.
    let later = now + Duration::from_secs(61);
    let swept = ledger.sweep(later).expect("a full disk can be swept");
    assert_eq!((swept.jobs, swept.images), (2, 1));
    fs::remove_file(folder.join("others")).expect("others make room");
    let job = accepted(ledger.accept(submission(10), later)).expect("there is room again");
    assert_eq!(ledger.job(&job, later).expect("the job").status, JobStatus::Queued);
}

/// Workers begin with jobs that they had in hand when the disk became full: from then on these run, and can end.
fn begun_when_full(folder: &Path) {
    let now = SystemTime::now();
    let offer = Offer { worker: "test", fits: &|_| true, idle: true };
    let ledger = Ledger::open(folder, limits(), now).expect("the ledger opens");
    let jobs: Vec<JobId> =
        (0..20).filter_map(|_| accepted(ledger.accept(submission(10), now))).collect();
    let take = || ledger.next(&offer, now).expect("a job is told").expect("a job waits");
    let claims: Vec<Claim> = jobs.iter().map(|_| take().claim).collect();
    assert_eq!(claims.len(), 20);
    fill(&folder.join("others"));
    let ballast = folder.join("ballast");
    assert!(ballast.exists(), "room is kept");
    for claim in &claims {
        ledger.started(claim, now).expect("a job can start on a full disk");
    }
    assert!(!ballast.exists(), "there was room without that which is kept");
    for job in &jobs {
        assert_eq!(ledger.job(job, now).expect("the job").status, JobStatus::Running);
    }
    let overdue = ledger.overdue(now + Duration::from_secs(301));
    assert_eq!(overdue.len(), 20, "their time counts");
}

/// Takes all the room that is left, as other programs do.
fn fill(file: &Path) {
    let mut size = 1 << 20;
    let mut written = Vec::new();
    while size > 0 {
        let before = written.len();
        written.resize(before + size, 7);
        if fs::write(file, &written).is_err() {
            written.truncate(before);
            size /= 2;
        }
    }
}
