//! The command as its users meet it: arguments in, files, lines and exit codes out. What a picture
//! should look like is NOT judged here; the model's and the engine's own tests do that.

// Nearly every test draws with the model that is built in.
#![cfg(feature = "demo-model")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy knows tests by their attribute, and these have helpers beside them"
)]

#[path = "../../../zao-weights/tests/writers/mod.rs"]
mod writers;

#[cfg(target_os = "linux")]
#[path = "../../../zao-server/tests/support/office.rs"]
mod office;

mod bench;
mod broken;
mod config;
mod convert;
#[cfg(target_os = "linux")]
mod crew;
#[cfg(target_os = "linux")]
mod damaged;
mod doctor;
mod draw;
mod edit;
#[cfg(target_os = "linux")]
mod faults;
mod files;
mod folder;
mod from;
mod guard;
mod help;
mod hub;
mod info;
mod instructions;
#[cfg(target_os = "linux")]
mod interrupt;
mod libraries;
#[cfg(target_os = "linux")]
mod limits;
mod list;
#[cfg(unix)]
mod list_kill;
mod load;
#[cfg(target_os = "linux")]
mod logs;
mod loras;
mod memory;
mod model_file;
mod models;
mod output;
mod pipes;
mod plan;
mod prompt;
mod prompt_template;
mod pull;
mod quality;
mod said;
#[cfg(target_os = "linux")]
mod serve;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
mod sharing;
#[cfg(target_os = "linux")]
mod two_workers;
mod wildcards;
mod wrong_use;
