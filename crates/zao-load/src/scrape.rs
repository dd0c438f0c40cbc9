//! What a server tells of itself under `/metrics`: how much memory it holds, how many requests wait, how many pictures it has
//! drawn, what its cards do. Any server's names are taken that look the part; what else it tells is NOT looked at.

mod counter;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::device::{self, Log, Readings};
use crate::http::{Client, Question};
use counter::Counter;

/// How often the server is asked.
const EVERY: Duration = Duration::from_millis(500);

/// A server that is this slow to answer is asked no more often.
const PATIENCE: Duration = Duration::from_secs(2);

/// The greatest values since they were last taken.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Peaks {
    /// Gauges of memory in bytes, by name and labels.
    pub(crate) memory: BTreeMap<String, f64>,
    /// Requests that wait.
    pub(crate) queue_depth: Option<f64>,
}

/// Asks again and again until it is dropped.
pub(crate) struct Scraper {
    peaks: Arc<Mutex<Peaks>>,
    /// What was told of cards.
    cards: Arc<Mutex<Log>>,
    /// Pictures that it has drawn.
    pictures: Arc<Mutex<Counter>>,
    task: tokio::task::JoinHandle<()>,
}

impl Scraper {
    /// Begins to ask. A server without metrics is asked on in vain, which costs it nothing.
    pub(crate) fn new(client: Arc<Client>) -> Self {
        let peaks = Arc::<Mutex<Peaks>>::default();
        let cards = Arc::<Mutex<Log>>::default();
        let pictures = Arc::<Mutex<Counter>>::default();
        let (into, told, counter) = (Arc::clone(&peaks), Arc::clone(&cards), Arc::clone(&pictures));
        let task = tokio::spawn(async move {
            let question = Question::get(client.path("/metrics"));
            loop {
                let answer = tokio::time::timeout(PATIENCE, client.fetch(&question)).await;
                if let Ok(Ok((answer, body))) = answer
                    && answer.status.is_success()
                {
                    let (at, page) = (Instant::now(), String::from_utf8_lossy(&body));
                    let seen = lock(&into).take_in(&page);
                    lock(&told).add(at, seen.cards);
                    seen.pictures.into_iter().for_each(|count| lock(&counter).add(at, count));
                }
                tokio::time::sleep(EVERY).await;
            }
        });
        Self { peaks, cards, pictures, task }
    }

    /// What was told of cards.
    pub(crate) fn cards(&self) -> &Arc<Mutex<Log>> {
        &self.cards
    }

    /// Pictures a second that it counted between two moments, if it counts them.
    pub(crate) fn pictures_per_second(&self, span: (Instant, Instant)) -> Option<f64> {
        lock(&self.pictures).rate(span)
    }

    /// What was seen since the last time.
    pub(crate) fn take(&self) -> Peaks {
        std::mem::take(&mut *lock(&self.peaks))
    }
}

/// What is noted with its moment.
#[derive(Debug, Default)]
struct Seen {
    cards: Readings,
    pictures: Option<f64>,
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Scraper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Peaks {
    /// Takes in a page in Prometheus' text form, and gives what else it says.
    fn take_in(&mut self, page: &str) -> Seen {
        let mut seen = Seen::default();
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = sample(line) else { continue };
            let name = series.split('{').next().unwrap_or(series);
            if device::take_in(&mut seen.cards, name, series, value) {
                continue;
            }
            if name.ends_with("images_total") {
                seen.pictures = Some(seen.pictures.unwrap_or(0.0) + value);
            } else if is_depth(name) {
                self.queue_depth = Some(self.queue_depth.map_or(value, |most| most.max(value)));
            } else if is_memory(name, series) {
                let most = self.memory.entry(series.to_owned()).or_insert(value);
                *most = most.max(value);
            }
        }
        seen
    }
}

/// Series and value of a line; what stands behind them is a time.
fn sample(line: &str) -> Option<(&str, f64)> {
    let end = match line.rfind('}') {
        Some(end) => end + 1,
        None => line.find(' ')?,
    };
    let (series, rest) = line.split_at(end);
    let value: f64 = rest.split_whitespace().next()?.parse().ok()?;
    value.is_finite().then_some((series.trim(), value))
}

fn is_depth(name: &str) -> bool {
    ["queue_depth", "queue_size", "queued_jobs", "num_requests_waiting"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// Whether it counts memory that is in use: neither what is free nor what there is.
fn is_memory(name: &str, series: &str) -> bool {
    let counts =
        name.ends_with("_bytes") && ["memory", "vram", "rss"].iter().any(|it| name.contains(it));
    let other = ["free", "total", "limit", "virtual", "max_", "planned"];
    counts && !other.iter().any(|it| series.contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_of_each_gauge_is_kept() {
        let mut peaks = Peaks::default();
        peaks.take_in(
            "# HELP zao_vram_bytes x\nzao_vram_bytes{kind=\"peak\"} 5e9\nzao_queue_depth 3\n",
        );
        peaks.take_in(
            "zao_vram_bytes{kind=\"peak\"} 4e9 1700000000\nzao_vram_bytes{kind=\"free\"} 9e9\nzao_queue_depth 1\n\
             process_resident_memory_bytes 1.5e8\nprocess_virtual_memory_bytes 9e9\nother{a=\"b c\"} 1\nnan_memory_bytes NaN\n",
        );
        let memory: Vec<_> =
            peaks.memory.iter().map(|(name, &most)| (name.as_str(), most)).collect();
        assert_eq!(
            memory,
            [("process_resident_memory_bytes", 1.5e8), ("zao_vram_bytes{kind=\"peak\"}", 5e9)]
        );
        assert_eq!(peaks.queue_depth, Some(3.0));
    }

    #[test]
    fn what_is_told_of_cards_is_no_peak_of_memory() {
        let mut peaks = Peaks::default();
        let seen = peaks.take_in(
            "zao_device_power_watts{device=\"cuda:0\",worker=\"worker-0\"} 312.5\n\
             zao_device_memory_used_bytes{device=\"cuda:0\",worker=\"worker-0\"} 30000000000\n\
             zao_device_power_watts{device=\"cuda:1\",worker=\"worker-1\"} NaN\n\
             zao_vram_bytes{kind=\"reserved\",worker=\"worker-0\"} 2e10\n\
             zao_images_total{size=\"a\"} 3\nzao_images_total{size=\"b\"} 4\n",
        );
        let cards = seen.cards;
        assert_eq!(seen.pictures, Some(7.0));
        assert_eq!(peaks.memory.values().copied().collect::<Vec<_>>(), [2e10]);
        let names: Vec<&str> = cards.keys().map(String::as_str).collect();
        assert_eq!(names, ["cuda:0"]);
        assert_eq!(cards["cuda:0"].memory_bytes, Some(3e10));
    }
}
