//! GGUF as the `gguf` package of Python writes it, against the values which that reads.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use zao_backend::{BlockKind, Dtype, Form};
use zao_weights::{FileFormat, WeightFile};

use crate::writers::safetensors;

fn goldens(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name)
}

#[test]
fn the_file_is_told_by_its_content() {
    let file = WeightFile::open(&goldens("blocks.gguf")).unwrap();
    let architecture = Some("lumina2".to_owned());
    assert_eq!(*file.format(), FileFormat::Gguf { version: 3, architecture });
    assert_eq!((file.len(), file.parts().count()), (13, 0));
    assert!(file.holds().contains("lumina2"), "{}", file.holds());
}

#[test]
fn every_value_is_the_one_that_python_reads_bit_for_bit() {
    let file = WeightFile::open(&goldens("blocks.gguf")).unwrap();
    let part: BTreeMap<&str, &Form> = file.tensors().collect();
    let expected = safetensors::read(&fs::read(goldens("blocks.safetensors")).unwrap());
    assert_eq!(part.len(), expected.len());
    for tensor in expected {
        let form = part[tensor.name.as_str()].clone();
        assert_eq!(form.shape(), tensor.shape, "{}", tensor.name);
        assert_eq!(form.name().to_uppercase(), tensor.name);
        let Form::Dense(stored) = form.unpacked(Dtype::F32) else { panic!("{}", tensor.name) };
        let values: Vec<u8> = stored.to_f32().iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(values, tensor.data, "{}", tensor.name);
    }
}

#[test]
fn blocks_are_the_bytes_of_the_file() {
    let content = Bytes::from(fs::read(goldens("blocks.gguf")).unwrap());
    let file = WeightFile::parse("golden", &content).unwrap();
    let kinds: Vec<BlockKind> = file
        .tensors()
        .filter_map(|(_, form)| match form {
            Form::Blocks(blocks) => {
                assert!(
                    content.as_ptr_range().contains(&blocks.bytes().as_ptr()),
                    "nothing is copied"
                );
                Some(blocks.kind())
            }
            _ => None,
        })
        .collect();
    assert_eq!(kinds.len(), BlockKind::GGML.len());
}
