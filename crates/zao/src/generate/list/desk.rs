//! The list as the engine takes it: pictures of equal cost after each other, and what becomes of them passed on to who writes them.
//! It runs on the engine's thread.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use zao_api::InputImage;
use zao_engine::{CancelToken, Desk, Error, Event, Job, ModelInfo, News, Notice, Picture, Ticket};
use zao_request::Input;

use super::input::Inputs;
use super::plan::Plan;
use super::progress::ListProgress;
use crate::generate::shared;
use crate::screen::Screen;

/// What became of the picture at a place of the plan.
pub(super) enum Outcome {
    Drawn(Box<Drawn>),
    Failed(usize, String),
}

/// A picture that is to be written.
pub(super) struct Drawn {
    pub(super) place: usize,
    pub(super) job: Job,
    pub(super) image: Option<InputImage>,
    pub(super) picture: Picture,
    pub(super) begun: Instant,
}

/// A picture that the engine has.
struct UnderWay {
    job: Job,
    image: Option<InputImage>,
    begun: Option<Instant>,
    /// How much of its cost the progress shows.
    shown: u64,
}

pub(super) struct ListDesk<'p> {
    plan: &'p Plan,
    model: ModelInfo,
    screen: &'p Screen,
    progress: &'p ListProgress,
    cancel: &'p CancelToken,
    outcomes: SyncSender<Outcome>,
    waiting: VecDeque<usize>,
    under_way: HashMap<Ticket, UnderWay>,
    inputs: Inputs,
    /// What was said once.
    told: HashSet<String>,
}

impl<'p> ListDesk<'p> {
    pub(super) fn new(
        plan: &'p Plan,
        model: ModelInfo,
        (screen, progress): (&'p Screen, &'p ListProgress),
        cancel: &'p CancelToken,
        outcomes: SyncSender<Outcome>,
    ) -> Self {
        let waiting = plan.in_order().0.into();
        let (under_way, inputs, told) = (HashMap::new(), Inputs::default(), HashSet::new());
        Self { plan, model, screen, progress, cancel, outcomes, waiting, under_way, inputs, told }
    }

    fn job(&mut self, place: usize) -> Result<(Job, Option<InputImage>), String> {
        let picture = &self.plan.pictures[place];
        let input = self.inputs.read(&picture.request).map_err(|error| error.to_string())?;
        let start = input.map(|input| input.start(picture.size));
        let stack = self.plan.loras[picture.loras].stack();
        let job = zao_request::job(
            &picture.request,
            picture.seed,
            picture.size,
            start.as_ref(),
            stack,
            &self.model,
        );
        let job = job.map_err(|error| error.to_string())?;
        let job = if picture.may_shrink { job.or_smaller() } else { job };
        Ok((job, input.map(Input::record)))
    }

    fn send(&self, outcome: Outcome) {
        // Whoever writes has ended because nothing can be written any more.
        if self.outcomes.send(outcome).is_err() {
            self.cancel.cancel();
        }
    }

    fn say_once(&mut self, line: String) {
        if !self.told.contains(&line) {
            self.screen.remark(&line);
            self.told.insert(line);
        }
    }
}

impl Desk for ListDesk<'_> {
    fn next(&mut self) -> Option<(Ticket, Job)> {
        while !self.cancel.is_cancelled() {
            let place = self.waiting.pop_front()?;
            match self.job(place) {
                Ok((job, image)) => {
                    let ticket = Ticket(place as u64);
                    let under_way = UnderWay { job: job.clone(), image, begun: None, shown: 0 };
                    self.under_way.insert(ticket, under_way);
                    return Some((ticket, job));
                }
                Err(why) => self.send(Outcome::Failed(place, why)),
            }
        }
        None
    }

    fn is_given_up(&mut self, _: Ticket) -> bool {
        self.cancel.is_cancelled()
    }

    fn wants_preview(&mut self, _: Ticket, _: usize, _: usize) -> bool {
        false
    }

    fn tell(&mut self, ticket: Ticket, news: News) {
        let Some(picture) = self.under_way.get_mut(&ticket) else { return };
        match news {
            News::Event(Event::Stage(stage)) => {
                picture.begun.get_or_insert_with(Instant::now);
                self.progress.enter(stage);
            }
            News::Event(Event::Step { .. }) => {
                let cost = self.plan.pictures[ticket.0 as usize].step_cost();
                picture.shown += cost;
                self.progress.add(cost);
            }
            News::Event(Event::Warning(line)) => self.say_once(line),
            News::Again => self.progress.take_back(std::mem::take(&mut picture.shown)),
            News::Event(Event::Planned(_) | Event::Loaded { .. } | Event::Decoded { .. })
            // The warning before says so, and the picture has its size.
            | News::Preview(_) | News::Smaller(_) => {}
        }
    }

    fn notice(&mut self, notice: Notice) {
        if let Notice::Planned(plan, _) = notice {
            shared::plan_in_words(&plan).into_iter().for_each(|line| self.say_once(line));
        }
    }

    fn deliver(&mut self, ticket: Ticket, picture: Picture) {
        let Some(UnderWay { job, image, begun, shown }) = self.under_way.remove(&ticket) else {
            return;
        };
        let place = ticket.0 as usize;
        self.progress.add(self.plan.pictures[place].cost().saturating_sub(shown));
        let begun = begun.unwrap_or_else(Instant::now);
        self.send(Outcome::Drawn(Box::new(Drawn { place, job, image, picture, begun })));
    }

    fn fail(&mut self, ticket: Ticket, error: &Error) {
        let picture = self.under_way.remove(&ticket);
        self.progress.take_back(picture.map_or(0, |picture| picture.shown));
        if !matches!(error, Error::Cancelled) {
            self.send(Outcome::Failed(ticket.0 as usize, error.to_string()));
        }
    }
}
