//! The parent's side of its workers: starts one for each device, hands jobs out, notices when one hangs, dies, talks
//! nonsense or takes too much memory, and replaces it. Which job comes first and what becomes of pictures is the
//! [`Office`]'s business.
//!
//! All of it happens on one thread, which calls the office; each worker has two more, for its two pipes. No worker
//! outlives its [`Crew`].

mod child;
mod foreman;
mod limits;
mod lines;
mod office;
mod post;
mod restarts;
mod settings;
mod state;
mod watch;

use std::io;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use foreman::{Foreman, Signal};
pub use office::{Assignment, Lost, Office};
pub use settings::{CrewSettings, Endurance, Patience, WorkerCommand};
pub use state::{AdaptersState, CrewState, Phase, WorkerState};

use crate::protocol::{JobId, Order};

/// The workers, and the thread that looks after them. Dropped, it ends them all.
pub struct Crew {
    signals: Sender<Signal>,
    state: Arc<RwLock<CrewState>>,
    thread: Option<JoinHandle<()>>,
}

impl Crew {
    /// Starts the workers. They load their models from here on; `office` is asked for jobs when one is ready.
    ///
    /// # Errors
    /// The system gave no thread. A worker that cannot be started is no error but a state.
    pub fn start(settings: CrewSettings, office: Arc<dyn Office>) -> io::Result<Self> {
        let (signals, received) = mpsc::channel();
        let state = Arc::new(RwLock::new(CrewState::default()));
        let foreman = Foreman::new(settings, office, &signals, Arc::clone(&state));
        let thread =
            thread::Builder::new().name("crew".into()).spawn(move || foreman.run(&received))?;
        Ok(Self { signals, state, thread: Some(thread) })
    }

    /// There may be a job now: workers that have room are offered to the office.
    pub fn wake(&self) {
        self.signal(Signal::Wake);
    }

    /// Nobody wants the job any more. Its worker reports that it failed as cancelled, at its next step; nothing happens
    /// if no worker has it.
    pub fn cancel(&self, job: JobId) {
        self.signal(Signal::Cancel(job));
    }

    /// Every worker opens the adapter of that name before a job names it, or says why it cannot.
    pub fn open_adapter(&self, name: String) {
        self.signal(Signal::Say(Order::OpenAdapter { name }));
    }

    /// Every worker gives up what the adapter of that name takes of its device's memory.
    pub fn close_adapter(&self, name: String) {
        self.signal(Signal::Say(Order::CloseAdapter { name }));
    }

    /// Every worker gives back what memory it keeps for later, as soon as what it has is done.
    pub fn free(&self) {
        self.signal(Signal::Say(Order::Free));
    }

    /// Lets workers finish what they have, and nothing more, then ends them; what is not done `within` that time is
    /// told to the office as lost. Returns when no worker is left.
    pub fn drain(&self, within: Duration) {
        let (done, wait) = mpsc::channel();
        self.signal(Signal::Drain(within, done));
        // The thread that would tell is gone where this fails, and with it the workers.
        let _gone = wait.recv();
    }

    /// How the workers are.
    #[must_use]
    pub fn state(&self) -> CrewState {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn signal(&self, signal: Signal) {
        let _gone = self.signals.send(signal);
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.signal(Signal::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was printed where it happened; its workers ended with their pipes.
            let _ended = thread.join();
        }
    }
}
