//! A worker's place: the process that has it now, what that process said of itself, what it was given, and what becomes
//! of the place when the process ends. Who gets which job is [`super::foreman`]'s.

use std::collections::BTreeMap;
use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::child::{Child, Heard, Origin};
use super::foreman::Signal;
use super::limits::Usual;
use super::lines::Having;
use super::restarts::{Restarts, Verdict};
use super::watch::Watch;
use super::{
    AdaptersState, Assignment, CrewSettings, Endurance, Lost, Office, Phase, WorkerCommand,
    WorkerState,
};
use crate::protocol::{Count, Facts, JobId, Order, Probed, Report, Word};
use crate::story::milliseconds;

/// How long a process may take to end once its output has ended, and its output to end once it has.
const PARTING: Duration = Duration::from_secs(2);

pub(super) struct Post {
    command: WorkerCommand,
    settings: Arc<CrewSettings>,
    office: Arc<dyn Office>,
    signals: Sender<Signal>,
    origin: Origin,
    phase: Phase,
    run: Option<Run>,
    /// When the next process is started.
    start_at: Option<Instant>,
    facts: Option<Arc<Facts>>,
    usual: Usual,
    restarts: Restarts,
    replaced: u64,
    last_failure: Option<String>,
    /// Whether it is to end for good.
    ends: bool,
}

/// The process of a post.
struct Run {
    child: Child,
    watch: Watch,
    /// How many pictures it wants, and the jobs that it has, each with its pictures.
    room: u32,
    jobs: BTreeMap<JobId, u32>,
    /// The same jobs, for the log of what it writes to standard error.
    having: Having,
    /// How its adapters are, as it said last.
    adapters: AdaptersState,
    /// Whether it could draw.
    was_ready: bool,
    /// Whether it ever gave a picture.
    delivered: bool,
    last_words: Option<String>,
    /// Since when its output is over.
    silent: Option<Instant>,
    /// How it ended, and since when that is known.
    status: Option<(Instant, io::Result<ExitStatus>)>,
    /// Why it was killed, or is to be replaced.
    fault: Option<String>,
}

impl Post {
    pub(super) fn new(
        post: usize,
        command: WorkerCommand,
        settings: Arc<CrewSettings>,
        office: Arc<dyn Office>,
        signals: Sender<Signal>,
    ) -> Self {
        Self {
            command,
            settings,
            office,
            signals,
            origin: Origin { post, generation: 0 },
            phase: Phase::BackingOff,
            run: None,
            start_at: Some(Instant::now()),
            facts: None,
            usual: Usual::default(),
            restarts: Restarts::default(),
            replaced: 0,
            last_failure: None,
            ends: false,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.command.name
    }

    /// How many more pictures it wants, if it lives.
    pub(super) fn room(&self, now: Instant) -> u32 {
        match &self.run {
            Some(run)
                if self.phase == Phase::Ready
                    && !run.watch.is_quiet(now)
                    && !run.watch.is_in_doubt(&self.settings.patience) =>
            {
                run.room
            }
            _ => 0,
        }
    }

    /// How many pictures it has.
    pub(super) fn pictures(&self) -> u32 {
        self.run.iter().flat_map(|run| run.jobs.values()).sum()
    }

    /// Whether there is no process.
    pub(super) fn is_empty(&self) -> bool {
        self.run.is_none()
    }

    pub(super) fn state(&self) -> WorkerState {
        let run = self.run.as_ref();
        let beat = run.map(|run| run.watch.beat());
        WorkerState {
            name: self.command.name.clone(),
            phase: self.phase.clone(),
            facts: self.facts.clone(),
            pid: run.map(|run| run.child.pid()),
            jobs: run.map_or(0, |run| run.jobs.len()),
            busy: beat.and_then(|beat| beat.busy),
            adapters: run.map(|run| run.adapters.clone()).unwrap_or_default(),
            held_bytes: beat.map_or(0, |beat| beat.held_bytes),
            peak_bytes: beat.map_or(0, |beat| beat.peak_bytes),
            free_bytes: beat.and_then(|beat| beat.free_bytes),
            loras: beat.map_or(0, |beat| beat.loras),
            resident_bytes: beat.and_then(|beat| beat.resident_bytes),
            gauges: run
                .filter(|run| !run.watch.is_quiet(Instant::now()))
                .and_then(|run| run.watch.beat().gauges),
            restarts: self.replaced,
            last_failure: self.last_failure.clone(),
        }
    }

    /// Gives it a job.
    pub(super) fn assign(&mut self, mut assignment: Assignment) {
        let Some(run) = &mut self.run else { return };
        // As clients sent them they may be longer than a message; the worker gets the bytes.
        (assignment.request.request.image, assignment.request.request.mask) = (None, None);
        let pictures = u32::try_from(assignment.pictures.len()).unwrap_or(u32::MAX);
        run.room = run.room.saturating_sub(pictures.max(1));
        run.jobs.insert(assignment.job.clone(), pictures);
        run.having.add(&assignment.job);
        run.child.say(Order::Draw(Box::new(assignment)));
    }

    /// Tells it that nobody wants this job any more, if it has it.
    pub(super) fn cancel(&self, job: &str) {
        if let Some(run) = self.run.as_ref().filter(|run| run.jobs.contains_key(job)) {
            run.child.say(Order::Cancel { job: job.to_owned() });
        }
    }

    /// Tells it something that every worker is told.
    pub(super) fn say(&self, order: &Order) {
        self.run.iter().for_each(|run| run.child.say(order.clone()));
    }

    /// Has it finish what it has, and end for good.
    pub(super) fn drain(&mut self) {
        self.ends = true;
        self.start_at = None;
        match (&self.phase, &self.run) {
            // What is loading has nothing to finish.
            (Phase::Loading, Some(_)) => self.end(None),
            (_, Some(run)) => {
                run.child.say(Order::Drain);
                if self.phase == Phase::Ready {
                    self.phase = Phase::Draining;
                }
            }
            (_, None) => self.phase = Phase::Ended,
        }
    }

    /// Ends it now, and for good; the office is told of what it had.
    pub(super) fn stop(&mut self) {
        self.ends = true;
        self.start_at = None;
        self.end(Some(Lost::Drained));
    }

    /// Kills the process. What it had is nobody's from now on, and what it still says is not heard.
    fn end(&mut self, why: Option<Lost>) {
        let Some(run) = &mut self.run else { return };
        run.child.kill();
        self.origin.generation += 1;
        run.silent.get_or_insert_with(Instant::now);
        self.phase = Phase::Ending;
        if let Some(why) = why {
            run.tell_lost(&self.command.name, &why.to_string());
            run.fault = Some(why.to_string());
            self.last_failure.clone_from(&run.fault);
            let jobs = std::mem::take(&mut run.jobs);
            self.lose(jobs, why);
        }
    }

    fn lose(&self, jobs: BTreeMap<JobId, u32>, why: Lost) {
        if !jobs.is_empty() {
            self.office.lost(self.name(), jobs.into_keys().collect(), why);
        }
    }

    /// Takes what was heard of a process. Says whether it wants something to do.
    pub(super) fn hear(&mut self, origin: Origin, heard: Heard, now: Instant) -> bool {
        if origin != self.origin {
            return false;
        }
        let Some(run) = &mut self.run else { return false };
        // What it was not given while it was quiet it may have now.
        let is_back = run.watch.is_quiet(now) && run.room > 0;
        run.watch.hear(now);
        match heard {
            Heard::Word(word) => self.take(*word) || is_back,
            Heard::Silence => {
                run.silent = Some(now);
                false
            }
            Heard::Garbage(what) => {
                self.end(Some(Lost::Garbage { what }));
                false
            }
        }
    }

    fn take(&mut self, word: Word) -> bool {
        let Some(run) = &mut self.run else { return false };
        match word {
            Word::Loading => {}
            Word::Ready(facts) => {
                run.tell_ready(&self.command.name, &facts);
                run.was_ready = true;
                self.facts = Some(Arc::new(*facts));
                if self.phase == Phase::Loading {
                    self.phase = Phase::Ready;
                }
            }
            Word::Room { pictures } => {
                run.room = pictures;
                return pictures > 0;
            }
            Word::Job { job, report } => {
                if !run.jobs.contains_key(&job) {
                    return false;
                }
                let is_picture = matches!(report, Report::Picture { .. });
                let is_last = report.is_last();
                run.delivered |= is_picture;
                if is_last {
                    run.jobs.remove(&job);
                    run.having.remove(&job);
                }
                let has_room = run.room > 0;
                self.office.report(&self.command.name, &job, report);
                // What could not be drawn beside it may have waited for its end, and other pictures of its client for each of its own.
                return (is_last || is_picture) && has_room;
            }
            Word::Took(took) => {
                self.office.took(&took);
                self.usual.note(&took);
            }
            Word::Count(count) => {
                if let Count::Relief { rung } = count {
                    let (worker, job) = (&self.command.name, run.having.text());
                    tracing::warn!(worker, rung = rung.as_str(), job, "memory was short");
                }
                self.office.counted(&count);
            }
            Word::Adapters { open, refused } => run.adapters = AdaptersState { open, refused },
            Word::Beat(beat) => {
                // What it was not given while its device was in doubt it may have now.
                let was_probing = run.watch.beat().probing.is_some();
                let is_back = was_probing && beat.probing.is_none() && run.room > 0;
                run.watch.take(beat);
                self.check_memory();
                return is_back;
            }
            Word::Fatal { message } => run.last_words = Some(message),
        }
        false
    }

    /// Has a process that holds too much finish what it has, to be replaced.
    fn check_memory(&mut self) {
        let Some(run) = self.run.as_mut().filter(|_| self.phase == Phase::Ready) else { return };
        let (Some(held), Some(limit)) =
            (run.watch.beat().resident_bytes, self.settings.memory_limit)
        else {
            return;
        };
        if held > limit {
            run.fault = Some(format!(
                "it held {held} bytes of main memory, more than its limit of {limit}"
            ));
            self.last_failure.clone_from(&run.fault);
            let worker = &self.command.name;
            tracing::warn!(
                worker,
                held,
                limit,
                "worker holds too much memory, and is replaced when what it has is done"
            );
            run.child.say(Order::Drain);
            self.phase = Phase::Draining;
        }
    }

    /// Looks after the process as time goes by.
    pub(super) fn tick(&mut self, now: Instant) {
        if self.run.is_some() {
            if let Some(hung) = self.hung(now) {
                if matches!(hung, Lost::Unanswered { .. }) {
                    self.office.counted(&Count::Probed { outcome: Probed::Hung });
                }
                self.end(Some(hung));
            }
            self.look_for_the_end(now);
        } else if self.start_at.is_some_and(|at| at <= now) {
            self.start(now);
        }
    }

    fn start(&mut self, now: Instant) {
        self.start_at = None;
        self.origin.generation += 1;
        let having = Having::default();
        match Child::start(&self.command, self.origin, self.signals.clone(), having.clone()) {
            Ok(child) => {
                let (worker, pid, restarts) = (&self.command.name, child.pid(), self.replaced);
                tracing::info!(worker, pid, restarts, "worker started");
                self.phase = Phase::Loading;
                self.run = Some(Run {
                    child,
                    watch: Watch::begun(now),
                    room: 0,
                    jobs: BTreeMap::new(),
                    having,
                    adapters: AdaptersState::default(),
                    was_ready: false,
                    delivered: false,
                    last_words: None,
                    silent: None,
                    status: None,
                    fault: None,
                });
            }
            Err(error) => {
                let program = self.command.program.display();
                self.failed(&format!("{program} cannot be started: {error}"), false, now);
            }
        }
    }

    /// Whether the process takes longer than it may.
    fn hung(&self, now: Instant) -> Option<Lost> {
        let run = self.run.as_ref().filter(|run| run.silent.is_none() && run.status.is_none())?;
        let loading = self.phase == Phase::Loading;
        run.watch.hung(loading, &self.usual, &self.settings.patience, now)
    }

    /// Whoever looks after it was away so long: that is no fault of the process.
    pub(super) fn excuse(&mut self, away: Duration) {
        if let Some(run) = &mut self.run {
            run.watch.excuse(away);
        }
    }

    /// A process is over when it has ended and all it said was heard.
    fn look_for_the_end(&mut self, now: Instant) {
        let Some(run) = &mut self.run else { return };
        if run.status.is_none() {
            run.status = run.child.ended().map(|status| (now, status));
        }
        let late = |at: Instant| now.saturating_duration_since(at) >= PARTING;
        match (&run.status, run.silent) {
            (None, Some(silent)) if late(silent) => run.child.kill(),
            (Some((ended, _)), None) if late(*ended) => self.over(now),
            (Some(_), Some(_)) => self.over(now),
            _ => {}
        }
    }

    fn over(&mut self, now: Instant) {
        let Some(run) = self.run.take() else { return };
        // It may be heard later, from a pipe that somebody else holds.
        self.origin.generation += 1;
        let was_to_end = self.phase == Phase::Draining && run.jobs.is_empty();
        let how = match &run.status {
            Some((_, Ok(status))) => status.to_string(),
            Some((_, Err(error))) => error.to_string(),
            None => "nobody saw how".to_owned(),
        };
        let how = run.last_words.as_ref().map_or(how.clone(), |words| format!("{words} ({how})"));
        let lost = Lost::Ended { how: how.clone() };
        if self.ends {
            tracing::info!(worker = self.command.name, how, "worker ended");
        } else if run.fault.is_none() {
            run.tell_lost(&self.command.name, &lost.to_string());
        }
        self.lose(run.jobs, lost);
        if self.ends {
            self.phase = Phase::Ended;
            return;
        }
        // What was replaced for its memory did its work; what never drew would be replaced again and again.
        if was_to_end && run.delivered {
            self.replaced += 1;
            self.last_failure = run.fault;
            self.start(now);
            return;
        }
        let reason = run.fault.unwrap_or(Lost::Ended { how }.to_string());
        self.failed(&reason, run.was_ready, now);
    }

    /// It failed, and is started again later or never.
    fn failed(&mut self, reason: &str, was_ready: bool, now: Instant) {
        self.replaced += 1;
        self.last_failure = Some(reason.to_owned());
        let Endurance { failures, within, .. } = &self.settings.endurance;
        let often = match self.restarts.failed(now, was_ready, &self.settings.endurance) {
            Verdict::After(wait) => {
                let (worker, seconds) = (&self.command.name, wait.as_secs_f64());
                tracing::warn!(worker, why = reason, seconds, "worker is started again in a while");
                self.phase = Phase::BackingOff;
                self.start_at = Some(now + wait);
                return;
            }
            Verdict::GiveUp => format!("{failures} times within {} s", within.as_secs()),
            Verdict::GiveUpInVain => format!("{failures} times before it was ready"),
        };
        let name = self.name();
        let reason = format!(
            "the worker {name} failed {often}, the last time so: {reason}; see to that and start zao again"
        );
        tracing::error!(worker = self.command.name, why = reason, "worker given up");
        self.phase = Phase::GivenUp { reason };
    }
}

impl Run {
    /// Has the log say that it can draw, with what, and how long that took.
    fn tell_ready(&self, worker: &str, facts: &Facts) {
        let (pid, precision) = (self.child.pid(), facts.precision.as_str());
        let Facts { device, device_detail, model, .. } = facts;
        let seconds = milliseconds(self.watch.started().elapsed().as_secs_f64());
        tracing::info!(
            worker,
            pid,
            model,
            device,
            device_detail,
            precision,
            seconds,
            "worker ready"
        );
    }

    /// Has the log say that it is gone, and why.
    fn tell_lost(&self, worker: &str, why: &str) {
        let (pid, job) = (self.child.pid(), self.having.text());
        tracing::warn!(worker, pid, why, job, "worker lost");
    }
}
