//! Servers and networks that fail: statuses, silence, nobody there.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use zao_weights::{Hub, PullError, PullEvent};

use crate::fixture::{Place, Repo, SHARD, assert_same};
use crate::server::Reply;

#[test]
fn a_missing_repository_and_a_missing_file_are_told_at_once() {
    let server = Repo::new().serve(|_, _, _| Reply::new(404, "no"));
    let error = Place::new(&server).pull().expect_err("no repository");
    assert!(matches!(&error, PullError::NotFound { url } if url.contains("/tree/main")), "{error}");
    assert_eq!(server.requests().len(), 1);

    let server = Repo::new().serve(|request, _, good| {
        if request.target.ends_with(SHARD) { Reply::new(404, "no") } else { good }
    });
    let place = Place::new(&server);
    let error = place.pull().expect_err("no shard");
    assert!(matches!(&error, PullError::NotFound { url } if url.ends_with(SHARD)), "{error}");
    assert_eq!(server.requests_for(SHARD).len(), 1);
    place.assert_nothing_installed();
}

#[test]
fn a_closed_repository_asks_for_a_token() {
    for status in [401, 403] {
        let server = Repo::new().serve(move |_, _, _| Reply::new(status, "closed"));
        let error = Place::new(&server).pull().expect_err("closed").to_string();
        assert!(error.contains("token") && error.contains(&status.to_string()), "{error}");
    }
}

#[test]
fn passing_failures_of_the_server_are_waited_out() {
    let repo = Repo::new();
    let server = repo.clone().serve(|_, nth, good| match nth {
        0 => Reply::new(500, "oops"),
        1 => Reply::new(503, "busy"),
        _ => good,
    });
    assert_same(&Place::new(&server).pull().expect("good in the end").path, &repo);
}

#[test]
fn lasting_failures_of_the_server_end_in_an_error() {
    let server = Repo::new().serve(|_, _, _| Reply::new(502, "oops"));
    let place = Place::new(&server);
    let error = place.pull().expect_err("for ever");
    assert!(
        matches!(&error, PullError::GaveUp { reason, .. } if reason.contains("502")),
        "{error}"
    );
    assert_eq!(server.requests().len(), 1 + place.options.retries as usize);
}

#[test]
fn a_server_says_how_long_to_wait() {
    let repo = Repo::new();
    let server = repo.clone().serve(|request, nth, good| {
        if request.target.ends_with(SHARD) && nth == 0 {
            return Reply::new(429, "slowly").with("Retry-After", "1");
        }
        good
    });
    let waits = Mutex::new(Vec::new());
    let hear = |event: PullEvent<'_>| {
        if let PullEvent::Retry { what, wait, .. } = event {
            waits.lock().expect("no thread panicked").push((what.to_owned(), wait));
        }
    };
    let start = Instant::now();
    Place::new(&server).pull_watched(&hear, &AtomicBool::new(false)).expect("after a second");
    assert!(start.elapsed() >= Duration::from_secs(1));
    let waits = waits.into_inner().expect("no thread panicked");
    assert_eq!(waits, [(SHARD.to_owned(), Duration::from_secs(1))]);
}

#[test]
fn silence_is_a_drop_and_lasting_silence_an_error() {
    let silent = |good: Reply, bytes| Reply { stall: Duration::from_secs(30), ..good.cut(bytes) };
    let repo = Repo::new();
    let server = repo.clone().serve(move |request, nth, good| {
        if request.target.ends_with(SHARD) && nth == 0 { silent(good, 100_000) } else { good }
    });
    let mut place = Place::new(&server);
    place.options.stall_timeout = Duration::from_secs(2);
    let start = Instant::now();
    assert_same(&place.pull().expect("silent once").path, &repo);
    assert!(start.elapsed() < Duration::from_secs(20), "it waited for the silent server");
    assert_eq!(server.requests_for(SHARD)[1].range(), Some(100_000));

    let server = repo.serve(move |_, _, good| silent(good, 0));
    let mut place = Place::new(&server);
    place.options.stall_timeout = Duration::from_millis(100);
    place.options.retries = 2;
    let error = place.pull().expect_err("silent for ever");
    assert!(matches!(error, PullError::GaveUp { tries: 3, .. }), "{error}");
}

#[test]
fn nobody_listening_ends_in_an_error_that_names_the_address() {
    // Where nobody listens; a port that was free a moment ago may be another test's by now.
    let endpoint = "http://127.0.0.1:9".to_owned();
    let error = Place::with_hub(Hub::HuggingFace { endpoint: endpoint.clone() }).pull();
    let error = error.expect_err("nobody there");
    assert!(matches!(&error, PullError::GaveUp { what, .. } if what.starts_with(&endpoint)));
}

#[test]
fn an_address_that_is_none_is_told_at_once() {
    for endpoint in ["not an address", "ftp://host"] {
        let place = Place::with_hub(Hub::HuggingFace { endpoint: endpoint.into() });
        let error = place.pull().expect_err(endpoint);
        assert!(matches!(error, PullError::Address { .. }), "{error}");
    }
    let mut place = Place::with_hub(Hub::hugging_face());
    place.options.proxy = Some("::".into());
    assert!(matches!(place.pull(), Err(PullError::Address { .. })));
}

#[test]
fn one_failing_file_stops_the_others() {
    let server = Repo::new().serve(|request, _, good| {
        if request.target.ends_with("vae/config.json") {
            return Reply::new(404, "no");
        }
        if request.target.ends_with(SHARD) {
            return Reply::new(503, "busy").with("Retry-After", "60");
        }
        good
    });
    let place = Place::new(&server);
    let start = Instant::now();
    let error = place.pull().expect_err("two faults");
    assert!(matches!(error, PullError::NotFound { .. }), "the cause, not the stop: {error}");
    assert!(start.elapsed() < Duration::from_secs(30), "the waiting thread was not stopped");
}
