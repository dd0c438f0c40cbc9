//! How many jobs a second the ledger takes on and finishes, printed (`cargo test --release -p zao-queue --test all throughput --
//! --nocapture`). What is demanded is little, because it is a disk that decides.

use std::time::Instant;

use zao_queue::Limits;

use crate::support::{Desk, wish};

#[test]
fn those_that_come_together_wait_for_the_disk_together() {
    let limits = Limits { queued: 100_000, queued_per_client: 100_000, ..Limits::default() };
    let desk = Desk::new(limits);
    let mut accepted = 0_u64;
    for threads in [1_u32, 8, 64] {
        let each = 32;
        let begin = Instant::now();
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let desk = &desk;
                let client = format!("client {thread}");
                scope.spawn(move || (0..each).for_each(|_| drop(desk.accept(wish(&client)))));
            }
        });
        let count = each * threads;
        accepted += u64::from(count);
        let rate = f64::from(count) / begin.elapsed().as_secs_f64();
        println!("{threads} clients at once: {rate:.0} jobs accepted a second");
        // Alone each of them waits for the disk, which may take a second where it is shared.
        assert!(rate > if threads == 1 { 0.5 } else { 5.0 }, "{rate}");
    }
    assert_eq!(desk.ledger.counts().unwrap().queued, accepted);
    let begin = Instant::now();
    for _ in 0..50 {
        desk.draw(&desk.take().unwrap());
    }
    let rate = 50.0 / begin.elapsed().as_secs_f64();
    println!("one worker: {rate:.0} jobs taken, stored and completed a second");
    assert_eq!(desk.ledger.counts().unwrap().completed, 50);
}
