//! Lists, single things, and what is not there.

use zao_api::JobStatus;
use zao_queue::{Error, ImageFilter, JobFilter, Limits};

use crate::support::{Desk, files, image_id, job_id, wish, wishes};

const NOBODY: &str = "job_00000000000000000000000000";
const NOTHING: &str = "img_00000000000000000000000000";

#[test]
fn lists_are_read_page_by_page_newest_first() {
    let mut desk = Desk::new(Limits::default());
    for client in ["ann", "bob", "ann", "bob", "ann"] {
        desk.accept(wish(client));
        desk.wait(1.0);
    }
    let mut seen = Vec::new();
    let mut filter = JobFilter::default();
    loop {
        let page = desk.ledger.jobs(&filter, 2, desk.now).unwrap();
        assert!(page.items.len() <= 2);
        seen.extend(page.items.into_iter().map(|job| job.created_at));
        filter.after = page.next;
        if filter.after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.is_sorted_by(|newer, older| newer > older));
    let of_bob = JobFilter { client: Some("bob".into()), ..JobFilter::default() };
    assert_eq!(desk.ledger.jobs(&of_bob, 10, desk.now).unwrap().items.len(), 2);
}

#[test]
fn jobs_are_listed_by_status() {
    let desk = Desk::new(Limits::default());
    let done = desk.accept(wishes("ann", 2));
    desk.draw(&desk.take().unwrap());
    let runs = desk.accept(wish("ann"));
    desk.take().unwrap();
    let gone = desk.accept(wish("ann"));
    desk.ledger.cancel(&gone, desk.now).unwrap();
    let waits = desk.accept(wish("ann"));
    let list = |status: &[JobStatus]| {
        let filter = JobFilter { status: status.to_vec(), ..JobFilter::default() };
        let jobs = desk.ledger.jobs(&filter, 10, desk.now).unwrap().items;
        jobs.into_iter().map(|job| job_id(&job.id)).collect::<Vec<_>>()
    };
    assert_eq!(list(&[JobStatus::Completed]), [done]);
    assert_eq!(list(&[JobStatus::Queued, JobStatus::Running]), [waits, runs]);
    assert_eq!(list(&[JobStatus::Failed]), []);
    assert_eq!(list(&[]).len(), 4);
    let counts = desk.ledger.counts().unwrap();
    assert_eq!((counts.queued, counts.running, counts.completed), (1, 1, 1));
    assert_eq!((counts.cancelled, counts.failed, counts.images), (1, 0, 2));
    assert_eq!(counts.image_bytes, 2 * 1604);
}

#[test]
fn pictures_are_listed_and_removed() {
    let mut desk = Desk::new(Limits::default());
    let job = desk.accept(wishes("ann", 3));
    let claimed = desk.take().unwrap();
    desk.draw(&claimed);
    desk.wait(1.0);
    let page = desk.ledger.images(&ImageFilter::default(), 2).unwrap();
    let indices: Vec<u32> = page.items.iter().map(|image| image.index).collect();
    assert_eq!(indices, [2, 1]);
    let rest =
        desk.ledger.images(&ImageFilter { after: page.next, ..ImageFilter::default() }, 2).unwrap();
    assert_eq!((rest.items.len(), rest.items[0].index, rest.next), (1, 0, None));

    let id = image_id(&page.items[0].id);
    assert_eq!(desk.ledger.image(&id).unwrap(), page.items[0]);
    desk.ledger.delete_image(&id).unwrap();
    assert!(matches!(desk.ledger.image(&id), Err(Error::NoImage(_))));
    assert!(matches!(desk.ledger.image_file(&id), Err(Error::NoImage(_))));
    assert!(matches!(desk.ledger.delete_image(&id), Err(Error::NoImage(_))));
    assert_eq!(files(desk.folder.path()).len(), 2);
    assert_eq!(desk.job(&job).images.len(), 2);
    assert_eq!(desk.ledger.counts().unwrap().images, 2);
    let desk = desk.reopen();
    assert_eq!(desk.ledger.recovered().lost_pictures, 0);
    assert_eq!(desk.job(&job).images.len(), 2);
}

#[test]
fn a_picture_that_was_removed_is_not_drawn_again() {
    let desk = Desk::new(Limits::default());
    desk.accept(wishes("ann", 2));
    let claim = desk.take().unwrap().claim;
    let image = desk.ledger.finished_picture(&claim, 0, b"png", desk.now).unwrap();
    desk.ledger.delete_image(&image_id(&image.id)).unwrap();
    let desk = desk.reopen();
    let claimed = desk.take().unwrap();
    assert_eq!(claimed.missing, [(1, 8)]);
    desk.draw(&claimed);
    let job = desk.job(claimed.claim.job());
    assert_eq!((job.images.len(), job.images_deleted), (1, 1), "it says what it has lost");
}

#[test]
fn a_job_remembers_the_most_memory_that_a_picture_of_it_was_drawn_in() {
    let desk = Desk::new(Limits::default());
    let job = desk.accept(wishes("ann", 3));
    let claim = desk.take().unwrap().claim;
    assert_eq!(desk.job(&job).peak_memory_bytes, None);
    for (index, bytes) in [(0, 5), (1, u64::from(u32::MAX) * 4)] {
        desk.ledger.measured_picture(&claim, index, b"png", bytes, desk.now).unwrap();
    }
    desk.ledger.finished_picture(&claim, 2, b"png", desk.now).unwrap();
    desk.ledger.completed(&claim, desk.now).unwrap();
    let desk = desk.reopen();
    assert_eq!(desk.job(&job).peak_memory_bytes, Some(17_179_869_180));
    assert_eq!(desk.job(&job).images_deleted, 0);
}

#[test]
fn what_is_not_there_is_said_to_be_not_there() {
    let desk = Desk::new(Limits::default());
    let job = job_id(NOBODY);
    assert!(matches!(desk.ledger.job(&job, desk.now), Err(Error::NoJob(_))));
    assert!(matches!(desk.ledger.cancel(&job, desk.now), Err(Error::NoJob(_))));
    assert_eq!(desk.ledger.position(&job, desk.now), None);
    assert!(matches!(desk.ledger.image(&image_id(NOTHING)), Err(Error::NoImage(_))));
    let none = desk.ledger.jobs(&JobFilter::default(), 10, desk.now).unwrap();
    assert_eq!((none.items.len(), none.next), (0, None));
}

#[test]
fn two_processes_cannot_share_a_folder() {
    let desk = Desk::new(Limits::default());
    let second = zao_queue::Ledger::open(desk.folder.path(), Limits::default(), desk.now);
    assert!(matches!(second, Err(Error::InUse(_))));
}

#[test]
fn a_picture_whose_file_is_gone_is_drawn_again_or_forgotten() {
    let desk = Desk::new(Limits::default());
    let done = desk.accept(wish("ann"));
    desk.draw(&desk.take().unwrap());
    let half = desk.accept(wishes("ann", 2));
    let claim = desk.take().unwrap().claim;
    desk.ledger.finished_picture(&claim, 0, b"png", desk.now).unwrap();
    for file in files(desk.folder.path()) {
        std::fs::remove_file(desk.folder.path().join("pictures").join(file)).unwrap();
    }
    let desk = desk.reopen();
    assert_eq!(desk.ledger.recovered().lost_pictures, 2);
    assert_eq!((desk.job(&done).images, desk.job(&done).images_deleted), (vec![], 1));
    let claimed = desk.take().unwrap();
    assert_eq!((claimed.claim.job(), claimed.missing.len()), (&half, 2));
}
