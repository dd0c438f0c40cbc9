//! Prompts to token ids against transformers: template, normalisation, splitting, merges, limit.

use serde_json::Value;
use zao_model::text::{MAX_TOKENS, Tokenizer, TokenizerFiles};

use crate::harness::Sample;

fn assert_ids(sample: &Sample, prompts: usize) {
    let tokenizer = sample.tokenizer();
    let Value::Object(texts) = sample.golden.about("prompts") else { panic!("no prompts") };
    assert_eq!(texts.len(), prompts);
    for (name, text) in texts {
        let prompt = text["prompt"].as_str().unwrap();
        let got = tokenizer.encode(prompt, MAX_TOKENS).unwrap();
        assert_eq!(got.ids, sample.golden.integers(&format!("text/{name}/ids")), "{name}");
        assert_eq!(got.cut > 0, name == "long", "{name}: {} tokens are cut", got.cut);
    }
}

#[test]
fn ids_are_those_of_transformers() {
    assert_ids(&Sample::tiny_a(), 8);
    assert_ids(&Sample::tiny_b(), 8);
    assert_ids(&Sample::demo(), 3);
}

#[test]
fn what_is_cut_is_counted() {
    for sample in Sample::tiny() {
        let prompt = sample.golden.about("prompts")["long"]["prompt"].clone();
        let prompt = prompt.as_str().unwrap();
        let tokenizer = sample.tokenizer();
        let whole = tokenizer.encode(prompt, usize::MAX).unwrap();
        assert_eq!(whole.cut, 0);
        for limit in [MAX_TOKENS, 7, whole.ids.len() - 1, whole.ids.len()] {
            let got = tokenizer.encode(prompt, limit).unwrap();
            assert_eq!(got.ids, whole.ids[..limit]);
            assert_eq!(got.cut, whole.ids.len() - limit);
        }
    }
}

#[test]
fn files_that_are_no_tokenizer_are_named() {
    let sample = Sample::tiny_a();
    let [tokenizer, config] = ["tokenizer.json", "tokenizer_config.json"]
        .map(|file| sample.file(&format!("tokenizer/{file}")));
    let files = TokenizerFiles { tokenizer: &tokenizer, config: &config, chat_template: None };
    for (files, faulty) in [
        // Its template is a file of its own, which is not given.
        (files, "tokenizer_config.json: no chat_template"),
        (TokenizerFiles { config: b"{", ..files }, "tokenizer_config.json"),
        (TokenizerFiles { tokenizer: b"{}", ..files }, "tokenizer.json"),
        (TokenizerFiles { chat_template: Some(b"\xff"), ..files }, "chat_template.jinja"),
    ] {
        let error = Tokenizer::new(files).err().unwrap().to_string();
        assert!(error.contains(faulty), "{error}");
    }
}
