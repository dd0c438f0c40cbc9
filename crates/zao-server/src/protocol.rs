//! What the parent and its workers say to each other, over a worker's standard input and output: [`Order`]s go down,
//! [`Word`]s come up. How they become bytes is [`frame`]'s; what is done about them is NOT known here.
//!
//! Pictures travel as [`Attachment`]s behind the JSON, never as Base64 inside of it. Both ends are the same program, so
//! there is one version, and another one is refused.

mod attachment;
pub mod frame;
mod order;
mod word;

pub use attachment::Attachment;
pub use frame::{Frame, FrameError};
pub use order::{Draw, Order};
pub use word::{Beat, Busy, Count, Facts, Gauges, Probed, Relief, Report, Took, Word};

/// The id of a job, which the parent chooses.
pub type JobId = String;
