//! The durable ledger of jobs: what was asked for, whose turn it is, what was drawn. It knows no network, no engine and no model, and
//! it starts no thread: whoever serves clients calls it, whoever draws takes jobs from it and brings pictures back.
//!
//! What it promises, at any moment at which the process may be killed:
//!
//! - a job that was accepted is drawn, or fails for a reason that can be read;
//! - a job that is over keeps its pictures until the time or the size that they may have is used up;
//! - no job is drawn twice as far as anybody can see: a picture that was stored is not drawn again, and one that is drawn again is the
//!   same, because the seeds are settled when the job is accepted;
//! - a key of a submission never makes two jobs.
//!
//! Jobs lie in a SQLite database, pictures as files beside it. Events and progress are in memory only. No clock is read: the time is an
//! argument, and so is what a second clock counted, where the first may have been set.

mod ballast;
mod book;
mod claim;
mod clocks;
mod error;
mod events;
mod fair;
mod forecast;
mod id;
mod ledger;
mod limits;
mod lock;
mod moment;
mod owner;
mod pace;
mod pictures;
mod rows;
mod schema;
mod state;
mod submission;
mod wire;

pub use book::Outlook;
pub use claim::{Claim, Claimed, Cost, Demand, Offer, Piece, Requeue};
pub use clocks::Jump;
pub use error::{Error, Result};
pub use events::{EVENTS_KEPT, Event, EventLog, Since};
pub use id::{ImageId, JobId};
pub use ledger::{Cancel, Counts, ImageFilter, JobFilter, Ledger, Page, Recovered, Swept};
pub use limits::{Limits, Retention};
pub use owner::{Owner, Reach, Sender, Via, Viewer};
pub use pictures::{PictureFolder, Pictures};
pub use submission::{Acceptance, Input, Refusal, Submission};
