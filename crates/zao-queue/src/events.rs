//! What happened to jobs lately, so that whoever lost a connection can go on where it broke. In memory only: after a restart there is
//! the job itself to look at. How events travel is NOT known here.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::SystemTime;

use zao_api::JobEvent;

use crate::JobId;
use crate::lock::hold;
use crate::moment::Moment;

/// Events that are kept of a job.
pub const EVENTS_KEPT: usize = 256;

/// Jobs that are over whose events are kept.
const JOBS_KEPT: usize = 256;

/// An event and its number.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Greater than that of any earlier event of the job, before a restart as well; below 2^53.
    pub id: u64,
    /// When it happened.
    pub at: SystemTime,
    /// What happened.
    pub what: JobEvent,
}

/// What is known of a job's events after a certain one.
#[derive(Debug, Clone, PartialEq)]
pub struct Since {
    /// Those that came after it and are still kept, oldest first.
    pub events: Vec<Arc<Event>>,
    /// Whether some that came after it are not kept any more: the job has to be looked at first.
    pub gap: bool,
    /// The number of the newest event.
    pub last: u64,
    /// Whether no more will come.
    pub over: bool,
}

/// What is called after each event.
type Wake = Box<dyn Fn(&JobId, &JobEvent) + Send + Sync>;

/// The last events of each job.
#[derive(Default)]
pub struct EventLog {
    log: Mutex<Log>,
    wake: OnceLock<Wake>,
}

#[derive(Debug, Default)]
struct Log {
    next: u64,
    rings: HashMap<JobId, Ring>,
    over: VecDeque<JobId>,
}

#[derive(Debug, Default)]
struct Ring {
    events: VecDeque<Arc<Event>>,
    /// The newest event that is not kept.
    lost: u64,
    over: bool,
}

impl EventLog {
    /// An empty log whose numbers begin behind those of any earlier one, if the clock goes forward.
    pub(crate) fn starting(now: Moment) -> Self {
        let log = Log { next: now.micros().max(1), ..Log::default() };
        Self { log: Mutex::new(log), wake: OnceLock::new() }
    }

    /// Has `wake` called after each event, with the job that it happened to. It is called while the ledger works, so it must only
    /// notify somebody, and must not call the ledger. Only the first one counts.
    pub fn on_event(&self, wake: impl Fn(&JobId, &JobEvent) + Send + Sync + 'static) {
        // Whoever comes second hears nothing, as is said above.
        let _ = self.wake.set(Box::new(wake));
    }

    /// The events of a job after the one with number `after`, or with `None` after the newest one. `None` if nothing is known of the
    /// job's events, because it was over long ago.
    #[must_use]
    pub fn since(&self, job: &JobId, after: Option<u64>) -> Option<Since> {
        let log = hold(&self.log);
        let ring = log.rings.get(job)?;
        let last = ring.events.back().map_or(ring.lost, |event| event.id);
        let after = after.unwrap_or(last);
        let events = ring.events.iter().filter(|event| event.id > after).cloned().collect();
        Some(Since { events, gap: after < ring.lost, last, over: ring.over })
    }

    /// Makes room for the events of a job that was there before this log.
    pub(crate) fn open(&self, job: &JobId) {
        let mut log = hold(&self.log);
        let lost = log.next - 1;
        log.rings.insert(job.clone(), Ring { lost, ..Ring::default() });
    }

    pub(crate) fn tell(&self, job: &JobId, what: JobEvent, now: Moment) {
        let event = hold(&self.log).add(job, what, now);
        if let Some(wake) = self.wake.get() {
            wake(job, &event.what);
        }
    }
}

impl std::fmt::Debug for EventLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventLog").field("jobs", &hold(&self.log).rings.len()).finish()
    }
}

impl Log {
    fn add(&mut self, job: &JobId, what: JobEvent, now: Moment) -> Arc<Event> {
        let id = self.next;
        self.next += 1;
        let is_last = matches!(
            what,
            JobEvent::Completed { .. } | JobEvent::Failed { .. } | JobEvent::Cancelled { .. }
        );
        let event = Arc::new(Event { id, at: now.into(), what });
        let ring = self
            .rings
            .entry(job.clone())
            .or_insert_with(|| Ring { lost: id - 1, ..Ring::default() });
        // Of places in the queue only the last is of interest. Thousands that wait are told theirs several times a second, and all of it
        // would be most of the memory.
        let is_place = |event: &Arc<Event>| matches!(event.what, JobEvent::Queued { .. });
        if is_place(&event) && ring.events.back().is_some_and(is_place) {
            ring.events.pop_back();
        }
        ring.events.push_back(event.clone());
        if ring.events.len() > EVENTS_KEPT {
            ring.lost = ring.events.pop_front().map_or(ring.lost, |event| event.id);
        }
        if is_last && !ring.over {
            ring.over = true;
            // Nobody looks at half a picture when there is the whole one, and they are most of the memory.
            ring.events.retain(|event| !matches!(event.what, JobEvent::Preview { .. }));
            ring.events.shrink_to_fit();
            self.over.push_back(job.clone());
            if self.over.len() > JOBS_KEPT {
                self.over.pop_front().and_then(|oldest| self.rings.remove(&oldest));
            }
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::of_micros(1_767_225_600_000_000);

    fn job(number: u128) -> JobId {
        JobId::of(number)
    }

    fn step(step: u32) -> JobEvent {
        JobEvent::Step { job: "job".into(), step, steps: 8, eta_seconds: None, picture: None }
    }

    fn over() -> JobEvent {
        let state = serde_json::json!({
            "id": "job", "status": "completed", "created_at": 0.0, "request": {"prompt": "a"},
            "seeds": [1], "width": 16, "height": 16, "steps": 1, "images": [], "warnings": [],
            "links": {"self": "", "events": ""}
        });
        let state = Box::new(serde_json::from_value(state).unwrap());
        JobEvent::Completed { job: "job".into(), state }
    }

    fn preview() -> JobEvent {
        let (mime, b64) = (String::new(), "A".repeat(1000));
        JobEvent::Preview { job: "job".into(), index: 0, mime, b64, width: 8, height: 8 }
    }

    #[test]
    fn whoever_comes_back_gets_what_was_missed() {
        let log = EventLog::starting(Moment::of_micros(100));
        for number in 0..5 {
            log.tell(&job(1), step(number), NOW);
            log.tell(&job(2), step(number), NOW);
        }
        let all = log.since(&job(1), Some(0)).unwrap();
        assert_eq!((all.events.len(), all.gap, all.over), (5, true, false));
        let second = all.events[1].id;
        let missed = log.since(&job(1), Some(second)).unwrap();
        assert_eq!(missed.events, all.events[2..]);
        assert!(!missed.gap);
        assert_eq!(log.since(&job(1), None).unwrap().events, []);
        assert_eq!(log.since(&job(1), None).unwrap().last, all.events[4].id);
        assert_eq!(log.since(&job(3), None), None);
    }

    #[test]
    fn what_does_not_fit_is_a_gap() {
        let log = EventLog::starting(Moment::of_micros(100));
        for number in 0..300 {
            log.tell(&job(1), step(number), NOW);
        }
        let since = |after| log.since(&job(1), Some(after)).unwrap();
        let first = 100;
        assert!(since(first).gap);
        assert_eq!(since(first).events.len(), EVENTS_KEPT);
        // The last one that is lost may have been seen: nothing is missing then.
        assert!(!since(first + 43).gap);
        assert!(since(first + 42).gap);
        assert_eq!(since(first + 43).events.len(), EVENTS_KEPT);
    }

    #[test]
    fn numbers_of_an_earlier_life_are_a_gap() {
        let earlier = EventLog::starting(Moment::of_micros(100));
        earlier.tell(&job(1), step(0), NOW);
        let seen = earlier.since(&job(1), None).unwrap().last;
        let log = EventLog::starting(Moment::of_micros(5_000));
        log.open(&job(1));
        assert!(log.since(&job(1), Some(seen)).unwrap().gap);
        assert!(!log.since(&job(1), None).unwrap().gap);
        log.tell(&job(1), step(1), NOW);
        assert_eq!(log.since(&job(1), Some(4_999)).unwrap().events.len(), 1);
    }

    #[test]
    fn jobs_that_are_over_take_bounded_memory() {
        let log = EventLog::starting(Moment::of_micros(1));
        for number in 0..1000 {
            for _ in 0..10 {
                log.tell(&job(number), preview(), NOW);
            }
            log.tell(&job(number), over(), NOW);
        }
        let kept = hold(&log.log);
        assert_eq!((kept.rings.len(), kept.over.len()), (JOBS_KEPT, JOBS_KEPT));
        assert!(kept.rings.values().all(|ring| ring.events.len() == 1 && ring.over));
        drop(kept);
        assert!(log.since(&job(999), Some(0)).unwrap().over);
        assert_eq!(log.since(&job(0), Some(0)), None);
    }

    #[test]
    fn of_places_in_the_queue_the_last_is_kept_and_nothing_is_missing_for_it() {
        let log = EventLog::starting(Moment::of_micros(100));
        let place = |position| JobEvent::Queued { job: "job".into(), position, eta_seconds: None };
        log.open(&job(1));
        log.tell(&job(1), place(1000), NOW);
        let first = log.since(&job(1), None).unwrap().last;
        for position in (1..1000).rev() {
            log.tell(&job(1), place(position), NOW);
        }
        let since = log.since(&job(1), Some(first)).unwrap();
        assert!(!since.gap);
        let told: Vec<&JobEvent> = since.events.iter().map(|event| &event.what).collect();
        assert_eq!(told, [&place(1)]);
        log.tell(&job(1), step(1), NOW);
        log.tell(&job(1), place(3), NOW);
        assert_eq!(log.since(&job(1), Some(first)).unwrap().events.len(), 3, "it waits again");
    }

    #[test]
    fn somebody_is_woken_by_each_event() {
        let log = EventLog::starting(Moment::of_micros(1));
        let woken = Arc::new(Mutex::new(Vec::new()));
        let heard = woken.clone();
        log.on_event(move |job, _| hold(&heard).push(job.clone()));
        log.tell(&job(1), step(1), NOW);
        log.tell(&job(2), step(1), NOW);
        assert_eq!(*hold(&woken), [job(1), job(2)]);
    }
}
