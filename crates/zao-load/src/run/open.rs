//! Open loop: requests that come when they come, whatever became of those before. Times count from the moment at which a
//! request was to be sent, so that a server that stalls cannot hide it from the ones that it keeps waiting.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc};

use super::Stage;
use super::context::{Context, Samples};
use super::live::{Live, Progress, Stop};
use crate::plan::Moment;
use crate::record::Tally;
use crate::report::{Load, Row};

const TICK: Duration = Duration::from_millis(200);

/// A wish to stop is noticed so soon.
const NAP: Duration = Duration::from_millis(50);

/// Between the plan and its first moment, so that the first request is not late.
const LEAD: Duration = Duration::from_millis(20);

/// What is sent when.
pub(super) struct Plan {
    pub(super) load: Load,
    pub(super) moments: Vec<Moment>,
    /// What would be more at a time is dropped.
    pub(super) most_in_flight: usize,
}

/// What the sender saw.
#[derive(Default)]
struct Sent {
    dropped: u64,
    /// Requests on their way whenever another was due.
    in_flight: Vec<usize>,
}

/// Follows a plan to its last answer; `None` if it is empty.
pub(super) async fn row(stage: &Stage<'_>, plan: Plan) -> Option<Row> {
    let load = plan.load;
    let (samples, mut arriving) = mpsc::unbounded_channel();
    let start = Instant::now() + LEAD;
    tokio::time::sleep_until(start.into()).await;
    stage.watch.take();
    let sender = send(Arc::clone(stage.context), plan, start, samples, stage.stop.clone());
    let sender = tokio::spawn(sender);
    let mut progress = Progress::of(load);
    let mut tally = Tally::new(load, &stage.context.objectives);
    let mut last: Option<Instant> = None;
    let mut ticker = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            sample = arriving.recv() => match sample {
                Some(sample) => {
                    progress.note(&sample);
                    last = last.max(sample.moments.end);
                    tally.add(&sample);
                }
                None => break,
            },
            _ = ticker.tick() => (stage.observe)(&progress.show(stage.context.in_flight())),
        }
    }
    let around = stage.watch.take();
    let sent = sender.await.unwrap_or_default();
    tally.add_dropped(sent.dropped);
    if last.is_none() && sent.dropped == 0 {
        return None;
    }
    let from = start.saturating_duration_since(stage.begin).as_secs_f64();
    let seconds = last.map_or(0.0, |last| last.saturating_duration_since(start).as_secs_f64());
    let in_flight = around.in_flight;
    let mut row = tally.row(from, seconds, in_flight, around);
    stage.watch.tell(&mut row, (start, last.unwrap_or(start)));
    row.remarks.extend(growth(&sent.in_flight));
    if sent.dropped > 0 {
        row.remarks.push(format!(
            "{} requests were due and not sent, since too many were on their way; the others' times are too good",
            sent.dropped
        ));
    }
    (stage.observe)(&Live::Row(&row));
    Some(row)
}

async fn send(
    context: Arc<Context>,
    plan: Plan,
    start: Instant,
    samples: Samples,
    stop: Stop,
) -> Sent {
    let mut sent = Sent::default();
    let room = Arc::new(Semaphore::new(plan.most_in_flight));
    for Moment { at, wish } in plan.moments {
        let due = start + at;
        while Instant::now() < due && !stop.is_asked() {
            tokio::time::sleep_until(due.min(Instant::now() + NAP).into()).await;
        }
        if stop.is_asked() {
            break;
        }
        sent.in_flight.push(plan.most_in_flight - room.available_permits());
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            sent.dropped += 1;
            continue;
        };
        let (context, samples) = (Arc::clone(&context), samples.clone());
        tokio::spawn(async move {
            context.perform(wish, due, &samples).await;
            drop(permit);
        });
    }
    sent
}

/// Says when ever more requests were on their way: the server does not keep up, and longer rows would have longer times.
fn growth(in_flight: &[usize]) -> Option<String> {
    let third = in_flight.len() / 3;
    let mean = |part: &[usize]| part.iter().sum::<usize>() as f64 / part.len() as f64;
    if third == 0 {
        return None;
    }
    let first = mean(&in_flight[..third]);
    let last = mean(&in_flight[in_flight.len() - third..]);
    // One more or less is chance.
    (last > 1.5 * first + 1.0).then(|| {
        format!(
            "the server does not keep up: {first:.1} requests were on their way in the first third, {last:.1} in the last; \
             for longer, times would be longer"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_grows_is_noticed() {
        assert!(growth(&(0..30).collect::<Vec<_>>()).is_some());
        assert_eq!(growth(&[2, 3, 2, 3, 2, 3]), None);
        assert_eq!(growth(&[1, 9]), None);
    }
}
