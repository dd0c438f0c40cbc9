//! Downloads from a server on the loopback interface, well-behaved and not.

mod content;
mod fixture;
mod local;
mod network;
mod resume;
mod server;
mod whole;
