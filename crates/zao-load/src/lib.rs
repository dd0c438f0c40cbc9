//! The load tester: how a server of pictures behaves when many ask at once.
//!
//! [`run()`] sends requests by a [`Mode`], in any [`Protocol`], decodes and checks every picture that comes, and gives a
//! [`Report`], which can be written as a table, Markdown, CSV or JSON, held against [`Condition`]s and compared with another.
//!
//! What is measured, of each request:
//!
//! - TTFB: until the first byte of the answer;
//! - TTFP: until the first *payload* of a picture on its way, never a header, a place in the queue or a sign of life;
//! - E2E: until the last byte of the last picture, which counts only if it is whole, of the right size, not of one colour and
//!   not seen before;
//! - queue and inference: what the server says of itself, in headers or in its job;
//!
//! and beside them what its cards did meanwhile: memory, use, power, energy a picture.
//!
//! Where requests do not wait for each other, times count from the moment at which a request was to be sent.
//!
//! The crate is a client. It does NOT know how a server is built, prints nothing and writes no file.

mod compare;
mod condition;
mod device;
mod drive;
mod error;
mod foreseen;
mod http;
pub mod littles_law;
mod picture;
mod plan;
mod record;
pub mod report;
mod run;
mod scrape;
mod settings;
mod slope;
mod target;

pub use compare::{Change, Comparison, compare};
pub use condition::{Condition, Verdict, hold};
pub use device::{Cards, DeviceReading, Meter};
pub use drive::Protocol;
pub use error::{Error, Result};
pub use plan::{Arrivals, Prompts, Trace};
pub use record::Spread;
pub use report::{Load, Report, Row};
pub use run::{Live, Stop, run};
pub use settings::{Length, Mode, Settings, Settling};
pub use target::{Target, Trust};
