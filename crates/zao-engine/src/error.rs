//! What can go wrong between a job and its picture.

use crate::ResolvedPrecision;
use crate::job::InvalidJob;

/// The result of anything the engine does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A run that gave no picture.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The job itself cannot be done.
    #[error(transparent)]
    Job(#[from] InvalidJob),
    /// The model's files are not usable.
    #[error(transparent)]
    Weights(#[from] zao_weights::Error),
    /// An adapter's file is not usable.
    #[error(transparent)]
    Adapter(#[from] zao_weights::AdapterError),
    /// The model cannot be loaded or run.
    #[error(transparent)]
    Model(zao_model::Error),
    /// The device refused or failed.
    #[error(transparent)]
    Device(zao_backend::Error),
    /// It does not fit into memory, which was found before anything ran.
    #[error(
        "{what} needs {} of memory, {} can be used; {advice}",
        Bytes(*needed),
        Bytes(*free)
    )]
    OutOfMemory {
        /// What was to be done.
        what: String,
        /// Bytes it needs.
        needed: u64,
        /// Bytes that it may take.
        free: u64,
        /// What would fit.
        advice: String,
    },
    /// A device that this machine or this build does not have.
    #[error("no device {name:?}: {detail}")]
    NoDevice {
        /// The name as given.
        name: String,
        /// Why, and what there is.
        detail: String,
    },
    /// A precision that weights stored in int8 cannot be had in.
    #[error(
        "the weights of this model are stored in int8, so it cannot draw in {asked}; use precision \
         int8, or draw with the model that it was converted from"
    )]
    StoredInInt8 {
        /// The precision asked for.
        asked: ResolvedPrecision,
    },
    /// A precision that the device does not multiply in.
    #[error("{device} does not draw in {asked}; {instead}")]
    NotInPrecision {
        /// The device.
        device: String,
        /// The precision asked for.
        asked: ResolvedPrecision,
        /// What to do instead.
        instead: &'static str,
    },
    /// Neither a file nor a model gives a part.
    #[error("nothing gives the {part}: name a file of it, or with --model a model that has it")]
    NoPart {
        /// The part.
        part: zao_weights::PartName,
    },
    /// Parts that are not of one model.
    #[error(
        "these parts are not of one model: the transformer has {detail}; name the files of its other parts, too, \
         or with --model the model that it belongs to"
    )]
    Strangers {
        /// What they do not agree on.
        detail: String,
    },
    /// Single files have no tokenizer, and no model was named that has one.
    #[error(
        "files of weights have no tokenizer: name with --tokenizer a folder that has tokenizer.json, as the \
         folder tokenizer of Z-Image or Qwen3, or with --model an installed model"
    )]
    NoTokenizer,
    /// A tokenizer that is not the text encoder's.
    #[error(
        "the tokenizer has {tokens} tokens and the text encoder {rows} rows for them, so they are no pair; name \
         its tokenizer with --tokenizer"
    )]
    OtherTokenizer {
        /// Tokens of the tokenizer.
        tokens: usize,
        /// Rows of the text encoder's table.
        rows: usize,
    },
    /// There is nothing to convert.
    #[error("the weights of this model are stored in int8 already; convert the original model")]
    AlreadyInt8,
    /// A converted model cannot be written.
    #[error(transparent)]
    Save(#[from] zao_weights::SaveError),
    /// Somebody cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// Whether the device failed, so that the engine draws no more.
    #[must_use]
    pub fn ends_engine(&self) -> bool {
        matches!(self, Self::Device(zao_backend::Error::Device { .. }))
    }

    /// Whether memory was too small; something smaller may fit.
    #[must_use]
    pub fn is_out_of_memory(&self) -> bool {
        matches!(
            self,
            Self::OutOfMemory { .. } | Self::Device(zao_backend::Error::OutOfMemory { .. })
        )
    }
}

impl From<zao_model::Error> for Error {
    fn from(error: zao_model::Error) -> Self {
        match error {
            zao_model::Error::Backend(error) => error.into(),
            other => Self::Model(other),
        }
    }
}

impl From<zao_backend::Error> for Error {
    fn from(error: zao_backend::Error) -> Self {
        Self::Device(error)
    }
}

/// A number of bytes in the unit people read.
pub(crate) struct Bytes(pub(crate) u64);

impl std::fmt::Display for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let gib = self.0 as f64 / f64::from(1 << 30);
        if gib >= 1.0 {
            write!(f, "{gib:.1} GiB")
        } else {
            write!(f, "{:.0} MiB", self.0 as f64 / f64::from(1 << 20))
        }
    }
}
