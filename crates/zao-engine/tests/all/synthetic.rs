//! Models of random weights are drawn with like any other: the same way through the engine, the same
//! pictures each time, in as little memory as is asked.

use std::num::NonZeroUsize;

use zao_engine::bench::Bench;
use zao_engine::{
    Architecture, CancelToken, Engine, Event, Job, Precision, ResolvedPrecision, Settings, Stage,
    Synthetic, WeightForm, open_synthetic,
};

use crate::support;

fn settings() -> Settings {
    Settings {
        precision: Precision::Exactly(ResolvedPrecision::F32),
        threads: NonZeroUsize::new(2),
        ..Settings::default()
    }
}

fn synthetic(tokens: usize) -> Synthetic {
    Synthetic { architecture: Architecture::Tiny, tokens, weights: WeightForm::Bf16 }
}

fn open(tokens: usize, memory_limit: Option<u64>) -> Engine {
    open_synthetic(synthetic(tokens), &Settings { memory_limit, ..settings() }).unwrap()
}

fn draw(engine: &mut Engine) -> (Vec<u8>, usize) {
    let loads = std::cell::Cell::new(0);
    let job = Job::new(support::ask("any words", (64, 48)), engine.model()).unwrap();
    let events = |event| {
        if event == Event::Stage(Stage::Load) {
            loads.set(loads.get() + 1);
        }
    };
    let (pictures, _) = engine.draw(&[job], &events, &CancelToken::new()).unwrap();
    (pictures[0].rgb.clone(), loads.get())
}

#[test]
fn the_same_picture_comes_out_each_time() {
    let (first, loads) = draw(&mut open(64, None));
    assert_eq!(loads, 3, "each part is loaded");
    assert_eq!(draw(&mut open(64, None)).0, first);
    assert_ne!(draw(&mut open(63, None)).0, first, "another caption gives another picture");
    let mut values = first.clone();
    values.sort_unstable();
    values.dedup();
    assert!(values.len() > 50, "only {} different values", values.len());
}

#[test]
fn pictures_of_packed_weights_are_drawn_in_every_form() {
    let mut pictures = vec![draw(&mut open(64, None)).0];
    for weights in WeightForm::all().skip(1) {
        let model = Synthetic { weights, ..synthetic(64) };
        let (picture, _) = draw(&mut open_synthetic(model, &settings()).unwrap());
        assert!(!pictures.contains(&picture), "{weights} is like another form");
        pictures.push(picture);
    }
}

#[test]
fn parts_take_turns_when_memory_is_short() {
    let mut engine = open(64, None);
    let (expected, _) = draw(&mut engine);
    assert_eq!(draw(&mut engine), (expected.clone(), 0), "everything stayed");
    let all = engine.held_bytes();
    let mut engine = open(64, Some(all * 19 / 20));
    assert_eq!(draw(&mut engine), (expected.clone(), 3));
    let (again, loads) = draw(&mut engine);
    assert!(again == expected && loads < 3, "{loads} loads, although the prompt was read");
    assert!(engine.held_bytes() <= all * 19 / 20);
}

#[test]
fn the_stages_of_a_picture_add_up_to_its_forwards() {
    let bench = Bench::open(synthetic(40), &settings()).unwrap();
    let one = NonZeroUsize::MIN;
    let job = |steps| {
        let ask = zao_engine::Ask { steps, ..support::ask("any words", (64, 48)) };
        Job::new(ask, bench.model()).unwrap()
    };
    let flops = |steps| bench.generate(&job(steps), one, &|_| ()).unwrap().flops;
    let forward = bench.forward(&job(1), one, one, &|_| ()).unwrap().flops;
    let (two, five) = (flops(2), flops(5));
    assert_eq!((two.text, two.decode), (five.text, five.decode));
    let adaln = five.denoise - two.denoise - 3 * forward;
    assert!(adaln > 0 && adaln < forward / 10, "{adaln} beside {forward}");
    assert_eq!(two.decode, bench.vae(&job(1), one, &|_| ()).unwrap().flops);
    let text = bench.text(one, &|_| ()).unwrap().flops;
    assert!(two.text > text, "refining comes after encoding");
}
