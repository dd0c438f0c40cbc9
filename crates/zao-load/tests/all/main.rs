//! The load tester against a server whose times and faults are known. How the real server behaves is NOT tested here.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy knows tests by their attribute, and these have helpers beside them"
)]

mod asked;
mod compared;
mod faults;
mod forms;
mod modes;
mod refusals;
mod schema;
mod server;
mod times;

use std::time::Duration;

use zao_load::{Length, Live, Mode, Prompts, Protocol, Report, Row, Settings, Stop, Target};

use server::Server;

/// Settings for a server of these tests: small pictures, no warm-up.
fn settings(server: &Server, protocol: Protocol) -> Settings {
    let request = zao_api::Request {
        width: Some(server::SIDE),
        height: Some(server::SIDE),
        steps: Some(4),
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
    }
}

/// One row with so many clients, for so many requests.
fn sweep(clients: usize, requests: u64) -> Mode {
    let length = Length { duration: Duration::from_secs(20), requests: Some(requests) };
    Mode::Sweep { clients: vec![clients], length }
}

fn run(settings: &Settings, mode: &Mode) -> Report {
    zao_load::run(settings, mode, &|_: &Live| (), &Stop::default()).unwrap()
}

/// The only row of a sweep.
fn row(settings: &Settings, clients: usize, requests: u64) -> Row {
    let mut report = run(settings, &sweep(clients, requests));
    assert_eq!(report.rows.len(), 1);
    report.rows.remove(0)
}

/// Whether a time is what it has to be. A machine that is busy makes times longer, never shorter.
#[track_caller]
fn assert_time(seconds: f64, least: f64, most: f64, row: &Row) {
    assert!(
        (least..=most).contains(&seconds),
        "{seconds} s is not from {least} to {most}: {row:#?}"
    );
}
