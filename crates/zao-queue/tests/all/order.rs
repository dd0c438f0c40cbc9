//! Whose turn it is, and how long it takes, through the ledger. The rules themselves are tested beside `fair.rs`.

use zao_api::Priority;
use zao_queue::{Demand, Limits, Offer, Submission};

use crate::support::{Desk, wish};

fn sized(client: &str, side: u32) -> Submission {
    Submission { width: side, height: side, ..wish(client) }
}

#[test]
fn two_quiet_clients_wait_for_one_job_of_a_flood_and_for_each_other() {
    let mut desk = Desk::new(Limits::default());
    for _ in 0..60 {
        desk.accept(wish("flood"));
    }
    let mut turns_waited = [Vec::new(), Vec::new()];
    for _ in 0..10 {
        let running = desk.take().unwrap();
        let quiet = [desk.accept(wish("ann")), desk.accept(wish("bob"))];
        desk.wait(1.0);
        desk.draw(&running);
        let mut turns = 0;
        while turns_waited[0].len().min(turns_waited[1].len()) <= turns_waited.len() * 10 {
            let claimed = desk.take().unwrap();
            desk.wait(1.0);
            desk.draw(&claimed);
            turns += 1;
            if let Some(who) = quiet.iter().position(|job| job == claimed.claim.job()) {
                turns_waited[who].push(turns);
            }
            if quiet.iter().all(|job| desk.job(job).finished_at.is_some()) {
                break;
            }
        }
    }
    for turns in turns_waited {
        assert_eq!(turns.len(), 10);
        assert!(turns.iter().all(|turns| *turns <= 3), "{turns:?}");
    }
}

#[test]
fn large_pictures_cost_more_turns_than_small_ones() {
    let mut desk = Desk::new(Limits::default());
    for _ in 0..8 {
        desk.accept(sized("large", 1024));
    }
    for _ in 0..32 {
        desk.accept(sized("small", 512));
    }
    let mut small = 0;
    for _ in 0..20 {
        let claimed = desk.take().unwrap();
        small += u32::from(claimed.demand.width == 512);
        desk.wait(if claimed.demand.width == 512 { 1.0 } else { 4.0 });
        desk.draw(&claimed);
    }
    // A fifth of 20 is 4: as much time for the one as for the other.
    assert!((15..=17).contains(&small), "{small} small of 20");
}

#[test]
fn priorities_and_places_survive_a_restart() {
    let desk = Desk::new(Limits::default());
    let low = desk.accept(Submission { priority: Priority::Low, ..wish("ann") });
    let normal = desk.accept(wish("ann"));
    let high = desk.accept(Submission { priority: Priority::High, ..wish("ann") });
    let expected = [Some(3), Some(2), Some(1)];
    let places =
        |desk: &Desk| [&low, &normal, &high].map(|job| desk.ledger.position(job, desk.now));
    assert_eq!(places(&desk), expected);
    let desk = desk.reopen();
    assert_eq!(places(&desk), expected);
    for job in [&high, &normal, &low] {
        assert_eq!(desk.take().unwrap().claim.job(), job);
        assert_eq!(desk.ledger.position(job, desk.now), None);
    }
}

#[test]
fn low_priority_is_drawn_in_the_end() {
    let mut desk = Desk::new(Limits::default());
    let low = desk.accept(Submission { priority: Priority::Low, ..wish("ann") });
    for _ in 0..200 {
        desk.accept(Submission { priority: Priority::High, ..wish("bob") });
        let claimed = desk.take().unwrap();
        desk.wait(1.0);
        desk.draw(&claimed);
        if claimed.claim.job() == &low {
            return;
        }
    }
    panic!("200 s are more than two steps of 60 s");
}

#[test]
fn a_worker_with_little_room_gets_what_fits() {
    let desk = Desk::new(Limits::default());
    let large = desk.accept(sized("ann", 1024));
    let small = desk.accept(sized("bob", 256));
    let offer = Offer { worker: "small", fits: &|demand: &Demand| demand.width <= 512, idle: true };
    assert_eq!(desk.ledger.next(&offer, desk.now).unwrap().unwrap().claim.job(), &small);
    assert!(desk.ledger.next(&offer, desk.now).unwrap().is_none());
    assert_eq!(desk.take().unwrap().claim.job(), &large);
}

#[test]
fn a_job_with_a_high_priority_passes_all_that_no_worker_has() {
    let desk = Desk::new(Limits::default());
    let ids = [desk.accept(wish("ann")), desk.accept(wish("ann")), desk.accept(wish("ann"))];
    desk.hand_out(true).unwrap();
    let high = desk.accept(Submission { priority: Priority::High, ..wish("bob") });
    let places = [&ids[0], &high, &ids[1], &ids[2]];
    let places = places.map(|job| desk.ledger.position(job, desk.now));
    assert_eq!(places, [Some(1), Some(2), Some(3), Some(4)]);
    assert_eq!(desk.hand_out(false).unwrap().claim.job(), &high);
}
