//! Ctrl-C: once to stop at the next step, twice to stop now.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

/// Calls `cancel` at the first Ctrl-C (or request to terminate) and ends the program at the second.
pub(crate) fn on_interrupt(cancel: impl Fn() + Send + 'static) -> anyhow::Result<()> {
    let asked = Arc::new(AtomicBool::new(false));
    let handler = move || {
        if asked.swap(true, Ordering::Relaxed) {
            // Files are only ever renamed into place when whole, so nothing half-written remains.
            #[allow(clippy::disallowed_methods, reason = "the user asked twice and will not wait")]
            std::process::exit(1);
        }
        eprintln!("zao: stopping after this step; press Ctrl-C again to stop at once");
        cancel();
    };
    ctrlc::set_handler(handler).context("cannot listen for Ctrl-C")
}
