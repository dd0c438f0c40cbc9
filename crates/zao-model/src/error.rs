//! What can be wrong with a model's files or with what it is asked to do.

use zao_backend::Grid;

/// The result of loading or running a model.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A model that cannot be loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The device refused or failed.
    #[error(transparent)]
    Backend(#[from] zao_backend::Error),
    /// A configuration file that is not readable or describes something zao does not draw with.
    #[error("{file}: {detail}")]
    Config {
        /// Which file of the model folder.
        file: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// A weight with a value that is no number: the file is damaged.
    #[error("weight {name} holds {value} at element {index}; the file is damaged, get it again")]
    NotFinite {
        /// The tensor's name in the checkpoint.
        name: String,
        /// The first such element.
        index: usize,
        /// NaN or an infinity.
        value: f32,
    },
    /// A weight that the checkpoint does not have, or has in another shape.
    #[error("weight {name}: {detail}")]
    Weight {
        /// The tensor's name in the checkpoint.
        name: String,
        /// What is wrong.
        detail: String,
    },
    /// The prompt could not be turned into tokens.
    #[error("prompt: {0}")]
    Prompt(String),
    /// A latent larger than the model's position tables.
    #[error("a latent of {asked} cells is too large for this model: at most {max}")]
    TooLarge {
        /// The asked extent.
        asked: Grid,
        /// The largest extent.
        max: Grid,
    },
    /// A caption longer than the model's position tables.
    #[error(
        "a caption of {tokens} tokens, pads included, is too long for this model: at most {max}"
    )]
    CaptionTooLong {
        /// Tokens of the caption, pads included.
        tokens: usize,
        /// The longest caption.
        max: usize,
    },
    /// The computation produced something that is no number.
    #[error("{stage} produced values that are not numbers; the weights do not fit this model")]
    NotANumber {
        /// Where it was noticed.
        stage: &'static str,
    },
}

impl Error {
    /// A configuration error.
    pub(crate) fn config(file: &'static str, detail: impl Into<String>) -> Self {
        Self::Config { file, detail: detail.into() }
    }
}
