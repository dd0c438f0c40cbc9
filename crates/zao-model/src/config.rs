//! The checkpoint's own configuration files, reduced to what the model needs and checked.

mod scheduler;
mod text;
mod transformer;
mod vae;

pub use scheduler::SchedulerConfig;
pub use scheduler::Shift;
pub use text::TextConfig;
pub use transformer::TransformerConfig;
pub use vae::VaeConfig;

use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// Parses a configuration file.
fn parse<T: DeserializeOwned>(file: &'static str, json: &[u8]) -> Result<T> {
    // serde would also take an array, as the fields in order.
    let is_object = json.trim_ascii_start().starts_with(b"{");
    ensure(is_object, file, || "expected a JSON object".into())?;
    serde_json::from_slice(json).map_err(|e| Error::config(file, e.to_string()))
}

/// Refuses a configuration with `detail` unless `sane`.
fn ensure(sane: bool, file: &'static str, detail: impl FnOnce() -> String) -> Result<()> {
    if sane { Ok(()) } else { Err(Error::config(file, detail())) }
}
