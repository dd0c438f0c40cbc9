//! What a history of measurements says of what was, and was not, measured.

use super::*;

fn demand(side: u32, steps: u32, pictures: usize) -> Demand {
    Demand { width: side, height: side, steps, pictures }
}

fn learn(pace: &mut Pace, piece: Piece, side: u64, seconds: f64) {
    pace.learn(&Cost { piece, pixels: side * side, pictures: 1, seconds });
}

fn close(found: Option<f64>, expected: f64) {
    assert!(found.is_some_and(|found| (found / expected - 1.0).abs() < 1e-9), "{found:?}");
}

#[test]
fn nothing_is_known_before_the_first_step() {
    let pace = Pace::default();
    assert!(pace.is_unknown());
    assert_eq!(pace.estimate(&demand(1024, 8, 1)), None);
    let (small, large) = (pace.cost(&demand(512, 8, 1)), pace.cost(&demand(1024, 8, 2)));
    assert!((large / small - 8.0).abs() < 1e-9);
}

#[test]
fn a_job_costs_its_prompt_its_steps_its_decoder_and_the_last_file() {
    let mut pace = Pace::default();
    learn(&mut pace, Piece::Step, 1024, 0.5);
    close(pace.estimate(&demand(1024, 8, 2)), 8.0);
    learn(&mut pace, Piece::Prompts, 1, 0.25);
    learn(&mut pace, Piece::Decode, 1024, 1.0);
    learn(&mut pace, Piece::File, 1024, 0.125);
    close(pace.estimate(&demand(1024, 8, 2)), 10.375);
    close(pace.measured(&demand(1024, 8, 7)), 5.375);
    // Another size was not measured, and is still estimated.
    assert_eq!(pace.measured(&demand(256, 8, 1)), None);
    close(pace.estimate(&demand(256, 8, 1)), 0.25 + 5.125 / 16.0);
}

#[test]
fn a_step_of_many_says_what_a_step_of_one_costs_and_sizes_between_are_between() {
    let mut pace = Pace::default();
    // Four of 512 at once, as dear a pixel as one of 1024.
    pace.learn(&Cost { piece: Piece::Step, pixels: 4 * 512 * 512, pictures: 4, seconds: 4.0 });
    close(pace.step(512.0 * 512.0), 1.0);
    close(pace.measured(&demand(512, 2, 1)), 2.0);
    // Small steps cost more a pixel.
    learn(&mut pace, Piece::Step, 256, 0.5);
    close(pace.step(256.0 * 256.0), 0.5);
    close(pace.step(512.0 * 512.0), 1.5);
    // Beyond what was measured a part that is the same whatever the size goes on to weigh less.
    close(pace.step(2048.0 * 2048.0), 15.2);
}

#[test]
fn a_machine_that_becomes_slower_is_believed_after_a_few_steps_of_any_size() {
    let mut pace = Pace::default();
    let times = |pace: &mut Pace, drag: f64, count| {
        for _ in 0..count {
            learn(pace, Piece::Step, 512, drag * 0.25);
            learn(pace, Piece::Decode, 512, drag * 0.5);
        }
    };
    learn(&mut pace, Piece::Step, 1024, 1.0);
    learn(&mut pace, Piece::Step, 1024, 1.0);
    times(&mut pace, 1.0, 20);
    close(pace.step(1024.0 * 1024.0), 1.0);
    times(&mut pace, 3.0, 8);
    let soon = pace.drag_after(0.0) * pace.step(1024.0 * 1024.0).unwrap();
    assert!((2.1..3.1).contains(&soon), "{soon}: nothing of this size was drawn meanwhile");
    let later = pace.drag_after(1e3) / pace.drag_after(0.0);
    assert!(later < 0.8, "{later}: it was faster before, and may be again");
    times(&mut pace, 3.0, 200);
    assert!((pace.estimate(&demand(1024, 1, 1)).unwrap() / 9.0 - 1.0).abs() < 0.1, "{pace:?}");
    times(&mut pace, 1.0, 40);
    let soon = pace.drag_after(0.0) * pace.step(512.0 * 512.0).unwrap();
    assert!((soon / 0.25 - 1.0).abs() < 0.1, "{soon}");
}

#[test]
fn a_step_that_was_held_up_does_not_change_everything() {
    let mut pace = Pace::default();
    (0..20).for_each(|_| learn(&mut pace, Piece::Step, 256, 0.1));
    learn(&mut pace, Piece::Step, 256, 10.0);
    let told = pace.drag_after(0.0) * pace.step(65_536.0).unwrap();
    assert!((0.1..0.15).contains(&told), "{told}");
    (0..30).for_each(|_| learn(&mut pace, Piece::Step, 256, 0.1));
    let told = pace.drag_after(0.0) * pace.step(65_536.0).unwrap();
    assert!((0.1..0.11).contains(&told), "{told}");
    // The first of a size is believed by half where sizes next to it are known.
    learn(&mut pace, Piece::Step, 300, 10.0);
    let told = pace.step(90_000.0).unwrap();
    assert!((4.0..6.0).contains(&told), "{told}");
}

#[test]
fn what_is_kept_is_kept_as_the_machine_was_of_late() {
    let mut pace = Pace::default();
    (0..20).for_each(|_| learn(&mut pace, Piece::Step, 1024, 1.0));
    (0..400).for_each(|_| learn(&mut pace, Piece::Step, 1024, 2.0));
    let kept = Pace::of(pace.unsaved());
    assert!((kept.step(1024.0 * 1024.0).unwrap() / 2.0 - 1.0).abs() < 0.05, "{kept:?}");
    assert!((kept.drag_after(0.0) - 1.0).abs() < 1e-9);
}

#[test]
fn what_was_learnt_is_given_out_once_to_be_kept() {
    let mut pace = Pace::default();
    learn(&mut pace, Piece::Step, 1024, 1.0);
    learn(&mut pace, Piece::Step, 1024, 1.0);
    let unsaved = pace.unsaved();
    assert_eq!(unsaved.len(), 1);
    assert_eq!(Pace::of(unsaved), pace);
    assert_eq!(pace.unsaved(), []);
}

#[test]
fn nonsense_is_not_learnt() {
    let mut pace = Pace::default();
    for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        learn(&mut pace, Piece::Step, 1024, seconds);
    }
    learn(&mut pace, Piece::Step, 0, 1.0);
    assert_eq!(pace, Pace::default());
    assert_eq!(length(f64::NAN), Duration::ZERO);
    assert_eq!(length(1e300), Duration::MAX);
}
