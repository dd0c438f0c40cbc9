//! Settings: from flags, variables and a file, and what `zao config` says of them.

use std::fs;

use serde_json::{Value, json};

use crate::folder::Folder;
use crate::said::Said;

/// A folder whose home has a file with these settings.
fn with_settings(text: &str) -> Folder {
    let folder = Folder::new();
    fs::write(folder.aside("zao").join("config.yaml"), text).unwrap();
    folder
}

fn shown(said: &Said) -> Value {
    serde_json::from_str(said.text()).unwrap()
}

fn setting<'a>(shown: &'a Value, key: &str) -> &'a Value {
    let settings = shown["settings"].as_array().unwrap();
    settings.iter().find(|setting| setting["key"] == key).unwrap()
}

#[test]
fn each_place_counts_before_the_next_and_is_named() {
    let folder = with_settings("port: 8001\nhost: 0.0.0.0\nqueue: 7\n");
    let show = ["config", "show", "--json", "--", "-p", "8003"];
    let said =
        Said::of(folder.zao().envs([("ZAO_PORT", "8002"), ("ZAO_QUEUE", "8")]).args(show)).ok();
    let shown = shown(&said);
    let file = folder.aside("zao").join("config.yaml").display().to_string();
    assert_eq!(shown["file"], file);
    let port = setting(&shown, "port");
    assert_eq!(
        (&port["value"], &port["origin"], &port["place"]),
        (&json!("8003"), &json!("flag"), &json!("--port"))
    );
    let others: Vec<(&Value, &Value)> = port["overridden"]
        .as_array()
        .unwrap()
        .iter()
        .map(|other| (&other["value"], &other["place"]))
        .collect();
    let place = json!(format!("{file}:1"));
    let expected = [
        (&json!("8002"), &json!("ZAO_PORT")),
        (&json!("8001"), &place),
        (&json!("7860"), &json!("default")),
    ];
    assert_eq!(others, expected);
    assert_eq!(setting(&shown, "queue")["value"], "8");
    assert_eq!(setting(&shown, "host")["place"], format!("{file}:2"));
    assert_eq!(setting(&shown, "keep_days")["origin"], "default");
}

#[test]
fn a_person_sees_columns_and_where_things_come_from() {
    let folder = with_settings("port: 8001\n");
    let said =
        Said::of(folder.zao().env("ZAO_PORT", "8002").args(["config", "show", "--origin"])).ok();
    let line = said.text().lines().find(|line| line.starts_with("  port ")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[..3], ["port", "8002", "ZAO_PORT,"], "{line}");
    assert!(line.contains("instead of 8001 (") && line.ends_with("7860 (default)"), "{line}");
    for heading in ["Network", "Drawing", "Memory", "Limits", "Queue", "Keeping", "Log", "Places"] {
        assert!(said.text().lines().any(|line| line == heading), "{heading}");
    }
    let chinese = folder.run(&["config", "show", "--origin", "--lang", "zh"]).ok();
    assert!(chinese.text().contains("网络") && chinese.text().contains("取代"));
}

#[test]
fn a_token_is_nowhere_to_be_seen() {
    let folder = with_settings("token: hush-hush\n");
    for show in
        [&["config", "show", "--origin"][..], &["config", "show", "--json"], &["config", "check"]]
    {
        let said = Said::of(folder.zao().env("ZAO_TOKEN", "hush-too").args(show)).ok();
        assert!(!said.text().contains("hush") && !said.err.contains("hush"), "{said:?}");
    }
    let shown = shown(&folder.run(&["config", "show", "--json"]).ok());
    let token = setting(&shown, "token");
    assert_eq!((&token["value"], &token["set"]), (&Value::Null, &json!(true)));
}

#[test]
fn a_file_that_was_written_can_be_read_and_is_not_written_over() {
    let folder = Folder::new();
    folder.run(&["config", "init"]).ok();
    let said = folder.run(&["config", "check"]).ok();
    assert!(said.text().contains("config.yaml: 0 settings"), "{said:?}");
    folder.run(&["config", "init"]).complains(2, &["config.yaml", "--force"]);
    folder.run(&["config", "init", "--force"]).ok();
    folder.run(&["config", "init", "other/config.yaml"]).ok();
    let text = fs::read_to_string(folder.path("other/config.yaml")).unwrap();
    assert!(text.contains("#port: 7860") && text.contains("ZAO_KEEP_DAYS"), "{text}");
    assert_eq!(folder.run(&["config", "init", "-"]).ok().text().trim_end(), text.trim_end());
}

#[test]
fn what_is_wrong_is_all_told_and_keeps_a_server_from_starting() {
    let folder = with_settings("prot: 1\nqueue: many\n");
    let check = ["config", "check"];
    let said = Said::of(folder.zao().envs([("ZAO_DRAIN", "soon"), ("ZAO_PROT", "1")]).args(check));
    assert_eq!((said.code, said.text()), (Some(2), ""));
    for words in [
        "config.yaml:1: there is no setting \"prot\"; port is probably meant",
        "config.yaml:2: queue: \"many\" cannot be used: use a whole number from 1 to 100000",
        "ZAO_DRAIN: \"soon\" cannot be used",
        "ZAO_PROT means nothing to zao; ZAO_PORT is probably meant",
        "3 of the settings",
    ] {
        assert!(said.err.contains(words), "{words}: {}", said.err);
    }
    folder.run(&["serve"]).complains(2, &["config.yaml:1", "port", "1 more", "zao config check"]);
    let missing = ["serve", "--config", "nowhere.yaml"];
    folder.run(&missing).complains(2, &["nowhere.yaml", "zao config init"]);
    let said = Said::of(Folder::new().zao().env("ZAO_KEEP_SIZE", "lots").arg("serve"));
    said.complains(2, &["ZAO_KEEP_SIZE", "lots", "8G"]);
}

#[test]
fn generate_follows_the_settings_but_a_recipe_counts_before_them() {
    let folder = Folder::new();
    folder.draw(&["--seed", "3", "--output", "first.png"]).ok();
    let config = folder.aside("zao").join("config.yaml");
    fs::write(&config, "precision: int8\ndevice: cpu\nport: 1\n").unwrap();
    folder.draw(&["--seed", "3", "--output", "int8.png"]).ok();
    let precision = |name: &str| {
        let info: Value =
            serde_json::from_str(folder.run(&["info", name, "--json"]).ok().text()).unwrap();
        info.to_string()
    };
    assert!(precision("int8.png").contains("int8"), "{}", precision("int8.png"));
    folder.run(&["generate", "--from", "first.png", "--output", "again.png"]).ok();
    assert_eq!(folder.pixels("again.png"), folder.pixels("first.png"));
    folder.draw(&["--seed", "3", "--precision", "f32", "--output", "typed.png"]).ok();
    assert_eq!(folder.pixels("typed.png"), folder.pixels("first.png"));
    let said = Said::of(folder.zao().env("ZAO_DEVICE", "tpu").args(["generate", "a cat"]));
    said.complains(2, &["ZAO_DEVICE", "tpu"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_takes_its_settings_and_its_token_from_files() {
    let folder = with_settings("max_steps: 3\ntoken_file: token\n");
    fs::write(folder.path("token"), "hush\n").unwrap();
    let server = crate::server::Server::start(&folder, &[]);
    assert_eq!(server.get("/v1/jobs").0, 401);
    let bearer = "authorization: Bearer hush\r\n";
    assert_eq!(server.ask("GET", "/v1/jobs", bearer, "").0, 200);
    let wish = crate::server::small("an owl", 1, 4).to_string();
    let (status, body) = server.ask("POST", "/v1/jobs", bearer, &wish);
    assert_eq!(status, 400, "{}", String::from_utf8_lossy(&body));
    fs::write(folder.path("token"), "\n").unwrap();
    folder.run(&["serve"]).complains(2, &["token", "one line"]);
    folder.run(&["serve", "--token", "x"]).complains(2, &["keep one"]);
}

#[test]
fn the_settings_in_the_documents_can_be_used() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    let page = |name: &str| fs::read_to_string(format!("{root}{name}")).unwrap();
    let pages = page("README.md") + &page("docs/operating.md");
    let blocks = pages.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let configs: Vec<&str> = blocks.filter(|block| block.starts_with("# config.yaml")).collect();
    assert!(!configs.is_empty());
    for config in configs {
        let folder = with_settings(config);
        let said = folder.run(&["config", "check"]).ok();
        assert!(!said.text().contains(": 0 settings"), "{said:?}");
    }
}
