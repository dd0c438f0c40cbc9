//! A device that computes nothing and knows how many weights live on it, to see when parts go.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use zao_backend::op::Op;
use zao_backend::{Backend, Description, Matrix, Plan, Planner, Policy, Region, Result, Tensor};
use zao_model::guidance::Guidance;
use zao_model::noise::Generator;
use zao_weights::Source;

use super::{Artist, Draw};
use crate::desk::{Desk, News, Notice, Rung, Ticket};
use crate::devices::Target;
use crate::memory::Budget;
use crate::model::ModelFiles;
use crate::watch::Watch;
use crate::{
    Ask, CancelToken, Event, Job, MemoryPlan, ModelInfo, Picture, Residency, ResolvedPrecision,
    Stage, Start,
};

struct Census {
    planner: Planner,
    alive: Rc<Cell<usize>>,
    /// Bytes that it says are free, and whether somebody takes them before they are reserved.
    free: Rc<Cell<(Option<u64>, bool)>>,
    /// What was asked for, in order.
    reserved: Rc<RefCell<Vec<Plan>>>,
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

    fn reserve(&self, plan: Plan) -> Result<()> {
        self.reserved.borrow_mut().push(plan);
        let (_, taken) = self.free.get();
        if taken {
            let (device, region, asked) = ("census".into(), Region::Step, plan.step);
            return Err(zao_backend::Error::OutOfMemory { device, region, asked, free: 0 });
        }
        Ok(())
    }

    fn free_bytes(&self) -> Option<u64> {
        self.free.get().0
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
    free: Rc<Cell<(Option<u64>, bool)>>,
    reserved: Rc<RefCell<Vec<Plan>>>,
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
            let (seed, start) = (0, None);
            let ask =
                Ask { prompt, negative, width, height, steps: 2, guidance, seed, generator, start };
            Job::new(ask, &info).unwrap()
        };
        let jobs = (0..PICTURES).map(|_| job(64)).collect();
        let (alive, free) = (Rc::new(Cell::new(0)), Rc::new(Cell::new((None, false))));
        let planner = Planner::new(Policy::F32);
        let reserved = Rc::default();
        let backend = Census {
            planner,
            alive: Rc::clone(&alive),
            free: Rc::clone(&free),
            reserved: Rc::clone(&reserved),
        };
        let precision = ResolvedPrecision::F32;
        let artist = Artist::new(backend, Target::Cpu(precision), Budget::new(limit), residency);
        Self { model, jobs, artist, alive, free, reserved }
    }

    /// Lets every job begin with one black picture.
    fn begin_with_a_picture(&mut self) {
        let info = ModelInfo::of("test", &self.model);
        let picture = Arc::new(Picture { width: 64, height: 64, rgb: vec![0; 3 * 64 * 64] });
        let start = Start { picture, mask: None, strength: 1.0 };
        for job in &mut self.jobs {
            let ask = Ask { start: Some(start.clone()), ..job.ask().clone() };
            *job = Job::new(ask, &info).unwrap();
        }
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
            self.artist.parts.present(&self.model, Target::Cpu(ResolvedPrecision::F32)).bytes(),
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
fn the_encoder_of_pictures_goes_before_the_parts_that_draw_come() {
    let mut scene = Scene::new(Residency::InTurn, None);
    scene.begin_with_a_picture();
    assert_eq!(loads(&scene.finish()), [0; 4]);
    assert_eq!((scene.alive.get(), scene.parts_and_reserve().0), (0, 0));

    let mut kept = Scene::new(Residency::Keep, None);
    kept.begin_with_a_picture();
    assert_eq!(loads(&kept.finish()).len(), 4);
    let all = kept.alive.get();
    assert_eq!(loads(&kept.finish()), [0; 0], "it is there for the next run");
    assert_eq!(kept.alive.get(), all);
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

/// What is told beforehand.
fn planned(scene: &mut Scene) -> MemoryPlan {
    let (events, cancel, mut deliver) = (RefCell::new(Vec::new()), CancelToken::new(), drop);
    let tell = |event| events.borrow_mut().push(event);
    let mut watch = Watch::new(&tell, &cancel, &mut deliver);
    scene.artist.draw(&scene.model, &scene.jobs, &mut watch).unwrap();
    let events = events.into_inner();
    let plans = events.iter().filter_map(|event| match event {
        Event::Planned(plan) => Some(**plan),
        _ => None,
    });
    let [plan] = plans.collect::<Vec<_>>()[..] else { panic!("{events:?}") };
    assert_eq!(events[0], Event::Planned(Box::new(plan)), "before anything else");
    plan
}

#[test]
fn the_plan_that_is_told_is_what_is_held_at_most() {
    let mut kept = Scene::new(Residency::Keep, Some(1 << 40));
    let plan = planned(&mut kept);
    let (parts, run) = kept.parts_and_reserve();
    assert_eq!((plan.weights, plan.runs, plan.beside), (parts, run, 0));
    assert_eq!(planned(&mut kept), plan, "also with everything loaded");
    let largest = kept.model.largest_part(Target::Cpu(ResolvedPrecision::F32));
    let in_turn = planned(&mut Scene::new(Residency::InTurn, None));
    assert_eq!((in_turn.weights, in_turn.runs), (largest, run));
    let limit = run + largest - 1;
    let tight = planned(&mut Scene::new(Residency::Keep, Some(limit)));
    assert!(tight.total() <= limit && tight.limit == limit && tight.runs < run, "{tight:?}");
}

#[test]
fn memory_that_others_take_after_planning_is_told_with_a_size_that_fits_and_no_run_is_lost_for_it()
{
    let mut scene = Scene::new(Residency::Keep, None);
    scene.free.set((Some(u64::MAX / 2), true));
    let again = scene.draw(None).0.unwrap_err().to_string();
    assert!(again.contains("32 pictures at once") && again.contains("draw again"), "{again}");

    scene.jobs.truncate(1);
    let small = scene.model.largest_part(Target::Cpu(ResolvedPrecision::F32)) + 100_000;
    let refused = move |scene: &mut Scene| {
        let (cancel, mut deliver) = (CancelToken::new(), drop);
        // The plan is made with all that was free; the others take it when the run has been told.
        let free = Rc::clone(&scene.free);
        let tell = |event| {
            if matches!(event, Event::Planned(_)) {
                free.set((Some(small), true));
            }
        };
        let mut watch = Watch::new(&tell, &cancel, &mut deliver);
        scene.artist.draw(&scene.model, &scene.jobs, &mut watch).unwrap_err().to_string()
    };
    let error = refused(&mut scene);
    assert!(error.contains("64x64 needs") && error.contains("would fit"), "{error}");

    scene.free.set((None, false));
    scene.finish();
}

/// A desk that has all its jobs at once, and lets the device have memory again after so many refusals.
struct Patient<'s> {
    jobs: Vec<Job>,
    refusals: usize,
    free: &'s Cell<(Option<u64>, bool)>,
    rungs: Vec<Rung>,
    again: usize,
    smaller: Vec<Ticket>,
    delivered: Vec<Ticket>,
    failed: Vec<String>,
}

impl<'s> Patient<'s> {
    fn new(jobs: Vec<Job>, refusals: usize, free: &'s Cell<(Option<u64>, bool)>) -> Self {
        let (rungs, smaller, again) = (Vec::new(), Vec::new(), 0);
        let (delivered, failed) = (Vec::new(), Vec::new());
        Self { jobs, refusals, free, rungs, again, smaller, delivered, failed }
    }
}

impl Desk for Patient<'_> {
    fn next(&mut self) -> Option<(Ticket, Job)> {
        let job = self.jobs.pop()?;
        Some((Ticket(self.jobs.len() as u64), job))
    }

    fn is_given_up(&mut self, _: Ticket) -> bool {
        false
    }

    fn wants_preview(&mut self, _: Ticket, _: usize, _: usize) -> bool {
        false
    }

    fn tell(&mut self, ticket: Ticket, news: News) {
        self.again += usize::from(news == News::Again);
        if let News::Smaller(_) = news {
            self.smaller.push(ticket);
        }
    }

    fn notice(&mut self, notice: Notice) {
        if let Notice::Relieved(rung) = notice {
            self.rungs.push(rung);
            if self.rungs.len() == self.refusals {
                self.free.set((None, false));
            }
        }
    }

    fn deliver(&mut self, ticket: Ticket, _: Picture) {
        self.delivered.push(ticket);
    }

    fn fail(&mut self, _: Ticket, error: &crate::Error) {
        self.failed.push(error.to_string());
    }
}

#[test]
fn a_session_that_memory_is_taken_from_climbs_down_and_loses_no_job() {
    for (refusals, rungs) in
        [(0, [].as_slice()), (1, &[Rung::Caches]), (3, &[Rung::Caches, Rung::Batch, Rung::Batch])]
    {
        let mut scene = Scene::new(Residency::Keep, None);
        scene.free.set((None, refusals > 0));
        let free = Rc::clone(&scene.free);
        let mut desk = Patient::new(std::mem::take(&mut scene.jobs), refusals, &free);
        scene.artist.work_through(&scene.model, &mut desk).unwrap();
        desk.delivered.sort_unstable();
        assert_eq!(desk.delivered, (0..PICTURES as u64).map(Ticket).collect::<Vec<_>>());
        assert_eq!((desk.rungs.as_slice(), desk.failed.len()), (rungs, 0));
        assert_eq!(desk.again > 0, refusals > 0);
        let asked = scene.reserved.borrow();
        let smaller = asked.is_sorted_by(|a, b| a.bytes() >= b.bytes());
        assert!(smaller || refusals == 0, "each try asks for less: {asked:?}");
    }
}

#[test]
fn where_not_one_picture_has_room_every_job_is_told_and_the_next_are_drawn() {
    let mut scene = Scene::new(Residency::Keep, None);
    scene.jobs.truncate(3);
    let jobs = scene.jobs.clone();
    scene.free.set((None, true));
    let free = Rc::clone(&scene.free);
    let mut desk = Patient::new(jobs.clone(), usize::MAX, &free);
    scene.artist.work_through(&scene.model, &mut desk).unwrap();
    assert_eq!((desk.failed.len(), desk.delivered.len()), (3, 0));
    assert!(desk.failed.iter().all(|why| why.contains("draw again")), "{:?}", desk.failed);
    free.set((None, false));
    desk.jobs = jobs;
    scene.artist.work_through(&scene.model, &mut desk).unwrap();
    assert_eq!(desk.delivered.len(), 3);
}

#[test]
fn every_rung_is_climbed_in_its_order_and_only_then_a_job_fails_with_a_size_that_fits() {
    use Rung::{Batch, Caches, Size};
    let climbed = |allowed: bool, refusals: usize| {
        let mut scene = Scene::new(Residency::Keep, None);
        let jobs = scene.jobs.drain(..2);
        let jobs = jobs.map(|job| if allowed { job.or_smaller() } else { job }).collect();
        scene.free.set((None, true));
        let free = Rc::clone(&scene.free);
        let mut desk = Patient::new(jobs, refusals, &free);
        scene.artist.work_through(&scene.model, &mut desk).unwrap();
        desk.delivered.sort_unstable();
        (desk.rungs, desk.smaller, desk.delivered, desk.failed)
    };
    let (rungs, smaller, delivered, failed) = climbed(true, 4);
    // The first of both is drawn smaller twice, until there is room.
    assert_eq!(rungs, [Caches, Batch, Size, Size]);
    assert_eq!(smaller.len(), 2);
    assert_eq!((delivered, failed.len()), (vec![Ticket(0), Ticket(1)], 0));
    let (rungs, smaller, delivered, failed) = climbed(true, usize::MAX);
    assert!(rungs.len() > 6 && rungs[2..].iter().all(|rung| *rung == Size), "{rungs:?}");
    assert!(smaller.len() > 4 && delivered.is_empty() && failed.len() == 2, "{failed:?}");
    let (rungs, smaller, _, failed) = climbed(false, usize::MAX);
    assert_eq!((rungs, smaller.len(), failed.len()), (vec![Caches, Batch], 0, 2));
}

#[test]
fn bands_and_the_text_encoders_place_are_found_by_the_plan_and_told() {
    let rungs = |limit| {
        let mut scene = Scene::new(Residency::Keep, limit);
        scene.jobs.truncate(1);
        let free = Rc::clone(&scene.free);
        let mut desk = Patient::new(std::mem::take(&mut scene.jobs), usize::MAX, &free);
        scene.artist.work_through(&scene.model, &mut desk).unwrap();
        (desk.rungs, scene.artist.held_bytes(&scene.model), desk.failed)
    };
    let (none, whole, _) = rungs(None);
    assert!(none.is_empty(), "{none:?}");
    let tight = (1..100).map(|share| rungs(Some(whole * share / 100)));
    let (found, _, failed) = tight.into_iter().find(|(.., failed)| failed.is_empty()).unwrap();
    assert_eq!((found, failed.len()), (vec![Rung::Bands], 0), "the least that it is drawn in");

    let scene = Scene::new(Residency::Keep, None);
    let target = Target::Cpu(ResolvedPrecision::F32);
    let open = move || Ok(Planner::new(target.policy()));
    let aside = crate::aside::OnDevice::new(target, open);
    let reads = crate::Reads::Processor(ResolvedPrecision::F32);
    let mut artist = scene.artist.with_reader((reads, Box::new(aside)));
    let mut desk = Patient::new(scene.jobs[..1].to_vec(), usize::MAX, &scene.free);
    artist.work_through(&scene.model, &mut desk).unwrap();
    assert_eq!((desk.rungs, desk.delivered.len()), (vec![Rung::TextEncoder], 1));
}
