//! What a panic says, in one line: lines of a log are what others read, and the standard library's message takes two or more.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, PanicHookInfo};
use std::thread;

use crate::console;

/// What a panic said, and where.
pub(crate) struct Panic {
    pub(crate) message: String,
    pub(crate) thread: String,
    pub(crate) place: String,
    /// Where `RUST_BACKTRACE` asks for it.
    pub(crate) backtrace: Option<String>,
}

impl Panic {
    fn of(info: &PanicHookInfo<'_>) -> Self {
        let message = info.payload_as_str().unwrap_or("no message").to_owned();
        let thread = thread::current().name().unwrap_or("unnamed").to_owned();
        let place = info.location().map_or_else(|| "an unknown place".into(), ToString::to_string);
        let backtrace = Backtrace::capture();
        let backtrace =
            (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
        Self { message, thread, place, backtrace }
    }
}

/// Has `tell` called with every panic from now on, in place of the standard library's message.
pub(crate) fn are_told_to(tell: impl Fn(&Panic) + Send + Sync + 'static) {
    panic::set_hook(Box::new(move |info| tell(&Panic::of(info))));
}

/// Has every panic from now on written to standard error, in one line.
pub(crate) fn in_one_line() {
    are_told_to(|panic| {
        let Panic { message, thread, place, backtrace } = panic;
        let message: Vec<&str> = message.split_whitespace().collect();
        console::remark(format!("thread '{thread}' panicked at {place}: {}", message.join(" ")));
        backtrace
            .iter()
            .flat_map(|text| text.lines())
            .for_each(|line| console::remark(line.trim()));
    });
}
