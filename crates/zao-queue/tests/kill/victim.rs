//! What the process does until it is killed: clients submit and cancel, workers draw, somebody sweeps. It never ends by itself.

use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use zao_api::{JobRequest, Priority, Request};
use zao_queue::{
    Acceptance, Cancel, Claimed, Error, Ledger, Limits, Offer, Retention, Sender, Submission,
};

use crate::diary::Pen;

/// The first argument of a victim.
pub(crate) const WORD: &str = "--victim";

const CLIENTS: u32 = 2;
const WORKERS: usize = 4;

/// No job fails for the many kills, and nothing is removed while it is still to be looked at.
pub(crate) fn limits() -> Limits {
    let retention = Retention { bytes: u64::MAX, jobs: u64::MAX, ..Retention::default() };
    Limits { losses: u32::MAX, reserve_bytes: 0, retention, ..Limits::default() }
}

/// What a picture of a seed looks like; large enough that a kill may hit the middle of it.
pub(crate) fn png(seed: u64) -> Vec<u8> {
    (0..2000_u64).flat_map(|place| seed.wrapping_mul(place | 1).to_le_bytes()).collect()
}

pub(crate) fn live(folder: &Path, life: u32) {
    let ledger = Ledger::open(folder, limits(), SystemTime::now()).expect("the ledger opens");
    let pen = Pen::new(folder);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (ledger, pen) = (&ledger, &pen);
            scope.spawn(move || ask(ledger, pen, life, client));
        }
        for _ in 0..WORKERS {
            scope.spawn(|| draw(&ledger, &pen));
        }
        scope.spawn(|| {
            loop {
                ledger.sweep(SystemTime::now()).expect("sweeping works");
                thread::sleep(Duration::from_millis(5));
            }
        });
    });
}

/// A client: each job is submitted twice, as by somebody who got no answer, and some are cancelled.
fn ask(ledger: &Ledger, pen: &Pen, life: u32, client: u32) {
    // The last life ended while this one waited for an answer, perhaps; so it asks again.
    let last = life.saturating_sub(1);
    for number in 0_u32.. {
        // With a long queue most kills would hit the same few jobs.
        while ledger.outlook(SystemTime::now()).queued > 16 {
            thread::sleep(Duration::from_millis(1));
        }
        for life in [last, life] {
            let key = format!("{life}-{client}-{number}");
            pen.write(&format!("try {key}"));
            let submission = submission(&key, client, u64::from(number % 3) + 1);
            match ledger.accept(submission, SystemTime::now()) {
                Ok(Acceptance::Accepted(job)) => {
                    pen.write(&format!("accepted {key} {job}"));
                    let cancels = number % 5 == 4;
                    if cancels && let Ok(Cancel::Done) = ledger.cancel(&job, SystemTime::now()) {
                        pen.write(&format!("cancelled {job}"));
                    }
                }
                Ok(Acceptance::Repeated(job)) => pen.write(&format!("accepted {key} {job}")),
                Ok(Acceptance::Refused(_)) => thread::sleep(Duration::from_millis(2)),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn submission(key: &str, client: u32, count: u64) -> Submission {
    let request = Request { prompt: format!("a cat, {key}"), ..Request::default() };
    let first = key.bytes().fold(1, |seed: u64, byte| seed.wrapping_mul(31) + u64::from(byte));
    Submission {
        client: format!("client {client}"),
        sender: Sender::default(),
        key: Some(key.into()),
        form: String::new(),
        request: JobRequest { request, ..JobRequest::default() },
        plan: String::new(),
        width: 256,
        height: 256,
        steps: 8,
        seeds: (first..first + count).collect(),
        priority: Priority::Normal,
        deadline: Duration::from_secs(300),
        inputs: Vec::new(),
        warnings: Vec::new(),
        request_id: None,
    }
}

fn draw(ledger: &Ledger, pen: &Pen) {
    let offer = Offer { worker: "victim", fits: &|_| true, idle: true };
    loop {
        match ledger.next(&offer, SystemTime::now()).expect("the next job is told") {
            Some(claimed) => draw_one(ledger, pen, &claimed),
            None => thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn draw_one(ledger: &Ledger, pen: &Pen, claimed: &Claimed) {
    let (claim, job) = (&claimed.claim, claimed.claim.job());
    match ledger.started(claim, SystemTime::now()) {
        Ok(()) => {}
        // A client cancelled it before it began.
        Err(Error::Stale { .. }) => return,
        Err(error) => panic!("{error}"),
    }
    for (index, seed) in &claimed.missing {
        if ledger.should_stop(claim) {
            ledger.cancelled(claim, SystemTime::now()).expect("a job can be cancelled");
            return;
        }
        let image = ledger.finished_picture(claim, *index, &png(*seed), SystemTime::now());
        let image = image.expect("a picture is stored");
        pen.write(&format!("picture {job} {index} {}", image.id));
    }
    match ledger.completed(claim, SystemTime::now()) {
        Ok(()) => pen.write(&format!("completed {job}")),
        Err(error @ Error::Incomplete { .. }) => panic!("{error}"),
        Err(error) => panic!("{error}"),
    }
}
