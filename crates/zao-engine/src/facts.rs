//! A model that is known and checked but drawn with by somebody else: what it can draw and how long a prompt is, without
//! a device and without weights in memory.

use crate::model::ModelFiles;
use crate::{ModelInfo, ModelSource, Result};

/// What can be said of a model without a device.
pub struct ModelFacts {
    model: ModelFiles,
    info: ModelInfo,
}

impl ModelFacts {
    /// Checks the model at `source`, which users call `name`, as [`crate::open`] does.
    ///
    /// # Errors
    /// A model that is not whole, or files that are not of it.
    pub fn of(name: &str, source: impl Into<ModelSource>) -> Result<Self> {
        let model = ModelFiles::open(&source.into())?;
        let info = ModelInfo::of(name, &model);
        Ok(Self { model, info })
    }

    /// What it can draw.
    #[must_use]
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// How many tokens `prompt` is, without those that the model's template adds to every prompt.
    ///
    /// # Errors
    /// A template that fails.
    pub fn prompt_tokens(&self, prompt: &str) -> Result<usize> {
        self.model.prompts.count(prompt)
    }

    /// How many tokens the text encoder would have to read for `prompt`, with those of the template. It reads
    /// [`crate::MAX_TOKENS`], and what is behind them is cut.
    ///
    /// # Errors
    /// A template that fails.
    pub fn encoder_tokens(&self, prompt: &str) -> Result<usize> {
        self.model.prompts.count_with_template(prompt)
    }
}
