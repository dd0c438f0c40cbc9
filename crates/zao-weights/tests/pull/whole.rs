//! Downloads that work, from either hub, and what they leave in the store.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use zao_weights::{Hub, ModelFolder, Origin, PartName, PullEvent, Source, Token};

use crate::fixture::{Place, Repo, assert_same, turbo};
use crate::server::Reply;

#[test]
fn a_model_is_fetched_and_opens() {
    let repo = Repo::new();
    let server = repo.clone().serve(|_, _, good| good);
    let place = Place::new(&server);
    let installed = place.pull().expect("a good server");

    assert_eq!(installed.path, place.store.root().join("z-image-turbo"));
    assert_same(&installed.path, &repo);
    assert_eq!(
        installed.bytes,
        repo.needed().map(|(_, content)| content.len() as u64).sum::<u64>()
    );
    assert_eq!(place.store.find("z-image-turbo"), Some(installed.clone()));
    assert_eq!(place.store.installed().expect("readable"), std::slice::from_ref(&installed));
    let Origin::Pulled(receipt) = &installed.origin else { panic!("{installed:?}") };
    assert_eq!((receipt.repo.as_str(), &receipt.endpoint), (turbo().repo, &server.url()));
    assert_eq!(receipt.files.len(), repo.needed().count());

    let folder = ModelFolder::open(Source::Folder(installed.path)).expect("a model");
    let part = folder.part(PartName::Transformer).expect("two shards");
    assert_eq!(part.names().collect::<Vec<_>>(), ["a", "b"]);

    let before = server.requests().len();
    place.pull().expect("installed already");
    assert_eq!(server.requests().len(), before, "an installed model needs no request");
}

#[test]
fn only_needed_files_are_asked_for_and_each_once() {
    let repo = Repo::new();
    let server = repo.clone().serve(|_, _, good| good);
    Place::new(&server).pull().expect("a good server");
    let mut asked: Vec<String> = server
        .requests()
        .iter()
        .filter_map(|r| r.target.split_once("/resolve/main/").map(|(_, path)| path.to_owned()))
        .collect();
    asked.sort();
    assert_eq!(asked, repo.needed().map(|(path, _)| path.to_owned()).collect::<Vec<_>>());
}

#[test]
fn model_scope_has_its_own_addresses() {
    let repo = Repo::new();
    let server = repo.clone().serve(|_, _, good| good);
    let place = Place::with_hub(Hub::ModelScope { endpoint: server.url() });
    let installed = place.pull().expect("a good server");
    assert_same(&installed.path, &repo);
    let Origin::Pulled(receipt) = installed.origin else { panic!("not pulled") };
    assert_eq!(receipt.revision, "master");
}

#[test]
fn a_list_of_several_pages_is_read_to_its_end() {
    let repo = Repo::new();
    let all = repo.hugging_face_list();
    let (first, second) = all.as_array().expect("a list").split_at(5);
    let pages = [first, second].map(|page| serde_json::to_vec(page).expect("a page"));
    let server = repo.clone().serve(move |request, _, good| {
        let host = request.header("host").expect("every request has one").to_owned();
        if request.target.contains("cursor=2") {
            return Reply::new(200, pages[1].clone());
        }
        if request.target.contains("/tree/") {
            let next = format!("<http://{host}/api/next?cursor=2>; rel=\"next\"");
            return Reply::new(200, pages[0].clone()).with("Link", next);
        }
        good
    });
    assert_same(&Place::new(&server).pull().expect("two pages").path, &repo);
}

#[test]
fn the_token_goes_to_the_hub_and_to_no_other_host() {
    let repo = Repo::new();
    let content = repo.clone();
    let other = content.serve(|request, _, _| {
        let path = request.target.trim_start_matches("/cdn/").to_owned();
        Reply::new(200, Repo::new().file(&path))
    });
    let elsewhere = other.url_by_name();
    let server = repo.clone().serve(move |request, _, good| {
        match request.target.split_once("/resolve/main/") {
            Some((_, path)) if path.ends_with(".safetensors") => {
                Reply::new(302, "").with("Location", format!("{elsewhere}/cdn/{path}"))
            }
            Some((_, "vae/config.json")) => Reply::new(307, "").with("Location", "/here"),
            _ if request.target == "/here" => Reply::new(200, "{}"),
            _ => good,
        }
    });
    let mut place = Place::new(&server);
    place.options.token = Some(Token::new("hf_secret"));
    let installed = place.pull().expect("redirects are followed");
    assert_same(&installed.path, &repo);

    assert!(
        server.requests().iter().all(|r| r.header("authorization") == Some("Bearer hf_secret"))
    );
    assert_eq!(server.requests_for("/here").len(), 1);
    assert_eq!(other.requests().len(), 4);
    assert!(other.requests().iter().all(|r| r.header("authorization").is_none()));
}

#[test]
fn events_tell_the_plan_and_add_up() {
    let repo = Repo::new();
    let server = repo.clone().serve(|_, _, good| good);
    let events = Mutex::new(Vec::new());
    let hear = |event: PullEvent<'_>| {
        let text = match event {
            PullEvent::Plan { files, bytes, already } => format!("{files} {bytes} {already}"),
            PullEvent::Progress { done } => done.to_string(),
            PullEvent::Done => "done".to_owned(),
            PullEvent::Listing => "listing".to_owned(),
            _ => return,
        };
        events.lock().expect("no thread panicked").push(text);
    };
    Place::new(&server).pull_watched(&hear, &AtomicBool::new(false)).expect("a good server");
    let events = events.into_inner().expect("no thread panicked");
    let bytes: usize = repo.needed().map(|(_, content)| content.len()).sum();
    assert_eq!(events[..3], ["listing".into(), format!("11 {bytes} 0"), "0".into()]);
    assert_eq!(events.last().map(String::as_str), Some("done"));
    let most = events.iter().filter_map(|e| e.parse::<usize>().ok()).max();
    assert_eq!(most, Some(bytes), "all bytes were counted");
}
