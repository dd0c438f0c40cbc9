//! Prompts that are read beside the device that draws, with a processor in the place of both.

use std::cell::{Cell, RefCell};
use std::num::NonZeroUsize;
use std::path::Path;

use zao_model::guidance::Guidance;
use zao_weights::Source;

use super::{Artist, Draw};
use crate::aside::OnDevice;
use crate::devices::{self, Target};
use crate::memory::Budget;
use crate::model::ModelFiles;
use crate::parts::Piece;
use crate::precision::usual_picture;
use crate::watch::Watch;
use crate::{
    Ask, CancelToken, Event, Grid, Job, MemoryPlan, ModelInfo, Place, Reads, Residency,
    ResolvedPrecision, Stage,
};

const PRECISION: ResolvedPrecision = ResolvedPrecision::F32;

fn model() -> ModelFiles {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../zao-model/tests/goldens/tiny-a");
    ModelFiles::open(&Source::Folder(folder).into()).unwrap()
}

/// One picture with guidance, so that there are two prompts, and one without.
fn jobs(model: &ModelFiles) -> Vec<Job> {
    let job = |side, scale| {
        let guidance = Guidance { scale, ..Guidance::OFF };
        let ask = Ask { guidance, steps: 2, ..usual_picture(Grid::new(side, side)) };
        Job::new(ask, &ModelInfo::of("test", model)).unwrap()
    };
    vec![job(16, 3.0), job(24, 0.0)]
}

fn artist(budget: Budget, residency: Residency) -> Artist<impl zao_backend::Backend> {
    let cpu = devices::cpu(PRECISION, NonZeroUsize::new(1), None).unwrap();
    Artist::new(cpu, Target::Cpu(PRECISION), budget, residency)
}

/// The same, with a processor of its own that reads; `opened` counts how often it is taken.
fn aided(
    budget: Budget,
    residency: Residency,
    opened: &'static std::thread::LocalKey<Cell<usize>>,
) -> Artist<impl zao_backend::Backend> {
    let open = move || {
        opened.set(opened.get() + 1);
        devices::cpu(PRECISION, NonZeroUsize::new(1), None)
    };
    let aside = OnDevice::new(Target::Cpu(PRECISION), open);
    artist(budget, residency).with_reader((Reads::Processor(PRECISION), Box::new(aside)))
}

/// Pictures, what was planned, and the stages in their order.
fn draw(artist: &mut dyn Draw, model: &ModelFiles) -> (Vec<Vec<u8>>, MemoryPlan, Vec<Stage>) {
    let (planned, stages) = (Cell::new(None), RefCell::new(Vec::new()));
    let events = |event| match event {
        Event::Planned(plan) => planned.set(Some(*plan)),
        Event::Stage(stage) => stages.borrow_mut().push(stage),
        _ => {}
    };
    let (cancel, mut pictures) = (CancelToken::new(), Vec::new());
    let mut deliver = |picture: crate::Picture| pictures.push(picture.rgb);
    artist.draw(model, &jobs(model), &mut Watch::new(&events, &cancel, &mut deliver)).unwrap();
    (pictures, planned.get().unwrap(), stages.into_inner())
}

#[test]
fn a_picture_is_the_same_wherever_its_prompt_was_read_with_the_same_arithmetic() {
    thread_local!(static OPENED: Cell<usize> = const { Cell::new(0) });
    let model = model();
    for residency in [Residency::Keep, Residency::InTurn] {
        let mut alone = artist(Budget::default(), residency);
        let (expected, plain, stages) = draw(&mut alone, &model);
        assert_eq!((plain.aside, plain.placement.text_encoder.place), (0, Place::Resident));
        OPENED.set(0);
        let mut both = aided(Budget::default(), residency, &OPENED);
        assert_eq!(OPENED.get(), 0, "it is taken when the first prompt is there");
        for _ in 0..2 {
            let (pictures, plan, aided_stages) = draw(&mut both, &model);
            assert_eq!(pictures, expected, "{residency:?}");
            let text = plan.placement.text_encoder;
            assert_eq!((text.place, text.device_bytes()), (Place::Processor, 0));
            assert!(plan.aside > text.bytes && plan.weights < plain.weights + text.bytes);
            assert!(aided_stages.len() <= stages.len(), "{aided_stages:?}");
        }
        assert_eq!(OPENED.get(), 1);
        let is_loaded = both.parts.present(&model, both.target).has(Piece::TextEncoder);
        assert_eq!(is_loaded, residency == Residency::Keep);
        both.rest(&model);
        assert_eq!(draw(&mut both, &model).0, expected, "after a rest, too");
        assert_eq!(OPENED.get(), 2);
    }
}

#[test]
fn what_makes_room_on_the_device_leaves_the_reader_alone() {
    thread_local!(static OPENED: Cell<usize> = const { Cell::new(0) });
    let model = model();
    let (_, free, _) =
        draw(&mut aided(Budget::new(Some(1 << 40)), Residency::Keep, &OPENED), &model);
    // Not everything fits beside everything.
    let mut artist = aided(Budget::new(Some(free.total() - 1)), Residency::Keep, &OPENED);
    for _ in 0..2 {
        let (_, plan, stages) = draw(&mut artist, &model);
        assert!(plan.total() < free.total() && plan.placement == free.placement, "{plan:?}");
        assert!(artist.parts.present(&model, artist.target).has(Piece::TextEncoder), "{stages:?}");
    }
}

#[test]
fn a_reader_without_room_in_main_memory_is_refused_with_what_to_do() {
    thread_local!(static OPENED: Cell<usize> = const { Cell::new(0) });
    let model = model();
    let budget = Budget::of_card(Some(1 << 40), None, Some(1));
    let mut artist = aided(budget, Residency::Keep, &OPENED);
    let (cancel, mut deliver) = (CancelToken::new(), drop);
    let mut watch = Watch::new(&|_| (), &cancel, &mut deliver);
    let error = artist.draw(&model, &jobs(&model), &mut watch).unwrap_err().to_string();
    assert!(error.contains("text encoder") && error.contains("--text-encoder-on"), "{error}");
}
