//! What is sent, and when: requests that no cache can flatter, and the moments of open-loop load. Sending them is the work
//! of [`mod@crate::run`].

mod arrivals;
mod numbers;
mod prompts;
mod trace;
mod wish;

pub use arrivals::Arrivals;
pub(crate) use arrivals::Moment;
pub(crate) use numbers::Numbers;
pub use prompts::Prompts;
pub use trace::Trace;
pub(crate) use wish::{Wish, Wishes};
