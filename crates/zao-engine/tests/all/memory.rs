//! Memory is planned exactly, and a limit changes how pictures are drawn but not one bit of them.

use std::slice::from_ref;

use zao_engine::{Ask, Engine, Error, Event, Picture, Residency, Stage};

use crate::support::{Model, ask, draw, watched};

fn limited(limit: u64) -> Engine {
    Model::TinyA.open(|settings| settings.memory_limit = Some(limit))
}

fn wide() -> Ask {
    ask("a cat", (192, 96))
}

/// Draws, and checks that no more than `limit` is held afterwards.
fn draw_within(engine: &mut Engine, limit: u64, asks: &[Ask]) -> (Vec<Picture>, Vec<Event>) {
    let (result, events) = watched(engine, asks, |_, _| ());
    assert!(engine.held_bytes() <= limit, "{} of {limit}", engine.held_bytes());
    (result.unwrap().0, events)
}

/// What a refused picture needs, and the advice.
fn refused(engine: &mut Engine, asks: &[Ask]) -> (u64, String) {
    let (result, events) = watched(engine, asks, |_, _| ());
    assert_eq!(events, [], "nothing is loaded for a picture that does not fit");
    let error = result.unwrap_err();
    let message = error.to_string();
    assert!(message.contains("needs") && !message.contains('\n'), "{message}");
    let Error::OutOfMemory { needed, advice, .. } = error else { panic!("{message}") };
    (needed, advice)
}

/// The least memory that one picture is drawn in.
fn needed(ask: &Ask) -> u64 {
    refused(&mut limited(1), from_ref(ask)).0
}

fn loads(events: &[Event]) -> usize {
    events.iter().filter(|&event| *event == Event::Stage(Stage::Load)).count()
}

#[test]
fn after_a_large_picture_a_small_one_takes_no_more() {
    let mut engine = Model::TinyA.open(|_| ());
    let sizes = [(192, 96), (8, 8), (64, 120), (192, 96)];
    let held = sizes.map(|size| {
        drop(draw(&mut engine, &[ask("a cat", size)]));
        engine.held_bytes()
    });
    assert_eq!(held, [held[0]; 4]);
    drop(draw(&mut engine, &[ask("a cat", (196, 96))]));
    assert!(engine.held_bytes() > held[0]);
}

#[test]
fn a_picture_is_drawn_in_what_it_needs_and_refused_with_one_byte_less() {
    let needed = needed(&wide());
    let expected = draw(&mut Model::TinyA.open(|_| ()), &[wide()]);
    let mut engine = limited(needed);
    for _ in 0..2 {
        let (pictures, events) = draw_within(&mut engine, needed, &[wide()]);
        assert!(pictures == expected);
        assert!(loads(&events) >= 2, "parts have to make room for each other: {events:?}");
    }
    assert_eq!(refused(&mut limited(needed - 1), &[wide()]).0, needed);
}

#[test]
fn a_picture_that_does_not_fit_whole_is_decoded_in_bands_with_the_same_bits() {
    let mut free = Model::TinyA.open(|_| ());
    let expected = draw(&mut free, &[wide()]);
    let in_bands = |event: &Event| matches!(event, Event::Warning(w) if w.contains("bands"));
    let mut forced = 0;
    // From what the thriftiest way needs up to what is held when nothing is saved.
    let (least, most) = (needed(&wide()), free.held_bytes());
    for limit in (0..=8).map(|i| least + (most - least) * i / 8) {
        let (pictures, events) = draw_within(&mut limited(limit), limit, &[wide()]);
        assert!(pictures == expected, "within {limit}");
        forced += usize::from(events.iter().any(in_bands));
    }
    assert!((1..=8).contains(&forced), "{forced} of 9 were decoded in bands");
}

#[test]
fn with_enough_for_all_parts_nothing_is_loaded_twice() {
    let mut engine = Model::TinyA.open(|_| ());
    drop(draw(&mut engine, &[wide()]));
    let mut engine = limited(engine.held_bytes());
    let limit = u64::MAX;
    assert_eq!(loads(&draw_within(&mut engine, limit, &[wide()]).1), 3);
    assert_eq!(loads(&draw_within(&mut engine, limit, &[wide()]).1), 0);
}

#[test]
fn the_advice_is_the_largest_size_of_that_shape_that_fits() {
    for size in [(8, 4), (116, 60), (120, 60), (124, 64), (188, 96)] {
        let limit = needed(&ask("a cat", size));
        let (_, advice) = refused(&mut limited(limit), &[wide()]);
        let expected = format!("{}x{} would fit", size.0, size.1);
        assert!(advice.starts_with(&expected) && advice.contains("limit"), "{size:?} {advice}");
        drop(draw_within(&mut limited(limit), limit, &[ask("a cat", size)]));
        refused(&mut limited(limit), &[ask("a cat", (size.0 + 4, size.1 + 4))]);
    }

    let (_, advice) = refused(&mut limited(1000), &[wide()]);
    assert!(advice.contains("weights alone") && !advice.contains("fit"), "{advice}");
    assert!(advice.contains("--precision bf16"), "the weights are stored in f32: {advice}");
}

#[test]
fn a_batch_that_does_not_fit_is_drawn_in_pieces_with_the_same_bits() {
    let sizes = [(64, 64), (96, 40), (4, 4), (72, 72), (40, 96)];
    let ask = |(i, size)| Ask { steps: 1 + i, seed: i as u64, ..ask("a cat", size) };
    let asks: Vec<Ask> = sizes.into_iter().enumerate().map(ask).collect();
    let expected = draw(&mut Model::TinyA.open(|_| ()), &asks);
    let limit = asks.iter().map(needed).max().unwrap();
    let mut engine = limited(limit);
    let (pictures, events) = draw_within(&mut engine, limit, &asks);
    assert!(pictures == expected);

    let batches = events.iter().filter(|&event| *event == Event::Stage(Stage::Denoise)).count();
    assert!(batches > 1, "{batches}");
    let steps: Vec<_> = events
        .iter()
        .filter_map(
            |event| if let Event::Step { done, of } = event { Some((*done, *of)) } else { None },
        )
        .collect();
    let all = steps.len();
    assert!(steps.iter().copied().eq((1..=all).map(|done| (done, all))), "{steps:?}");
    let decoded = events.iter().filter(|event| matches!(event, Event::Decoded { .. }));
    let expected = (1..=5).map(|done| Event::Decoded { done, of: 5 });
    assert!(decoded.cloned().eq(expected), "{events:?}");

    let mut with_one_too_large = asks;
    with_one_too_large.push(wide());
    refused(&mut engine, &with_one_too_large);
}

#[test]
fn parts_that_take_turns_give_the_same_pictures_and_leave_nothing_but_the_reserve() {
    let asks = [ask("a cat", (64, 64)), ask("a dog", (96, 40))];
    let expected = draw(&mut Model::TinyA.open(|_| ()), &asks);
    let mut kept = Model::TinyA.open(|_| ());
    drop(draw(&mut kept, &asks));
    let mut engine = Model::TinyA.open(|settings| settings.residency = Residency::InTurn);
    for _ in 0..2 {
        let (result, events) = watched(&mut engine, &asks, |_, _| ());
        assert!(result.unwrap().0 == expected);
        assert_eq!(loads(&events), 3, "each part is loaded in each run");
        assert!(engine.held_bytes() < kept.held_bytes());
    }
    let tight = needed(&asks[0]);
    let mut engine = Model::TinyA.open(|settings| {
        settings.residency = Residency::InTurn;
        settings.memory_limit = Some(tight);
    });
    assert!(draw_within(&mut engine, tight, &asks[..1]).0[0] == expected[0]);
}

#[test]
fn what_another_run_kept_makes_room() {
    // Large in what a step takes, and large in what a job keeps.
    let flash = Ask { steps: 1, ..ask("a cat", (256, 192)) };
    let slow = Ask { steps: 800, ..ask("a cat", (4, 4)) };
    let limit = needed(&flash).max(needed(&slow));
    let expected = [&flash, &slow].map(|one| draw(&mut Model::TinyA.open(|_| ()), from_ref(one)));
    let alone = [&flash, &slow].map(|one| {
        let mut engine = limited(limit);
        drop(draw(&mut engine, from_ref(one)));
        engine.held_bytes()
    });
    let mut engine = limited(limit);
    for _ in 0..2 {
        for (i, one) in [&flash, &slow].into_iter().enumerate() {
            assert!(draw_within(&mut engine, limit, from_ref(one)).0 == expected[i]);
            assert_eq!(engine.held_bytes(), alone[i], "of the other run's memory nothing stays");
        }
    }
    let mut both = Model::TinyA.open(|_| ());
    drop(draw(&mut both, &[flash]));
    let before = both.held_bytes();
    drop(draw(&mut both, &[slow]));
    assert!(both.held_bytes() > before, "neither run's memory contains the other's");
}
