//! Reading the project once, into values that the rules can judge without touching the disk.

pub(crate) mod ignored;
pub(crate) mod metadata;
pub(crate) mod project;
pub(crate) mod source;
pub(crate) mod toml;
