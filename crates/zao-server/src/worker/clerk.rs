//! Between the parent's jobs and the engine's: takes orders between two steps, hands in a picture at a time, and tells
//! of each job what its pictures tell. It runs on the engine's thread.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use zao_api::Stage;
use zao_engine::{
    Desk, Engine, Error, Event, Lacking, ModelInfo, News, Notice, Picture, StepTimes, Ticket,
};
use zao_request::{Loras, Provenance, Shelf};

use super::adapters::Adapters;
use super::arrival::{Allowed, Arrival, Piece};
use super::failure::Failure;
use super::haste::{Haste, Hurry};
use super::inbox::Incoming;
use super::outbox::{Drawn, Outbox};
use super::previews::is_shown_after;
use super::pulse::Pulse;
use crate::protocol::{Count, JobId, Report, Took, Word};

/// What there is to do for the engine's thread.
pub(super) enum Next {
    /// Pictures.
    Work,
    /// Giving memory back, as the parent wants it.
    Release,
    /// Nothing came in time.
    Nothing,
    /// Nothing more will come.
    End,
}

pub(super) struct Clerk {
    model: ModelInfo,
    provenance: Provenance,
    adapters: Adapters,
    orders: Receiver<Incoming>,
    outbox: Outbox,
    pulse: Arc<Pulse>,
    /// Jobs that are no pictures yet, in the order in which they came.
    arrivals: VecDeque<Arrival>,
    /// Pictures that the engine has not taken yet.
    backlog: VecDeque<Ticket>,
    pieces: BTreeMap<Ticket, Piece>,
    /// Pictures that are being stepped.
    stepping: BTreeSet<Ticket>,
    jobs: HashMap<JobId, Open>,
    tickets: u64,
    /// How many pictures the parent was asked for and has not sent. What lies here cannot be given to whoever comes first, or before whom
    /// it is more urgent, so it is asked for when it can be begun.
    asked: u32,
    haste: Haste,
    free: bool,
    draining: bool,
}

/// A job that is not over.
struct Open {
    /// Its pictures that are not over.
    left: usize,
    allowed: Option<Allowed>,
    /// Why it will not be drawn; its other pictures are not wanted then.
    failure: Option<Failure>,
    stage: Option<Stage>,
    warned: HashSet<String>,
}

impl Clerk {
    /// # Errors
    /// A processor that is to read prompts and cannot be had.
    pub(super) fn new(
        engine: &mut Engine,
        shelf: Shelf,
        orders: Receiver<Incoming>,
        outbox: Outbox,
        pulse: Arc<Pulse>,
    ) -> zao_request::Result<Self> {
        let provenance = Provenance::of(engine)?;
        Ok(Self {
            model: engine.model().clone(),
            provenance,
            adapters: Adapters::new(shelf),
            orders,
            outbox,
            pulse,
            arrivals: VecDeque::new(),
            backlog: VecDeque::new(),
            pieces: BTreeMap::new(),
            stepping: BTreeSet::new(),
            jobs: HashMap::new(),
            tickets: 0,
            asked: 0,
            haste: Haste::default(),
            free: false,
            draining: false,
        })
    }

    /// Waits for work, no longer than `left` if that is given.
    pub(super) fn wait(&mut self, left: Option<Duration>) -> Next {
        self.take_orders();
        loop {
            if std::mem::take(&mut self.free) {
                return Next::Release;
            }
            if self.has_work() || self.adapters.has_wishes() {
                return Next::Work;
            }
            if self.draining {
                return Next::End;
            }
            if self.asked == 0 && !self.draining {
                self.ask_for(1);
            }
            let incoming = match left {
                Some(left) => self.orders.recv_timeout(left),
                None => self.orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match incoming {
                Ok(incoming) => self.take(incoming),
                Err(RecvTimeoutError::Timeout) => return Next::Nothing,
                Err(RecvTimeoutError::Disconnected) => return Next::End,
            }
            self.take_orders();
        }
    }

    /// Whether pictures wait for the engine.
    pub(super) fn has_work(&self) -> bool {
        !self.arrivals.is_empty() || !self.backlog.is_empty()
    }

    /// Opens the adapters that the parent wants open and those that the next jobs name, which only an engine without work does. A
    /// job whose adapters cannot be opened fails.
    pub(super) fn open_adapters(&mut self, engine: &mut Engine) {
        self.adapters.fulfil(engine);
        while let Some(arrival) = self.arrivals.pop_front() {
            match self.adapters.open(engine, &arrival.draw.request.request.loras) {
                Ok(loras) => self.admit(arrival, &loras),
                Err(error) => self.refuse(arrival.draw.job, Failure::of_request(&error)),
            }
        }
        if let Some(news) = self.adapters.news() {
            self.outbox.say(news);
        }
    }

    fn take_orders(&mut self) {
        while let Ok(incoming) = self.orders.try_recv() {
            self.take(incoming);
        }
    }

    fn take(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Draw(arrival) => {
                let count = arrival.draw.pictures.len();
                let came = u32::try_from(count).unwrap_or(u32::MAX).max(1);
                self.asked = self.asked.saturating_sub(came);
                self.jobs.insert(
                    arrival.draw.job.clone(),
                    Open {
                        left: count,
                        allowed: arrival.allowed,
                        failure: None,
                        stage: None,
                        warned: HashSet::new(),
                    },
                );
                self.arrivals.push_back(*arrival);
            }
            Incoming::Refused(job, failure) => {
                self.asked = self.asked.saturating_sub(1);
                self.refuse(job, failure);
            }
            Incoming::Cancel(job) => self.cancel(&job),
            Incoming::Adapter(wish) => self.adapters.wish(wish),
            Incoming::Free => self.free = true,
            Incoming::Drain => {
                self.draining = true;
                self.ask_for(0);
            }
        }
    }

    fn cancel(&mut self, job: &str) {
        if let Some(at) = self.arrivals.iter().position(|arrival| arrival.draw.job == job) {
            self.arrivals.remove(at);
            self.refuse(job.to_owned(), Failure::cancelled());
        } else {
            self.give_up(job, Failure::cancelled());
        }
    }

    /// Ends a job of which nothing was handed in.
    fn refuse(&mut self, job: JobId, failure: Failure) {
        self.jobs.remove(&job);
        let Failure { code, message } = failure;
        self.outbox.after_pictures(job, Report::Failed { code, message });
    }

    /// Has a job fail: what the engine has not taken of it is dropped, and the engine drops the rest before its next
    /// step.
    fn give_up(&mut self, job: &str, failure: Failure) {
        let Some(open) = self.jobs.get_mut(job) else { return };
        open.failure.get_or_insert(failure);
        let pieces = &self.pieces;
        let (dropped, kept) = std::mem::take(&mut self.backlog)
            .into_iter()
            .partition(|ticket| pieces.get(ticket).is_some_and(|piece| piece.of == job));
        self.backlog = kept;
        let dropped: VecDeque<Ticket> = dropped;
        for ticket in dropped {
            self.over(ticket);
        }
    }

    /// The jobs that wait become pictures for the engine, as far as their adapters are open.
    fn admit_those_at_hand(&mut self) {
        while let Some(arrival) = self.arrivals.front() {
            let Some(loras) = self.adapters.at_hand(&arrival.draw.request.request.loras) else {
                return;
            };
            if let Some(arrival) = self.arrivals.pop_front() {
                self.admit(arrival, &loras);
            }
        }
    }

    fn admit(&mut self, arrival: Arrival, loras: &Loras) {
        let job = arrival.draw.job.clone();
        match arrival.into_pieces(loras, &self.provenance, &self.model) {
            Err(failure) => self.refuse(job, failure),
            Ok(pieces) if pieces.is_empty() => {
                self.jobs.remove(&job);
                self.outbox.after_pictures(job, Report::Done);
            }
            Ok(pieces) => {
                for piece in pieces {
                    let ticket = Ticket(self.tickets);
                    self.tickets += 1;
                    self.pieces.insert(ticket, piece);
                    self.backlog.push_back(ticket);
                }
            }
        }
    }

    /// A picture is over, and with the last one its job.
    fn over(&mut self, ticket: Ticket) {
        self.stepping.remove(&ticket);
        let Some(piece) = self.pieces.remove(&ticket) else { return };
        let Some(open) = self.jobs.get_mut(&piece.of) else { return };
        open.left = open.left.saturating_sub(1);
        if open.left > 0 {
            return;
        }
        let last = match self.jobs.remove(&piece.of).and_then(|open| open.failure) {
            Some(Failure { code, message }) => Report::Failed { code, message },
            None => Report::Done,
        };
        self.outbox.after_pictures(piece.of, last);
    }

    /// The engine would take so many more; what is here already is the first of it.
    fn wants(&mut self, pictures: usize) {
        let here = self.arrivals.iter().map(|arrival| arrival.draw.pictures.len()).sum::<usize>();
        let more = pictures.saturating_sub(here + self.backlog.len());
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        if more != self.asked && !self.draining {
            self.ask_for(more);
        }
    }

    fn ask_for(&mut self, pictures: u32) {
        self.asked = pictures;
        self.outbox.say(Word::Room { pictures });
    }

    fn took(&mut self, took: Option<Took>) {
        if let Some(took) = took {
            self.haste.note(&took);
            self.outbox.say(Word::Took(took));
        }
    }

    /// What there is to know of a picture to tell whether it is done in time.
    fn hurry(&self, lacking: Lacking, alone: Duration, now: Instant) -> Option<Hurry<'_>> {
        let piece = self.pieces.get(&lacking.ticket)?;
        let open = self.jobs.get(&piece.of)?;
        let is_later = |other: &&Piece| {
            other.of == piece.of && other.begun.is_none() && other.index > piece.index
        };
        let later = self.pieces.values().filter(is_later).count();
        let later =
            alone.saturating_mul(u32::try_from(later * piece.job.steps()).unwrap_or(u32::MAX));
        Some(Hurry {
            job: &piece.of,
            steps: u32::try_from(lacking.steps).unwrap_or(u32::MAX),
            pixels: piece.pixels(),
            later,
            left: open.allowed.map(|allowed| allowed.left(now)),
        })
    }

    /// Pixels of the pictures that step together.
    fn pixels(&self) -> u64 {
        self.stepping.iter().filter_map(|ticket| self.pieces.get(ticket)).map(Piece::pixels).sum()
    }

    fn entered(&mut self, ticket: Ticket, stage: zao_engine::Stage) {
        let Some(piece) = self.pieces.get_mut(&ticket) else { return };
        let now = Instant::now();
        piece.begun.get_or_insert(now);
        if let Some(allowed) = self.jobs.get_mut(&piece.of).and_then(|it| it.allowed.as_mut()) {
            allowed.begin(now);
        }
        let stage = on_the_wire(stage);
        match stage {
            Stage::Denoise => {
                piece.stepping = Some(now);
                self.stepping.insert(ticket);
            }
            Stage::Decode => {
                if let Some(since) = piece.stepping.take() {
                    let seconds = since.elapsed().as_secs_f64();
                    self.outbox.say(Word::Count(Count::Denoised { seconds }));
                }
            }
            Stage::Load | Stage::Encode | Stage::Text => {}
        }
        let (pixels, text) = (piece.pixels(), piece.text());
        let amount = match stage {
            Stage::Load => 0,
            Stage::Text => text,
            Stage::Encode | Stage::Decode => pixels,
            Stage::Denoise => self.pixels(),
        };
        let took = self.pulse.enter(stage, amount);
        self.took(took);
        let Some(piece) = self.pieces.get(&ticket) else { return };
        let Some(open) = self.jobs.get_mut(&piece.of) else { return };
        if open.stage.replace(stage) != Some(stage) {
            self.outbox.report(&piece.of, Report::Stage { stage });
        }
    }

    fn event(&mut self, ticket: Ticket, event: Event) {
        match event {
            Event::Stage(stage) => self.entered(ticket, stage),
            Event::Loaded { done, of } => self.pulse.loaded(done, of),
            Event::Step { done, of } => {
                let Some(piece) = self.pieces.get(&ticket) else { return };
                let count = |steps: usize| u32::try_from(steps).unwrap_or(u32::MAX);
                let (done, of) = (count(done), count(of));
                self.outbox.report(&piece.of, Report::Step { picture: piece.index, done, of });
            }
            Event::Warning(message) => {
                let Some(piece) = self.pieces.get(&ticket) else { return };
                let Some(open) = self.jobs.get_mut(&piece.of) else { return };
                if open.warned.insert(message.clone()) {
                    self.outbox.report(&piece.of, Report::Warning { message });
                }
            }
            Event::Planned(_) | Event::Decoded { .. } => {}
        }
    }
}

impl Desk for Clerk {
    fn next(&mut self) -> Option<(Ticket, zao_engine::Job)> {
        self.take_orders();
        // Memory is given back, and adapters are opened, when the engine has nothing to do, so it gets nothing more.
        if self.free || self.adapters.has_wishes() {
            return None;
        }
        self.admit_those_at_hand();
        let ticket = self.backlog.pop_front()?;
        let piece = self.pieces.get(&ticket)?;
        Some((ticket, piece.job.clone()))
    }

    fn may_join(&mut self, joiner: Lacking, seated: &[Lacking], step: StepTimes) -> bool {
        let now = Instant::now();
        let Some(joiner) = self.hurry(joiner, step.alone, now) else { return true };
        let pixels = |it: &Lacking| self.pieces.get(&it.ticket).map_or(0, Piece::pixels) as f64;
        let all = seated.iter().map(pixels).sum::<f64>().max(1.0);
        let alone = |it: &Lacking| step.now.mul_f64(pixels(it) / all);
        let seated: Vec<Hurry<'_>> =
            seated.iter().filter_map(|it| self.hurry(*it, alone(it), now)).collect();
        self.haste.allows(&joiner, &seated, &step)
    }

    fn is_given_up(&mut self, ticket: Ticket) -> bool {
        self.take_orders();
        let Some(of) = self.pieces.get(&ticket).map(|piece| piece.of.clone()) else { return true };
        let Some(open) = self.jobs.get(&of) else { return true };
        if open.failure.is_some() {
            return true;
        }
        let late = open.allowed.filter(|allowed| allowed.is_over(Instant::now()));
        if let Some(late) = late {
            self.give_up(&of, Failure::too_late(late.seconds()));
        }
        late.is_some()
    }

    fn wants_preview(&mut self, ticket: Ticket, done: usize, of: usize) -> bool {
        self.pieces.get(&ticket).is_some_and(|piece| is_shown_after(done, of, piece.previews))
    }

    fn tell(&mut self, ticket: Ticket, news: News) {
        match news {
            News::Event(event) => self.event(ticket, event),
            News::Preview(picture) => {
                if let Some(piece) = self.pieces.get(&ticket) {
                    self.outbox.show(piece.of.clone(), piece.index, picture);
                }
            }
            News::Again => {
                self.stepping.remove(&ticket);
            }
            News::Smaller(size) => {
                if let Some(piece) = self.pieces.get_mut(&ticket) {
                    piece.smaller = Some(size);
                }
            }
        }
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Planned(plan, _) => {
                let (total, limit) = (plan.total(), plan.limit);
                let free = (limit < u64::MAX).then(|| limit.saturating_sub(total));
                self.pulse.hold(total, free);
            }
            Notice::Joined { remembered, read, adapters } => {
                self.pulse.load(adapters);
                self.outbox.say(Word::Count(Count::Prompts { remembered, read }));
            }
            Notice::Stepped(pictures, micros) => {
                let pictures = u32::try_from(pictures).unwrap_or(u32::MAX);
                let (pixels, seconds) = (self.pixels(), micros as f64 / 1e6);
                self.outbox.say(Word::Count(Count::Step { pictures, pixels, seconds }));
                let took = self.pulse.stepped(pixels);
                self.took(took);
            }
            Notice::Wants(pictures) => self.wants(pictures),
            Notice::Relieved(rung) => {
                self.outbox.say(Word::Count(Count::Relief { rung: rung.into() }));
            }
        }
    }

    fn deliver(&mut self, ticket: Ticket, picture: Picture) {
        self.stepping.remove(&ticket);
        let took = self.pulse.enter(Stage::Denoise, self.pixels());
        self.took(took);
        if let Some(piece) = self.pieces.get(&ticket) {
            self.outbox.deliver(Drawn {
                of: piece.of.clone(),
                index: piece.index,
                job: piece.job.clone(),
                picture,
                provenance: Arc::clone(&piece.provenance),
                seconds: piece.begun.map_or(0.0, |begun| begun.elapsed().as_secs_f64()),
                held_bytes: self.pulse.held(),
            });
        }
        self.over(ticket);
    }

    fn fail(&mut self, ticket: Ticket, error: &Error) {
        // Nothing is said of jobs that the device took with it: a new worker draws them.
        if error.ends_engine() {
            return;
        }
        if let Some(of) = self.pieces.get(&ticket).map(|piece| piece.of.clone()) {
            self.give_up(&of, Failure::of_engine(error));
        }
        self.over(ticket);
    }
}

fn on_the_wire(stage: zao_engine::Stage) -> Stage {
    match stage {
        zao_engine::Stage::Load => Stage::Load,
        zao_engine::Stage::Encode => Stage::Encode,
        zao_engine::Stage::Text => Stage::Text,
        zao_engine::Stage::Denoise => Stage::Denoise,
        zao_engine::Stage::Decode => Stage::Decode,
    }
}
