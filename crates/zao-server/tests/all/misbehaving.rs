//! What a crew does about workers that hang, die, or talk nonsense.

use std::time::{Duration, Instant};

use zao_server::crew::{CrewState, Lost, Patience, Phase};
use zao_server::protocol::{Count, Probed, Report};

use crate::office::job;
use crate::script::{BEATING, ORDERED, READY, Scripted, crew, crew_of, crew_with, patience};

/// Draws at the second attempt what it was ordered at the first; until then `misbehave`.
fn second_time_well(misbehave: &str) -> Scripted {
    second_time_well_with(patience(), misbehave)
}

fn second_time_well_with(patience: Patience, misbehave: &str) -> Scripted {
    let second = format!("{ORDERED}; cat picture done; {BEATING}");
    let lines = format!("if mkdir once; then {ORDERED}; {misbehave}; else {second}; fi");
    let scripted = crew_with(patience, &["script"], &[READY, &lines]);
    scripted.ask(&[job("job", 16, 8, &[1])]);
    scripted
}

/// Why the first worker was replaced, once the second one has drawn its job.
fn why_replaced(scripted: &Scripted) -> Lost {
    assert_eq!(scripted.jobs.last_report("job"), Report::Done);
    let (lost, pictures) =
        scripted.jobs.look(|ledger| (ledger.lost.clone(), ledger.pictures.clone()));
    assert_eq!(pictures.len(), 1);
    let [(jobs, why)] = <[_; 1]>::try_from(lost).expect("one worker was lost");
    assert_eq!(jobs, ["job"]);
    let worker = scripted.crew.state().workers.remove(0);
    assert_eq!(worker.restarts, 1);
    assert!(worker.last_failure.unwrap().contains(&why.to_string()));
    why
}

#[test]
fn a_worker_that_dies_is_replaced_and_its_job_drawn() {
    let scripted = second_time_well("cat fatal; exit 7");
    let why = why_replaced(&scripted);
    let Lost::Ended { how } = &why else { panic!("{why:?}") };
    assert!(how.contains("the moon is full") && how.contains("exit status: 7"), "{how}");
}

#[test]
fn what_was_said_before_a_death_counts() {
    let scripted = crew(&[READY, ORDERED, "cat picture done", "exit 1"]);
    scripted.ask(&[job("job", 16, 8, &[1])]);
    assert_eq!(scripted.jobs.last_report("job"), Report::Done);
    scripted.jobs.wait_for("another worker", |ledger| {
        ledger.states.last().filter(|state| state.workers[0].restarts > 0).map(|_| ())
    });
    assert!(scripted.jobs.look(|ledger| ledger.lost.is_empty()), "nobody had a job");
}

#[test]
fn a_worker_that_hangs_in_a_step_is_noticed_soon() {
    // The steps of such pictures are known to take no time, so the least patience counts.
    let scripted = second_time_well("cat took; while cat long_step; do sleep 0.1; done");
    let why = why_replaced(&scripted);
    assert!(matches!(&why, Lost::Hung { what, .. } if what == "it was in one step"), "{why:?}");
}

#[test]
fn a_silent_worker_is_noticed_soon() {
    let least = Duration::from_secs(2);
    let scripted = second_time_well_with(Patience { least, ..patience() }, "exec sleep 1000");
    let why = why_replaced(&scripted);
    assert!(
        matches!(&why, Lost::Hung { what, after } if what == "it said nothing"
        && *after < patience().unknown),
        "{why:?}"
    );
}

#[test]
fn an_idle_device_that_does_not_answer_is_noticed_before_a_job_is_lost() {
    let scripted = crew(&[
        READY,
        &format!(
            "if mkdir once; then cat probing probed; while cat unanswered; do sleep 0.1; done; fi; {BEATING}"
        ),
    ]);
    let state = scripted.jobs.wait_for("replacement", |ledger| {
        ledger
            .states
            .last()
            .filter(|state| state.is_ready() && state.workers[0].restarts > 0)
            .cloned()
    });
    let why = state.workers[0].last_failure.clone().unwrap();
    assert!(why.contains("nothing to do, did not answer for 60.0 s"), "{why}");
    let (counts, states) =
        scripted.jobs.look(|ledger| (ledger.counts.clone(), ledger.states.clone()));
    let probed = |outcome| Count::Probed { outcome };
    assert_eq!(counts, [probed(Probed::Ok), probed(Probed::Hung)]);
    let first = states.iter().find(|state| state.workers[0].last_failure.is_some()).unwrap();
    assert!(!first.is_ready(), "it is said before another one is ready");
    assert_eq!(first.workers[0].last_failure.as_ref(), Some(&why));
}

#[test]
fn an_idle_device_that_fails_ends_its_worker_and_says_why() {
    let scripted = crew(&[
        READY,
        &format!("if mkdir once; then cat failed_probe fatal; exit 1; fi; {BEATING}"),
    ]);
    let state = scripted.jobs.wait_for("replacement", |ledger| {
        ledger
            .states
            .last()
            .filter(|state| state.is_ready() && state.workers[0].restarts > 0)
            .cloned()
    });
    assert!(state.workers[0].last_failure.as_ref().unwrap().contains("the moon is full"));
    let counts = scripted.jobs.look(|ledger| ledger.counts.clone());
    assert_eq!(counts, [Count::Probed { outcome: Probed::Failed }]);
}

#[test]
fn a_job_is_not_given_to_a_device_in_doubt_nor_blamed_for_it() {
    let doubt = "while ! [ -e answered ]; do cat doubtful; sleep 0.1; done; cat beat";
    let scripted = crew(&[
        "cat loading ready doubtful room",
        &format!("{doubt}; {ORDERED}; cat picture done; {BEATING}"),
    ]);
    scripted
        .jobs
        .wait_for("readiness", |ledger| ledger.states.last().filter(|it| it.is_ready()).map(drop));
    scripted.ask(&[job("job", 16, 8, &[1])]);
    std::thread::sleep(Duration::from_millis(150));
    assert!(scripted.jobs.look(|ledger| ledger.given.is_empty()), "it waits for the answer");
    std::fs::write(scripted.folder.path().join("answered"), "").unwrap();
    assert_eq!(scripted.jobs.last_report("job"), Report::Done);
    assert!(scripted.jobs.look(|ledger| ledger.lost.is_empty()));
}

#[test]
fn a_slow_step_of_unknown_length_is_no_hang() {
    let scripted = crew(&[
        READY,
        ORDERED,
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do cat long_step; sleep 0.1; done",
        "cat picture done",
        BEATING,
    ]);
    scripted.ask(&[job("job", 16, 8, &[1])]);
    assert_eq!(scripted.jobs.last_report("job"), Report::Done);
    assert_eq!(scripted.crew.state().workers[0].restarts, 0);
}

#[test]
fn garbage_on_the_pipe_ends_a_worker() {
    let scripted = second_time_well("echo 'WARNING: a library prints'; exec sleep 1000");
    let why = why_replaced(&scripted);
    assert!(matches!(&why, Lost::Garbage { what } if what.contains("\"WARN\"")), "{why:?}");
}

#[test]
fn a_worker_that_never_gets_ready_is_ended_in_time() {
    let patience = Patience { load: Duration::from_secs(6), ..patience() };
    let scripted = crew_with(patience, &["script"], &["cat loading", BEATING]);
    let last = scripted.jobs.wait_for("replacement", |ledger| {
        ledger.states.last().and_then(|state| state.workers[0].last_failure.clone())
    });
    let (_, after) = last.split_once("it was loading for ").unwrap();
    let seconds: f64 = after.split(' ').next().unwrap().parse().unwrap();
    assert!((6.0..20.0).contains(&seconds), "{last}");
    assert!(!scripted.crew.state().is_ready());
}

#[test]
fn a_worker_that_always_dies_is_given_up_and_the_state_says_why() {
    let scripted = crew(&["echo x >> starts; cat loading fatal; exit 1"]);
    let reason = scripted.jobs.wait_for("end of it", |ledger| {
        ledger.states.last().and_then(|state| state.given_up().map(str::to_owned))
    });
    assert!(reason.contains("failed 4 times") && reason.contains("the moon is full"), "{reason}");
    let state = scripted.crew.state();
    assert!(matches!(state.workers[0].phase, Phase::GivenUp { .. }) && !state.is_ready());
    std::thread::sleep(Duration::from_millis(400));
    let starts = std::fs::read_to_string(scripted.folder.path().join("starts")).unwrap();
    assert_eq!(starts.lines().count(), 4);
    // Jobs wait, and nothing else falls over.
    scripted.ask(&[job("job", 16, 8, &[1])]);
    scripted.crew.free();
    scripted.crew.drain(Duration::from_secs(5));
    assert_eq!(scripted.jobs.look(|ledger| ledger.waiting.len()), 1);
}

#[test]
fn a_program_that_is_not_there_is_a_state_and_no_panic() {
    let scripted = crew(&["exec /no/such/program"]);
    let reason = scripted.jobs.wait_for("end of it", |ledger| {
        ledger.states.last().and_then(|state| state.given_up().map(str::to_owned))
    });
    assert!(reason.contains("exit status: 127"), "{reason}");
}

#[test]
fn what_does_not_finish_in_time_is_ended_and_given_back() {
    // It does not know what to drain is.
    let scripted = crew(&[READY, ORDERED, "while cat stepping; do sleep 0.1; done"]);
    scripted.ask(&[job("job", 16, 8, &[1]), job("next", 16, 8, &[1])]);
    scripted.jobs.wait_for("start", |ledger| ledger.given.contains_key("next").then_some(()));
    let since = Instant::now();
    scripted.crew.drain(Duration::from_millis(300));
    let took = since.elapsed();
    // What it has never ends.
    assert!((Duration::from_millis(250)..Duration::from_secs(30)).contains(&took), "{took:?}");
    let lost = scripted.jobs.look(|ledger| ledger.lost.clone());
    let both = vec!["job".to_owned(), "next".to_owned()];
    assert_eq!(lost, [(both, Lost::Drained)]);
    let state = scripted.crew.state();
    assert!(state.draining && state.workers[0].phase == Phase::Ended);
    assert_eq!(state.workers[0].pid, None);
}

#[test]
fn each_job_goes_to_the_worker_that_has_least_to_do() {
    let scripted = crew_of(&["a", "b", "c"], &["cat loading room ready", BEATING]);
    scripted.jobs.wait_for("workers", |ledger| {
        let ready = |state: &&CrewState| state.workers.iter().all(|it| it.phase == Phase::Ready);
        ledger.states.last().filter(ready).map(|_| ())
    });
    // Each has room for four pictures; the first job has three.
    let mut jobs = vec![job("large", 16, 8, &[1, 2, 3])];
    jobs.extend(["one", "two", "three", "four"].map(|id| job(id, 16, 8, &[1])));
    scripted.ask(&jobs);
    let workers = scripted
        .jobs
        .wait_for("hand-out", |ledger| (ledger.workers.len() == 5).then(|| ledger.workers.clone()));
    let with = |worker: &str| workers.values().filter(|it| *it == worker).count();
    assert_eq!(workers["large"], "a");
    assert_eq!((with("a"), with("b"), with("c")), (1, 2, 2), "{workers:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn no_worker_outlives_its_crew() {
    let scripted = crew(&["cat loading ready room; trap '' TERM INT HUP", BEATING]);
    let pid = scripted.jobs.wait_for("worker", |ledger| {
        ledger.states.last().filter(|state| state.is_ready())?.workers[0].pid
    });
    let process = std::path::PathBuf::from(format!("/proc/{pid}"));
    assert!(process.exists());
    let Scripted { crew, jobs: _jobs, folder: _folder } = scripted;
    drop(crew);
    assert!(!process.exists());
}
