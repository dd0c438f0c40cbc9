//! What a run tells: stages in order, counts that reach their totals, warnings, times that add up.

use std::time::{Duration, Instant};

use zao_engine::{Ask, Engine, Event, Guidance, MAX_TOKENS, Stage};

use crate::support::{Model, ask, draw, watched};

/// Three jobs of 2, 3 and 1 steps.
fn three() -> [Ask; 3] {
    let steps = |steps, size| Ask { steps, ..ask("a cat", size) };
    [steps(2, (16, 16)), steps(3, (32, 16)), steps(1, (16, 32))]
}

fn stages(events: &[Event]) -> Vec<Stage> {
    let stage = |event: &Event| if let Event::Stage(stage) = event { Some(*stage) } else { None };
    events.iter().filter_map(stage).collect()
}

#[test]
fn the_first_run_loads_each_part_before_its_stage_and_the_second_loads_nothing() {
    use Stage::{Decode, Denoise, Load, Text};
    let mut engine = Model::TinyB.open(|_| ());
    let (result, events) = watched(&mut engine, &three(), |_, _| ());
    result.unwrap();
    assert_eq!(stages(&events), [Load, Text, Load, Denoise, Load, Decode]);

    let (result, events) = watched(&mut engine, &three(), |_, _| ());
    result.unwrap();
    let step = |done| Event::Step { done, of: 3 };
    let decoded = |done| Event::Decoded { done, of: 3 };
    let expected = [
        Event::Stage(Text),
        Event::Stage(Denoise),
        step(1),
        step(2),
        step(3),
        Event::Stage(Decode),
        decoded(1),
        decoded(2),
        decoded(3),
    ];
    assert!(matches!(events[0], Event::Planned(_)), "{events:?}");
    assert_eq!(events[1..], expected);
}

#[test]
fn loaded_bytes_reach_their_total_without_what_drawing_never_reads() {
    for model in [Model::Demo, Model::TinyA, Model::TinyB] {
        let mut engine = model.open(|_| ());
        let size = (16, 16);
        let (result, events) = watched(&mut engine, &[ask("a cat", size)], |_, _| ());
        result.unwrap();
        let loads: Vec<&[Event]> = events
            .split(|event| *event == Event::Stage(Stage::Load))
            .skip(1)
            .map(|load| load.split(|event| !matches!(event, Event::Loaded { .. })).next().unwrap())
            .collect();
        assert_eq!(loads.len(), 3);
        let mut bytes = 0;
        for load in loads {
            let mut before = 0;
            for event in load {
                let Event::Loaded { done, of } = *event else { unreachable!() };
                assert!(before < done && done <= of, "{model:?} {event:?} after {before}");
                before = done;
            }
            let last = load.last().unwrap();
            assert!(matches!(last, Event::Loaded { done, of } if done == of), "{model:?} {last:?}");
            bytes += before;
        }
        let stored = crate::support::files(&model.folder());
        let stored = stored.iter().filter(|file| file.ends_with(".safetensors"));
        let stored: u64 =
            stored.map(|file| model.folder().join(file).metadata().unwrap().len()).sum();
        assert!(bytes > stored / 2 && bytes < stored, "{model:?} {bytes} of {stored}");
    }
}

#[test]
fn a_prompt_that_is_too_long_is_cut_with_a_warning() {
    let mut engine = Model::Demo.open(|_| ());
    let long = |words: usize| ask(&"cat ".repeat(words), (16, 16));
    let mut draw_and_warn = |ask: Ask| {
        let (result, events) = watched(&mut engine, &[ask], |_, _| ());
        let warnings = events.into_iter().filter_map(|event| match event {
            Event::Warning(line) => Some(line),
            _ => None,
        });
        (result.unwrap().0.remove(0), warnings.collect::<Vec<_>>())
    };

    let (_, warnings) = draw_and_warn(long(MAX_TOKENS / 4));
    assert_eq!(warnings, [""; 0]);

    // Words beyond the cut are counted in the warning and change nothing in the picture.
    let (long_picture, warnings) = draw_and_warn(long(900));
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    let (longer_picture, warnings) = draw_and_warn(long(907));
    let number = |line: &str| {
        let digits = |word: &str| word.parse::<usize>().ok();
        line.split_whitespace().find_map(digits).unwrap_or_else(|| panic!("{line}"))
    };
    let per_word = (number(&warnings[0]) - number(warning)) / 7;
    assert!(per_word >= 1, "{warning} {}", warnings[0]);
    assert_eq!(number(&warnings[0]) - number(warning), 7 * per_word);
    assert!(number(warning) > 900 * per_word && warning.contains("512"), "{warning}");
    assert!(!warning.contains('\n'));
    assert!(long_picture == longer_picture);

    let guided = Guidance { scale: 1.0, ..Guidance::OFF };
    let negative = Ask { negative: long(900).prompt, ..ask("a cat", (16, 16)) };
    let (_, warnings) = draw_and_warn(Ask { guidance: guided, ..negative.clone() });
    assert!(warnings.len() == 1 && warnings[0].contains("negative"), "{warnings:?}");
    let (_, warnings) = draw_and_warn(negative);
    assert_eq!(warnings, [""; 0], "without guidance nobody reads it");
}

#[test]
fn times_add_up() {
    // Between two stages a machine may do other things, but not in each of several runs.
    let all_told = || {
        let mut engine = Model::Demo.open(|_| ());
        [true, false].into_iter().map(|loads| untold(&mut engine, loads)).max().unwrap()
    };
    let least = Duration::from_millis(100);
    assert!((0..5).any(|_| all_told() < least), "{:?}", all_told());
}

/// Time of a run that belongs to no stage.
fn untold(engine: &mut Engine, loads: bool) -> Duration {
    let start = Instant::now();
    let asks = [Ask { steps: 3, ..ask("a cat", (128, 128)) }];
    let (result, _) = watched(engine, &asks, |_, _| ());
    let wall = start.elapsed();
    let timings = result.unwrap().1;
    let stages = timings.load + timings.text + timings.denoise + timings.decode;
    assert!(stages <= wall, "{timings:?} {wall:?}");
    assert_eq!(timings.steps.len(), 3);
    assert!(timings.steps.iter().sum::<Duration>() <= timings.denoise, "{timings:?}");
    assert_eq!(timings.load > Duration::ZERO, loads, "{timings:?}");
    let all = [timings.text, timings.denoise, timings.decode];
    assert!(all.into_iter().chain(timings.steps).all(|time| time > Duration::ZERO));
    wall - stages
}

#[test]
fn a_warning_stops_nothing_and_opening_tells_nothing() {
    let mut engine = Model::TinyA.open(|_| ());
    assert_eq!(engine.held_bytes(), 0, "nothing is loaded before a picture needs it");
    let long = ask(&"cat ".repeat(2000), (8, 8));
    assert_eq!(draw(&mut engine, &[long]).len(), 1);
}
