//! From a wish to jobs of the engine, and from a job to the recipe of its picture: the one way for the command line and
//! the server, so that both draw the same.
//!
//! Nothing is read here but adapters, which the engine opens: pictures come as bytes. Nothing is drawn and nothing is
//! said to anybody; whose fault an [`Error`] is, its caller decides.
//!
//! The way: [`complete`] fills in what the model or the prompt decides, [`settle`] the size, [`Input`] is the picture to begin with,
//! [`Loras`] or a [`Shelf`] opens adapters, [`in_vain()`] says what had no effect, [`seeds`] and [`job`] make a job for each picture, [`Provenance`] tells
//! where it comes from. [`Threads`] look at the prompt where it is very long.

mod error;
mod in_vain;
mod input;
mod jobs;
mod loras;
mod precision;
mod provenance;
mod shelf;
mod size;
mod threads;

pub use error::{Error, Result};
pub use in_vain::in_vain;
pub use input::Input;
pub use jobs::{advised_steps, complete, job, seeds, tier_steps, usual_steps};
pub use loras::Loras;
pub use precision::{on_the_wire, recorded_device, recorded_precision, wanted_precision};
pub use provenance::Provenance;
pub use shelf::Shelf;
pub use size::settle;
pub use threads::Threads;
