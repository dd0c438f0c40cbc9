//! Cancelling at any point ends the run with that error, and the engine draws as before.

use zao_engine::{Ask, CancelToken, Engine, Error, Event, Stage};

use crate::support::{Model, ask, draw, jobs, watched};

fn two() -> [Ask; 2] {
    [ask("a cat", (16, 16)), ask("a dog", (32, 16))].map(|ask| Ask { steps: 4, ..ask })
}

/// Cancels when `at` is told, and checks that it is the last event of the run.
fn cancel_at(engine: &mut Engine, at: &Event) {
    let (result, events) = watched(engine, &two(), |event, cancel| {
        if event == at {
            cancel.cancel();
        }
    });
    assert!(matches!(result, Err(Error::Cancelled)), "{at:?}");
    assert_eq!(events.last(), Some(at));
}

#[test]
fn cancelled_before_the_start_nothing_happens_at_all() {
    let mut engine = Model::TinyB.open(|_| ());
    let cancel = CancelToken::new();
    cancel.clone().cancel();
    let events = |event| panic!("{event:?} after the run was cancelled");
    let jobs = jobs(&engine, &two());
    assert!(matches!(engine.draw(&jobs, &events, &cancel), Err(Error::Cancelled)));
    assert_eq!(engine.held_bytes(), 0);
}

#[test]
fn cancelled_anywhere_it_stops_there_and_the_next_run_is_whole() {
    let expected = draw(&mut Model::TinyB.open(|_| ()), &two());
    for at in [
        Event::Stage(Stage::Denoise),
        Event::Step { done: 2, of: 4 },
        Event::Step { done: 4, of: 4 },
        Event::Stage(Stage::Decode),
        Event::Decoded { done: 1, of: 2 },
    ] {
        let mut engine = Model::TinyB.open(|_| ());
        cancel_at(&mut engine, &at);
        assert!(draw(&mut engine, &two()) == expected, "after {at:?}");
    }
}

#[test]
fn loading_stops_at_the_next_tensor() {
    let mut engine = Model::TinyB.open(|_| ());
    let loaded = |events: &[Event]| {
        events.iter().filter(|event| matches!(event, Event::Loaded { .. })).cloned().collect()
    };
    let (result, events) = watched(&mut engine, &two(), |_, _| ());
    let expected = result.unwrap().0;
    let loads: Vec<Event> = loaded(&events);
    for at in loads.iter().step_by(17) {
        let mut engine = Model::TinyB.open(|_| ());
        cancel_at(&mut engine, at);
        assert!(draw(&mut engine, &two()) == expected, "after {at:?}");
    }
}

#[test]
fn a_cancelled_run_gives_its_memory_back_and_keeps_the_weights() {
    let mut engine = Model::TinyB.open(|_| ());
    drop(draw(&mut engine, &two()));
    let held = engine.held_bytes();
    cancel_at(&mut engine, &Event::Step { done: 1, of: 4 });
    let kept = engine.held_bytes();
    assert!(0 < kept && kept < held, "{kept} {held}");
    let (result, events) = watched(&mut engine, &two(), |_, _| ());
    result.unwrap();
    assert!(!events.contains(&Event::Stage(Stage::Load)));
    assert_eq!(engine.held_bytes(), held);
}

#[test]
fn a_picture_that_is_finished_when_somebody_cancels_is_handed_out() {
    let mut engine = Model::TinyB.open(|_| ());
    let last = Event::Decoded { done: 2, of: 2 };
    let (result, _) = watched(&mut engine, &two(), |event, cancel| {
        if *event == last {
            cancel.cancel();
        }
    });
    assert_eq!(result.unwrap().0.len(), 2);
}
