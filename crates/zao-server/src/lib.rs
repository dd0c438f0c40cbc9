//! `zao serve`: a parent process that keeps jobs, speaks HTTP and looks after workers, each of which owns a device.
//!
//! Nothing is drawn in this process, so that nothing that goes wrong while drawing can take it down.

mod bells;
mod hands;
mod house;
mod http;
mod metrics;
mod page;
mod settings;

pub use page::is_stub;
pub use settings::{RequestLimits, Settings, WorkerSettings};
