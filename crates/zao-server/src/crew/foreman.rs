//! The crew's thread: hears everything, lets each post look after its worker, and hands jobs to those that want some.

use std::cell::Cell;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::child::{Heard, Origin};
use super::post::Post;
use super::{CrewSettings, CrewState, Office, Phase, WorkerState};
use crate::protocol::{JobId, Order};

/// How often posts are looked at although nothing was heard.
const TICK: Duration = Duration::from_millis(100);

/// A thread that looks ten times a second and was away for longer did not run: its machine was suspended, or starved. Workers are
/// not to blame for that.
const AWAY: Duration = Duration::from_secs(1);

/// How long processes that were killed are waited for. One that a driver holds on to cannot be helped.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// Nobody waits longer, and clocks end somewhere.
const LONGEST_DRAIN: Duration = Duration::from_secs(365 * 24 * 3600);

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Signal {
    Heard(Origin, Heard),
    Wake,
    Cancel(JobId),
    /// Whatever concerns every worker that there is.
    Say(Order),
    /// Until when, and whom to tell that it is done.
    Drain(Duration, Sender<()>),
    Stop,
}

pub(super) struct Foreman {
    office: Arc<dyn Office>,
    posts: Vec<Post>,
    shared: Arc<RwLock<CrewState>>,
    /// What the office was told last.
    told: CrewState,
    drain: Option<Drain>,
    /// Whether some worker wants jobs, or there may be some.
    offer: Cell<bool>,
}

struct Drain {
    until: Instant,
    waiting: Vec<Sender<()>>,
    killed: bool,
}

impl Foreman {
    pub(super) fn new(
        settings: CrewSettings,
        office: Arc<dyn Office>,
        signals: &Sender<Signal>,
        shared: Arc<RwLock<CrewState>>,
    ) -> Self {
        let settings = Arc::new(settings);
        let commands = settings.workers.iter().cloned().enumerate();
        let post = |(index, command)| {
            let (settings, office) = (Arc::clone(&settings), Arc::clone(&office));
            Post::new(index, command, settings, office, signals.clone())
        };
        let posts = commands.map(post).collect();
        let (told, drain, offer) = (CrewState::default(), None, Cell::new(false));
        Self { office, posts, shared, told, drain, offer }
    }

    /// Leads the crew until it is stopped.
    pub(super) fn run(mut self, signals: &Receiver<Signal>) {
        let mut looked = Instant::now();
        loop {
            let now = Instant::now();
            let away = now.duration_since(looked).saturating_sub(TICK);
            if away > AWAY {
                tracing::warn!(seconds = away.as_secs_f64(), "this machine stood still");
                self.posts.iter_mut().for_each(|post| post.excuse(away));
            }
            looked = now;
            self.posts.iter_mut().for_each(|post| post.tick(now));
            self.go_on_draining(now);
            if self.offer.take() {
                self.hand_out();
            }
            self.publish();
            let first = match signals.recv_timeout(TICK) {
                Ok(signal) => signal,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let stop =
                std::iter::once(first).chain(signals.try_iter()).any(|signal| self.take(signal));
            if stop {
                break;
            }
        }
        self.stop();
    }

    /// Says whether all is over.
    fn take(&mut self, signal: Signal) -> bool {
        match signal {
            Signal::Heard(origin, heard) => {
                if let Some(post) = self.posts.get_mut(origin.post)
                    && post.hear(origin, heard, Instant::now())
                {
                    self.offer.set(true);
                }
            }
            Signal::Wake => self.offer.set(true),
            Signal::Cancel(job) => self.posts.iter().for_each(|post| post.cancel(&job)),
            Signal::Say(order) => self.posts.iter().for_each(|post| post.say(&order)),
            Signal::Drain(within, done) => self.drain(within, done),
            Signal::Stop => return true,
        }
        false
    }

    /// Offers jobs to the workers that want some, one at a time to whoever has least to do, so that no worker gets what
    /// another could begin at once.
    fn hand_out(&mut self) {
        if self.drain.is_some() {
            return;
        }
        let now = Instant::now();
        let mut asking: Vec<usize> = (0..self.posts.len()).collect();
        loop {
            asking.retain(|&post| self.posts[post].room(now) > 0);
            let Some(&idlest) = asking.iter().min_by_key(|&&post| self.posts[post].pictures())
            else {
                return;
            };
            let post = &mut self.posts[idlest];
            match self.office.next(post.name(), post.room(now)) {
                Some(assignment) => post.assign(assignment),
                None => asking.retain(|&post| post != idlest),
            }
        }
    }

    fn drain(&mut self, within: Duration, done: Sender<()>) {
        let until = Instant::now() + within.min(LONGEST_DRAIN);
        match &mut self.drain {
            Some(drain) => {
                drain.until = drain.until.min(until);
                drain.waiting.push(done);
            }
            None => {
                self.drain = Some(Drain { until, waiting: vec![done], killed: false });
                self.posts.iter_mut().for_each(Post::drain);
            }
        }
    }

    fn go_on_draining(&mut self, now: Instant) {
        let Some(drain) = &mut self.drain else { return };
        if now >= drain.until && !drain.killed {
            drain.killed = true;
            self.posts.iter_mut().for_each(Post::stop);
        }
        let given_up = now >= drain.until + LAST_WAIT;
        if !given_up && !self.posts.iter().all(Post::is_empty) {
            return;
        }
        let waiting = std::mem::take(&mut drain.waiting);
        // Whoever waited finds the state as it is then.
        self.publish();
        for waiting in waiting {
            // Whoever does not wait any more need not be told.
            let _gone = waiting.send(());
        }
    }

    fn stop(&mut self) {
        self.posts.iter_mut().for_each(Post::stop);
        let until = Instant::now() + LAST_WAIT;
        while !self.posts.iter().all(Post::is_empty) && Instant::now() < until {
            self.posts.iter_mut().for_each(|post| post.tick(Instant::now()));
            std::thread::sleep(Duration::from_millis(5));
        }
        self.publish();
    }

    /// Lets others see how the workers are, and tells the office where that is news.
    fn publish(&mut self) {
        let workers = self.posts.iter().map(Post::state).collect();
        let state = CrewState { workers, draining: self.drain.is_some() };
        let is_news = self.told.draining != state.draining || news(&self.told) != news(&state);
        *self.shared.write().unwrap_or_else(PoisonError::into_inner) = state.clone();
        if is_news {
            self.told = state.clone();
            self.office.changed(state);
        }
    }
}

/// What of a state is worth telling: not what counts on.
fn news(state: &CrewState) -> Vec<(&Phase, bool, Option<u32>, u64)> {
    let of = |worker: &WorkerState| worker.facts.is_some();
    let workers = state.workers.iter();
    workers.map(|worker| (&worker.phase, of(worker), worker.pid, worker.restarts)).collect()
}
