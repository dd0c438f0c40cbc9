//! What is wrong with a setting, and where it stands.

use std::fmt;
use std::path::Path;

use crate::failure::Failure;

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// A file with a line, or a variable.
    place: String,
    message: String,
}

impl Problem {
    /// Something in line `line` of a file.
    pub(super) fn of_line(file: &Path, line: usize, message: impl Into<String>) -> Self {
        Self { place: format!("{}:{line}", file.display()), message: message.into() }
    }

    /// A file as a whole.
    pub(super) fn of_file(file: &Path, message: impl Into<String>) -> Self {
        Self { place: file.display().to_string(), message: message.into() }
    }

    /// A variable.
    pub(super) fn of_variable(variable: &str, message: impl Into<String>) -> Self {
        Self { place: variable.to_owned(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// The failure of a command that cannot begin for these: the first of them, and where to see the others.
pub(super) fn failure(problems: &[Problem]) -> Failure {
    match problems {
        [] => Failure::usage("the settings cannot be used"),
        [only] => Failure::usage(only),
        [first, others @ ..] => {
            let count = others.len();
            Failure::usage(format!("{first}; and {count} more, which `zao config check` lists"))
        }
    }
}
