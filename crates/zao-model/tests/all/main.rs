//! Holds the model against goldens made by diffusers, on every device that the tests know, and
//! against itself: packed runs equal single ones, and no size is built in.

#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "clippy knows tests by their attribute, and these have helpers beside them"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod adapters;
mod damaged;
mod forward;
mod low_rank;
mod manifest;
mod noise;
mod outliers;
mod pipeline;
mod plan;
mod prompt;
mod random;
mod schedule;
mod shapes;
mod text;
mod thrift;
mod vae;
