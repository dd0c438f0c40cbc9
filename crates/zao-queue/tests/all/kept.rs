//! Pictures that somebody wants to stay: no sweep removes them, they count to the limits, and may take half of them.

use std::time::Duration;

use zao_queue::{Error, ImageFilter, ImageId, JobId, Limits, Retention, Swept};

use crate::support::{Desk, files, image_id, wishes};

/// Bytes of a picture here.
const BYTES: u64 = 1604;

fn keeping(retention: Retention) -> Desk {
    Desk::new(Limits { retention, queued: 1000, queued_per_client: 1000, ..Limits::default() })
}

fn drawn(desk: &mut Desk, count: u64) -> (JobId, Vec<ImageId>) {
    let job = desk.accept(wishes("ann", count));
    desk.wait(1.0);
    desk.draw(&desk.take().unwrap());
    let images = desk.job(&job).images;
    (job, images.iter().map(|image| image_id(&image.id)).collect())
}

fn sweep(desk: &Desk) -> Swept {
    let mut all = Swept::default();
    loop {
        let swept = desk.ledger.sweep(desk.now).unwrap();
        (all.jobs, all.images) = (all.jobs + swept.jobs, all.images + swept.images);
        if !swept.more {
            return all;
        }
    }
}

#[test]
fn a_kept_picture_outlives_its_age_alone_and_goes_with_the_next_sweep_once_it_is_let_go() {
    let mut desk = keeping(Retention { age: Duration::from_secs(3600), ..Retention::default() });
    let (job, images) = drawn(&mut desk, 3);
    let (other, _) = drawn(&mut desk, 1);
    assert!(desk.ledger.keep_image(&images[1], true).unwrap().kept);
    desk.wait(4000.0);
    let swept = sweep(&desk);
    assert_eq!(
        (swept.jobs, swept.images),
        (1, 3),
        "the other job, and what was beside the picture"
    );
    assert!(matches!(desk.ledger.job(&other, desk.now), Err(Error::Expired(_))));
    let kept = desk.job(&job).images;
    assert_eq!((kept.len(), kept[0].index, kept[0].kept), (1, 1, true));
    assert_eq!(files(desk.folder.path()), [format!("{}.png", images[1])]);
    assert_eq!(sweep(&desk), Swept::default(), "there is nothing more to remove of it");
    let desk = desk.reopen();
    let listed = desk.ledger.images(&ImageFilter::default(), 10).unwrap().items;
    assert_eq!((listed.len(), listed[0].kept, &listed[0].prompt[..]), (1, true, "a cat for ann"));

    assert!(!desk.ledger.keep_image(&images[1], false).unwrap().kept);
    assert_eq!(sweep(&desk).jobs, 1);
    assert!(matches!(desk.ledger.job(&job, desk.now), Err(Error::Expired(_))));
    assert_eq!(files(desk.folder.path()).len(), 0);
    let gone = desk.ledger.keep_image(&images[1], true);
    assert!(matches!(gone, Err(Error::NoImage(_))), "{gone:?}");
}

#[test]
fn kept_pictures_take_half_of_the_room_and_others_go_for_what_is_over() {
    let mut desk = keeping(Retention { bytes: 6 * BYTES, ..Retention::default() });
    let (old, first) = drawn(&mut desk, 2);
    let (_, second) = drawn(&mut desk, 2);
    for image in [&first[0], &first[1], &second[0]] {
        desk.ledger.keep_image(image, true).unwrap();
        desk.ledger.keep_image(image, true).unwrap();
    }
    let full = desk.ledger.keep_image(&second[1], true).unwrap_err();
    let said = full.to_string();
    assert!(
        matches!(full, Error::KeptFull { unit: "bytes", most: 4812, kept: 4812, .. }),
        "{said}"
    );
    assert!(said.contains("--keep-size") && said.contains("4812"), "{said}");
    for _ in 0..5 {
        drawn(&mut desk, 1);
        sweep(&desk);
    }
    let counts = desk.ledger.counts().unwrap();
    assert_eq!((counts.images, counts.image_bytes), (6, 6 * BYTES));
    assert_eq!(desk.job(&old).images.len(), 2, "the oldest of all");
    // One that is deleted makes room for another.
    desk.ledger.delete_image(&first[0]).unwrap();
    let (_, third) = drawn(&mut desk, 1);
    assert!(desk.ledger.keep_image(&third[0], true).unwrap().kept);
}

#[test]
fn jobs_with_kept_pictures_are_half_of_the_number_at_most() {
    let mut desk = keeping(Retention { jobs: 4, ..Retention::default() });
    let drawn: Vec<ImageId> = (0..3).flat_map(|_| drawn(&mut desk, 2).1).collect();
    for image in &drawn[..4] {
        desk.ledger.keep_image(image, true).unwrap();
    }
    let full = desk.ledger.keep_image(&drawn[4], true).unwrap_err();
    assert!(matches!(full, Error::KeptFull { unit: "jobs", kept: 2, most: 2, .. }), "{full}");
}
