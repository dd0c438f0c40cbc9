//! What this machine has already: caches, damaged models, locks, free space.

use std::fs;
use std::path::{Path, PathBuf};

use zao_weights::{Origin, PullError};

use crate::fixture::{Place, Repo, SHARD, assert_same, sha256, turbo};

/// Lays out `files` as Hugging Face's own tools do; gives the snapshot.
fn fill_cache<'a>(hub: &Path, files: impl Iterator<Item = (&'a str, &'a [u8])>) -> PathBuf {
    let model = hub.join("models--Tongyi-MAI--Z-Image-Turbo");
    let snapshot = model.join("snapshots/0123abc");
    fs::create_dir_all(model.join("refs")).expect("create");
    fs::create_dir_all(model.join("blobs")).expect("create");
    fs::write(model.join("refs/main"), "0123abc").expect("write");
    for (path, content) in files {
        let blob = model.join("blobs").join(sha256(content));
        fs::write(&blob, content).expect("write");
        let link = snapshot.join(path);
        fs::create_dir_all(link.parent().expect("below")).expect("create");
        link_to(&blob, &link);
    }
    snapshot
}

#[cfg(unix)]
fn link_to(blob: &Path, link: &Path) {
    std::os::unix::fs::symlink(blob, link).expect("link");
}

#[cfg(not(unix))]
fn link_to(blob: &Path, link: &Path) {
    fs::copy(blob, link).expect("copy");
}

#[test]
fn a_complete_cache_is_an_installed_model() {
    let repo = Repo::new();
    let server = repo.clone().serve(|_, _, good| good);
    let mut place = Place::new(&server);
    let snapshot = fill_cache(&place.add_cache(), repo.needed());
    let installed = place.pull().expect("it is here");
    assert_eq!((installed.path, installed.origin), (snapshot, Origin::HuggingFaceCache));
    assert_eq!(server.requests().len(), 0);
    assert_eq!(place.store.installed().expect("readable").len(), 1);
    assert!(!place.store.root().exists(), "nothing was written");
}

#[test]
fn an_incomplete_cache_saves_what_it_has() {
    let repo = Repo::new();
    let server = repo.clone().serve(|_, _, good| good);
    let mut place = Place::new(&server);
    let hub = place.add_cache();
    let has = |path: &str| path == SHARD || path == "vae/config.json";
    let snapshot = fill_cache(&hub, repo.needed().filter(|(path, _)| has(path)));
    assert_eq!(place.store.find(turbo().name), None);

    let installed = place.pull().expect("the rest");
    assert_same(&installed.path, &repo);
    assert!(matches!(installed.origin, Origin::Pulled(_)));
    assert!(server.requests().iter().all(|r| !has(r.target.split("/main/").last().unwrap_or(""))));
    assert_eq!(fs::read(snapshot.join(SHARD)).expect("untouched"), repo.file(SHARD));
}

#[test]
fn a_damaged_cache_is_not_believed() {
    let repo = Repo::new();
    let server = repo.clone().serve(|_, _, good| good);
    let mut place = Place::new(&server);
    let mut damaged = repo.file(SHARD).to_vec();
    damaged[99] ^= 1;
    let hub = place.add_cache();
    fill_cache(&hub, [(SHARD, &damaged[..])].into_iter());
    assert_same(&place.pull().expect("from the hub").path, &repo);
    assert_eq!(server.requests_for(SHARD).len(), 1);
}

#[test]
fn a_damaged_model_is_repaired_with_what_is_missing() {
    let repo = Repo::new();
    let server = repo.clone().serve(|_, _, good| good);
    let place = Place::new(&server);
    let path = place.pull().expect("the first time").path;
    let shard = path.join(SHARD);
    fs::write(&shard, &repo.file(SHARD)[..1000]).expect("truncated");
    assert_eq!(place.store.find(turbo().name), None, "a damaged model is not installed");

    let before = server.requests().len();
    assert_same(&place.pull().expect("repaired").path, &repo);
    assert_eq!(server.requests().len() - before, 2, "the list and the shard");
}

#[test]
fn a_folder_that_somebody_else_made_is_not_replaced() {
    let server = Repo::new().serve(|_, _, good| good);
    let place = Place::new(&server);
    let folder = place.store.root().join(turbo().name);
    fs::create_dir_all(&folder).expect("create");
    fs::write(folder.join("thesis.txt"), "years of work").expect("write");
    let error = place.pull().expect_err("in the way");
    assert!(matches!(error, PullError::Occupied { .. }), "{error}");
    assert!(folder.join("thesis.txt").exists());
}

#[test]
fn a_model_placed_by_hand_is_installed_once_it_is_whole() {
    let server = Repo::new().serve(|_, _, good| good);
    let place = Place::new(&server);
    let repo = Repo::new();
    for (path, content) in repo.needed() {
        let full = place.store.root().join("mine").join(path);
        fs::create_dir_all(full.parent().expect("below")).expect("create");
        assert_eq!(place.store.find("mine"), None, "not whole before {path}");
        fs::write(full, content).expect("write");
    }
    let installed = place.store.find("mine").expect("whole");
    assert_eq!(installed.origin, Origin::Placed);
    fs::rename(&installed.path, place.store.root().join("mine.partial")).expect("rename");
    assert_eq!(place.store.installed().expect("readable"), [], "unfinished models are hidden");
    for name in ["", ".", "..", "../models/mine.partial", "mine.partial"] {
        assert_eq!(place.store.find(name), None, "{name}");
    }
}

#[test]
fn a_second_download_of_the_same_model_is_told_to_wait() {
    let server = Repo::new().serve(|_, _, good| good);
    let place = Place::new(&server);
    fs::create_dir_all(place.store.root()).expect("create");
    let lock = fs::File::create(place.store.root().join(".z-image-turbo.lock")).expect("create");
    lock.lock().expect("locked");
    let error = place.pull().expect_err("locked");
    assert!(matches!(&error, PullError::Busy { name } if name == "z-image-turbo"), "{error}");
    assert_eq!(server.requests().len(), 0);
    drop(lock);
    place.pull().expect("the lock is free");
}

#[test]
fn too_little_space_is_told_before_anything_is_fetched() {
    let repo = Repo::new();
    let server = repo.clone().serve(|_, _, good| good);
    let mut place = Place::new(&server);
    place.options.free_space = |_| Ok(1000);
    let error = place.pull().expect_err("a full disk");
    let PullError::NoSpace { needed, free: 1000, .. } = error else { panic!("{error}") };
    assert_eq!(needed, repo.needed().map(|(_, content)| content.len() as u64).sum::<u64>());
    assert_eq!(server.requests().len(), 1, "only the list was fetched");

    place.options.free_space = |_| Ok(700_000);
    place.options.parallel = 1.try_into().expect("one");
    place.pull().expect_err("still too little");
    place.options.free_space = |_| Ok(u64::MAX);
    place.pull_until(300_000);
    place.options.free_space = |_| Ok(700_000);
    place.pull().expect("what is here needs no space");
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let server = Repo::new().serve(|_, _, good| good);
    let place = Place::new(&server);
    fs::write(place.store.root(), "a file").expect("in the way");
    let error = place.pull().expect_err("no folder");
    let PullError::File { action: "create", path, .. } = &error else { panic!("{error}") };
    assert_eq!(path, place.store.root());
}
