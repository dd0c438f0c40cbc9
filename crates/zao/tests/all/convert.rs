//! `zao convert`: a smaller model, which in int8 draws what the original draws in int8, and what it costs.

use zao_api::Generated;

use crate::folder::Folder;
use crate::model_file;

/// What a converted model is made of in the working folder.
fn convert(folder: &Folder, args: &[&str]) -> crate::said::Said {
    folder.run(&[&["convert", "--to", "int8"], args].concat())
}

#[test]
fn a_converted_model_draws_the_pixels_of_the_original_in_int8() {
    let folder = Folder::new();
    model_file::place_plain(&folder.path("plain"));
    let said = convert(&folder, &["--model", "plain", "--output", "small", "--pictures", "0"]).ok();
    assert_eq!(
        (said.err.as_str(), folder.names()),
        ("", ["plain", "small"].map(str::to_owned).to_vec())
    );
    let lines: Vec<_> = said.text().lines().collect();
    assert!(
        lines[0].starts_with("plain in int8 is in small (") && lines[0].contains(" MB"),
        "{lines:?}"
    );
    for words in [["transformer", "adaLN_modulation"], ["vae", "all of it"]] {
        let told = |line: &&str| words.iter().all(|word| line.contains(word));
        assert!(lines.iter().any(told), "{words:?} {lines:?}");
    }

    let same = ["--seed", "5", "--steps", "3", "--size", "128x96"];
    let draw = |args: &[&str]| {
        folder.run(&[&["generate", "a red apple", "--json"], &same[..], args].concat()).ok()
    };
    let said = draw(&["--model", "small", "--output", "small.png"]);
    let generated: Generated = serde_json::from_slice(&said.out).unwrap();
    assert_eq!((generated.precision.as_str(), said.err.as_str()), ("int8", ""));
    assert!(generated.precision_reason.contains("stored in int8"), "{generated:?}");
    draw(&["--model", "plain", "--precision", "int8", "--output", "original.png"]);
    draw(&["--model", "plain", "--output", "f32.png"]);
    assert_eq!(folder.pixels("small.png"), folder.pixels("original.png"));
    assert_ne!(folder.pixels("small.png"), folder.pixels("f32.png"));

    let other = ["generate", "x", "--model", "small", "--precision", "bf16"];
    folder.run(&other).complains(2, &["int8", "bf16", "converted from"]);
}

#[test]
fn what_a_conversion_cost_is_told_in_a_table_and_as_json() {
    let folder = Folder::new();
    let args = ["convert", "--to", "int4", "--output", "small", "--pictures", "2"];
    let said = folder.run(&[&args[..], &["--report", "report.json"]].concat()).ok();
    let lines: Vec<_> = said.text().lines().collect();
    for words in [
        &["demo", "int4", "small"][..],
        &["feed_forward.w2", "groups of 64"],
        &["error of the weights", "layers", "median", "worst"],
        &["transformer attention.to_q", "9", "%", ".attention.to_q"],
        &["text encoder mlp.down_proj", "3", "%"],
        &["  all", "%", "in the"],
        &["pictures", "256x256", "8 steps", "both drawn in bf16"],
        &["dB", "a rocket on a black background"],
        &["dB", "median"],
    ] {
        let told = |line: &&str| words.iter().all(|word| line.contains(word));
        assert!(lines.iter().any(told), "{words:?} {lines:#?}");
    }
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path("report.json")).unwrap()).unwrap();
    assert_eq!((&report["to"], &report["model"]), (&"int4".into(), &"demo".into()));
    let layers = report["layers"].as_array().unwrap();
    let of = |kept: &'static str| layers.iter().filter(move |layer| layer["kept"] == kept);
    assert_eq!(of("no_whole_groups").count(), 9);
    let packed: Vec<_> = layers.iter().filter(|layer| layer["kept"].is_null()).collect();
    assert!(packed.iter().all(|layer| layer["stored"] == "int4"), "{packed:?}");
    assert!(packed.iter().all(|layer| layer["relative_error"].as_f64().unwrap() > 0.05));
    assert_eq!(report["pictures"]["each"].as_array().unwrap().len(), 2);
    let median = report["pictures"]["median_psnr_db"].as_f64().unwrap();
    assert!((24.0..45.0).contains(&median), "{median}");
    assert!(folder.run(&["inspect", "small"]).ok().text().contains("int4 ("));
}

#[test]
fn a_converted_model_in_the_store_is_found_by_name() {
    let folder = Folder::new();
    let place = folder.installed("demo-int8");
    std::fs::create_dir(place.parent().unwrap()).unwrap();
    convert(
        &folder,
        &["--model", "demo", "--output", place.to_str().unwrap(), "--quiet", "--pictures", "0"],
    )
    .ok();
    let said = folder.draw(&["--json"]).ok();
    let generated: Generated = serde_json::from_slice(&said.out).unwrap();
    assert_eq!(generated.model.name, "demo-int8");
    let listed: Vec<serde_json::Value> =
        serde_json::from_slice(&folder.run(&["models", "--json"]).ok().out).unwrap();
    assert_eq!((&listed[0]["name"], &listed[0]["weights"]), (&"demo-int8".into(), &"int8".into()));
    assert!(folder.run(&["models"]).ok().text().contains("int8"));
    convert(&folder, &["--model", "demo-int8", "--output", "again"]).complains(2, &["already"]);
}

#[test]
fn wrong_use_is_told_in_one_line_and_leaves_nothing() {
    let folder = Folder::new();
    std::fs::write(folder.path("taken"), "").unwrap();
    for (args, parts) in [
        (&["convert", "--output", "x"][..], &["--to"][..]),
        (&["convert", "--to", "int8"], &["--output"]),
        (&["convert", "--to", "int3", "--output", "x"], &["int3", "int8", "fp8", "int4"]),
        (&["convert", "--to", "int4", "--output", "x", "--pictures", "9"], &["9", "0 to 8"]),
        (&["convert", "--to", "int4", "--output", "x", "--report", "no/x"], &["no", "report"]),
        (&["convert", "--to", "int8", "--output", "taken"], &["taken", "already"]),
        (&["convert", "--to", "int8", "--output", "no/x"], &["no", "folder"]),
        (&["convert", "--to", "int8", "--output", "x", "--model", "none"], &["none", "zao models"]),
    ] {
        folder.run(args).complains(2, parts);
    }
    assert_eq!(folder.names(), ["taken"]);
}
