//! What is asked for, and of whom.

use std::collections::HashSet;
use std::time::Duration;

use zao_load::{Error, Live, Prompts, Protocol, Stop, Target};

use crate::server::{Behaviour, Server, picture};
use crate::{row, run, settings, sweep};

#[test]
fn no_two_requests_are_alike() {
    let server = Server::start(Behaviour::default());
    row(&settings(&server, Protocol::Openai), 2, 30);
    let bodies = server.bodies();
    let distinct =
        |field: &str| bodies.iter().map(|it| it[field].to_string()).collect::<HashSet<_>>().len();
    assert_eq!((distinct("prompt"), distinct("seed")), (bodies.len(), bodies.len()));
}

#[test]
fn fields_that_other_servers_want_are_sent() {
    let server = Server::start(Behaviour::default());
    let mut settings = settings(&server, Protocol::Openai);
    settings.extra.insert("model".into(), "z-image".into());
    settings.prompts = Prompts::only("a cat".into());
    row(&settings, 1, 2);
    let body = &server.bodies()[0];
    assert_eq!(
        (&body["model"], &body["prompt"], &body["size"]),
        (&"z-image".into(), &"a cat".into(), &"32x32".into())
    );
}

#[test]
fn warming_up_is_told_apart() {
    let server = Server::start(Behaviour::default());
    let mut settings = settings(&server, Protocol::Openai);
    settings.warm_up = 3;
    let report = run(&settings, &sweep(1, 5));
    let warm = report.warm_up.unwrap();
    assert_eq!((warm.requests, warm.failed), (3, 0));
    assert!(warm.longest_seconds >= 0.04);
    assert!(server.bodies().len() as u64 >= 3 + report.rows[0].requests);
}

#[test]
fn nobody_at_home_is_said_at_once() {
    let server = Server::start(Behaviour::default());
    let mut settings = settings(&server, Protocol::Openai);
    settings.target = Target::parse("http://127.0.0.1:9").unwrap();
    let error = zao_load::run(&settings, &sweep(1, 1), &|_: &Live| (), &Stop::default());
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("start the server"), "{error}");
}

/// Writes the picture that the server draws for a seed, with its recipe.
fn write(folder: &std::path::Path, name: &str, seed: u64, pixels_of: u64) {
    let rgb = zao_png::decode_rgb(&picture(pixels_of, crate::server::Fault::None)).unwrap();
    let recipe = serde_json::from_value(serde_json::json!({
        "zao": 1, "zao_version": "0.1.0", "prompt": "a cat", "model": {"name": "m", "fingerprint": "f"},
        "width": rgb.width, "height": rgb.height, "steps": 4, "guidance": 0.0, "cfg_normalization": 0.0,
        "cfg_truncation": 1.0, "seed": seed, "rng": "torch-cpu", "shift": 3.0, "precision": "bf16", "device": "cpu",
    }));
    let bytes = zao_png::encode(&rgb.pixels, rgb.width, rgb.height, &recipe.unwrap()).unwrap();
    std::fs::write(folder.join(name), bytes).unwrap();
}

#[test]
fn pictures_that_are_there_are_asked_for_again_and_have_to_be_equal() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.png", 7, 7);
    write(folder.path(), "b.png", 8, 8);
    let server =
        Server::start(Behaviour { work: Duration::from_millis(20), ..Behaviour::default() });
    for protocol in Protocol::ALL {
        let mut settings = settings(&server, protocol);
        settings.expect = Some(folder.path().to_owned());
        let row = row(&settings, 2, 8);
        assert_eq!((row.failed(), row.correct), (0, row.requests), "{row:#?}");
    }
    write(folder.path(), "b.png", 8, 9);
    let mut settings = settings(&server, Protocol::Openai);
    settings.expect = Some(folder.path().to_owned());
    let row = row(&settings, 1, 8);
    assert!(row.wrong["differs"] >= 3, "{row:#?}");
    settings.expect = Some(folder.path().join("none"));
    let error = zao_load::run(&settings, &sweep(1, 1), &|_: &Live| (), &Stop::default());
    assert!(matches!(error.unwrap_err(), Error::Read { .. }));
}
