//! The project's chores: what CI runs ([`ci`]) and the rules of the house ([`tidy`]).
//!
//! A rule is a pure function from the [`Project`] to its faults, so each can be tested on a made-up
//! project. Nothing here is linked into the `zao` binary, and nothing here needs git or a network.

#![allow(clippy::print_stdout, reason = "a chore talks to its terminal")]

mod cargo;
pub mod ci;
mod read;
mod step;
pub mod tidy;

pub use read::project::Project;
