//! The server from its start to its end: the ledger, the crew, the port, and what is to be done every now and then.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::net::TcpListener;
use tokio::sync::watch;
use zao_engine::ModelFacts;
use zao_queue::{Ledger, Recovered, Swept};
use zao_weights::AdapterFolder;

use crate::crew::{Crew, CrewState, Phase};
use crate::hands::{Condition, Hands, Health, WorkerHealth};
use crate::house::House;
use crate::http::router;
use crate::keeper::Keeper;
use crate::listen::{self, Pace};
use crate::settings::Settings;

/// Why a server could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Jobs cannot be kept.
    #[error(transparent)]
    Ledger(#[from] zao_queue::Error),
    /// The port is not to be had.
    #[error("cannot listen on {address}: {why}; {}", advice(why))]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        why: io::Error,
    },
    /// Workers cannot be started.
    #[error("cannot start the threads that look after workers: {0}")]
    Crew(io::Error),
    /// The system refused something that every server needs.
    #[error("cannot serve: {0}")]
    System(io::Error),
}

impl From<io::Error> for ServeError {
    // Not as a source: the message has it already, and whoever prints both says everything twice.
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

/// What to do about a port that is not to be had.
fn advice(why: &io::Error) -> &'static str {
    match why.kind() {
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address: use one of its own with --host, or 0.0.0.0 for all of them"
        }
        io::ErrorKind::PermissionDenied => {
            "this user may not, as is usual below 1024: choose another with --port"
        }
        _ => "stop what does, or choose another with --port",
    }
}

/// Open files that are left to whoever does not only listen: requests, pictures, the database, workers.
const OTHER_FILES: u64 = 256;

/// What is told while the server runs.
pub trait Witness: Send + Sync {
    /// It listens here.
    fn listening(&self, address: SocketAddr);
}

/// Serves until `stop` says so, then lets what is under way finish.
///
/// # Errors
/// A ledger that cannot be opened, a port that is taken.
pub fn serve(
    mut settings: Settings,
    model: ModelFacts,
    loras: AdapterFolder,
    witness: &dyn Witness,
    stop: watch::Receiver<bool>,
) -> Result<(), ServeError> {
    if let Some(files) = listen::allow_many() {
        let most = usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX);
        let listeners = &mut settings.request.listeners;
        *listeners = (*listeners).min(most.max(1));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // Before the ledger: whoever cannot listen leaves no folder behind, and interrupts no job that waits there.
    let listener = {
        let _within = runtime.enter();
        let address = settings.address;
        listen::bind(address).map_err(|why| ServeError::Listen { address, why })?
    };
    let ledger = Ledger::open(&settings.folder, settings.ledger.clone(), SystemTime::now())?;
    let folder = settings.folder.display().to_string();
    let Recovered { waiting, interrupted, completed, cancelled, lost_pictures } =
        ledger.recovered();
    tracing::info!(
        folder,
        waiting,
        interrupted,
        completed,
        cancelled,
        lost_pictures,
        "the ledger is open"
    );
    let house = House::new(settings, model, loras, Arc::new(ledger))?;
    let done = runtime.block_on(run(house, listener, witness, stop));
    // Streams that clients hold open would keep it waiting for ever.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

async fn run(
    house: Arc<House>,
    listener: TcpListener,
    witness: &dyn Witness,
    mut stop: watch::Receiver<bool>,
) -> Result<(), ServeError> {
    let keeper = Arc::new(Keeper::new(Arc::clone(&house)));
    let crew = Crew::start(house.settings.workers.clone(), Arc::clone(&keeper) as _);
    let crew = Arc::new(crew.map_err(ServeError::Crew)?);
    house.employ(Arc::new(Employed { crew: Arc::clone(&crew) }));
    witness.listening(listener.local_addr()?);
    let (gone, going) = watch::channel(false);
    let answers = router(Arc::clone(&house));
    let serving = tokio::spawn(listen::serve(listener, answers, Pace::default(), going));
    let chores = tokio::spawn(chores(Arc::clone(&house), keeper));
    tokio::select! {
        // An error means that nobody can say it any more, which says it.
        _ = stop.wait_for(|stop| *stop) => {}
        () = house.is_to_end() => tracing::info!("asked to stop by /admin/drain"),
    }
    house.close();
    tracing::info!("stopping: what is under way finishes, what waits is kept");
    let within = house.settings.drain;
    let draining = tokio::task::spawn_blocking(move || crew.drain(within));
    if draining.await.is_err() {
        tracing::error!("the thread that ends workers panicked");
    }
    chores.abort();
    let _ = gone.send(true);
    // Clients that wait for an answer have it by now; those that listen to events would listen for ever.
    let _ = tokio::time::timeout(Duration::from_secs(2), serving).await;
    Ok(())
}

/// What is to be done every now and then.
async fn chores(house: Arc<House>, keeper: Arc<Keeper>) {
    let mut tick = tokio::time::interval(Duration::from_millis(250));
    let begun = Instant::now();
    for count in 0_u64.. {
        tick.tick().await;
        let (house, keeper) = (Arc::clone(&house), Arc::clone(&keeper));
        let done = tokio::task::spawn_blocking(move || {
            // First of all: what is done with the time has to know whether it is right.
            compare_clocks(&house, begun.elapsed());
            chore(&house, &keeper, count);
        })
        .await;
        if done.is_err() {
            tracing::error!("a chore panicked");
        }
    }
}

/// Tells the ledger how much time went by, whatever the clock on the wall says.
fn compare_clocks(house: &House, counted: Duration) {
    match house.ledger.compare_clocks(SystemTime::now(), counted) {
        Ok(None) => {}
        Ok(Some(jump)) => {
            let seconds = jump.length().as_secs_f64();
            let way = if jump.is_forward() { "forward" } else { "back" };
            tracing::warn!(
                seconds,
                way,
                "the clock was set, or the machine slept: deadlines and the age of pictures go on as if it had not"
            );
        }
        Err(error) => {
            tracing::warn!(%error, "the clock was set; times of jobs under way are told as they were");
        }
    }
}

fn chore(house: &House, keeper: &Keeper, count: u64) {
    house.ledger.tell_positions(SystemTime::now());
    keeper.catch_up();
    if count.is_multiple_of(4) {
        house.look_at_disk();
        for job in keeper.give_up_overdue() {
            house.hands().inspect(|hands| hands.stop(&job));
        }
        match house.ledger.give_up_waiting(SystemTime::now()) {
            Ok(jobs) => jobs.iter().for_each(|job| {
                tracing::warn!(job = job.as_str(), "job failed: it waited longer than it may");
            }),
            Err(error) => tracing::error!(%error, "jobs that waited for too long cannot be ended"),
        }
        // A job that waits while somebody is idle was missed by a wake-up that came too early.
        house.hands().inspect(|hands| hands.wake());
    }
    if count.is_multiple_of(20) {
        match house.ledger.sweep(SystemTime::now()) {
            Ok(Swept { jobs, images, bytes, .. }) if jobs + images > 0 => {
                tracing::info!(jobs, images, bytes, "old results were removed");
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "old results cannot be removed"),
        }
    }
}

/// The crew, as HTTP knows those who draw.
struct Employed {
    crew: Arc<Crew>,
}

impl Hands for Employed {
    fn wake(&self) {
        self.crew.wake();
    }

    fn stop(&self, job: &str) {
        self.crew.cancel(job.to_owned());
    }

    fn open_adapter(&self, name: &str) {
        self.crew.open_adapter(name.to_owned());
    }

    fn close_adapter(&self, name: &str) {
        self.crew.close_adapter(name.to_owned());
    }

    fn free(&self) {
        self.crew.free();
    }

    fn health(&self) -> Health {
        let state = self.crew.state();
        let condition = condition(&state);
        let workers = state.workers.into_iter().map(|worker| WorkerHealth {
            name: worker.name,
            device: worker.facts.as_ref().map(|facts| facts.device_detail.clone()),
            device_label: worker.facts.as_ref().map(|facts| facts.device.clone()),
            gauges: worker.gauges,
            precision: worker
                .facts
                .as_ref()
                .map(|facts| (facts.precision.as_str().to_owned(), facts.precision_reason.clone())),
            memory: worker.facts.as_ref().map(|facts| facts.memory.clone()).unwrap_or_default(),
            adapters: worker.adapters,
            restarts: worker.restarts,
            held_bytes: worker.held_bytes,
            peak_bytes: worker.peak_bytes,
            free_bytes: worker.free_bytes,
            loras: worker.loras,
            resident_bytes: worker.resident_bytes.unwrap_or(0),
        });
        Health { condition, workers: workers.collect() }
    }
}

fn condition(state: &CrewState) -> Condition {
    if state.is_ready() {
        return Condition::Ready;
    }
    if let Some(why) = state.given_up() {
        return Condition::GivenUp(why.to_owned());
    }
    // One that loads again is no reason to hope before it is ready: whatever ended the last one may end it, too.
    let failed = state.workers.iter().find_map(|worker| {
        let next = match worker.phase {
            Phase::Loading => "another one is loading",
            Phase::Draining | Phase::Ending => "another one follows when it has ended",
            Phase::BackingOff => "another one is started soon",
            Phase::Ready | Phase::Ended | Phase::GivenUp { .. } => return None,
        };
        Some(format!("{}; {next}", worker.last_failure.as_deref()?))
    });
    failed.map_or(Condition::Loading, Condition::Unwell)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crew::{AdaptersState, WorkerState};

    fn worker(phase: Phase, last_failure: Option<&str>) -> WorkerState {
        WorkerState {
            name: "worker-0".into(),
            phase,
            facts: None,
            pid: None,
            jobs: 0,
            busy: None,
            adapters: AdaptersState::default(),
            held_bytes: 0,
            peak_bytes: 0,
            free_bytes: None,
            loras: 0,
            resident_bytes: None,
            gauges: None,
            restarts: 0,
            last_failure: last_failure.map(str::to_owned),
        }
    }

    fn of(workers: Vec<WorkerState>) -> Condition {
        condition(&CrewState { workers, draining: false })
    }

    #[test]
    fn what_ended_a_worker_is_told_until_another_is_ready() {
        assert_eq!(of(vec![worker(Phase::Loading, None)]), Condition::Loading);
        for phase in [Phase::Ending, Phase::BackingOff, Phase::Loading, Phase::Draining] {
            let told = of(vec![worker(Phase::Loading, None), worker(phase, Some("it fell off"))]);
            let Condition::Unwell(why) = told else { panic!("{told:?}") };
            assert!(why.starts_with("it fell off; another one"), "{why}");
        }
        let ready =
            vec![worker(Phase::BackingOff, Some("it fell off")), worker(Phase::Ready, None)];
        assert_eq!(of(ready), Condition::Ready);
        let reason = "it is broken".to_owned();
        let given_up = of(vec![worker(Phase::GivenUp { reason: reason.clone() }, None)]);
        assert_eq!(given_up, Condition::GivenUp(reason));
    }
}
