//! A device that computes nothing and knows how many weights live on it, to see when parts go.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;

use zao_backend::op::Op;
use zao_backend::{Backend, Description, Matrix, Plan, Planner, Policy, Region, Result, Tensor};
use zao_model::guidance::Guidance;
use zao_model::noise::Generator;
use zao_weights::Source;

use super::{Artist, Draw};
use crate::devices::Target;
use crate::memory::Budget;
use crate::model::ModelFiles;
use crate::watch::Watch;
use crate::{Ask, CancelToken, Event, Job, ModelInfo, Residency, ResolvedPrecision, Stage};

struct Census {
    planner: Planner,
    alive: Rc<Cell<usize>>,
}

/// A weight that is counted as long as it is there.
struct Counted(Rc<Cell<usize>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Backend for Census {
    type Memory = <Planner as Backend>::Memory;
    type Weight = Counted;

    fn describe(&self) -> Description {
        self.planner.describe()
    }

    fn policy(&self) -> Policy {
        self.planner.policy()
    }

    fn reserve(&self, _: Plan) -> Result<()> {
        Ok(())
    }

    fn release(&self) {}

    fn allocate(&self, bytes: usize, region: Region) -> Result<Self::Memory> {
        self.planner.allocate(bytes, region)
    }

    fn load(&self, _: &Matrix) -> Result<Counted> {
        self.alive.set(self.alive.get() + 1);
        Ok(Counted(Rc::clone(&self.alive)))
    }

    fn launch(&self, _: Op<'_, Self>) -> Result<()> {
        Ok(())
    }

    fn wait(&self) -> Result<()> {
        Ok(())
    }

    fn write(&self, _: &mut Tensor<Self>, _: &[f32]) -> Result<()> {
        Ok(())
    }

    fn read(&self, from: &Tensor<Self>) -> Result<Vec<f32>> {
        Ok(vec![0.0; from.shape().len()])
    }

    fn read_bytes(&self, from: &Tensor<Self>) -> Result<Vec<u8>> {
        Ok(vec![0; from.shape().len()])
    }
}

/// So many that a forward of all takes more than decoding one.
const PICTURES: usize = 32;

/// A device with a model, and what is drawn with it.
struct Scene {
    model: ModelFiles,
    jobs: Vec<Job>,
    artist: Artist<Census>,
    alive: Rc<Cell<usize>>,
}

impl Scene {
    fn new(residency: Residency, limit: Option<u64>) -> Self {
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../zao-model/tests/goldens/tiny-a");
        let model = ModelFiles::open(&Source::Folder(folder).into()).unwrap();
        let info = ModelInfo::of("test", &model);
        let job = |side| {
            let (prompt, guidance) = ("a cat".to_owned(), Guidance::OFF);
            let (width, height, generator) = (side, side, Generator::TorchCpu);
            let negative = String::new();
            let ask =
                Ask { prompt, negative, width, height, steps: 2, guidance, seed: 0, generator };
            Job::new(ask, &info).unwrap()
        };
        let jobs = (0..PICTURES).map(|_| job(64)).collect();
        let alive = Rc::new(Cell::new(0));
        let backend = Census { planner: Planner::new(Policy::F32), alive: Rc::clone(&alive) };
        let precision = ResolvedPrecision::F32;
        let artist = Artist::new(backend, Target::Cpu(precision), Budget::new(limit), residency);
        Self { model, jobs, artist, alive }
    }

    /// Draws until `cancel_after` steps are done; returns how that ended, and with each stage how many
    /// weights there were when it began.
    fn draw(&mut self, cancel_after: Option<usize>) -> (crate::Result<()>, Vec<(Stage, usize)>) {
        let (stages, cancel) = (RefCell::new(Vec::new()), CancelToken::new());
        let events = |event| match event {
            Event::Stage(stage) => stages.borrow_mut().push((stage, self.alive.get())),
            Event::Step { done, .. } if Some(done) == cancel_after => cancel.cancel(),
            _ => {}
        };
        let mut deliver = drop;
        let mut watch = Watch::new(&events, &cancel, &mut deliver);
        let drawn = self.artist.draw(&self.model, &self.jobs, &mut watch);
        (drawn, stages.into_inner())
    }

    /// [`Self::draw`] to its end.
    fn finish(&mut self) -> Vec<(Stage, usize)> {
        let (drawn, stages) = self.draw(None);
        drawn.unwrap();
        stages
    }

    fn parts_and_reserve(&self) -> (u64, u64) {
        (
            self.artist.parts.bytes(&self.model, Target::Cpu(ResolvedPrecision::F32)),
            self.artist.reserved.bytes() as u64,
        )
    }
}

fn loads(stages: &[(Stage, usize)]) -> Vec<usize> {
    let load = |&(stage, alive): &(Stage, usize)| (stage == Stage::Load).then_some(alive);
    stages.iter().filter_map(load).collect()
}

#[test]
fn in_turn_no_part_is_there_while_another_is_loaded_nor_afterwards() {
    let mut scene = Scene::new(Residency::InTurn, None);
    for _ in 0..2 {
        assert_eq!(loads(&scene.finish()), [0, 0, 0]);
        assert_eq!(scene.alive.get(), 0);
        let held = scene.artist.held_bytes(&scene.model);
        assert_eq!(scene.parts_and_reserve(), (0, held), "only what runs need is kept");
    }
}

#[test]
fn kept_parts_are_there_for_the_next_run() {
    let mut scene = Scene::new(Residency::Keep, None);
    let first = loads(&scene.finish());
    assert!(first.len() == 3 && first[0] == 0 && first.is_sorted_by(|a, b| a < b), "{first:?}");
    assert!(scene.alive.get() > first[2] && scene.parts_and_reserve().0 > 0);
    assert_eq!(loads(&scene.finish()), [0; 0]);
}

#[test]
fn parts_stay_until_the_last_batch_has_used_them() {
    let mut all = Scene::new(Residency::Keep, None);
    all.finish();
    let (parts, run) = all.parts_and_reserve();
    // Room for all parts beside half of the pictures, but not for the largest beside all.
    let limit = run + all.model.largest_part(Target::Cpu(ResolvedPrecision::F32)) - 1;
    assert!(limit > parts + run * 2 / 3, "the pictures are the larger share: {parts} {run}");
    let mut scene = Scene::new(Residency::InTurn, Some(limit));
    let stages = scene.finish();
    let denoised = stages.iter().filter(|(stage, _)| *stage == Stage::Denoise).count();
    assert_eq!((denoised, loads(&stages).len()), (2, 3), "{stages:?}");
    assert_eq!((scene.alive.get(), scene.parts_and_reserve().0), (0, 0));
}

#[test]
fn a_run_that_stops_leaves_no_part_either() {
    let mut scene = Scene::new(Residency::InTurn, None);
    assert!(matches!(scene.draw(Some(1)).0, Err(crate::Error::Cancelled)));
    assert_eq!((scene.alive.get(), scene.artist.held_bytes(&scene.model)), (0, 0));
}
