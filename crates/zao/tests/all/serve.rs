//! The server as its clients meet it: jobs over HTTP on a port of this machine, kept whatever is killed. What HTTP says about each kind of
//! request is tested beside the routes, and what breaks around it in [`crate::faults`].

use std::time::Duration;

use serde_json::{Value, json};

use crate::folder::Folder;
use crate::server::{Server, small};

#[test]
fn a_job_gives_the_picture_that_generate_draws() {
    let folder = Folder::new();
    folder.draw(&["--seed", "7", "--model", "demo", "--output", "alone.png"]);
    let server = Server::start(&folder, &[]);
    let wish =
        json!({"prompt": "a red apple", "seed": 7, "width": 64, "height": 64, "previews": 2});
    let done = server.over(&server.submit("one", &wish));
    assert_eq!(done["status"], "completed", "{done}");
    let (_, png) = server.get(done["images"][0]["url"].as_str().unwrap());
    assert_eq!(zao_png::decode_rgb(&png).unwrap(), folder.pixels("alone.png"));
    let recipe = server.json(&format!("{}/recipe", done["images"][0]["url"].as_str().unwrap()));
    let alone = zao_png::read(&folder.bytes("alone.png")).unwrap().origin;
    let zao_png::Origin::Zao(alone) = alone else { panic!("zao drew it") };
    assert_eq!(recipe, serde_json::to_value(alone).unwrap());
    let (_, events) = server.get(done["links"]["events"].as_str().unwrap());
    assert!(String::from_utf8(events).unwrap().contains("event: completed"));
}

#[test]
fn a_recipe_that_is_not_wanted_is_in_no_file() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let url = |metadata: bool| {
        let wish = json!({"prompt": "a red apple", "seed": 7, "width": 64, "height": 64, "steps": 2, "metadata": metadata});
        let done = server.over(&server.submit(&format!("{metadata}"), &wish));
        assert!(done["peak_memory_bytes"].as_u64().is_some_and(|bytes| bytes > 1 << 20), "{done}");
        done["images"][0]["url"].as_str().unwrap().to_owned()
    };
    let (told, kept_back) = (url(true), url(false));
    let read = |url: &str| zao_png::read(&server.get(url).1).unwrap();
    assert!(matches!(read(&told).origin, zao_png::Origin::Zao(_)));
    let silent = read(&kept_back);
    assert_eq!((silent.origin, silent.texts), (zao_png::Origin::Unknown, vec![]));
    assert_eq!(server.get(&format!("{kept_back}/recipe")).0, 404);
    let pixels = |url: &str| zao_png::decode_rgb(&server.get(url).1).unwrap();
    assert_eq!(pixels(&told), pixels(&kept_back));
}

#[test]
fn what_was_accepted_is_drawn_once_although_the_server_is_killed() {
    let folder = Folder::new();
    let wish = |seed| small("a cat", seed, 25);
    let mut jobs = Vec::new();
    let mut pictures = std::collections::BTreeSet::new();
    for round in 0..3_u64 {
        let server = Server::start(&folder, &[]);
        for seed in 0..4 {
            jobs.push(server.submit(&format!("{round}-{seed}"), &wish(10 * round + seed)));
        }
        // Some are drawn, some wait: whatever the moment.
        std::thread::sleep(Duration::from_millis(150 + 170 * round));
        server.signal("-KILL");
        server.ended();
    }
    let server = Server::start(&folder, &[]);
    for (at, job) in jobs.iter().enumerate() {
        let (round, seed) = (at as u64 / 4, at as u64 % 4);
        let again = server.submit(&format!("{round}-{seed}"), &wish(10 * round + seed));
        assert_eq!(again["id"], job["id"], "the key made no second job");
        let done = server.over(job);
        assert_eq!(done["status"], "completed", "{done}");
        let images = done["images"].as_array().unwrap();
        assert_eq!(images.len(), 1, "{done}");
        let (status, png) = server.get(images[0]["url"].as_str().unwrap());
        assert_eq!((status, &png[1..4]), (200, &b"PNG"[..]));
        assert!(pictures.insert(images[0]["id"].as_str().unwrap().to_owned()));
    }
    let listed = server.json("/v1/images?limit=200");
    assert_eq!(listed["images"].as_array().unwrap().len(), jobs.len());
    // What a kill interrupted is the picture that it would have been.
    for (at, job) in jobs.iter().enumerate() {
        let alone =
            server.submit(&format!("again {at}"), &wish(10 * (at as u64 / 4) + at as u64 % 4));
        let picture =
            |job: &Value| server.get(server.over(job)["images"][0]["url"].as_str().unwrap()).1;
        assert!(picture(job) == picture(&alone), "picture {at} differs");
    }
}

#[test]
fn a_server_that_is_told_to_stop_finishes_what_runs_and_keeps_what_waits() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let jobs: Vec<Value> =
        (0..40).map(|seed| server.submit(&seed.to_string(), &small("an owl", seed, 20))).collect();
    std::thread::sleep(Duration::from_millis(100));
    server.signal("-TERM");
    assert!(server.ended().success());
    let server = Server::start(&folder, &[]);
    for job in &jobs {
        assert_eq!(server.over(job)["status"], "completed");
    }
}

#[test]
fn jobs_are_drawn_together_and_each_is_what_it_is_alone() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let jobs: Vec<Value> = (0..12)
        .map(|seed| server.submit(&seed.to_string(), &small("a boat", seed, 4 + seed as u32 % 3)))
        .collect();
    let together: Vec<Vec<u8>> = jobs
        .iter()
        .map(|job| server.get(server.over(job)["images"][0]["url"].as_str().unwrap()).1)
        .collect();
    for (seed, png) in together.into_iter().enumerate() {
        let wish = small("a boat", seed as u64, 4 + seed as u32 % 3);
        let alone = server.over(&server.submit(&format!("alone {seed}"), &wish));
        let alone = server.get(alone["images"][0]["url"].as_str().unwrap()).1;
        assert!(png == alone, "picture {seed} differs");
    }
}
