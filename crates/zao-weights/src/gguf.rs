//! GGUF files, versions 2 and 3: the header parsed, every tensor found to lie inside of the file.
//!
//! Files come from anywhere, so nothing in them is believed: all arithmetic on sizes is checked, counts
//! and lengths are bounded before anything is kept, and tensors may not overlap. What the tensors are
//! called for is not known here.

mod cursor;
mod tensor;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use zao_backend::Form;

use crate::error::Error;
use cursor::Cursor;
use tensor::Entry;
pub(crate) use value::Value;

/// What the file begins with.
pub(crate) const MAGIC: [u8; 4] = *b"GGUF";

/// More than any header needs (a tokenizer's words and merges take some megabytes); what lies beyond is not
/// looked at.
const LONGEST_HEADER: usize = 256 << 20;

/// More tensors, or entries of metadata, than any model has.
const MOST_ENTRIES: u64 = 1 << 16;

/// Where tensors begin when the file does not say: at multiples of this.
const ALIGNMENT: u64 = 32;

/// A parsed file.
#[derive(Debug)]
pub(crate) struct Gguf {
    /// The version of the format.
    pub(crate) version: u32,
    /// The metadata that are single values.
    pub(crate) metadata: BTreeMap<String, Value>,
    /// The tensors, which share the file's bytes.
    pub(crate) tensors: BTreeMap<String, Form>,
}

impl Gguf {
    /// Parses `content`, which messages call `file`.
    pub(crate) fn parse(file: &str, content: &Bytes) -> Result<Self, Error> {
        parse(content).map_err(|reason| Error::Gguf { file: file.to_owned(), reason })
    }

    /// The text under `key`.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        match self.metadata.get(key)? {
            Value::Text(text) => Some(text),
            Value::Number(_) => None,
        }
    }
}

fn parse(content: &Bytes) -> Result<Gguf, String> {
    let mut cursor = Cursor::new(&content[..content.len().min(LONGEST_HEADER)]);
    if cursor.array::<4>()? != MAGIC {
        return Err("it does not begin with GGUF".into());
    }
    let version = cursor.u32()?;
    match version {
        2 | 3 => {}
        _ if matches!(version.swap_bytes(), 1..=3) => {
            return Err("it is for big-endian machines".into());
        }
        _ => return Err(format!("it is of version {version}; versions 2 and 3 can be read")),
    }
    let (tensors, values) = (count(&mut cursor, "tensors")?, count(&mut cursor, "metadata")?);

    let mut metadata = BTreeMap::new();
    let mut keys = BTreeSet::new();
    for _ in 0..values {
        let key = cursor.name("a key of its metadata")?;
        if !keys.insert(key.clone()) {
            return Err(format!("it has {key} twice"));
        }
        let value = value::read(&mut cursor).map_err(|reason| format!("{key}: {reason}"))?;
        if let Some(value) = value {
            metadata.insert(key, value);
        }
    }
    let alignment = match metadata.get("general.alignment") {
        None => ALIGNMENT,
        Some(Value::Number(bytes)) if (1.0..=65536.0).contains(bytes) => *bytes as u64,
        Some(other) => return Err(format!("general.alignment is {other:?}")),
    };
    if !alignment.is_power_of_two() {
        return Err(format!("general.alignment is {alignment}, which is no power of two"));
    }

    let mut entries = Vec::new();
    for _ in 0..tensors {
        entries.push(Entry::read(&mut cursor)?);
    }
    let start = (cursor.position() as u64).next_multiple_of(alignment);
    tensor::place(&entries, start, alignment, content.len() as u64)?;
    let mut found = BTreeMap::new();
    for entry in entries {
        let (name, form) = entry.cut(content, start)?;
        if found.insert(name.clone(), form).is_some() {
            return Err(format!("it has the tensor {name} twice"));
        }
    }
    Ok(Gguf { version, metadata, tensors: found })
}

fn count(cursor: &mut Cursor<'_>, what: &str) -> Result<u64, String> {
    let count = cursor.u64()?;
    if count > MOST_ENTRIES {
        return Err(format!("it claims {count} {what}, more than any model has"));
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(bytes: &[u8]) -> String {
        parse(&Bytes::copy_from_slice(bytes)).unwrap_err()
    }

    fn head(version: u32, tensors: u64, values: u64) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(version.to_le_bytes());
        bytes.extend(tensors.to_le_bytes());
        bytes.extend(values.to_le_bytes());
        bytes
    }

    /// A file of one tensor in F32, `dims` as GGUF writes them, at `offset`, and so many bytes of data.
    fn one(dims: &[u64], offset: u64, data: usize) -> Vec<u8> {
        let mut bytes = head(3, 1, 0);
        bytes.extend(1_u64.to_le_bytes());
        bytes.push(b't');
        bytes.extend((dims.len() as u32).to_le_bytes());
        dims.iter().for_each(|dim| bytes.extend(dim.to_le_bytes()));
        bytes.extend(0_u32.to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        bytes.resize(bytes.len().next_multiple_of(32) + data, 0);
        bytes
    }

    #[test]
    fn an_empty_file_of_either_version_is_read() {
        for version in [2, 3] {
            let gguf = parse(&head(version, 0, 0).into()).unwrap();
            assert_eq!((gguf.version, gguf.tensors.len()), (version, 0));
        }
    }

    #[test]
    fn shapes_are_outermost_first() {
        let gguf = parse(&one(&[3, 2], 0, 24).into()).unwrap();
        assert_eq!(gguf.tensors["t"].shape(), [2, 3]);
    }

    #[test]
    fn what_is_no_gguf_is_refused() {
        assert!(reason(b"GGU").contains("ends"));
        assert!(reason(b"GGML1234567").contains("begin"));
        assert!(reason(&head(1, 0, 0)).contains("version 1"));
        assert!(reason(&head(3_u32.swap_bytes(), 0, 0)).contains("big-endian"));
    }

    #[test]
    fn absurd_counts_are_refused_before_anything_is_kept() {
        assert!(reason(&head(3, u64::MAX, 0)).contains("tensors"));
        assert!(reason(&head(3, 0, u64::MAX)).contains("metadata"));
        assert!(reason(&head(3, 60_000, 0)).contains("ends"));
    }

    #[test]
    fn tensors_lie_inside_of_the_file_and_where_they_may() {
        assert!(reason(&one(&[3, 2], 0, 23)).contains("cut"));
        assert!(reason(&one(&[3, 2], 32, 24)).contains("cut"));
        assert!(reason(&one(&[3, 2], 4, 64)).contains("multiple"));
        assert!(reason(&one(&[3, 2], u64::MAX - 31, 24)).contains("cut"));
        assert!(reason(&one(&[u64::MAX, 2], 0, 24)).contains("overflow"));
        assert!(reason(&one(&[1 << 40, 1 << 40], 0, 24)).contains("overflow"));
        assert!(reason(&one(&[1; 9], 0, 4)).contains("dimensions"));
    }
}
