//! An engine that has nothing to do gives its memory back, and draws the same afterwards.

use std::time::{Duration, Instant};

use zao_engine::{Engine, Event, IdleTimer, Stage};

use crate::support::{Model, ask, draw, watched};

fn loads(engine: &mut Engine) -> usize {
    let (drawn, events) = watched(engine, &[ask("a cat", (64, 64))], |_, _| ());
    drawn.unwrap();
    events.iter().filter(|&event| *event == Event::Stage(Stage::Load)).count()
}

#[test]
fn memory_is_given_back_after_so_long_and_the_next_picture_is_the_same() {
    let mut engine = Model::TinyA.open(|_| ());
    let mut timer = IdleTimer::new(Duration::from_secs(300));
    let picture = ask("a cat", (96, 40));
    let (mut clock, mut first) = (Instant::now(), None);
    for minutes in [1, 10, 2] {
        timer.busy();
        let drawn = draw(&mut engine, std::slice::from_ref(&picture));
        assert!(*first.get_or_insert_with(|| drawn.clone()) == drawn);
        timer.idle_since(clock);
        let held = engine.held_bytes();
        assert!(held > 0);

        clock += Duration::from_secs(60 * minutes);
        if timer.is_due(clock) {
            engine.release();
        }
        assert_eq!(engine.held_bytes(), if minutes < 5 { held } else { 0 }, "{minutes} minutes");
    }
}

#[test]
fn what_was_given_back_is_loaded_once_more_and_no_more_is_held_than_before() {
    let mut engine = Model::TinyA.open(|_| ());
    let (first, again) = (loads(&mut engine), loads(&mut engine));
    let held = engine.held_bytes();
    engine.release();
    engine.release();
    assert_eq!(engine.held_bytes(), 0);
    assert_eq!((first, again, loads(&mut engine)), (3, 0, 3));
    assert_eq!(engine.held_bytes(), held);
}

#[test]
fn a_probe_takes_no_time_and_leaves_everything_as_it_was() {
    let mut engine = Model::TinyA.open(|_| ());
    engine.probe().unwrap();
    assert_eq!(engine.held_bytes(), 0, "nothing is kept where nothing was");
    loads(&mut engine);
    let held = engine.held_bytes();
    // The first one wakes the threads; a machine that has much else to do may be in the way of some.
    let quickest = (0..20).map(|_| {
        let since = Instant::now();
        engine.probe().unwrap();
        since.elapsed()
    });
    let quickest = quickest.min().unwrap();
    assert!(quickest < Duration::from_millis(20), "{quickest:?}");
    assert!(engine.held_bytes() <= held.max(1 << 20), "{} {held}", engine.held_bytes());
    assert_eq!(loads(&mut engine), 0, "weights stay");
}
