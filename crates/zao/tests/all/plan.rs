//! `zao plan`: a table without a card, a model or a picture. Whether its numbers are right is tested in zao-engine.

use serde_json::Value;

use crate::folder::Folder;
use crate::model_file;

fn plan(folder: &Folder, args: &[&str]) -> Value {
    let said = folder.run(&[&["plan", "--json"], args].concat()).ok();
    serde_json::from_slice(&said.out).unwrap()
}

/// Device, precision and whether it is the one to choose, of each choice that is not refused.
fn choices(plan: &Value) -> Vec<(&str, &str, bool)> {
    let fits =
        plan["choices"].as_array().unwrap().iter().filter(|it| it["refused_because"].is_null());
    let text = |value: &'_ Value| value.as_str().unwrap().to_owned().leak() as &str;
    fits.map(|it| (text(&it["device"]), text(&it["precision"]), it["recommended"] == true))
        .collect()
}

#[test]
fn a_card_is_planned_for_by_its_name() {
    let folder = Folder::new();
    let planned = plan(&folder, &["--card", "rtx 4060 ti 16gb", "--ram", "64G"]);
    assert_eq!((&planned["width"], &planned["steps"]), (&1024.into(), &8.into()), "{planned}");
    let expected = [
        ("cuda", "bf16", true),
        ("cuda", "fp8", false),
        ("cuda", "int8", false),
        ("cpu", "bf16", false),
        ("cpu", "int8", false),
    ];
    assert_eq!(choices(&planned), expected);
    let int4 = planned["choices_in_int4"].as_array().unwrap();
    let of = |it: &Value| it["card_peak_bytes"].as_u64().unwrap_or(u64::MAX);
    assert!(of(&int4[0]) < 8_000_000_000 && of(&int4[0]) < of(&planned["choices"][1]), "{int4:?}");
    for choice in planned["choices"].as_array().unwrap() {
        assert!(choice["card_peak_bytes"].as_u64().unwrap_or(0) <= 17_180_000_000, "{choice}");
        let seconds = |key| choice[key].as_f64().unwrap();
        assert!(seconds("first_seconds") > seconds("next_seconds"), "{choice}");
        assert!(seconds("next_seconds") > 8.0 * seconds("step_seconds"), "{choice}");
    }
    assert!(folder.names().is_empty(), "nothing is drawn");
}

#[test]
fn any_amount_of_memory_is_planned_for_without_times() {
    let folder = Folder::new();
    let args = ["--vram", "8G", "--ram", "32G", "--precision", "bf16", "--lang", "en"];
    let planned = plan(&folder, &args);
    let card = &planned["choices"][0];
    assert!(
        card["parts"]["transformer"]["streamed_bytes"].as_u64() > Some(4_000_000_000),
        "{card}"
    );
    assert!(card["card_peak_bytes"].as_u64() <= Some(8_000_000_000), "{card}");
    let said = folder.run(&[&["plan"], &args[..]].concat()).ok();
    for word in ["TRANSFORMER", "streams", "choose: card, bf16", "--vram 8000M"] {
        assert!(said.text().contains(word), "no {word} in {}", said.text());
    }
    assert!(!said.text().contains("int4"), "who names a precision is told of it alone");
    let larger = plan(&folder, &["--vram", "8G", "--ram", "32G", "--size", "1280", "--batch", "2"]);
    assert_eq!((&larger["width"], &larger["batch"]), (&1280.into(), &2.into()));
}

#[test]
fn a_text_encoder_on_the_processor_takes_no_memory_of_the_card() {
    let folder = Folder::new();
    let args = ["--card", "rtx 4070", "--vram", "8G", "--ram", "64G", "--precision", "bf16"];
    let with = |on| plan(&folder, &[&args[..], &["--text-encoder-on", on]].concat());
    let (card, aside) = (with("device"), with("cpu"));
    let part = |plan: &Value, name: &str| plan["choices"][0]["parts"][name].clone();
    let text = part(&aside, "text_encoder");
    assert_eq!((&text["device"], &text["card_bytes"]), (&"cpu".into(), &0.into()));
    assert_eq!(part(&card, "text_encoder")["device"], "cuda");
    let streamed = |plan| part(plan, "transformer")["streamed_bytes"].as_u64().unwrap();
    assert!(streamed(&aside) < streamed(&card), "{aside}");
    let memory = aside["choices"][0]["memory_peak_bytes"].as_u64().unwrap();
    assert!(memory > text["bytes"].as_u64().unwrap() + streamed(&aside), "{aside}");
    let said = [&["plan", "--lang", "en", "--text-encoder-on", "cpu"], &args[..]].concat();
    let said = folder.run(&said).ok();
    assert!(
        said.text().contains("this processor") && said.text().contains("--text-encoder-on cpu")
    );
    let short = ["--vram", "8G", "--ram", "4G", "--precision", "bf16"];
    let short = plan(&folder, &[&short[..], &["--text-encoder-on", "cpu"]].concat());
    let why = short["choices"][0]["refused_because"].as_str().unwrap().to_owned();
    assert!(why.contains("text encoder on the processor"), "{why}");
}

#[test]
fn what_fits_nowhere_is_told_with_what_would() {
    let folder = Folder::new();
    let args = ["plan", "--vram", "1G", "--ram", "1G", "--lang", "zh"];
    let said = folder.run(&args).ok();
    assert!(
        said.text().contains("都放不下") && said.text().contains("无法运行"),
        "{}",
        said.text()
    );
    assert!(choices(&plan(&folder, &args[1..5])).is_empty());
}

#[test]
fn installed_models_are_planned_with_by_name() {
    let folder = Folder::new();
    model_file::place(&folder.installed("mine"));
    let small = plan(&folder, &["--model", "mine", "--vram", "2G", "--steps", "3"]);
    assert_eq!((&small["model"], &small["steps"]), (&"mine".into(), &3.into()));
    assert!(small["choices"][0]["card_peak_bytes"].as_u64() < Some(1_500_000_000), "{small}");
    let base = plan(&folder, &["--model", "z-image", "--vram", "24G"]);
    assert_eq!((&base["model"], &base["steps"]), (&"z-image".into(), &50.into()));
}

#[test]
fn cards_that_are_unknown_ambiguous_or_too_old_are_refused() {
    let folder = Folder::new();
    for (card, parts) in [
        ("radeon", &["radeon", "--card list", "--vram"][..]),
        ("a100", &["A100 40GB", "A100 80GB"]),
        ("2080 ti", &["too old", "Ampere"]),
    ] {
        folder.run(&["plan", "--card", card]).complains(2, parts);
    }
    let list = folder.run(&["plan", "--card", "list"]).ok();
    assert!(list.text().lines().count() > 30 && list.text().contains("RTX 3060"));
    folder.run(&["plan", "--size", "1000"]).complains(2, &["1000", "multiple"]);
}
