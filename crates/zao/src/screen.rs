//! What is said while work goes on: remarks as lines, and below them one bar when standard error is
//! a terminal. What the bar shows is its user's business.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console;

/// How often a bar moves although nothing happened, so that a long step does not look dead.
const TICK: Duration = Duration::from_millis(200);

/// Standard error; clones are the same screen.
#[derive(Clone)]
pub(crate) struct Screen {
    bars: MultiProgress,
    quiet: bool,
    /// Whether a person looks at it now.
    watched: bool,
}

impl Screen {
    /// The screen of a command that says nothing if `quiet`.
    pub(crate) fn new(quiet: bool) -> Self {
        let watched = !quiet && std::io::stderr().is_terminal();
        let target =
            if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { bars: MultiProgress::with_draw_target(target), quiet, watched }
    }

    /// Prints a line, unless nothing is to be said.
    pub(crate) fn remark(&self, line: &str) {
        if !self.quiet {
            self.bars.suspend(|| console::remark(line));
        }
    }

    /// Prints a result on standard output, above the bars.
    pub(crate) fn result(&self, line: &str) -> anyhow::Result<()> {
        self.bars.suspend(|| console::result(line))
    }

    /// Prints a line that only helps whoever looks on.
    pub(crate) fn hint(&self, line: &str) {
        if self.watched {
            self.remark(line);
        }
    }

    /// A new bar at the bottom; `len` is where it will end, if that is known.
    pub(crate) fn bar(&self, style: ProgressStyle, len: Option<u64>) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(len, ProgressDrawTarget::hidden());
        let bar = self.bars.add(bar.with_style(style));
        if self.watched {
            bar.enable_steady_tick(TICK);
        }
        bar
    }

    /// Takes a bar away.
    pub(crate) fn remove(&self, bar: &ProgressBar) {
        bar.finish_and_clear();
        self.bars.remove(bar);
    }
}
