//! The server's log: everything that it says, on standard error, as lines for people or as JSON. What is said is NOT known here.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::cli::{LogArgs, LogForm};
use crate::failure::{Failure, Result};
use crate::panics::{self, Panic};
use crate::screen::Screen;

/// Says what people want to know, in the form of the log.
#[derive(Clone)]
pub(crate) struct Teller {
    form: LogForm,
    screen: Screen,
}

/// Begins the log. From here on nothing else may be written to standard error in JSON's form.
///
/// # Errors
/// A level that means nothing.
pub(crate) fn begin(args: &LogArgs) -> Result<Teller> {
    let filter = EnvFilter::try_new(&args.level).map_err(|error| {
        let level = &args.level;
        Failure::usage(format!(
            "log-level: {level:?} cannot be used: {error}; it takes a level, also of parts, as in \
             info,zao_server=debug"
        ))
    })?;
    // Colours are for terminals only, and a reader that has gone is no reason to stop drawing.
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .log_internal_errors(false);
    let begun = match args.form {
        LogForm::Text => log.with_target(false).try_init(),
        LogForm::Json => {
            log.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
        }
    };
    begun.map_err(|error| anyhow::anyhow!("cannot write a log: {error}"))?;
    panics::are_told_to(tell_panic);
    let is_json = args.form == LogForm::Json;
    Ok(Teller { form: args.form, screen: Screen::new(is_json) })
}

fn tell_panic(panic: &Panic) {
    let Panic { message, thread, place, backtrace } = panic;
    tracing::error!(thread, place, backtrace, "panicked: {message}");
}

impl Teller {
    /// Where a person may be told that Ctrl-C was heard; nowhere, if a program reads.
    pub(crate) fn screen(&self) -> &Screen {
        &self.screen
    }

    /// Says how things are.
    pub(crate) fn say(&self, line: &str) {
        match self.form {
            LogForm::Text => self.screen.remark(line),
            LogForm::Json => tracing::info!("{line}"),
        }
    }

    /// Says something that should be seen to.
    pub(crate) fn warn(&self, line: &str) {
        match self.form {
            LogForm::Text => self.screen.remark(line),
            LogForm::Json => tracing::warn!("{line}"),
        }
    }

    /// Says why the server ends, where that has to be an object like everything else.
    pub(crate) fn told(&self, failure: Failure) -> Failure {
        match self.form {
            LogForm::Text => failure,
            LogForm::Json => {
                tracing::error!("{failure}");
                failure.told()
            }
        }
    }
}
