//! `zao pull` against a hub on this machine.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use zao_api::Generated;

use crate::folder::Folder;
use crate::hub::{Hub, LARGE};
use crate::said::Said;

fn pull(folder: &Folder, endpoint: &str) -> Command {
    let mut zao = folder.zao();
    zao.args(["pull", "z-image-turbo", "--retries", "0"]).env("HF_ENDPOINT", endpoint);
    zao
}

/// The bytes of all files below a folder.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    // Files come and go while this looks.
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => size(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

fn models(folder: &Folder) -> usize {
    let said = folder.run(&["models", "--json"]).ok();
    serde_json::from_slice::<Vec<serde_json::Value>>(&said.out).unwrap().len()
}

#[test]
fn a_pulled_model_is_used() {
    let (folder, hub) = (Folder::new(), Hub::start(false));
    let said = Said::of(&mut pull(&folder, &hub.url())).ok();
    assert!(said.text().starts_with("z-image-turbo is installed in "), "{said:?}");
    assert_eq!(said.err, "zao: 11 files, 19.5 MB\n");
    let drawn = folder.draw(&["--json"]).ok();
    let generated: Generated = serde_json::from_slice(&drawn.out).unwrap();
    assert_eq!((generated.model.name.as_str(), drawn.err.as_str()), ("z-image-turbo", ""));

    hub.served();
    let said = Said::of(pull(&folder, &hub.url()).arg("--quiet")).ok();
    assert_eq!((said.text(), said.err.as_str()), ("", ""));
    assert_eq!(hub.served(), [], "nothing is fetched twice");
}

#[test]
fn a_killed_pull_goes_on_where_it_stopped() {
    let (folder, hub) = (Folder::new(), Hub::start(true));
    let mut child = pull(&folder, &hub.url()).stderr(Stdio::null()).spawn().unwrap();
    let since = Instant::now();
    while size(&folder.aside("zao")) < hub.bytes() - hub.size(LARGE) * 3 / 4 {
        assert!(since.elapsed() < Duration::from_secs(60), "the download does not get on");
        sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let here = size(&folder.aside("zao"));
    assert_eq!(models(&folder), 1, "half a model is none");
    folder.draw(&["--model", "z-image-turbo"]).complains(2, &["not installed", "zao pull"]);

    // Another one, that still has no requests of the killed one to answer.
    let hub = Hub::start(false);
    let said = Said::of(&mut pull(&folder, &hub.url())).ok();
    assert!(said.err.contains("are here already"), "{said:?}");
    let served = hub.served();
    assert!(served.iter().any(|(path, from)| path == LARGE && *from > 0), "{served:?}");
    // Among what is here are notes about the files, a few hundred bytes each.
    let fetched: u64 = served.iter().map(|(path, from)| hub.size(path) - *from as u64).sum();
    assert!(fetched <= hub.bytes() - here + 10_000, "{fetched} fetched, {here} were here");
    assert_eq!(models(&folder), 2);
    folder.draw(&[]).ok();
}

#[test]
fn a_hub_that_is_not_there_is_told_in_one_line() {
    let folder = Folder::new();
    // A port that nobody listens at any more, and that the system gives to nobody who asks for any.
    let address = "127.0.0.1:9";
    let said = Said::of(&mut pull(&folder, &format!("http://{address}")));
    said.complains(1, &[address, "try"]);
    let said = Said::of(&mut pull(&folder, "nonsense"));
    said.complains(1, &["nonsense", "address"]);
    let hub = Hub::start(false);
    let said = Said::of(&mut pull(&folder, &format!("{}/elsewhere", hub.url())));
    said.complains(1, &["elsewhere", "address"]);
    assert_eq!(models(&folder), 1);
}
