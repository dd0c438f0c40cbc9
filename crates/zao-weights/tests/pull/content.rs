//! Servers that send the wrong thing: lengths, bytes, lists and paths.

use std::fs;

use serde_json::json;
use zao_weights::{Hub, PullError};

use crate::fixture::{Place, Repo, SHARD, assert_same, sha256};
use crate::server::{Reply, Request};

/// The error when every answer for the large shard is twisted.
fn refusal(twist: impl Fn(Reply) -> Reply + Send + Sync + 'static) -> (PullError, usize) {
    let server =
        Repo::new().serve(
            move |request, _, good| {
                if request.target.ends_with(SHARD) { twist(good) } else { good }
            },
        );
    let place = Place::new(&server);
    let error = place.pull().expect_err("a lying server");
    place.assert_nothing_installed();
    (error, server.requests_for(SHARD).len())
}

#[test]
fn a_length_that_differs_from_the_list_is_refused() {
    for difference in [-1000i64, 1000] {
        let (error, requests) = refusal(move |good| {
            let length = (good.body.len() as i64 + difference).to_string();
            good.with("Content-Length", length)
        });
        let PullError::WrongLength { path, found, .. } = &error else { panic!("{error}") };
        let size = Repo::new().file(SHARD).len() as i64;
        assert_eq!((path.as_str(), found), (SHARD, &(size + difference).to_string()));
        assert_eq!(requests, 2, "one fresh start");
    }
}

#[test]
fn more_bytes_than_listed_are_not_taken() {
    let (error, requests) = refusal(|good| {
        let mut long = good.without("Content-Length");
        long.body.extend_from_slice(&[0; 100_000]);
        long
    });
    assert!(matches!(&error, PullError::WrongLength { found, .. } if found == "more"), "{error}");
    assert_eq!(requests, 2, "one fresh start");
}

#[test]
fn fewer_bytes_than_promised_count_as_a_drop() {
    let repo = Repo::new();
    let server = repo.clone().serve(|request, nth, good| {
        let is_shard = request.target.ends_with(SHARD);
        if is_shard && nth == 0 { good.without("Content-Length").cut(1000) } else { good }
    });
    assert_same(&Place::new(&server).pull().expect("resumed").path, &repo);
    assert_eq!(server.requests_for(SHARD)[1].range(), Some(1000));
}

#[test]
fn bytes_damaged_once_are_fetched_again() {
    let repo = Repo::new();
    let server = repo.clone().serve(|request, nth, mut good| {
        if request.target.ends_with(SHARD) && nth == 0 {
            good.body[345_678] ^= 0x10;
        }
        good
    });
    assert_same(&Place::new(&server).pull().expect("good the second time").path, &repo);
    let asked: Vec<_> = server.requests_for(SHARD).iter().map(Request::range).collect();
    assert_eq!(asked, [None, None], "the whole file, not its end");
}

#[test]
fn bytes_damaged_always_are_an_error_with_both_checksums() {
    let (error, requests) = refusal(|mut good| {
        good.body[0] ^= 1;
        good
    });
    let PullError::Corrupt { path, expected, found } = &error else { panic!("{error}") };
    let mut damaged = Repo::new().file(SHARD).to_vec();
    assert_eq!(path, SHARD);
    assert_eq!(*expected, format!("sha256:{}", sha256(&damaged)));
    damaged[0] ^= 1;
    assert_eq!(*found, format!("sha256:{}", sha256(&damaged)));
    assert_eq!(requests, 2);
}

#[test]
fn a_damaged_beginning_from_an_earlier_try_is_noticed() {
    let repo = Repo::new();
    let server = repo.clone().serve(|_, _, good| good);
    let mut place = Place::new(&server);
    place.options.parallel = 1.try_into().expect("one");
    place.pull_until(300_000);
    let data = place.store.root().join("z-image-turbo.partial/.download/data").join(SHARD);
    let mut begun = fs::read(&data).expect("begun");
    begun[1000] ^= 1;
    fs::write(&data, begun).expect("damaged");

    assert_same(&place.pull().expect("fetched afresh").path, &repo);
    assert_eq!(server.requests_for(SHARD).last().and_then(Request::range), None);
}

#[test]
fn small_files_are_verified_by_their_git_name() {
    let server = Repo::new().serve(|request, _, mut good| {
        if request.target.ends_with("transformer/config.json") {
            good.body[1] = b' ';
        }
        good
    });
    let error = Place::new(&server).pull().expect_err("a changed configuration");
    assert!(
        matches!(&error, PullError::Corrupt { path, expected, .. }
            if path == "transformer/config.json" && expected.starts_with("git:")),
        "{error}"
    );
}

#[test]
fn hostile_paths_are_refused_before_anything_is_written() {
    for path in ["../../evil.json", "/etc/evil.json", "vae\\..\\evil.json", "vae//config.json", ""]
    {
        let mut list = Repo::new().hugging_face_list();
        let entry = json!({ "type": "file", "path": path, "size": 2, "oid": "0".repeat(40) });
        list.as_array_mut().expect("a list").push(entry);
        let server = Repo::new().serve(move |request, _, good| {
            if request.target.contains("/tree/") { Reply::new(200, list.to_string()) } else { good }
        });
        let place = Place::new(&server);
        let error = place.pull().expect_err("a hostile list");
        assert!(matches!(&error, PullError::HostilePath { path: p } if p == path), "{error}");
        assert_eq!(server.requests().len(), 1, "nothing was fetched");
        place.assert_nothing_installed();
    }
}

#[test]
fn lists_that_are_no_model_are_refused() {
    for list in ["[]", "{\"error\":\"gone\"}", "<html>", "[{\"type\":\"file\"}]"] {
        let server = Repo::new().serve(move |_, _, _| Reply::new(200, list));
        let error = Place::new(&server).pull().expect_err(list);
        assert!(matches!(error, PullError::Listing { .. }), "{error}");
    }
    let server = Repo::new().serve(|_, _, _| {
        Reply::new(
            200,
            json!({ "Code": 10010, "Message": "no such model", "Data": null }).to_string(),
        )
    });
    let place = Place::with_hub(Hub::ModelScope { endpoint: server.url() });
    let error = place.pull().expect_err("no data").to_string();
    assert!(error.contains("no such model"), "{error}");
}

#[test]
fn a_published_model_with_a_missing_shard_is_not_installed() {
    let mut repo = Repo::new();
    repo.0.remove(SHARD);
    let server = repo.serve(|_, _, good| good);
    let place = Place::new(&server);
    let error = place.pull().expect_err("half a model");
    assert!(matches!(error, PullError::Incomplete(_)), "{error}");
    assert!(error.to_string().contains("00001-of-00002"), "{error}");
    place.assert_nothing_installed();
}
