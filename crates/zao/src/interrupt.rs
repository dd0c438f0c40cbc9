//! Ctrl-C: once to stop at the next step, twice to stop now.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;

use crate::screen::Screen;

/// Held while a file is written.
static WRITING: Mutex<()> = Mutex::new(());

/// Calls `cancel` at the first Ctrl-C (or request to terminate) and ends the program at the second.
pub(crate) fn on_interrupt(
    screen: &Screen,
    cancel: impl Fn() + Send + 'static,
) -> anyhow::Result<()> {
    let screen = screen.clone();
    let asked = AtomicBool::new(false);
    let handler = move || {
        if asked.swap(true, Ordering::Relaxed) {
            let _whole = uninterrupted();
            #[allow(clippy::disallowed_methods, reason = "the user asked twice and will not wait")]
            std::process::exit(1);
        }
        screen.hint("stopping; press Ctrl-C again to stop at once");
        cancel();
    };
    ctrlc::set_handler(handler).context("cannot listen for Ctrl-C")
}

/// Lets Ctrl-C and requests to terminate pass, in a process whose parent says when it ends.
pub(crate) fn ignore() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {}).context("cannot listen for Ctrl-C")
}

/// Lets the second Ctrl-C wait until the returned value is dropped, so that a file that is being
/// written is neither cut short nor left behind under its temporary name.
pub(crate) fn uninterrupted() -> MutexGuard<'static, ()> {
    WRITING.lock().unwrap_or_else(PoisonError::into_inner)
}
