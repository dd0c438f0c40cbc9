//! What `zao doctor` says of machines with and without models. What it finds of the machine itself differs.

use std::fs;

use serde_json::Value;

use crate::folder::Folder;
use crate::model_file;
use crate::said::Said;

fn diagnosis(folder: &Folder) -> Value {
    serde_json::from_slice(&folder.run(&["doctor", "--json"]).out).unwrap()
}

fn advised(diagnosis: &Value) -> Vec<&str> {
    let advice = diagnosis["advice"].as_array().unwrap().iter();
    advice.map(|advice| advice["id"].as_str().unwrap()).collect()
}

#[test]
fn a_machine_without_models_draws_and_is_told_where_the_real_one_is() {
    let folder = Folder::new();
    let said = folder.run(&["doctor", "--lang", "en"]).ok();
    for word in ["Processor", "Memory", "Disk", "demo: built in", "Drawing", "z-image-turbo"] {
        assert!(said.text().contains(word), "no {word} in {}", said.text());
    }
    assert_eq!(said.err, "");
    let diagnosis = diagnosis(&folder);
    assert_eq!(diagnosis["can_draw"], true, "{diagnosis}");
    assert_eq!(diagnosis["drawing"]["model"], "demo");
    let real = &diagnosis["drawing_with_real_model"];
    assert_eq!(real["model"], "z-image-turbo", "{diagnosis}");
    let advised = advised(&diagnosis);
    assert!(advised.contains(&"pull") || advised.contains(&"more-disk"), "{advised:?}");
}

#[test]
fn the_locale_chooses_the_language_and_the_option_before_it() {
    let folder = Folder::new();
    let chinese = |variables: &[(&str, &str)], args: &[&str]| {
        let mut command = folder.zao();
        command.args(["doctor"]).args(args).envs(variables.iter().copied());
        let said = Said::of(&mut command).ok();
        let (zh, en) = (said.text().contains("内存"), said.text().contains("Memory"));
        assert!(zh != en, "one language: {}", said.text());
        zh
    };
    assert!(!chinese(&[], &[]));
    assert!(!chinese(&[("LANG", "de_DE.UTF-8")], &[]));
    assert!(chinese(&[("LANG", "zh_CN.UTF-8")], &[]));
    assert!(chinese(&[("LANG", "en_US.UTF-8"), ("LC_MESSAGES", "zh_CN.UTF-8")], &[]));
    assert!(!chinese(&[("LC_ALL", "C"), ("LANG", "zh_CN.UTF-8")], &[]));
    assert!(chinese(&[("LC_ALL", ""), ("LANG", "zh_CN.UTF-8")], &[]), "empty is not set");
    assert!(chinese(&[("LANG", "C")], &["--lang", "zh"]));
    assert!(!chinese(&[("LANG", "zh_CN.UTF-8")], &["--lang", "en"]));
}

#[test]
fn models_are_told_whole_or_not() {
    let folder = Folder::new();
    model_file::place(&folder.installed("z-image-turbo"));
    model_file::place(&folder.installed("z-image.partial"));
    model_file::place(&folder.installed("mine"));
    fs::remove_file(folder.installed("mine/transformer/config.json")).unwrap();
    fs::write(folder.installed("notes.gguf"), "no weights").unwrap();
    let diagnosis = diagnosis(&folder);
    let models = diagnosis["models"].as_array().unwrap();
    let fits = models.iter().map(|it| (it["name"].as_str().unwrap(), it["misfit"].is_null()));
    assert_eq!(fits.collect::<Vec<_>>(), [("z-image-turbo", true), ("notes.gguf", false)]);
    let incomplete = diagnosis["incomplete"].as_array().unwrap();
    let names = incomplete.iter().map(|it| (&it["name"], &it["download_unfinished"]));
    let expected = [(&"mine".into(), &false.into()), (&"z-image".into(), &true.into())];
    assert!(names.eq(expected), "{incomplete:?}");
    assert_eq!(diagnosis["drawing"]["model"], "z-image-turbo");
    let advised = advised(&diagnosis);
    assert!(advised.contains(&"mend-model") && advised.contains(&"finish-download"), "{advised:?}");
    assert!(!advised.contains(&"pull"), "it is there: {advised:?}");
}

#[test]
fn what_prevents_drawing_is_told_in_one_line_and_the_exit_code() {
    let folder = Folder::new();
    model_file::place(&folder.installed("z-image-turbo"));
    let config = folder.installed("z-image-turbo/transformer/config.json");
    let text = fs::read_to_string(&config).unwrap().replace("\"dim\": 256", "\"dim\": 512");
    model_file::replace(&config, text);
    for (language, begin) in [("en", "zao: cannot draw here"), ("zh", "zao: 此机器目前无法绘图")]
    {
        let said = folder.run(&["doctor", "--lang", language]);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.starts_with(begin) && said.err.lines().count() == 1, "{said:?}");
        assert!(said.text().contains("z-image-turbo"), "the report is printed all the same");
    }
    let diagnosis = diagnosis(&folder);
    assert_eq!(diagnosis["can_draw"], false);
    assert!(diagnosis["obstacle"].is_string() && diagnosis["models"][0]["misfit"].is_string());
}
