//! The project's chores: what CI runs ([`ci`]), the rules of the house ([`tidy`]), and the compiled
//! kernels of the CUDA device ([`kernels`]), the page ([`web`]), the interface in writing ([`openapi`]).
//!
//! A rule is a pure function from the [`Project`] to its faults, so each can be tested on a made-up
//! project. Nothing here is linked into the `zao` binary, nothing needs git, and only compiling kernels
//! needs a network.

#![allow(clippy::print_stdout, reason = "a chore talks to its terminal")]

mod cargo;
pub mod ci;
pub mod fuzz;
pub mod kernels;
mod nvrtc;
pub mod openapi;
mod packed;
mod ptx;
mod read;
mod step;
pub mod tidy;
pub mod web;

pub use read::project::Project;
