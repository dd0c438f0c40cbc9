//! What a prompt says, before a device works on it: what is wrong with it, which parts it has, how
//! much it asks for, and which prompts a pattern stands for.
//!
//! Nothing is read or written here but the tables that are compiled in, and no model is known:
//! whoever has a tokenizer hands over a function that counts, and whoever has threads a way to use them.
//!
//! ```
//! use zao_prompt::{Code, Options, check};
//!
//! let report = check("a very red apple, on a blue table", &Options::default());
//! assert_eq!(report.findings[0].code, Code::Intensifier);
//! assert_eq!(report.fixed, "a red apple, on a blue table");
//! ```

mod advice;
mod check;
mod cut;
mod finding;
mod language;
mod lexicon;
mod rules;
mod template;
mod together;
mod wildcard;

pub use advice::{Advice, Counts, Tier, advise};
pub use check::{Options, check, fix};
pub use finding::{Code, Finding, Report, ReportWire, Severity, TOKEN_LIMIT, Tokens};
pub use language::Language;
pub use rules::{Rules, RulesError};
pub use template::{Slots, Template};
pub use together::Helpers;
pub use wildcard::{
    FillError, FillProblem, Pattern, WildcardError, WildcardFile, WildcardProblem, Wildcards,
};
