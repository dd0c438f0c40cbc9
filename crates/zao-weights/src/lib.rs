//! From files to named tensors: checkpoint folders, the store of installed models, downloads.
//!
//! This crate knows file formats and nothing of what a tensor is for: it computes nothing, prints
//! nothing and reads no environment variable. A [`ModelFolder`] opens a checkpoint in the layout
//! of diffusers, from disk or from the binary itself, and a [`Draft`] writes one; a [`WeightFile`] opens a
//! single file of another program. An [`AdapterFile`] is a LoRA or one of its kin, understood under whatever names its
//! trainer used. A [`Store`] says which models are installed, and [`pull()`] fetches one.

mod adapter;
mod check;
mod error;
mod file;
mod folder;
mod gguf;
mod hf_cache;
mod known;
mod mapped;
mod names;
mod packing;
mod part;
mod pull;
mod receipt;
mod save;
mod scaled;
mod shards;
mod source;
mod store;

pub use adapter::{
    AdapterError, AdapterFile, AdapterFolder, AdapterGlance, FoundAdapter, LayerShape,
};
pub use check::{Expected, Mismatch, WrongShape};
pub use error::Error;
pub use file::{FileFormat, WeightFile};
pub use folder::ModelFolder;
pub use known::KnownModel;
pub use packing::Packing;
pub use part::{Part, PartName};
pub use pull::{Hub, PullError, PullEvent, PullOptions, Token, Watch, pull};
pub use receipt::{Receipt, ReceivedFile};
pub use save::{Draft, PartLayout, Planned, SaveError, SaveOptions, StoredAs};
pub use source::Source;
pub use store::{Incomplete, Installed, Origin, Store};
