//! The crew with workers that misbehave: scripts that say what a real one would not. What a real one draws is tested
//! where the binary is.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows tests by their attribute, and these have helpers beside them"
)]

mod misbehaving;
#[path = "../support/office.rs"]
mod office;
mod script;
