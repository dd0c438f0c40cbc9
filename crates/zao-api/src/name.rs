//! The error of reading a choice from its name, shared by the choices that have names.

/// A word that names none of the choices there are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} \"{given}\": use {}", known.join(" or "))]
pub struct UnknownName {
    /// What was being chosen, for example `precision`.
    pub what: &'static str,
    /// The word that was given.
    pub given: String,
    /// The words that would have been understood.
    pub known: Vec<&'static str>,
}
