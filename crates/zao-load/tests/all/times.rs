//! Times that are known beforehand are found.

use std::time::Duration;

use zao_load::Protocol;

use crate::server::{Behaviour, NEWS, Server, TOO_MUCH};
use crate::{
    assert_between_answers, assert_lawful, assert_time, calm_row, calmly, is_calm, row, run,
    settings, slack, sweep,
};

#[test]
fn each_protocol_finds_the_time_of_a_picture_and_its_parts() {
    for protocol in Protocol::ALL {
        let work = Duration::from_millis(80);
        let server = Server::start(Behaviour { work, ..Behaviour::default() });
        let row = calm_row(&settings(&server, protocol), 2, 20);
        // A job of the native protocol is drawn after a preview, which takes half as long again.
        let least = if protocol == Protocol::Native { 0.12 } else { 0.08 };
        let e2e = row.e2e.unwrap();
        assert_time(e2e.p50, least, least + 0.05, &row);
        assert_time(row.inference.unwrap().p50, 0.08, 0.1, &row);
        assert_time(row.queue.unwrap().p50, 0.0, 0.01, &row);
        assert_eq!((row.correct, row.failed(), e2e.n), (row.requests, 0, row.requests));
        // As much longer as a picture took, as many fewer there were.
        // The clients take turns as they like, so that one answer more may lie in the time.
        let one_more = least * (1.0 - 1.0 / row.requests as f64);
        assert_between_answers(2.0 / row.throughput, one_more, least + 0.05, &row);
        assert!(e2e.p99.is_none(), "{} are too few", e2e.n);
    }
}

#[test]
fn a_preview_is_its_payload_and_not_the_head_before_it() {
    for protocol in [Protocol::Native, Protocol::Openai] {
        let work = Duration::from_millis(100);
        let server = Server::start(Behaviour { work, ..Behaviour::default() });
        let mut settings = settings(&server, protocol);
        settings.pattern.previews = Some(1);
        let row = calm_row(&settings, 1, 5);
        // The head and a comment come at once, the preview after half of the work, the picture after the whole of it once more.
        assert_time(row.ttfb.unwrap().p50, 0.0, 0.04, &row);
        assert_time(row.ttfp.unwrap().p50, 0.05, 0.09, &row);
        // Of events alone is known when they happened.
        assert_eq!(row.news.is_some(), protocol == Protocol::Native);
        row.news.inspect(|news| assert_time(news.p50, NEWS.as_secs_f64(), 0.05, &row));
        assert_time(row.e2e.unwrap().p50, 0.15, 0.2, &row);
    }
}

#[test]
fn what_was_foreseen_is_held_against_what_came() {
    for protocol in Protocol::ALL {
        let work = Duration::from_millis(300);
        let server = Server::start(Behaviour { work, ..Behaviour::default() });
        let row = calm_row(&settings(&server, protocol), 1, 5);
        assert_eq!(row.eta_error.is_some(), protocol == Protocol::Native);
        // Of a third of a second at least was left; of more, what was foreseen was the less wrong.
        let (late, much) = (slack(&row), TOO_MUCH.as_secs_f64());
        let least = 0.8 * (much - late) / (0.33 + late);
        row.eta_error.inspect(|found| assert_time(found.p50, least, 1.1 * much / 0.33, &row));
    }
}

#[test]
fn without_a_stream_there_is_no_preview() {
    let server = Server::start(Behaviour::default());
    for protocol in [Protocol::Openai, Protocol::A1111] {
        assert_eq!(calm_row(&settings(&server, protocol), 1, 3).ttfp, None);
    }
}

#[test]
fn the_first_byte_comes_before_the_head_is_whole_and_the_picture_with_its_last() {
    let behaviour = Behaviour { trickle: Duration::from_millis(120), ..Behaviour::default() };
    let server = Server::start(behaviour);
    let row = calm_row(&settings(&server, Protocol::Openai), 1, 5);
    assert_time(row.ttfb.unwrap().p50, 0.04, 0.07, &row);
    assert_time(row.e2e.unwrap().p50, 0.16, 0.22, &row);
}

#[test]
fn waiting_is_told_from_work_and_rows_keep_littles_law() {
    // One at a time: whoever is one of four waits for three.
    let server = Server::start(Behaviour { slots: 1, ..Behaviour::default() });
    let row = calm_row(&settings(&server, Protocol::Openai), 4, 40);
    assert_time(row.inference.unwrap().p50, 0.04, 0.055, &row);
    assert_between_answers(row.queue.unwrap().p50, 0.115, 0.16, &row);
    assert_between_answers(row.e2e.unwrap().p50, 0.155, 0.21, &row);
    assert_between_answers(1.0 / row.throughput, 0.04, 0.055, &row);
    assert_lawful(&row);
}

#[test]
fn the_knee_is_where_more_clients_bring_no_more_pictures() {
    // Long enough that a machine which is a little late makes no twentieth of it.
    let work = Duration::from_millis(200);
    let server = Server::start(Behaviour { work, slots: 2, ..Behaviour::default() });
    let mode = match sweep(1, 16) {
        zao_load::Mode::Sweep { length, .. } => {
            zao_load::Mode::Sweep { clients: vec![1, 2, 4], length }
        }
        other => other,
    };
    let settings = settings(&server, Protocol::Openai);
    let report = calmly(|| run(&settings, &mode));
    assert!(report.knee.is_some_and(|knee| knee > 0), "{report:#?}");
    if report.rows.iter().all(is_calm) {
        assert_eq!(report.knee, Some(1), "{report:#?}");
    }
}

#[test]
fn only_pictures_in_time_are_good() {
    let work = Duration::from_millis(80);
    let server = Server::start(Behaviour { work, slots: 1, ..Behaviour::default() });
    let mut settings = settings(&server, Protocol::Openai);
    settings.objectives = zao_load::Condition::on_requests("e2e<120ms").unwrap();
    let alone = calm_row(&settings, 1, 10);
    assert!(!is_calm(&alone) || alone.goodput > 0.8 * alone.throughput, "{alone:#?}");
    let crowded = calm_row(&settings, 3, 12);
    assert!(!is_calm(&crowded) || crowded.goodput == 0.0, "{crowded:#?}");
    assert_eq!(crowded.correct, crowded.requests, "{crowded:#?}");
}

#[test]
fn memory_and_queue_are_asked_for() {
    let server = Server::start(Behaviour { slots: 1, ..Behaviour::default() });
    // It is asked twice a second, and for a moment after each answer one less waits.
    let row = calm_row(&settings(&server, Protocol::Openai), 4, 120);
    assert_eq!(row.memory_bytes(), Some(5e9));
    assert_eq!(row.queue_depth, Some(3.0));
    assert!(row.client.cpu.is_none_or(|share| (0.0..1.0).contains(&share)), "{row:#?}");
}

#[test]
fn connections_are_kept() {
    let server = Server::start(Behaviour::default());
    let row = row(&settings(&server, Protocol::Openai), 2, 30);
    assert_eq!(row.failed(), 0);
    // One for each client, and one for the questions beside.
    assert!(server.connections() <= 4, "{}", server.connections());
}
