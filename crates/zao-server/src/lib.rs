//! `zao serve`: a parent process that keeps jobs, speaks HTTP and looks after workers, each of which owns a device.
//!
//! Nothing is drawn in this process, so that nothing that goes wrong while drawing can take it down.

pub mod crew;
pub mod protocol;
pub mod worker;
