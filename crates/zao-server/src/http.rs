//! The server's interface, a file a family of routes. Nothing is decided here that another client than a browser or a program over HTTP
//! would need.

mod a1111;
mod admission;
mod asked;
mod capabilities;
mod docs;
mod document;
mod error;
mod events;
mod file;
mod formats;
mod guard;
mod images;
mod jobs;
mod loras;
mod openai;
mod operation;
mod png_info;
mod prompt;
mod queue;
mod read;
mod router;
mod timing;
mod unused;
mod upload;

pub(crate) use a1111::Batches;
pub(crate) use error::{Code, Refusal, Result};
pub(crate) use guard::{Links, Rates};
pub(crate) use router::router;
pub(crate) use upload::Haste;

#[cfg(test)]
pub(crate) mod tests;
