//! Adapter files (LoRA, LoHa, LoKr, DoRA): from the names that trainers give their tensors to what is added to
//! which layer. Nothing is computed but shapes; what a layer is for is not known here.

mod alpha;
mod error;
mod file;
mod folder;
mod glance;
mod group;
mod suffix;
mod target;

pub use self::error::AdapterError;
pub use self::file::AdapterFile;
pub use self::folder::{AdapterFolder, FoundAdapter};
pub use self::glance::AdapterGlance;
pub use self::target::LayerShape;
