//! `zao serve`: a parent process that keeps jobs, speaks HTTP and looks after workers, each of which owns a device.
//!
//! Nothing is drawn in this process, so that nothing that goes wrong while drawing can take it down.
//!
//! The way of a request: `http` reads and admits it, the ledger keeps it, `keeper` hands it to a worker of the `crew`, which
//! speaks `protocol` with it, and writes down what comes back; whoever waits is told by `bells`.

mod bells;
pub mod crew;
mod hands;
mod house;
mod http;
mod keeper;
mod listen;
mod metrics;
mod page;
pub mod protocol;
mod resident;
mod serve;
mod settings;
mod story;
mod thumbnails;
pub mod worker;

pub use page::is_stub;
pub use serve::{ServeError, Witness, serve};
pub use settings::{RequestLimits, Settings};
