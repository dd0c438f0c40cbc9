//! How many pictures of one client are drawn at once: more of them wait, nobody else does, and none is refused.

use zao_api::Priority;
use zao_queue::{JobId, Limits, Submission};

use crate::support::{Desk, png, wish, wishes};

fn desk(most: usize) -> Desk {
    Desk::new(Limits { in_flight_per_client: Some(most), ..Limits::default() })
}

fn handed(desk: &Desk) -> Option<JobId> {
    desk.hand_out(false).map(|claimed| claimed.claim.job().clone())
}

#[test]
fn those_beyond_the_bound_wait_behind_others_and_go_as_pictures_are_stored() {
    let desk = desk(2);
    let flood: Vec<JobId> = (0..4).map(|_| desk.accept(wish("flood"))).collect();
    let late = desk.accept(wish("late"));
    let places = |jobs: &[&JobId]| -> Vec<Option<u64>> {
        jobs.iter().map(|job| desk.ledger.position(job, desk.now)).collect()
    };
    let all = [&flood[0], &flood[1], &late, &flood[2], &flood[3]];
    // Whoever is held up by its own pictures is told a place behind those who pass it.
    assert_eq!(places(&all), [1, 3, 2, 4, 5].map(Some), "clients take turns");
    let first = desk.take().unwrap();
    assert_eq!(first.claim.job(), &flood[0]);
    assert_eq!(handed(&desk), Some(late));
    let second = desk.hand_out(false).unwrap();
    assert_eq!(second.claim.job(), &flood[1]);
    assert_eq!(handed(&desk), None, "two of the flood are with a worker");
    desk.ledger.finished_picture(&first.claim, 0, &png(7), desk.now).unwrap();
    assert_eq!(
        handed(&desk),
        Some(flood[2].clone()),
        "a picture that is stored is in flight no more"
    );
    assert_eq!(handed(&desk), None);
    desk.ledger.requeue(&second.claim, zao_queue::Requeue::GivenBack, desk.now).unwrap();
    assert_eq!(handed(&desk), Some(flood[1].clone()), "what was given back keeps its place");
}

#[test]
fn a_job_with_more_pictures_than_the_bound_goes_alone_and_holds_back_what_came_after_it() {
    let desk = desk(3);
    let large = desk.accept(wishes("ann", 5));
    let small = desk.accept(wish("ann"));
    let claimed = desk.take().unwrap();
    assert_eq!(claimed.claim.job(), &large);
    assert_eq!(handed(&desk), None);
    for index in 0..2 {
        desk.ledger.finished_picture(&claimed.claim, index, &png(7), desk.now).unwrap();
    }
    assert_eq!(handed(&desk), None, "three are left");
    desk.ledger.finished_picture(&claimed.claim, 2, &png(7), desk.now).unwrap();
    assert_eq!(handed(&desk), Some(small));
    // A client's jobs keep their order although a smaller one behind would have room.
    let large = desk.accept(wishes("ann", 2));
    let small = desk.accept(wish("ann"));
    assert_eq!(handed(&desk), None);
    desk.ledger.finished_picture(&claimed.claim, 3, &png(7), desk.now).unwrap();
    desk.ledger.finished_picture(&claimed.claim, 4, &png(7), desk.now).unwrap();
    assert_eq!(handed(&desk), Some(large));
    assert_eq!(handed(&desk), None);
    assert_eq!(desk.ledger.position(&small, desk.now), Some(3), "two are handed out before it");
}

#[test]
fn a_held_up_client_stops_nobody_however_long_it_waits() {
    let mut desk = desk(1);
    let flood: Vec<JobId> = (0..50).map(|_| desk.accept(wish("flood"))).collect();
    let first = desk.take().unwrap();
    assert_eq!(first.claim.job(), &flood[0]);
    // Longer than the patience with which a job that does not fit is waited for, and than ageing takes to the highest priority.
    for _ in 0..40 {
        desk.wait(10.0);
        let quiet = desk.accept(Submission { priority: Priority::Low, ..wish("quiet") });
        let claimed = desk.take().unwrap();
        assert_eq!(claimed.claim.job(), &quiet);
        desk.draw(&claimed);
    }
    desk.draw(&first);
    assert_eq!(desk.take().unwrap().claim.job(), &flood[1]);
}
