//! Folders that are refused, each with the reason.

use std::fs;

use serde_json::{Value, json};
use zao_weights::{Error, Expected, ModelFolder, PartName, Source};

use crate::fixture::{Model, SINGLE, f32_file, safetensors};

fn entry(dtype: &str, shape: &[u64], offsets: [u64; 2]) -> Value {
    json!({ "dtype": dtype, "shape": shape, "data_offsets": offsets })
}

fn opened(model: &Model) -> Error {
    ModelFolder::open(Source::Folder(model.path().to_owned())).expect_err("not a model")
}

#[test]
fn a_missing_folder_and_a_folder_that_is_no_model_differ() {
    let model = Model::new();
    let nowhere = ModelFolder::open(Source::Folder(model.path().join("nowhere")));
    assert!(matches!(nowhere.expect_err("no folder"), Error::FolderMissing { .. }));

    fs::remove_file(model.path().join("model_index.json")).expect("remove");
    let text = opened(&model).to_string();
    assert!(text.contains("no model_index.json") && text.contains("transformer"), "{text}");

    model.write("model_index.json", "{\"transformer\": [\"diffusers\", \"X\"]}");
    let text = opened(&model).to_string();
    assert!(text.contains("names no scheduler"), "{text}");

    model.write("model_index.json", "{\"transformer\":");
    assert!(matches!(opened(&model), Error::Json { .. }));
}

#[test]
fn a_file_in_the_place_of_a_folder_is_no_model() {
    let model = Model::new();
    let file = model.write("model.gguf", "GGUF");
    let error = ModelFolder::open(Source::Folder(file)).expect_err("a file");
    assert!(matches!(error, Error::NotAModel { .. }), "{error}");
}

#[test]
fn a_part_without_weights_says_what_was_looked_for() {
    let text = Model::new().transformer().expect_err("no weights").to_string();
    assert!(text.contains(SINGLE) && text.contains("zao pull"), "{text}");
}

#[test]
fn a_missing_shard_is_named_with_the_index_that_lists_it() {
    let model = Model::new();
    model.write_index(&[("a", "one.safetensors"), ("b", "two.safetensors")]);
    model.write("transformer/one.safetensors", f32_file(&[("a", &[1.0])]));
    let error = model.transformer().expect_err("one of two shards");
    let Error::ShardMissing { shard, index } = error else { panic!("{error}") };
    assert!(shard.ends_with("two.safetensors") && index.ends_with("index.json"));
}

#[test]
fn index_and_shards_are_checked_in_both_directions() {
    let model = Model::new();
    model.write("transformer/one.safetensors", f32_file(&[("a", &[1.0])]));
    model.write("transformer/two.safetensors", f32_file(&[("b", &[1.0])]));

    model.write_index(&[
        ("a", "one.safetensors"),
        ("b", "two.safetensors"),
        ("c", "two.safetensors"),
    ]);
    let error = model.transformer().expect_err("c is nowhere");
    assert!(matches!(error, Error::TensorNotInShard { ref tensor, .. } if tensor == "c"));

    model.write_index(&[("a", "one.safetensors"), ("c", "two.safetensors")]);
    let error = model.transformer().expect_err("b is not listed");
    assert!(matches!(error, Error::TensorNotInIndex { ref tensor, .. } if tensor == "b"));

    model.write_index(&[("a", "two.safetensors"), ("b", "one.safetensors")]);
    let error = model.transformer().expect_err("listed the wrong way round");
    assert!(matches!(error, Error::TensorNotInIndex { ref tensor, .. } if tensor == "a"));
}

#[test]
fn an_index_cannot_lead_out_of_its_folder() {
    let model = Model::new();
    model.write("stolen.safetensors", f32_file(&[("a", &[1.0])]));
    for shard in ["../stolen.safetensors", "/etc/passwd", "..\\x", "C:x", "..", ""] {
        model.write_index(&[("a", shard)]);
        let error = model.transformer().expect_err("outside");
        assert!(matches!(error, Error::ShardName { .. }), "{shard}: {error}");
    }
}

#[test]
fn a_truncated_shard_says_how_many_bytes_are_missing() {
    let whole = f32_file(&[("a", &[1.0, 2.0, 3.0])]);
    for cut in [whole.len() - 1, whole.len() - 12, 20, 9, 7, 0] {
        let error = Model::refusal(&whole[..cut]);
        let Error::Truncated { file, expected, actual } = error else { panic!("{cut}: {error}") };
        assert!(file.ends_with(SINGLE));
        assert_eq!(actual, cut as u64);
        assert!(expected > actual && expected <= whole.len() as u64);
    }
    let error = Model::refusal(&whole[..whole.len() - 5]).to_string();
    let (expected, actual) = (whole.len(), whole.len() - 5);
    assert!(error.contains(&format!("expected {expected} bytes, found {actual}")), "{error}");
}

#[test]
fn bytes_after_the_last_tensor_are_refused() {
    let mut long = f32_file(&[("a", &[1.0])]);
    long.push(0);
    assert!(matches!(Model::refusal(&long), Error::TooLong { expected, actual, .. }
        if actual == expected + 1));
}

#[test]
fn absurd_header_lengths_are_refused_without_allocating_them() {
    for length in [1u64 << 60, u64::MAX, 100_000_001] {
        let mut file = length.to_le_bytes().to_vec();
        file.extend_from_slice(b"{}");
        assert!(matches!(Model::refusal(&file), Error::Header { .. }), "{length}");
    }
}

#[test]
fn headers_that_contradict_themselves_are_refused() {
    let cases = [
        ("overlap", json!({ "a": entry("F32", &[1], [0, 4]), "b": entry("F32", &[1], [2, 6]) })),
        ("gap", json!({ "a": entry("F32", &[1], [0, 4]), "b": entry("F32", &[1], [5, 9]) })),
        ("backwards", json!({ "a": entry("F32", &[1], [4, 0]) })),
        ("shape", json!({ "a": entry("F32", &[2], [0, 4]) })),
        ("overflow", json!({ "a": entry("F32", &[1 << 40, 1 << 40], [0, 4]) })),
        ("unknown type", json!({ "a": entry("Q7", &[1], [0, 4]) })),
        ("not a table", json!([1, 2, 3])),
    ];
    for (what, header) in cases {
        let error = Model::refusal(safetensors(&header, &[0; 9]));
        assert!(matches!(error, Error::Header { .. }), "{what}: {error}");
    }
    assert!(matches!(Model::refusal(b"\x02\0\0\0\0\0\0\0{]"), Error::Header { .. }));
    assert!(matches!(Model::refusal(b"\x02\0\0\0\0\0\0\0\xff\xfe"), Error::Header { .. }));
}

#[test]
fn sizes_that_overflow_when_added_up_are_refused() {
    let quarter = 1u64 << 58;
    let tensors = (0..63).map(|i| {
        (format!("t{i:02}"), entry("F16", &[quarter / 2], [i * quarter, (i + 1) * quarter]))
    });
    let header = Value::Object(tensors.collect());
    assert!(matches!(Model::refusal(safetensors(&header, &[])), Error::Truncated { .. }));
}

#[test]
fn other_element_types_are_refused_by_name() {
    let header = json!({ "a": entry("F64", &[1], [0, 8]) });
    let error = Model::refusal(safetensors(&header, &[0; 8]));
    assert!(
        matches!(error, Error::Dtype { ref tensor, ref found, .. }
        if tensor == "a" && found == "F64"),
        "{error}"
    );
}

#[test]
fn names_and_shapes_are_all_listed_at_once() {
    let model = Model::new();
    let file = f32_file(&[("a", &[1.0, 2.0]), ("extra", &[1.0]), ("lm_head.weight", &[1.0])]);
    model.write(&format!("transformer/{SINGLE}"), file);
    let part = model.open().part(PartName::Transformer).expect("a good file");
    let expected = [Expected::new("a", [2, 1]), Expected::new("b", [7])];
    let text = part.check(&expected, &["lm_head.weight"]).expect_err("three faults").to_string();
    for fault in ["1 missing (b)", "1 unexpected (extra)", "(a expected [2, 1] found [2])"] {
        assert!(text.contains(fault), "{fault} is not in: {text}");
    }
    assert!(!text.contains("lm_head") && !text.contains('\n'), "{text}");
}
