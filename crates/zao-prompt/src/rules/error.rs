//! What is wrong with a table.

/// A table that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// Not a table of a rule, by its name.
    #[error("{file} is no table of a rule; there are {known}")]
    Unknown {
        /// The file's name.
        file: String,
        /// The names there are.
        known: String,
    },
    /// Not TOML, or not of the form that the rule's own table has.
    #[error("{file}: {why}")]
    Form {
        /// The file's name.
        file: String,
        /// What is wrong.
        why: String,
    },
}
