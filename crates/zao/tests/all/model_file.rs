//! Copies of the built-in model as folders, whole or damaged on purpose.

use std::fs;
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use serde_json::{Map, Value, json};

use crate::writers::plain::unpacked;
use crate::writers::safetensors::{read, write};

/// Where the built-in model comes from.
pub(crate) fn original() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/demo-model")
}

/// The model's files, as paths in its folder.
pub(crate) fn files() -> Vec<String> {
    let mut files = vec!["model_index.json".to_owned()];
    for part in ["scheduler", "text_encoder", "tokenizer", "transformer", "vae"] {
        for entry in fs::read_dir(original().join(part)).unwrap() {
            files.push(format!("{part}/{}", entry.unwrap().file_name().to_str().unwrap()));
        }
    }
    files
}

/// Lays the model out in `folder`, with links where the system has them.
pub(crate) fn place(folder: &Path) {
    for file in files() {
        let (from, to) = (original().join(&file), folder.join(&file));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(from.canonicalize().unwrap(), to).unwrap();
        #[cfg(not(unix))]
        fs::copy(from, to).unwrap();
    }
}

/// Lays the model out in `folder` with the values of its fp8 in bf16, as models are published.
pub(crate) fn place_plain(folder: &Path) {
    place(folder);
    for file in files().iter().filter(|file| file.ends_with(".safetensors")) {
        let file = folder.join(file);
        let tensors = unpacked(read(&fs::read(&file).unwrap()), Dtype::BF16);
        replace(&file, write(&tensors, None));
    }
}

/// Puts `content` in place of a file of a placed model.
pub(crate) fn replace(file: &Path, content: impl AsRef<[u8]>) {
    // A link would lead the writing to the original.
    fs::remove_file(file).unwrap();
    fs::write(file, content).unwrap();
}

/// A safetensors file taken apart.
pub(crate) struct Weights {
    pub(crate) header: Map<String, Value>,
    pub(crate) data: Vec<u8>,
}

impl Weights {
    pub(crate) fn read(file: &Path) -> Self {
        let bytes = fs::read(file).unwrap();
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let (header, data) = bytes[8..].split_at(length);
        Self { header: serde_json::from_slice(header).unwrap(), data: data.to_vec() }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let header = serde_json::to_vec(&self.header).unwrap();
        let length = (header.len() as u64).to_le_bytes();
        [&length[..], &header, &self.data].concat()
    }

    /// The names of all tensors.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.header.keys().map(String::as_str).filter(|name| *name != "__metadata__")
    }

    /// The bytes of a tensor.
    pub(crate) fn tensor(&mut self, name: &str) -> &mut [u8] {
        let [from, to] =
            [0, 1].map(|i| self.header[name]["data_offsets"][i].as_u64().unwrap() as usize);
        &mut self.data[from..to]
    }

    /// An index that places every tensor in `shard`, and beside them one in another shard.
    pub(crate) fn index(&self, shard: &str, (name, other): (&str, &str)) -> String {
        let place = |name: &str| (name.to_owned(), shard.into());
        let mut map: Map<String, Value> = self.names().map(place).collect();
        map.insert(name.into(), other.into());
        json!({ "weight_map": map }).to_string()
    }
}
