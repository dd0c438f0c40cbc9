//! Where a model lies: a folder, single files of its parts, or some of both. Nothing is opened here.

use std::path::{Path, PathBuf};

use zao_weights::{PartName, Source};

/// Where the parts of a model come from.
#[derive(Clone, Debug, Default)]
pub struct ModelSource {
    /// A model in diffusers' folder layout. It gives the parts that no file is named for, their
    /// configurations, the tokenizer and the schedule.
    pub base: Option<Source>,
    /// A single file of the text encoder.
    pub text_encoder: Option<PathBuf>,
    /// A single file of the transformer.
    pub transformer: Option<PathBuf>,
    /// A single file of the autoencoder.
    pub vae: Option<PathBuf>,
    /// A folder with `tokenizer.json`, or with such a folder called `tokenizer`, instead of the base's.
    pub tokenizer: Option<PathBuf>,
}

impl ModelSource {
    /// The single file that is named for `part`.
    #[must_use]
    pub fn file(&self, part: PartName) -> Option<&Path> {
        let file = match part {
            PartName::TextEncoder => &self.text_encoder,
            PartName::Transformer => &self.transformer,
            PartName::Vae => &self.vae,
        };
        file.as_deref()
    }

    /// Whether everything is the base's.
    #[must_use]
    pub fn is_base_only(&self) -> bool {
        self.tokenizer.is_none() && PartName::ALL.iter().all(|&part| self.file(part).is_none())
    }
}

impl From<Source> for ModelSource {
    fn from(base: Source) -> Self {
        Self { base: Some(base), ..Self::default() }
    }
}
