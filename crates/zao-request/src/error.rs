//! What can be wrong with a wish. Which status or exit code that gives is NOT decided here.

use std::path::PathBuf;

/// The result of making jobs of a wish.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A wish that cannot be met as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No adapter of that name is there.
    #[error(
        "no LoRA {name:?}: there is neither such a file nor one of that name in {}; `zao loras` lists those that are \
         there",
        folder.display()
    )]
    UnknownLora {
        /// The name as given.
        name: String,
        /// Where adapters are kept.
        folder: PathBuf,
    },
    /// No adapter of that name is in the folder, and no other place is looked at.
    #[error("no LoRA {name:?} in the folder of adapters; use {}", named(known))]
    NotOnShelf {
        /// The name as given.
        name: String,
        /// The names that are there.
        known: Vec<String>,
    },
    /// An adapter that does not fit the model, a template that fails.
    #[error(transparent)]
    Engine(#[from] zao_engine::Error),
    /// The folder of adapters cannot be listed.
    #[error(transparent)]
    Adapters(#[from] zao_weights::AdapterError),
    /// A count that a recipe has no room for.
    #[error("{count} does not fit into a recipe")]
    TooLarge {
        /// A number of pixels or steps.
        count: usize,
    },
    /// A picture that cannot be written as a PNG.
    #[error(transparent)]
    Png(#[from] zao_png::Error),
}

fn named(known: &[String]) -> String {
    if known.is_empty() { "none, for it is empty".into() } else { known.join(" or ") }
}
