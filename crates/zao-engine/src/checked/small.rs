//! The files besides the weights that decide what a picture looks like, from the folder that has them or as
//! they are published. What they say is parsed elsewhere.

use std::path::Path;

use bytes::Bytes;
use zao_model::text::{Tokenizer, TokenizerFiles};
use zao_weights::{ModelFolder, PartName, Source};

use crate::{Architecture, Error, Result};

/// The scheduler of Z-Image-Turbo as it is published.
const SCHEDULER: &[u8] =
    br#"{"num_train_timesteps": 1000, "shift": 3.0, "use_dynamic_shifting": false}"#;

/// The schedule's configuration.
pub(super) fn scheduler(base: Option<&ModelFolder>) -> Result<Bytes> {
    match base {
        Some(folder) => Ok(folder.read("scheduler/scheduler_config.json")?),
        None => Ok(Bytes::from_static(SCHEDULER)),
    }
}

/// The configurations that a part in a single file may be of, the likelier first: one that lies beside the
/// file, as in a part's folder of diffusers; that of the model it is used with; the published one.
pub(super) fn configurations(
    beside: Option<&Path>,
    base: Option<&ModelFolder>,
    part: PartName,
) -> Result<Vec<Bytes>> {
    let folder = beside.and_then(Path::parent).map(|folder| Source::Folder(folder.to_owned()));
    // Whatever else may be called so is told by not fitting.
    let beside = folder.and_then(|folder| folder.read("config.json").ok());
    let of_base = base.map(|folder| configuration(folder, part)).transpose()?;
    Ok(beside.into_iter().chain(of_base).chain([published(part)]).collect())
}

/// The configuration of a part of `folder`.
pub(super) fn configuration(folder: &ModelFolder, part: PartName) -> Result<Bytes> {
    Ok(folder.read(&format!("{}/config.json", part.folder()))?)
}

/// The configuration of Z-Image-Turbo's part as it is published.
pub(super) fn published(part: PartName) -> Bytes {
    Bytes::from_static(Architecture::ZImageTurbo.config(part).as_bytes())
}

/// What turns prompts into token ids, as files.
pub(super) struct TokenizerBytes {
    pub(super) tokenizer: Bytes,
    pub(super) config: Bytes,
    pub(super) chat_template: Option<Bytes>,
}

impl TokenizerBytes {
    /// That of the folder `given`, else that of `base`.
    pub(super) fn read(given: Option<&Path>, base: Option<&ModelFolder>) -> Result<Self> {
        if let Some(path) = given {
            // The file itself may be named, too.
            let path = if path.is_file() { path.parent().unwrap_or(path) } else { path };
            let source = Source::Folder(path.to_owned());
            let below = if source.contains("tokenizer/tokenizer.json") { "tokenizer/" } else { "" };
            let files = |name: &str| (source.contains(name), source.read(name));
            return Self::of(|name| files(&format!("{below}{name}")));
        }
        let folder = base.ok_or(Error::NoTokenizer)?;
        Self::of(|name| {
            let name = format!("tokenizer/{name}");
            (folder.contains(&name), folder.read(&name))
        })
    }

    /// From whether a file is there, and what is in it.
    fn of(file: impl Fn(&str) -> (bool, Result<Bytes, zao_weights::Error>)) -> Result<Self> {
        let template = file("chat_template.jinja");
        Ok(Self {
            tokenizer: file("tokenizer.json").1?,
            config: file("tokenizer_config.json").1?,
            chat_template: if template.0 { Some(template.1?) } else { None },
        })
    }

    pub(super) fn open(&self) -> Result<Tokenizer> {
        Ok(Tokenizer::new(TokenizerFiles {
            tokenizer: &self.tokenizer,
            config: &self.config,
            chat_template: self.chat_template.as_deref(),
        })?)
    }
}
