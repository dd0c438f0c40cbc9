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
    /// More than the tree that all words stand in has numbers for.
    #[error(
        "all tables together have {count} {what}, and there may be at most {most}: leave some of your own words out"
    )]
    TooMany {
        /// Words, or beginnings of them.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
}
