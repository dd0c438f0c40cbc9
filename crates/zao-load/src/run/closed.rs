//! Closed loop: clients that each wait for their answer before they ask again. What one request is, is known in
//! [`super::context`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::Stage;
use super::context::{Context, Samples};
use super::live::{Live, Progress};
use super::stable::{self, Windows};
use crate::Length;
use crate::record::{Sample, Surroundings, Tally};
use crate::report::{Load, Row};

const TICK: Duration = Duration::from_millis(20);

/// How often it is looked whether the server has settled.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A client that cannot reach the server tries no more often, or it would be all that the machine does.
const BEFORE_CONNECTING: Duration = Duration::from_millis(100);

/// So many spans of that length follow each other without a pause.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spans {
    pub(super) length: Length,
    pub(super) count: usize,
}

/// What clients are told, and tell.
struct Control {
    over: AtomicBool,
    /// Clients that still wait for their first answer, and the last of those that came.
    first_answers: Mutex<(usize, Option<Instant>)>,
}

impl Control {
    /// A client has its first answer.
    fn answered(&self, end: Instant) {
        let mut first = self.first_answers.lock().unwrap_or_else(PoisonError::into_inner);
        first.0 -= 1;
        // Clients do not come here in the order of their answers.
        first.1 = first.1.max(Some(end));
    }

    /// When every client had its first answer.
    fn ready(&self) -> Option<Instant> {
        let first = self.first_answers.lock().unwrap_or_else(PoisonError::into_inner);
        first.1.filter(|_| first.0 == 0)
    }
}

/// Lets clients ask, and cuts what they measure into rows.
///
/// Measuring begins when every client has its first answer: before that, less waits at the server than the row says. It ends
/// at the last answer within the span, so that a row holds whole spans between answers and no part of one.
pub(super) async fn rows(stage: &Stage<'_>, clients: usize, spans: Spans) -> Vec<Row> {
    let control = Arc::new(Control {
        over: AtomicBool::new(false),
        first_answers: Mutex::new((clients, None)),
    });
    let (samples, mut arriving) = mpsc::unbounded_channel();
    for _ in 0..clients {
        tokio::spawn(client(Arc::clone(stage.context), Arc::clone(&control), samples.clone()));
    }
    drop(samples);

    let load = Load::Closed { clients };
    let mut progress = Progress::of(load);
    let mut cutter = Cutter::new(stage, clients, spans);
    let mut last: Option<(Instant, Surroundings)> = None;
    let mut ticker = tokio::time::interval(TICK);
    ticker.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut ticks = 0_u32;
    loop {
        tokio::select! {
            sample = arriving.recv() => match sample {
                Some(sample) => {
                    progress.note(&sample);
                    cutter.waiting.push(sample);
                }
                None => break,
            },
            _ = ticker.tick() => {
                if last.is_none() {
                    last = cutter.tick(&control);
                }
                ticks = ticks.wrapping_add(1);
                if ticks.is_multiple_of(10) {
                    (stage.observe)(&progress.show(stage.context.in_flight()));
                }
            }
        }
    }
    let (limit, around) = last.unwrap_or_else(|| (Instant::now(), stage.watch.take()));
    cutter.finish(limit, around);
    cutter.rows
}

/// Asks until it is told to stop.
async fn client(context: Arc<Context>, control: Arc<Control>, samples: Samples) {
    let mut first = true;
    while !control.over.load(Ordering::Relaxed) {
        let over = context.perform(context.wishes.next(), Instant::now(), &samples).await;
        if std::mem::take(&mut first) {
            control.answered(over.end);
        }
        if over.unreachable {
            tokio::time::sleep(BEFORE_CONNECTING).await;
        }
    }
}

/// Cuts samples into rows.
struct Cutter<'a> {
    stage: &'a Stage<'a>,
    clients: usize,
    spans: Spans,
    /// Of the row that is being measured; `None` while clients still wait for their first answers.
    begin: Option<Instant>,
    /// Samples that belong to no row yet.
    waiting: Vec<Sample>,
    /// When it was looked last whether the server has settled, and how it was.
    looked: Option<Instant>,
    windows: Windows,
    /// Whether the row ended because it was long enough, and not because the server had settled.
    unsettled: bool,
    rows: Vec<Row>,
}

impl<'a> Cutter<'a> {
    fn new(stage: &'a Stage<'a>, clients: usize, spans: Spans) -> Self {
        Self {
            stage,
            clients,
            spans,
            begin: None,
            waiting: Vec::new(),
            looked: None,
            windows: Windows::TooFew,
            unsettled: false,
            rows: Vec::new(),
        }
    }

    /// The last answer up to a moment, since a row begins and ends with answers.
    fn last_end(&self, until: Instant) -> Option<Instant> {
        self.waiting.iter().filter_map(|it| it.moments.end).filter(|end| *end <= until).max()
    }

    /// Looks whether a row is over. When the last one is, clients are told, and it is given until when it was measured.
    fn tick(&mut self, control: &Control) -> Option<(Instant, Surroundings)> {
        let now = Instant::now();
        if self.stage.stop.is_asked() {
            control.over.store(true, Ordering::Relaxed);
            return Some((now, self.stage.watch.take()));
        }
        let Some(begin) = self.begin else {
            if let Some(ready) = control.ready() {
                self.begin = Some(ready);
                // What was observed of the ramp belongs to no row.
                self.stage.watch.take();
            }
            return None;
        };
        let Length { duration, requests, settling } = self.spans.length;
        let enough = requests.is_some_and(|most| {
            let ended = self.waiting.iter().filter(|it| it.moments.end > Some(begin)).count();
            ended as u64 >= most
        });
        let windows = settling.filter(|_| ticks_on(now, self.looked)).map(|settling| {
            self.looked = Some(now);
            stable::look(&self.waiting, begin, now, settling)
        });
        let settled = match windows {
            Some(Windows::Settled(from)) => {
                self.begin = self.last_end(from).or(self.begin);
                true
            }
            Some(windows) => {
                self.windows = windows;
                false
            }
            None => false,
        };
        if now < begin + duration && !enough && !settled {
            return None;
        }
        self.unsettled = settling.is_some() && !settled && !enough;
        let limit = now.min(begin + duration);
        let around = self.stage.watch.take();
        if self.rows.len() + 1 >= self.spans.count {
            control.over.store(true, Ordering::Relaxed);
            return Some((limit, around));
        }
        let samples = std::mem::take(&mut self.waiting);
        let (within, later): (Vec<_>, Vec<_>) =
            samples.into_iter().partition(|it| it.moments.end <= Some(limit));
        self.waiting = later;
        self.cut(&within, &[], limit, around);
        None
    }

    /// The last row, with what came after its end.
    fn finish(&mut self, limit: Instant, around: Surroundings) {
        let samples = std::mem::take(&mut self.waiting);
        let (within, late): (Vec<_>, Vec<_>) =
            samples.into_iter().partition(|it| it.moments.end <= Some(limit));
        if within.is_empty() && late.is_empty() && self.begin.is_none() {
            return;
        }
        self.cut(&within, &late, limit, around);
    }

    fn cut(&mut self, within: &[Sample], late: &[Sample], limit: Instant, around: Surroundings) {
        let load = Load::Closed { clients: self.clients };
        let mut tally = Tally::new(load, &self.stage.context.objectives);
        let begin = self.begin.unwrap_or(self.stage.begin);
        let is_ramp = |it: &&Sample| self.rows.is_empty() && it.moments.end <= Some(begin);
        let ramp: Vec<&Sample> = within.iter().filter(is_ramp).collect();
        let measured: Vec<&Sample> = within.iter().filter(|it| !is_ramp(it)).collect();
        measured.iter().for_each(|sample| tally.add(sample));
        late.iter().for_each(|sample| tally.add_late(sample));
        let end = end(&measured, limit);
        let from = begin.saturating_duration_since(self.stage.begin).as_secs_f64();
        let seconds = end.saturating_duration_since(begin).as_secs_f64();
        let mut row = tally.row(from, seconds, self.clients as f64, around);
        self.stage.watch.tell(&mut row, (begin, end));
        if self.unsettled {
            row.remarks.push(unsettled(self.windows));
        }
        let failed = ramp.iter().filter(|sample| !sample.is_correct()).count();
        if failed > 0 {
            row.remarks.push(format!("{failed} of {} requests before it failed, too", ramp.len()));
        }
        self.begin = Some(end);
        (self.stage.observe)(&Live::Row(&row));
        self.rows.push(row);
    }
}

/// Whether it is time to look again.
fn ticks_on(now: Instant, looked: Option<Instant>) -> bool {
    looked.is_none_or(|looked| now.saturating_duration_since(looked) >= LOOK_EVERY)
}

/// What is said of a row that ended before its server had settled.
fn unsettled(windows: Windows) -> String {
    match windows {
        Windows::Apart(apart) => format!(
            "did not settle: the last three windows are {:.0} % apart; measure for longer",
            100.0 * apart
        ),
        Windows::TooFew | Windows::Settled(_) => {
            "did not settle: too few requests ended in its windows; measure for longer".to_owned()
        }
    }
}

/// The last answer, unless for too long there was none: then nothing came, which belongs to the row.
fn end(measured: &[&Sample], limit: Instant) -> Instant {
    let last = measured.iter().filter_map(|sample| sample.moments.end).max();
    let longest = measured.iter().map(|sample| sample.seconds()).fold(0.0, f64::max);
    match last {
        Some(last) if limit.saturating_duration_since(last).as_secs_f64() <= longest => last,
        _ => limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ramp_ends_with_the_last_first_answer_in_whatever_order_they_are_told() {
        let control =
            Control { over: AtomicBool::new(false), first_answers: Mutex::new((2, None)) };
        let early = Instant::now();
        let late = early + Duration::from_millis(1);
        control.answered(late);
        assert_eq!(control.ready(), None);
        control.answered(early);
        assert_eq!(control.ready(), Some(late));
    }
}
