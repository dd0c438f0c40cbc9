//! Holds whole runs against diffusers' pictures and against themselves: batches, threads, memory
//! limits and other copies of a model change no bit. Damaged models and cancelled runs say what is
//! wrong and leave nothing behind.

#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "clippy knows tests by their attribute, and these have helpers beside them"
)]

#[path = "../../../zao-weights/tests/writers/mod.rs"]
mod writers;

mod adapters;
mod batches;
mod cancel;
mod cards;
mod converted;
mod copies;
mod damaged;
mod desk;
mod edits;
mod events;
mod files;
mod fingerprint;
mod forms;
mod golden;
mod idle;
mod low_rank;
mod made;
mod memory;
mod packed;
mod pictures;
mod planned;
mod precisions;
mod sizes;
mod support;
mod synthetic;
