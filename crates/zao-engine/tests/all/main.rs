//! Holds whole runs against diffusers' pictures and against themselves: batches, threads, memory
//! limits and other copies of a model change no bit. Damaged models and cancelled runs say what is
//! wrong and leave nothing behind.

#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "clippy knows tests by their attribute, and these have helpers beside them"
)]

mod adapters;
mod batches;
mod cancel;
mod cards;
mod converted;
mod copies;
mod damaged;
mod events;
mod fingerprint;
mod memory;
mod pictures;
mod precisions;
mod sizes;
mod support;
mod synthetic;
