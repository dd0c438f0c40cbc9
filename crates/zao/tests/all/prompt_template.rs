//! `zao prompt template`. Which words belong where is tested in zao-prompt.

use serde_json::{Value, json};

use crate::folder::Folder;
use crate::said::Said;

#[test]
fn slots_make_a_prompt_and_nothing_else_is_printed() {
    let folder = Folder::new();
    let slots = [
        "prompt",
        "template",
        "--style",
        "ukiyo-e",
        "--detail",
        "white tail",
        "--subject",
        "a fox",
        "--detail",
        "snow",
        "--action",
        "leaping",
        "--background",
        "birches",
    ];
    let said = folder.run(&slots).ok();
    assert_eq!(said.text(), "a fox leaping | white tail | snow | birches | ukiyo-e\n");
    assert_eq!(said.err, "");
    let chinese =
        ["prompt", "template", "--subject", "一只猫", "--action", "睡觉", "--style", "水彩"];
    assert_eq!(folder.run(&chinese).ok().text(), "一只猫睡觉 | 水彩\n");
    folder.run(&["prompt", "template"]).complains(2, &["--subject"]);
}

#[test]
fn a_prompt_comes_apart_in_a_table_or_as_json() {
    let folder = Folder::new();
    let prompt = "a knight standing in a dark forest, torn cloak, oil painting";
    let said = folder.run(&["prompt", "template", prompt]).ok();
    let expected = "subject     a knight\naction      standing\ndetail      torn cloak\nbackground  in a dark forest\n\
                    style       oil painting\n\
                    prompt      a knight standing | torn cloak | in a dark forest | oil painting\n";
    assert_eq!(said.text(), expected);
    let chinese = folder.run(&["prompt", "template", prompt, "--lang", "zh"]).ok();
    assert!(chinese.text().starts_with("主体    a knight\n"), "{}", chinese.text());
    let said = folder.run(&["prompt", "template", prompt, "--style", "watercolor", "--json"]).ok();
    let json: Value = serde_json::from_slice(&said.out).unwrap();
    let expected = json!({
        "subject": "a knight", "action": "standing", "details": ["torn cloak"], "background": "in a dark forest",
        "style": "watercolor", "prompt": "a knight standing | torn cloak | in a dark forest | watercolor",
    });
    assert_eq!(json, expected);
}

#[test]
fn a_prompt_may_come_from_standard_input() {
    let folder = Folder::new();
    std::fs::write(folder.path("prompt.txt"), "一只猫\n").unwrap();
    let mut zao = folder.zao();
    zao.args(["prompt", "template", "-"])
        .stdin(std::fs::File::open(folder.path("prompt.txt")).unwrap());
    assert_eq!(Said::of(&mut zao).ok().text(), "subject  一只猫\nprompt   一只猫\n");
    std::fs::write(folder.path("prompt.txt"), b"\xff\n").unwrap();
    let mut zao = folder.zao();
    zao.args(["prompt", "template", "-"])
        .stdin(std::fs::File::open(folder.path("prompt.txt")).unwrap());
    Said::of(&mut zao).complains(2, &["UTF-8", "iconv"]);
}
