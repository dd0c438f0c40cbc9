//! A model in the folder layout of diffusers: one folder a part, `model_index.json` on top.
//!
//! Opening looks only at the index; parts are mapped when they are asked for. Configurations are
//! handed out as bytes: what they say is the model's business.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::part::{Part, PartName};
use crate::shards::Layout;
use crate::source::Source;

/// The file that makes a folder a model.
const MODEL_INDEX: &str = "model_index.json";

/// What `model_index.json` must name, each with a folder of that name.
const COMPONENTS: [&str; 5] = ["scheduler", "text_encoder", "tokenizer", "transformer", "vae"];

/// The files besides the parts that no picture can be made without.
const SMALL_FILES: [&str; 3] =
    [MODEL_INDEX, "scheduler/scheduler_config.json", "tokenizer/tokenizer.json"];

/// An opened model folder.
#[derive(Clone, Debug)]
pub struct ModelFolder {
    source: Source,
    class: String,
}

impl ModelFolder {
    /// Opens a model and checks that its index names every part.
    ///
    /// # Errors
    /// The folder is missing, is not a model, or its index cannot be read.
    pub fn open(source: Source) -> Result<Self, Error> {
        if let Source::Folder(path) = &source
            && !path.exists()
        {
            return Err(Error::FolderMissing { path: path.display().to_string() });
        }
        let not_a_model = |lack: String| Error::NotAModel { path: source.describe(""), lack };
        let content = match source.read(MODEL_INDEX) {
            Ok(content) => content,
            Err(Error::FileMissing { .. }) => {
                return Err(not_a_model(format!("it has no {MODEL_INDEX}")));
            }
            Err(other) => return Err(other),
        };
        let index: Map<String, Value> = serde_json::from_slice(&content)
            .map_err(|e| Error::Json { file: source.describe(MODEL_INDEX), source: e })?;
        let unnamed = |name: &&str| !index.get(*name).is_some_and(is_named);
        if let Some(name) = COMPONENTS.into_iter().find(unnamed) {
            return Err(not_a_model(format!("its {MODEL_INDEX} names no {name}")));
        }
        let class = index.get("_class_name").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Self { source, class })
    }

    /// The pipeline that the model was saved from, such as `ZImagePipeline`; empty if not said.
    #[must_use]
    pub fn class(&self) -> &str {
        &self.class
    }

    /// How messages name the model's place.
    #[must_use]
    pub fn location(&self) -> String {
        self.source.describe("")
    }

    /// How messages name the file `path` of this model.
    #[must_use]
    pub fn describe(&self, path: &str) -> String {
        self.source.describe(path)
    }

    /// Whether the model has the file `path`, for files that not every model has.
    #[must_use]
    pub fn contains(&self, path: &str) -> bool {
        self.source.contains(path)
    }

    /// Reads a configuration or tokenizer file, such as `transformer/config.json`.
    ///
    /// # Errors
    /// The file is missing or unreadable.
    pub fn read(&self, path: &str) -> Result<Bytes, Error> {
        self.source.read(path)
    }

    /// Every file that belongs to the model and is no weight, nor an index of weights.
    ///
    /// # Errors
    /// A folder of the model cannot be listed.
    pub fn small_files(&self) -> Result<Vec<String>, Error> {
        let mut files = vec![MODEL_INDEX.to_owned()];
        for folder in COMPONENTS {
            files.extend(self.source.files(folder)?);
        }
        files.retain(|file| is_text(file) && !file.ends_with(".index.json"));
        Ok(files)
    }

    /// Maps the weights of a part; nothing is read yet but the headers.
    ///
    /// Headers, offsets and lengths are checked, and the index against the shards in both
    /// directions. Names and shapes are for [`Part::check`].
    ///
    /// # Errors
    /// A file is missing, malformed, too short or too long, or has an unsupported element type.
    pub fn part(&self, name: PartName) -> Result<Part, Error> {
        let content = Layout::find(&self.source, name)?.load(&self.source)?;
        Part::from_checkpoint(name, content)
    }

    /// The size of a part's weights on disk in bytes, headers and index included.
    ///
    /// # Errors
    /// A file is missing or the index cannot be read.
    pub fn part_bytes(&self, name: PartName) -> Result<u64, Error> {
        Layout::find(&self.source, name)?.bytes(&self.source)
    }

    /// The size of every file that the model needs, in bytes; no weight is read.
    ///
    /// # Errors
    /// A file is missing or an index cannot be read.
    pub fn required_bytes(&self) -> Result<u64, Error> {
        let mut bytes = 0;
        for file in SMALL_FILES {
            bytes += self.source.size(file)?;
        }
        for name in PartName::ALL {
            bytes += self.source.size(&format!("{}/config.json", name.folder()))?;
            bytes += self.part_bytes(name)?;
        }
        Ok(bytes)
    }
}

/// Whether a file at `path` can belong to a model without being weights: configurations, indices of
/// shards, the tokenizer.
pub(crate) fn is_text(path: &str) -> bool {
    let Some((folder, name)) = path.split_once('/') else { return path == MODEL_INDEX };
    let is_text = matches!(name.rsplit_once('.'), Some((_, "json" | "txt" | "jinja")));
    is_text && COMPONENTS.contains(&folder) && !name.contains('/')
}

/// diffusers writes `[library, class]` for a part, and `[null, null]` for one left out.
fn is_named(entry: &Value) -> bool {
    entry.as_array().is_some_and(|pair| pair.len() == 2 && pair.iter().all(Value::is_string))
}
