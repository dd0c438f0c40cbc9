//! The report as a whole: its JSON, its tokens, its languages, tables of one's own.

use zao_prompt::{Code, Language, Options, Report, Rules, check};

fn json(prompt: &str, report: &Report) -> serde_json::Value {
    serde_json::to_value(report.wire(prompt)).unwrap()
}

#[test]
fn json_counts_code_points() {
    let prompt = "🐎龍，a very red 一个马";
    let report = check(prompt, &Options::default());
    let json = json(prompt, &report);
    for finding in json["findings"].as_array().unwrap() {
        let place = |end: &str| finding["span"][end].as_u64().unwrap() as usize;
        let piece: String =
            prompt.chars().skip(place("start")).take(place("end") - place("start")).collect();
        assert_eq!(finding["text"], piece);
    }
    let codes: Vec<&str> = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["code"].as_str().unwrap())
        .collect();
    assert!(codes.contains(&"intensifier") && codes.contains(&"measure-word"), "{codes:?}");
    assert_eq!(json["tokens"]["limit"], 512);
    assert_eq!(json["tokens"]["estimated"], true);
}

#[test]
fn what_is_cut_is_named_by_the_tokenizer_that_is_there() {
    let words = "word ".repeat(600);
    let count = |text: &str| text.split_whitespace().count() + 8;
    let options = Options { count: Some(&count), ..Options::default() };
    let report = check(words.trim_end(), &options);
    let cut = report.findings.iter().find(|it| it.code == Code::TooLong).unwrap();
    assert_eq!((report.tokens.count, report.tokens.estimated), (608, false));
    assert_eq!(cut.span.end, 600 * 5 - 1);
    assert_eq!(words[..cut.span.start].split_whitespace().count(), 504);
    assert!(cut.replacement.is_none());
    let short = check("a red apple", &options);
    assert_eq!((short.tokens.count, short.findings.len()), (11, 0));
}

#[test]
fn both_languages_have_words_for_every_rule() {
    let prompts = [
        "very big, 4k, best quality, big dog, big dog, night, noon sun, beautiful, a sign that says NO，yes",
        "她戴着发簪，车水马龙，一个马，俺，樹和树\u{200b} // five dogs",
        "两只狗 // five dogs",
    ];
    let mut codes = std::collections::BTreeSet::new();
    for prompt in prompts {
        for language in [Language::En, Language::Zh] {
            let report = check(prompt, &Options { language, ..Options::default() });
            for finding in report.findings {
                let is_chinese = finding.message.contains(['，', '。', '“', '的', '处', '（']);
                assert!(is_chinese || language == Language::En, "{finding:?}");
                codes.insert(finding.code);
            }
        }
    }
    let missing: Vec<&Code> = Code::ALL.iter().filter(|code| !codes.contains(code)).collect();
    assert_eq!(missing, [&Code::TooLong]);
}

#[test]
fn what_is_refused_is_not_asked_for() {
    let options = Options { negative: Some("blurry, Red Hat"), ..Options::default() };
    let report = check("a man, red hat, sharp nose", &options);
    assert_eq!(report.findings.len(), 1);
    assert_eq!(
        (report.findings[0].code, report.findings[0].text.as_str()),
        (Code::Contradiction, "red hat")
    );
}

#[test]
fn ones_own_tables_add_to_the_others_and_go_first() {
    let rules = Rules::extended([
        ("idiom.toml", "[words]\n\"画龙点睛\" = \"点上眼睛\"\n\"新词成语\" = \"新的说法\"\n"),
        ("quality-tags.toml", "keep = [\"8k run\"]\n"),
    ]);
    let rules = rules.unwrap();
    let options = Options { rules: Some(&rules), ..Options::default() };
    assert_eq!(
        check("画龙点睛，新词成语，车水马龙", &options).fixed,
        "点上眼睛，新的说法，车辆川流不息"
    );
    assert!(check("masterpiece, 8k run", &options).findings.is_empty());
}

#[test]
fn a_prompt_of_which_nothing_would_be_left_stays() {
    for prompt in ["", " ", "very", "非常", "\u{200b}"] {
        assert_eq!(check(prompt, &Options::default()).fixed, prompt);
    }
}

#[test]
fn a_thousand_findings_are_told_and_all_are_mended() {
    let lamps = |word: &str| -> String {
        (0..1500).map(|number| format!("a {word}red lamp{number}, ")).collect()
    };
    let prompt = lamps("very ");
    let report = check(&prompt, &Options::default());
    // The prompt is too long besides, which is told wherever it is cut.
    assert_eq!((report.findings.len(), report.left_out), (1000, 501));
    assert!(report.findings.iter().any(|it| it.code == Code::TooLong));
    assert_eq!(report.fixed.trim_end(), lamps("").trim_end());
    assert_eq!(json(&prompt, &report)["left_out"], 501);
    let few = check("a very red lamp", &Options::default());
    assert!(json("a very red lamp", &few).get("left_out").is_none());
}
