//! Files that are no weights, or are damaged: each is refused with its name and what to do.

use std::fs;

use bytes::Bytes;
use zao_weights::{Error, WeightFile};

use crate::writers::gguf::{self, Tensor};

fn refusal(content: &[u8]) -> Error {
    WeightFile::parse("a file", &Bytes::copy_from_slice(content)).expect_err("it is wrong")
}

fn tensor(name: &str) -> Tensor {
    let (shape, bytes) = (vec![2, 32], vec![0; 2 * 34]);
    Tensor { name: name.into(), shape, kind: gguf::Q8_0, bytes }
}

#[test]
fn other_files_are_told_from_weights() {
    for (content, word) in [
        (&b""[..], "neither"),
        (b"PK\x03\x04 and more of a checkpoint", "PyTorch"),
        (b"\x80\x02}q\x00 a pickle", "neither"),
        (b"<html>", "neither"),
    ] {
        let text = refusal(content).to_string();
        assert!(text.contains("a file") && text.contains(word), "{text}");
    }
}

#[test]
fn places_that_hold_no_file_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let missing = WeightFile::open(&folder.path().join("none.gguf")).unwrap_err();
    assert!(matches!(missing, Error::NoSuchFile { .. }), "{missing}");
    let error = WeightFile::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("--model"), "{error}");
    let empty = folder.path().join("empty");
    fs::write(&empty, []).unwrap();
    let error = WeightFile::open(&empty).unwrap_err();
    assert!(matches!(error, Error::UnknownFormat { .. }), "{error}");
}

#[test]
fn a_gguf_is_refused_wherever_it_is_cut() {
    let whole = gguf::file("qwen3", &[tensor("a"), tensor("b")]);
    WeightFile::parse("a file", &Bytes::from(whole.clone())).unwrap();
    let needed = whole.len() - (32 - 68 % 32);
    for length in 8..needed {
        let error = refusal(&whole[..length]);
        assert!(matches!(error, Error::Gguf { .. }), "{length}: {error}");
    }
}

#[test]
fn a_tensor_twice_is_refused() {
    let text = refusal(&gguf::file("qwen3", &[tensor("a"), tensor("a")])).to_string();
    assert!(text.contains("tensor a twice"), "{text}");
}

#[test]
fn types_that_cannot_be_read_are_named_with_what_can() {
    let text = refusal(&gguf::file("lumina2", &[Tensor { kind: 20, ..tensor("x") }])).to_string();
    assert!(text.contains("IQ4_NL") && text.contains("Q8_0"), "{text}");
}
