//! What every request of the server may reach: jobs, the model, those who draw. No request is answered here.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use zao_engine::ModelFacts;
use zao_queue::{JobId, Ledger};
use zao_weights::AdapterFolder;

use crate::bells::Bells;
use crate::hands::{Condition, Hands, Health};
use crate::http::{Batches, Code, Haste, Links, Rates, Refusal, Result};
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::thumbnails::Thumbnails;

/// The server's rooms.
pub(crate) struct House {
    pub(crate) settings: Settings,
    pub(crate) model: ModelFacts,
    pub(crate) loras: AdapterFolder,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) bells: Arc<Bells>,
    pub(crate) metrics: Metrics,
    pub(crate) rates: Rates,
    pub(crate) thumbnails: Thumbnails,
    pub(crate) links: Links,
    /// A permit for each client that may listen to events.
    listeners: Arc<Semaphore>,
    /// Which jobs came with one request of A1111's interface.
    pub(crate) batches: Batches,
    /// How slowly bodies may come.
    pub(crate) haste: Haste,
    hands: OnceLock<Arc<dyn Hands>>,
    draining: AtomicBool,
    /// Whether the disk had no room for pictures when it was looked at last.
    full: AtomicBool,
    /// Rung when a client that may has the server finish.
    ending: Notify,
}

impl House {
    /// # Errors
    /// A system that gives no random numbers.
    pub(crate) fn new(
        settings: Settings,
        model: ModelFacts,
        loras: AdapterFolder,
        ledger: Arc<Ledger>,
    ) -> io::Result<Arc<Self>> {
        let bells = Arc::new(Bells::default());
        let ringing = Arc::clone(&bells);
        let metrics = Metrics::new();
        ledger.events().on_event(move |job, _| ringing.ring(job));
        let (hands, draining, rates) = (OnceLock::new(), AtomicBool::new(false), Rates::default());
        let haste = Haste::USUAL;
        let listeners = settings.request.listeners.min(Semaphore::MAX_PERMITS);
        let links = Links::new().map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Arc::new(Self {
            settings,
            model,
            loras,
            ledger,
            bells,
            metrics,
            rates,
            thumbnails: Thumbnails::default(),
            links,
            listeners: Arc::new(Semaphore::new(listeners)),
            batches: Batches::default(),
            haste,
            hands,
            draining,
            full: AtomicBool::new(false),
            ending: Notify::new(),
        }))
    }

    /// Says who draws. Only the first call counts.
    pub(crate) fn employ(&self, hands: Arc<dyn Hands>) {
        // Whoever comes second draws nothing, as is said above.
        let _ = self.hands.set(hands);
    }

    /// Those who draw, once there are any.
    pub(crate) fn hands(&self) -> Option<&Arc<dyn Hands>> {
        self.hands.get()
    }

    /// How those who draw are, and whether they may: while the disk is full no job is accepted.
    pub(crate) fn health(&self) -> Health {
        let mut health = self.hands().map(|hands| hands.health()).unwrap_or_default();
        if health.condition == Condition::Ready && self.full.load(Ordering::Relaxed) {
            let folder = self.settings.folder.display();
            let why = format!(
                "the disk of {folder} has no room for pictures, and no job is accepted until some of it is free"
            );
            health.condition = Condition::Unwell(why);
        }
        health
    }

    /// Looks whether the disk has room. Not whenever somebody asks how the server is: a disk may take its time to answer.
    pub(crate) fn look_at_disk(&self) {
        let full = !self.ledger.has_room();
        if self.full.swap(full, Ordering::Relaxed) == full {
            return;
        }
        let folder = self.settings.folder.display().to_string();
        if full {
            tracing::warn!(
                folder,
                "the disk has no room for pictures: no job is accepted until some of it is free"
            );
        } else {
            tracing::info!(folder, "the disk has room for pictures again");
        }
    }

    /// Takes no jobs any more.
    pub(crate) fn close(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Has the server finish what runs, and end.
    pub(crate) fn end(&self) {
        self.close();
        self.ending.notify_one();
    }

    /// Waits until somebody has it end.
    pub(crate) async fn is_to_end(&self) {
        self.ending.notified().await;
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// A place among those who listen to events, for as long as it is held. Each of them holds a connection for as long as it likes, and
    /// connections are files, of which pictures and the database need some.
    ///
    /// # Errors
    /// `rate_limited` where all are taken.
    pub(crate) fn listen(&self) -> Result<OwnedSemaphorePermit> {
        Arc::clone(&self.listeners).try_acquire_owned().map_err(|_| {
            let most = self.settings.request.listeners;
            let message = format!(
                "{most} clients listen to events, as many as may; ask for the job itself, or try again in a moment"
            );
            Refusal::new(Code::RateLimited, message).after(Duration::from_secs(10))
        })
    }

    /// Does something with the ledger that may have to wait for the disk, without keeping other requests waiting.
    pub(crate) async fn ledger<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Ledger, SystemTime) -> zao_queue::Result<T> + Send + 'static,
    ) -> Result<T> {
        let ledger = Arc::clone(&self.ledger);
        let done = tokio::task::spawn_blocking(move || work(&ledger, SystemTime::now())).await;
        match done {
            Ok(done) => Ok(done?),
            Err(error) => Err(Refusal::new(Code::Internal, error.to_string())),
        }
    }

    /// The id that a path names.
    pub(crate) fn job_id(text: &str) -> Result<JobId> {
        Ok(text.parse::<JobId>()?)
    }
}
