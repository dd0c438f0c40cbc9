//! What a run says beforehand that it will take is what it takes, in settings of every kind, and pictures that follow
//! take no more. On the processor always; on an NVIDIA card, by what its driver reports, where there is one. The variable
//! `ZAO_TEST_MODEL` names a model folder, or an architecture to fill with random weights, to measure cards with in place of the
//! demo model.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use zao_engine::{
    AdapterId, Architecture, Ask, CancelToken, Device, Engine, Event, Grid, Guidance, Job,
    MemoryPlan, Place, Precision, ResolvedPrecision, Settings, Start, Synthetic, TextEncoderOn,
    WeightForm, open_synthetic, used_bytes,
};

use crate::low_rank::int4_with_low_rank_parts;
use crate::support::{Model, ask, left_half, open, psnr, start};

/// Numbers that are the same each time (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % bound
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// Files of adapters that fit the demo model.
const ADAPTERS: [&str; 5] = ["diffusers", "second", "dora", "loha", "lokr"];

fn adapters(engine: &mut Engine) -> Vec<AdapterId> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/adapters");
    let path = |name| folder.join(name).with_extension("safetensors");
    ADAPTERS.iter().map(|name| engine.open_adapter(&path(name)).unwrap()).collect()
}

/// Up to `most` pictures with sides of up to `side` pixels: some guided, some of a picture, some of adapters.
fn pictures(
    random: &mut Random,
    engine: &Engine,
    adapters: &[AdapterId],
    (most, side): (usize, usize),
) -> Vec<Job> {
    let count = 1 + random.below(most);
    (0..count)
        .map(|_| {
            let mut length = || 64 * (1 + random.below(side / 64));
            let size = (length(), length());
            let guidance = Guidance { scale: random.one_of(&[0.0, 0.0, 3.0]), ..Guidance::OFF };
            let begun: Option<Start> = match random.below(4) {
                0 => Some(start(9, size, 0.7)),
                1 => Some(left_half(start(7, size, 1.0))),
                _ => None,
            };
            let steps = 2 + random.below(2);
            let prompt = random.one_of(&["a red apple", "a cat on a chair", "猫脸，粉色背景"]);
            let ask = Ask { guidance, steps, start: begun, ..ask(prompt, size) };
            let mut stack = Vec::new();
            if !adapters.is_empty() && random.below(2) == 0 {
                let first = random.below(adapters.len());
                stack.push((adapters[first], 0.8));
                stack.push((adapters[(first + 1) % adapters.len()], -0.5));
            }
            Job::new(ask, engine.model()).unwrap().following(&stack).unwrap()
        })
        .collect()
}

/// Draws; returns what was planned and the most that `used` said at any event.
fn draw(engine: &mut Engine, jobs: &[Job], used: impl Fn() -> u64) -> (MemoryPlan, u64) {
    let (planned, most) = (Cell::new(None), Cell::new(0));
    let events = |event: Event| {
        most.set(used().max(most.get()));
        if let Event::Planned(plan) = event {
            planned.set(Some(*plan));
        }
    };
    let drawn = engine.draw(jobs, &events, &CancelToken::new()).unwrap();
    assert_eq!(drawn.0.len(), jobs.len());
    (planned.get().unwrap(), used().max(most.get()))
}

#[test]
fn in_thirty_settings_a_processor_holds_what_was_planned() {
    let mut random = Random(0x5eed);
    for setting in 0..30 {
        let precision = random.one_of(&[
            ResolvedPrecision::F32,
            ResolvedPrecision::Bf16,
            ResolvedPrecision::Int8,
        ]);
        let mut engine = Model::Demo.open(|settings| {
            settings.device = Device::Cpu;
            settings.precision = Precision::Exactly(precision);
        });
        let adapters = adapters(&mut engine);
        let jobs = pictures(&mut random, &engine, &adapters, (3, 128));
        let (plan, _) = draw(&mut engine, &jobs, || 0);
        // Everything stays, so what is held at the end is the most that was held.
        let (held, planned) = (engine.held_bytes() as f64, plan.total() as f64);
        assert!((held / planned - 1.0).abs() <= 0.03, "{setting}: {held} of {planned}");
    }
}

#[test]
fn fifty_pictures_in_one_process_never_take_more_than_was_planned() {
    let mut engine = Model::Demo.open(|settings| {
        settings.device = Device::Cpu;
        settings.precision = Precision::Exactly(ResolvedPrecision::Int8);
    });
    let adapters = adapters(&mut engine);
    let largest = |random: &mut Random, engine: &mut Engine| {
        let mut most = 0;
        for picture in 0..25 {
            let jobs = pictures(random, engine, &adapters, (1, 128));
            let (plan, _) = draw(engine, &jobs, || 0);
            let held = engine.held_bytes();
            assert!(held <= plan.total(), "picture {picture}: {held} of {}", plan.total());
            most = most.max(held);
        }
        most
    };
    let first = largest(&mut Random(7), &mut engine);
    let second = largest(&mut Random(7), &mut engine);
    assert_eq!(first, second, "the same pictures once more take no more");
}

#[test]
fn a_limit_is_kept_whatever_is_drawn() {
    // Room for the largest of these pictures, not for all parts of the model beside it.
    let limit = 40 << 20;
    let mut engine = Model::Demo.open(|settings| {
        settings.device = Device::Cpu;
        settings.memory_limit = Some(limit);
    });
    let adapters = adapters(&mut engine);
    let mut random = Random(3);
    for _ in 0..10 {
        let jobs = pictures(&mut random, &engine, &adapters, (3, 128));
        let (plan, _) = draw(&mut engine, &jobs, || 0);
        let held = engine.held_bytes();
        assert!(held <= plan.total() && plan.total() <= limit, "{held} {plan:?} {limit}");
    }
}

/// The model that cards are measured with, and the longest side that is drawn.
fn measured() -> (PathBuf, usize) {
    match std::env::var_os("ZAO_TEST_MODEL") {
        Some(model) => (model.into(), 1280),
        None => (Model::Demo.folder(), 1024),
    }
}

/// An architecture that fills a card, if one is named to measure with.
fn large() -> Option<Architecture> {
    std::env::var("ZAO_TEST_MODEL").ok()?.parse().ok()
}

/// A model of random weights on the first card, in int8, which every card has.
fn random_on_card(
    architecture: Architecture,
    weights: WeightForm,
    change: impl FnOnce(&mut Settings),
) -> Option<Engine> {
    let precision = Precision::Exactly(ResolvedPrecision::Int8);
    let mut settings = Settings { device: Device::Cuda(0), precision, ..Settings::default() };
    change(&mut settings);
    let opened = open_synthetic(Synthetic { architecture, tokens: 64, weights }, &settings);
    opened.map_err(|refusal| println!("skipped: {refusal}")).ok()
}

/// The model on the first card, with everything that the driver does once done; `None` without a card.
fn on_card(precision: ResolvedPrecision, side: usize, model: &Path) -> Option<Engine> {
    let change = |settings: &mut Settings| {
        settings.device = Device::Cuda(0);
        settings.precision = Precision::Exactly(precision);
    };
    let mut engine = match model.to_str().and_then(|name| name.parse().ok()) {
        Some(architecture) => {
            let mut settings = Settings::default();
            change(&mut settings);
            open_synthetic(
                Synthetic { architecture, tokens: 64, weights: zao_engine::WeightForm::Bf16 },
                &settings,
            )
        }
        None => open(model.to_owned(), change),
    }
    .map_err(|refusal| println!("skipped: {refusal}"))
    .ok()?;
    let size = Grid::new(side, side);
    let small = Ask { steps: 1, ..ask("a cat", (size.width, size.height)) };
    let jobs = [Job::new(small, engine.model()).unwrap()];
    engine.draw(&jobs, &|_| (), &CancelToken::new()).unwrap();
    engine.release();
    Some(engine)
}

/// What the driver reports of the first card.
fn driver() -> u64 {
    used_bytes(Device::Cuda(0)).unwrap().unwrap()
}

/// What kernels and libraries take of a card when they are first used, which belongs to the context.
const CODE: f64 = 64e6;

#[test]
fn in_thirty_settings_a_card_reports_what_was_planned_and_gives_it_back() {
    let (folder, side) = measured();
    let mut random = Random(0xca4d);
    for precision in [ResolvedPrecision::Bf16, ResolvedPrecision::Fp8, ResolvedPrecision::Int8] {
        let Some(mut engine) = on_card(precision, 256, &folder) else { continue };
        let idle = driver();
        let mut worst = 0.0_f64;
        for setting in 0..10 {
            let jobs = pictures(&mut random, &engine, &[], (3, side));
            let (plan, most) = draw(&mut engine, &jobs, driver);
            let (taken, planned) = (most.saturating_sub(idle) as f64, plan.total() as f64);
            let off = taken / planned - 1.0;
            worst = worst.max(off.abs());
            println!(
                "{precision:?} {setting}: {taken:.3e} of {planned:.3e}, {:+.2} %",
                off * 100.0
            );
            assert!(
                taken <= planned * 1.03 + CODE,
                "{precision:?} {setting}: {taken} of {planned}"
            );
            // Of what is planned beside weights and runs a small model needs less.
            assert!(
                taken >= planned * 0.97 - CODE - plan.beside as f64,
                "{precision:?} {setting}: {taken} of {planned}"
            );
        }
        engine.release();
        let left = driver().saturating_sub(idle) as f64;
        println!(
            "{precision:?}: at most {:.2} % off; released, {left:.3e} are left",
            worst * 100.0
        );
        assert!(left <= CODE, "{left} bytes are not given back");
    }
}

#[test]
fn fifty_pictures_on_a_card_never_take_more_than_was_planned() {
    let (_place, with_parts) = int4_with_low_rank_parts();
    let demo = Model::Demo.folder();
    for (precision, folder) in [
        (ResolvedPrecision::Bf16, &demo),
        (ResolvedPrecision::Int8, &demo),
        (ResolvedPrecision::Fp8, &with_parts),
    ] {
        let Some(mut engine) = on_card(precision, 256, folder) else { continue };
        let adapters = adapters(&mut engine);
        let idle = driver();
        // What pictures of the first round have kept, those of the second find there.
        let largest = |random: &mut Random, engine: &mut Engine| {
            let mut most = 0;
            for picture in 0..25 {
                let jobs = pictures(random, engine, &adapters, (2, 512));
                let (plan, used) = draw(engine, &jobs, driver);
                let taken = used.saturating_sub(idle);
                let allowed = plan.total() as f64 * 1.03 + CODE;
                assert!(
                    taken as f64 <= allowed,
                    "{precision:?}, picture {picture}: {taken} of {}",
                    plan.total()
                );
                most = most.max(taken);
            }
            most
        };
        let first = largest(&mut Random(7), &mut engine);
        let second = largest(&mut Random(7), &mut engine);
        println!("{precision:?}: most in the first round {first}, in the second {second}");
        assert!(second <= first, "{precision:?}: the same pictures once more take no more");
        drop(engine);
    }
}

#[test]
fn packed_weights_without_room_are_streamed_to_the_same_picture_in_what_was_planned() {
    let Some(architecture) = large() else {
        println!("skipped: ZAO_TEST_MODEL names no architecture");
        return;
    };
    for (weights, vram) in [("int4", 4_500_000_000), ("q8_0", 7_000_000_000)] {
        let weights: WeightForm = weights.parse().unwrap();
        let Ok(idle) = used_bytes(Device::Cuda(0)) else { return };
        let drawn = |vram: Option<u64>| {
            let mut engine = random_on_card(architecture, weights, |it| it.vram = vram)?;
            let ask = Ask { steps: 2, ..ask("a cat", (512, 512)) };
            let jobs = [Job::new(ask, engine.model()).unwrap()];
            let (plan, most) = draw(&mut engine, &jobs, driver);
            // What passed once passes again from where it lies now.
            let again = engine.draw(&jobs, &|_| (), &CancelToken::new()).unwrap().0.remove(0);
            Some((plan, most, again.rgb))
        };
        let (Some((all, _, resident)), Some((plan, most, streamed))) =
            (drawn(None), drawn(Some(vram)))
        else {
            return;
        };
        assert_eq!(all.placement.transformer.place, Place::Resident);
        assert!(plan.placement.transformer.streamed_bytes() > 0, "{plan:?}");
        assert!(!plan.parts_take_turns(), "{plan:?}");
        assert!(resident == streamed, "{weights}: the pictures differ");
        let taken = most.saturating_sub(idle.unwrap_or(0));
        println!("{weights}: {taken} of {vram}, {} planned", plan.total());
        assert!(taken <= vram, "{weights}: {taken} of {vram}");
    }
}

#[test]
fn prompts_that_the_processor_reads_for_a_card_take_no_memory_of_it() {
    let (ask, on) = (ask("a red apple on a blue background", (64, 64)), TextEncoderOn::Processor);
    let drawn = |on| {
        let opened = open(Model::TinyA.folder(), |settings| {
            settings.device = Device::Cuda(0);
            settings.precision = Precision::Exactly(ResolvedPrecision::F32);
            settings.text_encoder_on = on;
        });
        let mut engine = opened.map_err(|refusal| println!("skipped: {refusal}")).ok()?;
        let reader = engine.reader().unwrap().map(|reader| reader.device);
        let jobs = [Job::new(ask.clone(), engine.model()).unwrap()];
        let (plan, _) = draw(&mut engine, &jobs, || 0);
        let picture = engine.draw(&jobs, &|_| (), &CancelToken::new()).unwrap().0.remove(0);
        Some((plan, reader, picture.rgb))
    };
    let Some((plain, nobody, card)) = drawn(TextEncoderOn::Device) else { return };
    let Some((plan, reader, both)) = drawn(on) else { return };
    assert_eq!((nobody.as_deref(), reader.as_deref()), (None, Some("cpu")));
    assert_eq!(plan.placement.text_encoder.place, Place::Processor);
    assert!(plan.weights < plain.weights && plan.aside > 0, "{plan:?}");
    let distance = psnr(&both, &card);
    println!("a prompt read by the processor in f32 beside the card: {distance:.1} dB");
    assert!(distance >= 60.0, "{distance}");
}
