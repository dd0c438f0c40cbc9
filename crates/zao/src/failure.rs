//! How the command ends when it does not succeed: one line, and an exit code that says whose fault.

use std::process::ExitCode;

use crate::console;

/// Why the command did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was asked wrongly; asking differently helps.
    Usage(String),
    /// It tried and failed.
    Failed(anyhow::Error),
    /// Either, and that was said already.
    Told(u8),
}

/// The result of a command.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// Says why on standard error; gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if !matches!(self, Self::Told(_)) {
            console::remark(self);
        }
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Failed(_) => 1,
            Self::Told(code) => *code,
        }
    }

    /// The same after somebody said it.
    pub(crate) fn told(self) -> Self {
        Self::Told(self.code())
    }

    /// Wrong use.
    pub(crate) fn usage(message: impl std::fmt::Display) -> Self {
        Self::Usage(message.to_string())
    }

    /// A prompt of several words without quotes around them.
    pub(crate) fn unquoted(first: &str, second: &str) -> Self {
        Self::usage(format!(
            "the prompt ended at {first:?}, and {second:?} is one word too many; put the whole prompt in quotes"
        ))
    }

    /// A failure that has no further cause.
    pub(crate) fn failed(message: impl std::fmt::Display) -> Self {
        Self::Failed(anyhow::anyhow!("{message}"))
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&one_line(&match self {
            Self::Usage(message) => message.clone(),
            Self::Failed(error) => format!("{error:#}"),
            Self::Told(_) => "see the log".to_owned(),
        }))
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Messages may quote files and arguments: line breaks and control characters become spaces.
fn one_line(message: &str) -> String {
    let parts = message.split(char::is_control).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_stay_on_one_line() {
        assert_eq!(one_line("cannot read \u{1b}[31ma\nb\r\n"), "cannot read  [31ma b");
    }
}
