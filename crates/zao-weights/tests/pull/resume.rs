//! Downloads that break off and go on: dropped connections, killed processes, deaf servers.

use std::fs;

use zao_weights::PullError;

use crate::fixture::{Place, Repo, SHARD, assert_same, turbo};
use crate::server::{Reply, Request};

const CUT: usize = 200_000;

#[test]
fn dropped_connections_go_on_where_they_broke() {
    let repo = Repo::new();
    let server = repo.clone().serve(|request, nth, good| {
        if request.target.ends_with(SHARD) && nth < 3 { good.cut(CUT) } else { good }
    });
    let place = Place::new(&server);
    assert_same(&place.pull().expect("three drops").path, &repo);
    let asked: Vec<_> = server.requests_for(SHARD).iter().map(Request::range).collect();
    assert_eq!(asked, [None, Some(CUT), Some(2 * CUT), Some(3 * CUT)]);
    let tag = server.requests_for(SHARD)[1].header("if-range").map(str::to_owned);
    assert!(tag.is_some_and(|tag| tag.starts_with('"')), "a resumed file must be the same file");
}

#[test]
fn any_number_of_drops_is_forgiven_while_there_is_progress() {
    let repo = Repo::new();
    let server =
        repo.clone().serve(
            |request, _, good| {
                if request.target.ends_with(SHARD) { good.cut(70_000) } else { good }
            },
        );
    let place = Place::new(&server);
    assert_same(&place.pull().expect("steady progress").path, &repo);
    assert!(server.requests_for(SHARD).len() > place.options.retries as usize + 2);
}

#[test]
fn drops_without_progress_end_in_an_error() {
    let server = Repo::new().serve(|request, nth, good| {
        if request.target.ends_with(SHARD) {
            good.cut(if nth == 0 { CUT } else { 0 })
        } else {
            good
        }
    });
    let place = Place::new(&server);
    let error = place.pull().expect_err("no progress");
    let PullError::GaveUp { what, tries, .. } = &error else { panic!("{error}") };
    assert_eq!((what.as_str(), *tries), (SHARD, place.options.retries + 1));
    assert!(error.to_string().contains("run the same command again"), "{error}");
    place.assert_nothing_installed();
}

#[test]
fn a_killed_download_asks_only_for_what_is_missing() {
    let repo = Repo::new();
    let server = repo.clone().serve(|_, _, good| good);
    let mut place = Place::new(&server);
    place.options.parallel = 1.try_into().expect("one");
    assert!(matches!(place.pull_until(300_000), PullError::Cancelled));
    place.assert_nothing_installed();

    let unfinished = place.store.root().join("z-image-turbo.partial/.download/data").join(SHARD);
    let here = fs::metadata(&unfinished).expect("the largest file comes first").len();
    assert!((300_000..repo.file(SHARD).len() as u64).contains(&here));

    let before = server.requests().len();
    assert_same(&place.pull().expect("resumed").path, &repo);
    let asked: Vec<_> = server.requests_for(SHARD).iter().map(Request::range).collect();
    assert_eq!(asked, [None, Some(here as usize)]);
    assert_eq!(server.requests().len() - before, 1 + repo.needed().count());
}

#[test]
fn finished_files_of_a_killed_download_are_not_asked_for_again() {
    let repo = Repo::new();
    let server = repo.clone().serve(|_, _, good| good);
    let mut place = Place::new(&server);
    place.options.parallel = 1.try_into().expect("one");
    let large = repo.file(SHARD).len() as u64;
    place.pull_until(large + 1000);
    place.pull().expect("resumed");
    assert_eq!(server.requests_for(SHARD).len(), 1);
}

#[test]
fn a_beginning_of_another_content_is_thrown_away() {
    let old = Repo::new();
    let server = old.clone().serve(|_, _, good| good);
    let mut place = Place::new(&server);
    place.options.parallel = 1.try_into().expect("one");
    place.pull_until(300_000);

    let mut new = old;
    new.0.get_mut(SHARD).expect("published").iter_mut().skip(200).for_each(|byte| *byte ^= 1);
    let server = new.clone().serve(|_, _, good| good);
    place.options.hub = zao_weights::Hub::HuggingFace { endpoint: server.url() };
    assert_same(&place.pull().expect("the new content").path, &new);
    assert_eq!(server.requests_for(SHARD)[0].range(), None);
}

#[test]
fn another_mirror_goes_on_without_the_first_ones_tag() {
    let repo = Repo::new();
    let first = repo.clone().serve(|_, _, good| good);
    let mut place = Place::new(&first);
    place.options.parallel = 1.try_into().expect("one");
    place.pull_until(300_000);

    let second = repo.clone().serve(|_, _, good| good);
    place.options.hub = zao_weights::Hub::ModelScope { endpoint: second.url() };
    assert_same(&place.pull().expect("the same content").path, &repo);
    let request = &second.requests_for(SHARD)[0];
    assert!(request.range().is_some_and(|from| from >= 300_000));
    assert_eq!(request.header("if-range"), None);
}

#[test]
fn a_server_that_ignores_ranges_starts_the_file_again() {
    let repo = Repo::new();
    let content = repo.file(SHARD).to_vec();
    let server = repo.clone().serve(move |request, nth, good| {
        match (request.target.ends_with(SHARD), nth) {
            (true, 0) => good.cut(CUT),
            (true, _) => Reply::new(200, content.clone()),
            (false, _) => good,
        }
    });
    assert_same(&Place::new(&server).pull().expect("one drop").path, &repo);
    let asked: Vec<_> = server.requests_for(SHARD).iter().map(Request::range).collect();
    assert_eq!(asked, [None, Some(CUT)]);
}

#[test]
fn starting_again_and_again_is_no_progress() {
    let repo = Repo::new();
    let content = repo.file(SHARD).to_vec();
    let server = repo.serve(move |request, _, good| {
        if request.target.ends_with(SHARD) {
            return Reply::new(200, content.clone()).cut(CUT);
        }
        good
    });
    let place = Place::new(&server);
    assert!(matches!(place.pull(), Err(PullError::GaveUp { .. })));
    assert_eq!(server.requests_for(SHARD).len(), 1 + place.options.retries as usize);
}

#[test]
fn a_wrong_content_range_starts_the_file_again_and_then_fails() {
    let repo = Repo::new();
    let wrong = |good: Reply| good.with("Content-Range", "bytes 5-9/10");
    let server = repo.clone().serve(move |request, nth, good| {
        match (request.target.ends_with(SHARD), nth) {
            (true, 0) => good.cut(CUT),
            (true, 1) => wrong(good),
            _ => good,
        }
    });
    assert_same(&Place::new(&server).pull().expect("wrong once").path, &repo);
    let asked: Vec<_> = server.requests_for(SHARD).iter().map(Request::range).collect();
    assert_eq!(asked, [None, Some(CUT), None]);

    let server = repo.serve(move |request, _, good| {
        match (request.target.ends_with(SHARD), request.range()) {
            (true, None) => good.cut(CUT),
            (true, Some(_)) => wrong(good),
            (false, _) => good,
        }
    });
    let place = Place::new(&server);
    let error = place.pull().expect_err("wrong for ever");
    assert!(matches!(error, PullError::WrongRange { from, .. } if from == CUT as u64), "{error}");
    place.assert_nothing_installed();
    let data = place.store.root().join(format!("{}.partial/.download/data", turbo().name));
    assert_eq!(fs::metadata(data.join(SHARD)).expect("begun").len(), 0, "bad bytes were kept");
}
