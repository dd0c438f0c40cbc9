//! The load tester against a server whose times and faults are known. How the real server behaves is NOT tested here.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy knows tests by their attribute, and these have helpers beside them"
)]

mod asked;
mod cards;
mod compared;
mod faults;
mod forms;
mod modes;
mod refusals;
mod schema;
mod server;
mod times;
mod tls;

use std::time::Duration;

use zao_load::{Cards, Length, Live, Mode, Prompts, Protocol, Report, Row, Settings, Stop, Target};

use server::Server;

/// Settings for a server of these tests: small pictures, no warm-up.
fn settings(server: &Server, protocol: Protocol) -> Settings {
    let request = zao_api::Request {
        width: Some(server::SIDE),
        height: Some(server::SIDE),
        steps: Some(4.into()),
        ..zao_api::Request::default()
    };
    Settings {
        target: Target::parse(server.url()).unwrap(),
        protocol,
        pattern: zao_api::JobRequest { request, ..zao_api::JobRequest::default() },
        prompts: Prompts::built_in(),
        extra: serde_json::Map::new(),
        timeout: Duration::from_secs(10),
        retry: false,
        warm_up: 0,
        seed: 1,
        objectives: Vec::new(),
        expect: None,
        same_as_single: None,
        wait: Duration::ZERO,
        cards: Cards::Server,
    }
}

/// One row with so many clients, for so many requests.
fn sweep(clients: usize, requests: u64) -> Mode {
    let length =
        Length { duration: Duration::from_secs(20), requests: Some(requests), settling: None };
    Mode::Sweep { clients: vec![clients], length }
}

fn run(settings: &Settings, mode: &Mode) -> Report {
    zao_load::run(settings, mode, &|_: &Live| (), &Stop::default()).unwrap()
}

/// The only row of a sweep.
fn row(settings: &Settings, clients: usize, requests: u64) -> Row {
    only_row(run(settings, &sweep(clients, requests)))
}

/// The same while the machine is calm, as far as it ever is.
fn calm_row(settings: &Settings, clients: usize, requests: u64) -> Row {
    only_row(calmly(|| run(settings, &sweep(clients, requests))))
}

fn only_row(mut report: Report) -> Row {
    assert_eq!(report.rows.len(), 1);
    report.rows.remove(0)
}

/// How much longer things may take than they should: the client says how late it was, and the server, which shares its machine,
/// may have been late several times on the way of one request.
fn slack(row: &Row) -> f64 {
    5.0 * row.client.lag_seconds
}

/// Whether the machine let the client and the server do what was due.
fn is_calm(row: &Row) -> bool {
    row.client.lag_seconds < 0.01
}

/// Measures until the machine is calm meanwhile, a few times at most.
fn calmly(measure: impl Fn() -> Report) -> Report {
    let mut report = measure();
    for _ in 0..3 {
        if report.rows.iter().all(is_calm) {
            break;
        }
        report = measure();
    }
    report
}

/// Whether a time is what it has to be. A machine that is busy makes times longer, never shorter.
#[track_caller]
fn assert_time(seconds: f64, least: f64, most: f64, row: &Row) {
    let most = most + slack(row);
    assert!(
        (least..=most).contains(&seconds),
        "{seconds} s is not from {least} to {most}: {row:#?}"
    );
}

/// Whether a time between two answers is what it has to be: of these a busy machine may notice the first late and the last in time, and
/// where one waits for others it may have sent them late.
#[track_caller]
fn assert_between_answers(seconds: f64, least: f64, most: f64, row: &Row) {
    assert_time(seconds, least - slack(row), most, row);
}

/// Whether a row keeps Little's law, as closely as the machine lets it.
#[track_caller]
fn assert_lawful(row: &Row) {
    let residual = row.littles_law_residual.unwrap();
    let most = 0.05 + slack(row) / row.e2e.unwrap().mean;
    assert!(residual.abs() < most, "{residual} is more than {most}: {row:#?}");
}
