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
    /// More words than the tree that all of them stand in has numbers for.
    #[error(
        "the tables have {words} words of {nodes} different beginnings, and there may be at most 65535 words and 16777216 beginnings: \
         leave some of your own words out"
    )]
    TooMany {
        /// Words of all tables.
        words: usize,
        /// Nodes of their tree, as far as it was made.
        nodes: usize,
    },
}
