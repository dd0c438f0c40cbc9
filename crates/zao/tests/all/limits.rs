//! Settings that bound what a server takes on, as its clients meet them.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::folder::Folder;
use crate::server::Server;

#[test]
fn every_limit_is_a_setting_and_clients_are_told() {
    let folder = Folder::new();
    let config = "max_body: 64K\nmax_prompt: 20\nmax_previews: 2\nmax_inputs: 30K\nkeep_jobs: 100\n\
                  keep_size: 100M\nin_flight_per_client: 2\nadmin_token_file: admin\nidle_probe: 0\n";
    fs::write(folder.aside("zao").join("config.yaml"), config).unwrap();
    fs::write(folder.path("admin"), "hush\n").unwrap();
    let server = Server::start(&folder, &["--max-steps", "3"]);
    let told = server.json("/v1/capabilities");
    let limits = [
        ("/max_prompt_characters", 20),
        ("/max_steps", 3),
        ("/previews/max", 2),
        ("/inputs/max_bytes", 30_000),
        ("/retention/bytes", 100_000_000),
        ("/retention/kept_bytes", 50_000_000),
    ];
    for (pointer, value) in limits {
        assert_eq!(told.pointer(pointer), Some(&json!(value)), "{pointer} of {told}");
    }
    let large = json!({"prompt": "owl", "image": "A".repeat(70_000)}).to_string();
    assert_eq!(server.ask("POST", "/v1/jobs", "", &large).0, 413);
    assert_eq!(server.ask("POST", "/admin/free", "", "").0, 403);
    let bearer = "authorization: Bearer hush\r\n";
    assert_eq!(server.ask("POST", "/admin/free", bearer, "").0, 200);
    fs::write(folder.path("admin"), "").unwrap();
    folder.run(&["serve"]).complains(2, &["admin", "the admin token", "one line"]);
    folder.run(&["serve", "--admin-token", "x"]).complains(2, &["the admin token", "keep one"]);
    fs::write(folder.path("admin"), "hush").unwrap();
    folder.run(&["serve", "--keep-size", "99M"]).complains(2, &["--keep-size", "100M or more"]);
    folder.run(&["serve", "--token", ""]).complains(2, &["--token", "header"]);
    folder.run(&["serve", "--page", "nowhere"]).complains(2, &["nowhere", "index.html"]);
    for (wrong, words) in [("63K", "64K to 1GiB"), ("2GiB", "64K to 1GiB"), ("many", "8G")] {
        folder.run(&["serve", "--max-body", wrong]).complains(2, &["--max-body", words]);
    }
}

#[test]
fn a_device_without_work_is_looked_at_and_that_takes_next_to_nothing() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--idle-probe", "1"]);
    let probes = |metrics: &[u8]| -> u64 {
        let text = String::from_utf8_lossy(metrics);
        let line = text.lines().find(|line| line.starts_with("zao_probes_total{result=\"ok\"}"));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap()
    };
    let worker = server.worker();
    // Hundredths of seconds in which it computed, in user and kernel mode.
    let spent = || -> u64 {
        let stat = fs::read_to_string(format!("/proc/{worker}/stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    let (before, since) = (spent(), Instant::now());
    let first = probes(&server.get("/metrics").1);
    server.wait("/metrics", |(_, metrics)| probes(metrics) >= first + 4);
    // Three seconds lie between the first of them and the last; that the first was looked at may be heard somewhat late.
    assert!(since.elapsed() > Duration::from_millis(2500), "one a second: {:?}", since.elapsed());
    let spent = spent() - before;
    // Beside what a worker does in any case twice a second.
    assert!(spent < 20, "{spent} hundredths of a second for four of them");
    assert_eq!(server.json("/health/ready")["status"], "ready");
    assert_eq!(server.worker(), worker, "nothing was replaced");
}
