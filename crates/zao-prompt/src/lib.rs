//! What a prompt says, before a device works on it: what is wrong with it, which parts it has, how
//! much it asks for, and which prompts a pattern stands for.
//!
//! Nothing is read or written here but the tables that are compiled in, and no model is known:
//! whoever has a tokenizer hands over a function that counts.

mod advice;
mod cut;
mod lexicon;
mod template;
mod wildcard;

pub use advice::{Advice, Counts, Tier, advise};
pub use template::{Slots, Template};
pub use wildcard::{Pattern, WildcardError, WildcardProblem};
