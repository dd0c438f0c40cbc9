//! Rates, soaks and recordings.

use std::path::Path;
use std::time::Duration;

use zao_load::{Arrivals, Length, Live, Load, Mode, Protocol, Settling, Stop, Trace};

use crate::server::{Behaviour, Server};
use crate::{assert_lawful, assert_time, calmly, is_calm, run, settings, slack};

fn rate(per_second: f64, seconds: u64, most_in_flight: usize) -> Mode {
    let duration = Duration::from_secs(seconds);
    Mode::Rate {
        per_second: vec![per_second],
        arrivals: Arrivals::Constant,
        duration,
        most_in_flight,
    }
}

#[test]
fn a_stall_shows_in_the_times_of_all_that_were_due_meanwhile() {
    let stall = Some((Duration::from_millis(1000), Duration::from_millis(2000)));
    // The stall counts from a server's first request, so each measurement has a server of its own.
    let report = calmly(|| {
        let server = Server::start(Behaviour { stall, ..Behaviour::default() });
        run(&settings(&server, Protocol::Openai), &rate(40.0, 4, 500))
    });
    let row = &report.rows[0];
    assert_eq!((row.requests, row.failed(), row.dropped), (160, 0, 0), "{row:#?}");
    // A quarter of the requests was due in that second and waited for its end, half a second on average.
    let e2e = row.e2e.unwrap();
    assert_time(e2e.p50, 0.04, 0.12, row);
    assert_time(e2e.p90, 0.55, 0.8, row);
    assert_time(e2e.p99.unwrap(), 0.95, 1.2, row);
    assert_time(e2e.mean, 0.15, 0.26, row);
    assert_lawful(row);
}

#[test]
fn a_client_that_waits_would_have_hidden_it() {
    let stall = Some((Duration::from_millis(1000), Duration::from_millis(2000)));
    let report = calmly(|| {
        let server = Server::start(Behaviour { stall, ..Behaviour::default() });
        run(&settings(&server, Protocol::Openai), &crate::sweep(1, 70))
    });
    let row = &report.rows[0];
    // Whoever asks late waits as much less for its end.
    assert!(row.e2e.unwrap().max > 0.9 - slack(row), "{row:#?}");
    assert_time(row.e2e.unwrap().p95, 0.04, 0.2, row);
}

#[test]
fn what_cannot_be_sent_is_counted_and_said() {
    let work = Duration::from_millis(500);
    let server = Server::start(Behaviour { work, ..Behaviour::default() });
    let report = run(&settings(&server, Protocol::Openai), &rate(20.0, 2, 5));
    let row = &report.rows[0];
    assert_eq!(row.requests + row.dropped, 40, "{row:#?}");
    assert!(row.dropped >= 15 && (row.dropped <= 24 || !is_calm(row)), "{row:#?}");
    assert!(row.remarks.iter().any(|it| it.contains("were due and not sent")), "{row:#?}");
}

#[test]
fn a_server_that_does_not_keep_up_is_named() {
    let server = Server::start(Behaviour { slots: 1, ..Behaviour::default() });
    let report = run(&settings(&server, Protocol::Openai), &rate(50.0, 2, 500));
    let row = &report.rows[0];
    assert!(row.remarks.iter().any(|it| it.contains("does not keep up")), "{row:#?}");
    assert_time(1.0 / row.throughput, 0.04, 0.06, row);
}

#[test]
fn a_soak_has_a_row_for_each_span_and_loses_nothing() {
    let server = Server::start(Behaviour::default());
    let mode =
        Mode::Soak { clients: 1, duration: Duration::from_secs(3), window: Duration::from_secs(1) };
    let report = run(&settings(&server, Protocol::Openai), &mode);
    assert_eq!(report.rows.len(), 3);
    let ends: Vec<f64> = report.rows.iter().map(|row| row.from_seconds + row.seconds).collect();
    for (row, end) in report.rows.iter().skip(1).zip(&ends) {
        assert!((row.from_seconds - end).abs() < 1e-9, "{report:#?}");
    }
    let counted: u64 = report.rows.iter().map(|row| row.requests).sum();
    // All but the client's first, which is the ramp.
    assert_eq!(server.bodies().len() as u64 - counted, 1, "{report:#?}");
    assert!(
        report.rows.iter().all(|row| row.failed() == 0 && (row.requests > 10 || !is_calm(row))),
        "{report:#?}"
    );
}

#[test]
fn a_row_ends_when_the_server_has_settled_and_says_when_it_has_not() {
    let server = Server::start(Behaviour::default());
    let mode = |duration, within| {
        let window = Duration::from_secs(1);
        let settling = Some(Settling { within, window });
        Mode::Sweep { clients: vec![2], length: Length { duration, requests: None, settling } }
    };
    // Alike within a factor of four is what every machine manages.
    let long = Duration::from_secs(60);
    let settled = run(&settings(&server, Protocol::Openai), &mode(long, 3.0)).rows.remove(0);
    assert!((2.5..30.0).contains(&settled.seconds), "{settled:#?}");
    assert_eq!(settled.remarks.iter().find(|it| it.contains("settle")), None);
    assert!(settled.requests >= 15 && settled.failed() == 0, "{settled:#?}");
    let short = Duration::from_secs(2);
    let row = run(&settings(&server, Protocol::Openai), &mode(short, 3.0)).rows.remove(0);
    assert!(row.remarks.iter().any(|it| it.starts_with("did not settle")), "{row:#?}");
    let row = run(&settings(&server, Protocol::Openai), &mode(2 * short, 0.0)).rows.remove(0);
    let remark = row.remarks.iter().find(|it| it.starts_with("did not settle")).unwrap();
    // In a second a machine that is very busy may end fewer requests than tell anything.
    let too_few = remark.contains("too few requests") && !is_calm(&row);
    assert!(remark.contains("the last three windows are") || too_few, "{row:#?}");
}

#[test]
fn a_recording_is_played_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.jsonl");
    let line = |at: f64, seed: u32| {
        format!(
            "{{\"at\": {at}, \"prompt\": \"a cat\", \"seed\": {seed}, \"width\": 32, \"height\": 32}}\n"
        )
    };
    // The same request twice wants the same picture, and gets it.
    std::fs::write(&path, line(3.0, 7) + &line(3.5, 8) + &line(4.0, 7)).unwrap();
    let trace = Trace::from_file(&path, 2.0).unwrap();
    let server = Server::start(Behaviour::default());
    let mode = Mode::Replay { trace, most_in_flight: 10 };
    let report = run(&settings(&server, Protocol::Openai), &mode);
    let row = &report.rows[0];
    assert_eq!((row.load, row.requests, row.correct), (Load::Replayed, 3, 3), "{row:#?}");
    assert_time(row.seconds, 0.54, 0.7, row);
    let seeds: Vec<_> = server.bodies().iter().map(|body| body["seed"].as_u64()).collect();
    assert_eq!(seeds, [Some(7), Some(8), Some(7)]);
    assert!(Trace::from_file(Path::new("/nowhere/trace.jsonl"), 1.0).is_err());
}

#[test]
fn a_measurement_can_be_stopped_and_tells_what_it_has() {
    let server = Server::start(Behaviour::default());
    let stop = Stop::default();
    let observe = {
        let stop = stop.clone();
        move |live: &Live| {
            if matches!(live, Live::Going { ended, .. } if *ended > 10) {
                stop.ask();
            }
        }
    };
    let mode = crate::sweep(2, 100_000);
    let report =
        zao_load::run(&settings(&server, Protocol::Openai), &mode, &observe, &stop).unwrap();
    assert!(report.rows[0].requests > 5, "{report:#?}");
    assert!(report.remarks[0].starts_with("stopped early"), "{report:#?}");
}
