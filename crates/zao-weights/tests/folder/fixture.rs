//! Writes small model folders, and safetensors files that may be wrong on purpose.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use zao_weights::{Error, ModelFolder, Part, PartName, Source};

pub(crate) const INDEX: &str = "diffusion_pytorch_model.safetensors.index.json";
pub(crate) const SINGLE: &str = "diffusion_pytorch_model.safetensors";

/// A model folder that is removed with this value.
pub(crate) struct Model(TempDir);

impl Model {
    /// A folder with an index that names every part, and no part.
    pub(crate) fn new() -> Self {
        let model = Self(tempfile::tempdir().expect("temporary folder"));
        let component = json!(["diffusers", "Something"]);
        let index = json!({
            "_class_name": "ZImagePipeline",
            "scheduler": component, "text_encoder": component, "tokenizer": component,
            "transformer": component, "vae": component,
        });
        model.write("model_index.json", index.to_string());
        model
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let full = self.0.path().join(path);
        fs::create_dir_all(full.parent().expect("below the root")).expect("create folder");
        fs::write(&full, content).expect("write file");
        full
    }

    pub(crate) fn open(&self) -> ModelFolder {
        ModelFolder::open(Source::Folder(self.path().to_owned())).expect("a model folder")
    }

    pub(crate) fn transformer(&self) -> Result<Part, Error> {
        self.open().part(PartName::Transformer)
    }

    /// What is said about a transformer in one file with this content.
    pub(crate) fn refusal(content: impl AsRef<[u8]>) -> Error {
        let model = Self::new();
        model.write(&format!("transformer/{SINGLE}"), content);
        model.transformer().expect_err("the file is wrong")
    }

    /// Writes an index of shards from (tensor, shard) pairs.
    pub(crate) fn write_index(&self, places: &[(&str, &str)]) {
        let map: serde_json::Map<String, Value> =
            places.iter().map(|(t, s)| ((*t).to_owned(), json!(s))).collect();
        self.write(&format!("transformer/{INDEX}"), json!({ "weight_map": map }).to_string());
    }
}

/// A safetensors file with this header and this many bytes of tensors.
pub(crate) fn safetensors(header: &Value, data: &[u8]) -> Vec<u8> {
    let header = header.to_string();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.extend_from_slice(data);
    file
}

/// A good file of one-dimensional f32 tensors.
pub(crate) fn f32_file(tensors: &[(&str, &[f32])]) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, values) in tensors {
        let start = data.len();
        data.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        let entry =
            json!({ "dtype": "F32", "shape": [values.len()], "data_offsets": [start, data.len()] });
        header.insert((*name).to_owned(), entry);
    }
    safetensors(&Value::Object(header), &data)
}
