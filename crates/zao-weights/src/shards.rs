//! The safetensors files of one part in a folder: a single file, or shards with an index.
//!
//! Finds them, checks index and shards against each other, and cuts them into tensors. What the
//! tensors should be called is not known here.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::Deserialize;
use zao_backend::{Dtype, Form, Stored};

use crate::error::Error;
use crate::mapped::Mapping;
use crate::packing::Description;
use crate::part::PartName;
use crate::scaled;
use crate::source::Source;

/// The bytes before the header, which give its length.
const LENGTH: usize = 8;

/// The longest header that the format allows, in bytes.
const LONGEST_HEADER: u64 = 100_000_000;

/// Where the weights of a part lie; paths are relative to the model folder.
#[derive(Debug)]
pub(crate) enum Layout {
    Single(String),
    Sharded { index: String, shard_of: BTreeMap<String, String> },
}

/// The tensors of a part with the names that the files give them, and the files they lie in.
pub(crate) struct Content {
    pub(crate) tensors: BTreeMap<String, Form>,
    pub(crate) files: Vec<Mapping>,
}

#[derive(Deserialize)]
struct IndexFile {
    weight_map: BTreeMap<String, String>,
}

impl Layout {
    /// Finds the weights of `part`; an index wins over a single file, as in diffusers.
    pub(crate) fn find(source: &Source, part: PartName) -> Result<Self, Error> {
        let (folder, single) = (part.folder(), part.single_file());
        let index = format!("{folder}/{single}.index.json");
        if source.contains(&index) {
            return Self::from_index(source, folder, index);
        }
        let path = format!("{folder}/{single}");
        if source.contains(&path) {
            return Ok(Self::Single(path));
        }
        Err(Error::WeightsMissing { part, folder: source.describe(folder), single })
    }

    fn from_index(source: &Source, folder: &str, index: String) -> Result<Self, Error> {
        let file: IndexFile = serde_json::from_slice(&source.read(&index)?)
            .map_err(|e| Error::Json { file: source.describe(&index), source: e })?;
        let mut shard_of = BTreeMap::new();
        for (tensor, shard) in file.weight_map {
            if shard.is_empty() || shard.starts_with('.') || shard.contains(['/', '\\', ':']) {
                return Err(Error::ShardName { shard, index: source.describe(&index) });
            }
            shard_of.insert(tensor, format!("{folder}/{shard}"));
        }
        Ok(Self::Sharded { index, shard_of })
    }

    /// The files that hold tensors, each once.
    fn files(&self) -> BTreeSet<&str> {
        match self {
            Self::Single(path) => BTreeSet::from([path.as_str()]),
            Self::Sharded { shard_of, .. } => shard_of.values().map(String::as_str).collect(),
        }
    }

    /// The size of all files, that of the index included.
    pub(crate) fn bytes(&self, source: &Source) -> Result<u64, Error> {
        let index = match self {
            Self::Single(_) => 0,
            Self::Sharded { index, .. } => source.size(index)?,
        };
        let tensors: u64 =
            self.files().into_iter().map(|f| source.size(f)).sum::<Result<_, _>>()?;
        Ok(index + tensors)
    }

    /// Maps the files and cuts them into tensors.
    pub(crate) fn load(&self, source: &Source) -> Result<Content, Error> {
        match self {
            Self::Single(path) => {
                let file = source.map(path)?;
                let Cut { tensors, .. } = cut(&source.describe(path), &file.bytes())?;
                Ok(Content { tensors, files: vec![file] })
            }
            Self::Sharded { index, shard_of } => self.load_shards(source, index, shard_of),
        }
    }

    fn load_shards(
        &self,
        source: &Source,
        index: &str,
        shard_of: &BTreeMap<String, String>,
    ) -> Result<Content, Error> {
        let (mut tensors, mut files) = (BTreeMap::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for shard in self.files() {
            let file = source.map(shard).map_err(|error| match error {
                Error::FileMissing { file } => {
                    Error::ShardMissing { shard: file, index: source.describe(index) }
                }
                other => other,
            })?;
            let cut = cut(&source.describe(shard), &file.bytes())?;
            for tensor in cut.names {
                if shard_of.get(&tensor).is_none_or(|listed| listed != shard) {
                    let (index, shard) = (source.describe(index), source.describe(shard));
                    return Err(Error::TensorNotInIndex { index, tensor, shard });
                }
                seen.insert(tensor);
            }
            tensors.extend(cut.tensors);
            files.push(file);
        }
        match shard_of.iter().find(|(tensor, _)| !seen.contains(*tensor)) {
            None => Ok(Content { tensors, files }),
            Some((tensor, shard)) => Err(Error::TensorNotInShard {
                index: source.describe(index),
                tensor: tensor.clone(),
                shard: source.describe(shard),
            }),
        }
    }
}

/// The content of one safetensors file.
pub(crate) struct Cut {
    pub(crate) tensors: BTreeMap<String, Form>,
    /// What the file has under a name of its own, which scales do too.
    names: Vec<String>,
}

/// Cuts the content of one safetensors file into tensors that share its bytes.
pub(crate) fn cut(file: &str, content: &Bytes) -> Result<Cut, Error> {
    let (start, metadata) = header(file, content)?;
    let mut infos: BTreeMap<String, &TensorInfo> = metadata.tensors().into_iter().collect();
    let names = infos.keys().cloned().collect();
    let mut tensors = BTreeMap::new();
    let bytes_of = |info: &TensorInfo| {
        let (from, to) = info.data_offsets;
        content.slice(start + from..start + to)
    };
    if let Some(description) = Description::read(file, metadata.metadata().as_ref())? {
        for name in description.shapes.keys() {
            let take = |name: &str| infos.remove(name).map(|info| (info, bytes_of(info)));
            tensors.insert(name.clone(), description.form(file, name, take)?);
        }
    }
    tensors.extend(scaled::take(file, &mut infos, metadata.metadata().as_ref(), bytes_of)?);
    for (name, info) in infos {
        let dtype = match info.dtype {
            safetensors::Dtype::F32 => Dtype::F32,
            safetensors::Dtype::F16 => Dtype::F16,
            safetensors::Dtype::BF16 => Dtype::Bf16,
            other => {
                let (file, found) = (file.to_owned(), format!("{other:?}"));
                return Err(Error::Dtype { file, tensor: name, found });
            }
        };
        let stored = Stored::new(dtype, info.shape.clone(), bytes_of(info))
            .expect("safetensors checks that offsets span the shape");
        tensors.insert(name, Form::Dense(stored));
    }
    Ok(Cut { tensors, names })
}

/// Parses and checks the header; also gives where the tensors' bytes begin.
///
/// The lengths are compared here rather than by `SafeTensors::read_metadata`, which adds them up
/// unchecked and cannot say how many bytes are missing.
pub(crate) fn header(file: &str, content: &Bytes) -> Result<(usize, Metadata), Error> {
    let actual = content.len() as u64;
    let truncated = |expected| Error::Truncated { file: file.to_owned(), expected, actual };
    let malformed = |reason| Error::Header { file: file.to_owned(), reason };

    let length = *content.first_chunk::<LENGTH>().ok_or_else(|| truncated(LENGTH as u64))?;
    let length = u64::from_le_bytes(length);
    if length > LONGEST_HEADER {
        return Err(malformed(format!("its header claims to be {length} bytes long")));
    }
    let start = LENGTH as u64 + length;
    if start > actual {
        return Err(truncated(start));
    }
    let start = start as usize;
    let metadata: Metadata = serde_json::from_slice(&content[LENGTH..start])
        .map_err(|error| malformed(error.to_string()))?;
    let expected = (metadata.data_len() as u64).saturating_add(start as u64);
    match actual.cmp(&expected) {
        Ordering::Less => Err(truncated(expected)),
        Ordering::Greater => Err(Error::TooLong { file: file.to_owned(), expected, actual }),
        Ordering::Equal => Ok((start, metadata)),
    }
}
