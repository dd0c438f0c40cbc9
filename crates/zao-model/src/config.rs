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

/// No model has wider layers, more entries or longer tables: a damaged file is noticed here rather
/// than by asking the system for that much memory.
const LARGEST_SIZE: usize = 1 << 18;

/// Refuses sizes that are zero or beyond anything that exists.
fn ensure_sizes(file: &'static str, sizes: &[(&str, usize)]) -> Result<()> {
    match sizes.iter().find(|(_, size)| *size == 0 || *size > LARGEST_SIZE) {
        None => Ok(()),
        Some((name, size)) => Err(Error::config(file, format!("{name} {size} is not possible"))),
    }
}

/// Refuses numbers of layers beyond anything that exists.
fn ensure_layers(file: &'static str, name: &str, count: usize) -> Result<()> {
    ensure(count <= 200, file, || format!("{name} {count} is not possible"))
}

/// Refuses a configuration with `detail` unless `sane`.
fn ensure(sane: bool, file: &'static str, detail: impl FnOnce() -> String) -> Result<()> {
    if sane { Ok(()) } else { Err(Error::config(file, detail())) }
}
