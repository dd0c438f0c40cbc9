//! What is observed beside the requests: how many are on their way, how busy and how late the client itself is, what the
//! server tells of its memory and its queue, what its cards do.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::context::Context;
use crate::Cards;
use crate::device::Log;
use crate::record::Surroundings;
use crate::report::{ClientLoad, Row, Teller};
use crate::scrape::Scraper;

const EVERY: Duration = Duration::from_millis(5);

/// How often cards are read here; their own power is a mean over a second.
const READ_EVERY: Duration = Duration::from_secs(1);

/// Observes until it is dropped.
pub(super) struct Watch {
    seen: Arc<Mutex<Seen>>,
    task: tokio::task::JoinHandle<()>,
    scraper: Scraper,
    cpu: Mutex<(Instant, Option<f64>)>,
    metered: Option<Metered>,
}

/// Cards that are read here.
struct Metered {
    /// Whether the server is not asked at all.
    alone: bool,
    log: Arc<Mutex<Log>>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    in_flight: f64,
    looks: u64,
    lag: Duration,
}

impl Watch {
    pub(super) fn new(context: &Arc<Context>, cards: &Cards) -> Self {
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
        let metered = Metered::start(cards, scraper.cards());
        Self { seen, task, scraper, cpu: Mutex::new((Instant::now(), cpu_seconds())), metered }
    }

    /// Tells a row what the server itself says of the time between its first moment and its last.
    pub(super) fn tell(&self, row: &mut Row, span: (Instant, Instant)) {
        let counted = self.scraper.pictures_per_second(span);
        row.remarks.extend(counted.and_then(|counted| others(row, counted)));
        self.tell_cards(row, span);
    }

    fn tell_cards(&self, row: &mut Row, span: (Instant, Instant)) {
        let of = |log: &Arc<Mutex<Log>>, teller| {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.between(span, row.pictures_per_second, teller)
        };
        let told = match &self.metered {
            Some(Metered { alone: true, log, .. }) => of(log, Teller::Meter),
            Some(Metered { log, .. }) => {
                of(self.scraper.cards(), Teller::Server).or_else(|| of(log, Teller::Meter))
            }
            None => of(self.scraper.cards(), Teller::Server),
        };
        // Half of the readings may be lost without a word.
        let few = told.as_ref().filter(|it| 2.0 * (it.readings as f64) < row.seconds - 2.0);
        row.remarks.extend(few.map(|it| {
            format!(
                "the cards told only {} times in {:.0} s, and their numbers are of those moments",
                it.readings, row.seconds
            )
        }));
        row.devices = told;
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

impl Metered {
    /// Reads by the meter that there is; where the server is asked first, only as long as it tells nothing.
    fn start(cards: &Cards, of_server: &Arc<Mutex<Log>>) -> Option<Self> {
        let meter = cards.meter()?.clone();
        let alone = matches!(cards, Cards::Meter(_));
        let log = Arc::<Mutex<Log>>::default();
        let (into, of_server) = (Arc::clone(&log), Arc::clone(of_server));
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(READ_EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let told = !of_server.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
                if told && !alone {
                    continue;
                }
                let (meter, at) = (meter.clone(), Instant::now());
                // A driver may take its time.
                if let Ok(readings) = tokio::task::spawn_blocking(move || meter.read()).await {
                    into.lock().unwrap_or_else(PoisonError::into_inner).add(at, readings);
                }
            }
        });
        Some(Self { alone, log, task })
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Says when a server counted another number of pictures than the client: then somebody else has it draw, too, or others answer for
/// it, and a row is of more than its own load. At both ends of a row what was drawn together may be counted on one side only.
fn others(row: &Row, counted: f64) -> Option<String> {
    let own = row.pictures_per_second;
    let allowed = 0.05 * own.max(counted) + (2.0 + row.in_flight) / row.seconds;
    let is_plain = row.failed() == 0;
    (is_plain && (counted - own).abs() > allowed).then(|| {
        format!(
            "the server counted {counted:.2} pictures a second and the client {own:.2}: it draws for others, too, or is not alone"
        )
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Load;
    use crate::record::Tally;

    #[test]
    fn a_server_that_draws_for_others_is_noticed() {
        let mut row = Tally::new(Load::Closed { clients: 4 }, &[]).row(
            0.0,
            10.0,
            4.0,
            Surroundings::default(),
        );
        row.pictures_per_second = 5.0;
        assert_eq!(others(&row, 5.5), None, "a few at both ends");
        assert!(others(&row, 8.0).unwrap().starts_with("the server counted 8.00 pictures"));
        assert!(others(&row, 2.0).is_some());
        row.errors.insert("timeout".into(), 1);
        assert_eq!(others(&row, 8.0), None, "pictures that nobody waited for are drawn, too");
    }
}
