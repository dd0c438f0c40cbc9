//! Single files of other programs: what is read from them, under which names, and what is refused.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy knows tests by their attribute, and these have helpers beside them"
)]

#[path = "../writers/mod.rs"]
mod writers;

mod blocks;
mod named;
mod refused;
mod scaled;
