//! What every request of the server may reach: jobs, the model, those who draw. No request is answered here.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use tokio::sync::Notify;
use zao_engine::ModelFacts;
use zao_queue::{JobId, Ledger};
use zao_weights::AdapterFolder;

use crate::bells::Bells;
use crate::hands::{Hands, Health};
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
    /// Which jobs came with one request of A1111's interface.
    pub(crate) batches: Batches,
    /// How slowly bodies may come.
    pub(crate) haste: Haste,
    hands: OnceLock<Arc<dyn Hands>>,
    draining: AtomicBool,
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
            batches: Batches::default(),
            haste,
            hands,
            draining,
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

    pub(crate) fn health(&self) -> Health {
        self.hands().map(|hands| hands.health()).unwrap_or_default()
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
