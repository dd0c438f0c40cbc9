//! Holds a ledger against the diary of those who were killed: what was promised has to be there, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use zao_api::{Job, JobStatus};
use zao_queue::{JobFilter, Ledger, Offer};

use crate::diary::Diary;
use crate::victim;

/// After each kill: files and rows are the same pictures, and what was told to be over is over.
pub(crate) fn between_lives(folder: &Path, diary: &Diary) {
    let now = SystemTime::now();
    let ledger =
        Ledger::open(folder, victim::limits(), now).expect("the ledger opens after a kill");
    assert_eq!(ledger.recovered().lost_pictures, 0, "there was a row before its file");
    let jobs = all(&ledger);
    let mut shown = BTreeSet::new();
    for job in jobs.values() {
        assert_ne!(job.status, JobStatus::Running, "{} runs, and nobody draws it", job.id);
        assert_ne!(job.status, JobStatus::Failed, "{} failed: {:?}", job.id, job.error);
        let mut places = BTreeSet::new();
        for image in &job.images {
            assert!(places.insert(image.index), "{} has two pictures at one place", job.id);
            assert!(shown.insert(format!("{}.png", image.id)));
        }
    }
    assert_eq!(files(folder), shown, "rows and files are not the same pictures");
    for job in &diary.completed {
        assert_eq!(jobs[job].status, JobStatus::Completed);
        assert_eq!(jobs[job].images.len(), jobs[job].seeds.len());
    }
    for job in &diary.cancelled {
        assert_eq!(jobs[job].status, JobStatus::Cancelled);
    }
    for ((job, index), id) in &diary.pictures {
        let image = jobs[job].images.iter().find(|image| image.index == *index);
        assert_eq!(image.map(|image| &image.id), Some(id), "a picture of {job} was lost");
    }
    for job in diary.accepted.values() {
        assert!(jobs.contains_key(job), "{job} was accepted and is gone");
    }
    assert!(jobs.len() <= diary.tried.len(), "there are more jobs than keys");
}

/// Draws what is left, and looks at everything. Gives what was seen in words.
pub(crate) fn at_the_end(folder: &Path, diary: &Diary) -> String {
    let now = SystemTime::now();
    let ledger = Ledger::open(folder, victim::limits(), now).expect("the ledger opens at the end");
    let offer = Offer { worker: "heir", fits: &|_| true, idle: true };
    let mut left = 0;
    while let Some(claimed) = ledger.next(&offer, now).expect("the next job is told") {
        for (index, seed) in &claimed.missing {
            ledger
                .finished_picture(&claimed.claim, *index, &victim::png(*seed), now)
                .expect("a picture is stored");
        }
        ledger.completed(&claimed.claim, now).expect("a job is completed");
        left += 1;
    }
    let jobs = all(&ledger);
    let mut checked = 0;
    for job in jobs.values() {
        match job.status {
            JobStatus::Completed => assert_eq!(job.images.len(), job.seeds.len()),
            JobStatus::Cancelled => {}
            status @ (JobStatus::Queued | JobStatus::Running | JobStatus::Failed) => {
                panic!("{} is {status} in the end", job.id)
            }
        }
        for image in &job.images {
            let id = image.id.parse().expect("an id");
            let file = ledger.image_file(&id).expect("a picture has a file");
            let bytes = fs::read(file).expect("the file can be read");
            assert!(bytes == victim::png(image.seed), "{} is not whole", image.id);
            checked += 1;
        }
    }
    // A key was told one job at most (the diary sees to that), and no job has two keys.
    let distinct: BTreeSet<&String> = diary.accepted.values().collect();
    assert_eq!(distinct.len(), diary.accepted.len(), "two keys made one job");
    format!("{left} were left to draw, {checked} files are whole")
}

fn all(ledger: &Ledger) -> BTreeMap<String, Job> {
    let page = ledger.jobs(&JobFilter::default(), 1_000_000, SystemTime::now());
    let jobs = page.expect("jobs can be listed").items;
    jobs.into_iter().map(|job| (job.id.clone(), job)).collect()
}

fn files(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder.join("pictures")).expect("the folder can be read");
    entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect()
}
