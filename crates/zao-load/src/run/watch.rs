//! What is observed beside the requests: how many are on their way, how busy and how late the client itself is, what the
//! server tells of its memory and its queue.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::context::Context;
use crate::record::Surroundings;
use crate::report::ClientLoad;
use crate::scrape::Scraper;

const EVERY: Duration = Duration::from_millis(5);

/// Observes until it is dropped.
pub(super) struct Watch {
    seen: Arc<Mutex<Seen>>,
    task: tokio::task::JoinHandle<()>,
    scraper: Scraper,
    cpu: Mutex<(Instant, Option<f64>)>,
}

#[derive(Default)]
struct Seen {
    in_flight: f64,
    looks: u64,
    lag: Duration,
}

impl Watch {
    pub(super) fn new(context: &Arc<Context>) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let (into, of) = (Arc::clone(&seen), Arc::clone(context));
        let task = tokio::spawn(async move {
            loop {
                let due = Instant::now() + EVERY;
                tokio::time::sleep_until(due.into()).await;
                let mut seen = into.lock().unwrap_or_else(PoisonError::into_inner);
                seen.in_flight += of.in_flight() as f64;
                seen.looks += 1;
                seen.lag = seen.lag.max(due.elapsed());
            }
        });
        let scraper = Scraper::new(Arc::clone(&context.client));
        Self { seen, task, scraper, cpu: Mutex::new((Instant::now(), cpu_seconds())) }
    }

    /// What was observed since the last time.
    pub(super) fn take(&self) -> Surroundings {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        let peaks = self.scraper.take();
        let client = ClientLoad { cpu: self.cpu(), lag_seconds: seen.lag.as_secs_f64() };
        let in_flight = seen.in_flight / seen.looks.max(1) as f64;
        Surroundings { client, memory: peaks.memory, queue_depth: peaks.queue_depth, in_flight }
    }

    /// Share of all processors that this process took since the last time.
    fn cpu(&self) -> Option<f64> {
        let now = (Instant::now(), cpu_seconds());
        let mut last = self.cpu.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, before) = std::mem::replace(&mut *last, now);
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let elapsed = (now.0 - since).as_secs_f64() * processors as f64;
        Some((now.1? - before?) / elapsed).filter(|share| share.is_finite())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Seconds that processors worked for this process, where the system tells.
#[cfg(unix)]
fn cpu_seconds() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

#[cfg(not(unix))]
fn cpu_seconds() -> Option<f64> {
    None
}
