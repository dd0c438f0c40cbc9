//! The ledger as its users see it: what it promises, each promise as a test. Parts with no disk are tested beside their code.

#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "clippy knows tests by their attribute, and these have helpers beside them"
)]

mod accept;
mod clocks;
mod disk;
mod eta;
mod events;
mod in_flight;
mod kept;
mod locked;
mod lookup;
mod model;
mod order;
mod owner;
mod retention;
mod running;
mod support;
mod throughput;
