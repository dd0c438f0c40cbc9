//! Two clocks, each set by hand: the one on the wall, and one that only counts.

use std::time::Duration;

use zao_api::JobStatus;
use zao_queue::{Error, JobId, Limits, Retention, Submission};

use crate::support::{Desk, files, wish};

const DAY: f64 = 86_400.0;

/// A desk and what its second clock counted.
struct Watched {
    desk: Desk,
    counted: Duration,
}

impl Watched {
    fn new(limits: Limits) -> Self {
        let watched = Self { desk: Desk::new(limits), counted: Duration::ZERO };
        watched.compare();
        watched
    }

    fn compare(&self) -> Option<zao_queue::Jump> {
        self.desk.ledger.compare_clocks(self.desk.now, self.counted).unwrap()
    }

    /// Time goes by on both.
    fn wait(&mut self, seconds: f64) {
        self.desk.wait(seconds);
        self.counted += Duration::from_secs_f64(seconds);
        assert_eq!(self.compare(), None);
    }

    /// Somebody sets the one on the wall.
    fn set(&mut self, seconds: f64) {
        let by = Duration::from_secs_f64(seconds.abs());
        self.desk.now = if seconds > 0.0 { self.desk.now + by } else { self.desk.now - by };
        let jump = self.compare().unwrap();
        assert_eq!((jump.length(), jump.is_forward()), (by, seconds > 0.0));
    }

    fn drawn(&self) -> JobId {
        let id = self.desk.accept(wish("ann"));
        self.desk.draw(&self.desk.take().unwrap());
        id
    }

    fn sweep(&self) -> usize {
        self.desk.ledger.sweep(self.desk.now).unwrap().jobs
    }
}

fn week() -> Limits {
    let age = Duration::from_secs_f64(7.0 * DAY);
    Limits { retention: Retention { age, ..Retention::default() }, ..Limits::default() }
}

#[test]
fn a_deadline_is_of_time_that_went_by() {
    for jump in [360.0, -360.0, 9.0 * DAY, -9.0 * DAY] {
        let mut watched = Watched::new(Limits::default());
        let id =
            watched.desk.accept(Submission { deadline: Duration::from_secs(10), ..wish("ann") });
        watched.wait(2.0);
        let claimed = watched.desk.take().unwrap();
        watched.wait(4.0);
        watched.set(jump);
        watched.wait(5.0);
        assert!(
            watched.desk.ledger.overdue(watched.desk.now).is_empty(),
            "{jump}: it has a second left"
        );
        watched.wait(1.0);
        assert_eq!(watched.desk.ledger.overdue(watched.desk.now).len(), 1, "{jump}");
        watched.desk.draw(&claimed);
        let timing = watched.desk.job(&id).timing.unwrap();
        let told = (timing.queue_seconds, timing.inference_seconds, timing.total_seconds);
        assert_eq!(told, (2.0, 10.0, 12.0), "{jump}");
    }
}

#[test]
fn no_picture_is_older_for_a_clock_that_was_set() {
    let mut watched = Watched::new(week());
    let before = watched.drawn();
    watched.wait(5000.0);
    watched.set(9.0 * DAY);
    let after = watched.drawn();
    watched.wait(5000.0);
    assert_eq!(watched.sweep(), 0);
    assert_eq!(files(watched.desk.folder.path()).len(), 2);
    watched.wait(7.0 * DAY - 5000.0);
    assert_eq!(watched.sweep(), 1, "the first is a week old by now");
    assert!(matches!(watched.desk.ledger.job(&before, watched.desk.now), Err(Error::Expired(_))));
    watched.wait(5000.0);
    assert_eq!(watched.sweep(), 1);
    assert!(matches!(watched.desk.ledger.job(&after, watched.desk.now), Err(Error::Expired(_))));
}

#[test]
fn a_clock_that_is_set_right_again_leaves_ages_as_they_are() {
    let mut watched = Watched::new(week());
    watched.drawn();
    watched.wait(5000.0);
    watched.set(9.0 * DAY);
    watched.wait(5.0);
    watched.set(-9.0 * DAY);
    watched.wait(6.0 * DAY);
    assert_eq!(watched.sweep(), 0);
    watched.wait(DAY);
    assert_eq!(watched.sweep(), 1);
}

#[test]
fn little_goes_in_the_first_hour_of_a_start_that_may_have_a_wrong_clock() {
    let mut watched = Watched::new(week());
    for _ in 0..24 {
        watched.drawn();
    }
    watched.wait(8.0 * DAY);
    let Watched { desk, .. } = watched;
    let watched = Watched { desk: desk.reopen(), counted: Duration::ZERO };
    let mut watched = {
        watched.compare();
        watched
    };
    assert_eq!((watched.sweep(), watched.sweep()), (3, 0));
    watched.wait(3599.0);
    assert_eq!(watched.sweep(), 0);
    watched.wait(1.0);
    assert_eq!(watched.sweep(), 21);
}

#[test]
fn who_waits_too_long_is_told_so() {
    let wait = Some(Duration::from_secs(60));
    let mut watched = Watched::new(Limits { wait, ..Limits::default() });
    let (first, waits) = (watched.desk.accept(wish("ann")), watched.desk.accept(wish("ann")));
    let claimed = watched.desk.take().unwrap();
    watched.wait(59.0);
    watched.set(3600.0);
    assert!(watched.desk.ledger.give_up_waiting(watched.desk.now).unwrap().is_empty());
    let late = watched.desk.accept(wish("ann"));
    watched.wait(2.0);
    let given_up = watched.desk.ledger.give_up_waiting(watched.desk.now).unwrap();
    assert_eq!(given_up, std::slice::from_ref(&waits));
    let job = watched.desk.job(&waits);
    let error = job.error.unwrap();
    assert_eq!((job.status, error.code), (JobStatus::Failed, zao_api::ErrorCode::DeadlineExceeded));
    assert!(error.message.contains("60 s"), "{}", error.message);
    assert_eq!(watched.desk.job(&late).status, JobStatus::Queued);
    assert_eq!(watched.desk.job(&late).queue_position, Some(1));
    // What a worker had, and gave back, has waited no longer than it may.
    watched
        .desk
        .ledger
        .requeue(&claimed.claim, zao_queue::Requeue::GivenBack, watched.desk.now)
        .unwrap();
    watched.wait(30.0);
    assert!(watched.desk.ledger.give_up_waiting(watched.desk.now).unwrap().is_empty());
    assert_eq!(watched.desk.job(&first).status, JobStatus::Queued);
}
