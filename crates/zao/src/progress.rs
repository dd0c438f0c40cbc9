//! Progress on a terminal: one bar for the stage that runs. Silent when standard error is no terminal.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use zao_engine::{Event, Stage};

/// The bar.
pub(crate) struct Progress {
    bar: ProgressBar,
    quiet: bool,
}

impl Progress {
    /// A bar on standard error, hidden when `quiet` or when nobody would see it.
    pub(crate) fn new(quiet: bool) -> Self {
        let visible = !quiet && std::io::stderr().is_terminal();
        let target =
            if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { bar: ProgressBar::with_draw_target(None, target), quiet }
    }

    /// Shows an event of the engine.
    pub(crate) fn show(&self, event: Event) {
        match event {
            Event::Stage(stage) => self.begin(stage),
            Event::Loaded { done, of } => self.at(done, of),
            Event::Step { done, of } | Event::Decoded { done, of } => {
                self.at(done as u64, of as u64)
            }
            Event::Warning(warning) => self.warn(&warning),
        }
    }

    /// Prints a line above the bar, unless nothing is to be said.
    pub(crate) fn warn(&self, line: &str) {
        if !self.quiet {
            self.bar.suspend(|| eprintln!("zao: {line}"));
        }
    }

    /// Removes the bar.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn begin(&self, stage: Stage) {
        let (name, template) = match stage {
            Stage::Load => ("loading", "{msg:9} {bar:40} {bytes}/{total_bytes}"),
            Stage::Text => ("reading", "{msg:9} {spinner}"),
            Stage::Denoise => ("drawing", "{msg:9} {bar:40} step {pos}/{len}  {eta} left"),
            Stage::Decode => ("decoding", "{msg:9} {bar:40} {pos}/{len}"),
        };
        let style = ProgressStyle::with_template(template).expect("the templates are constant");
        self.bar.set_style(style);
        self.bar.set_length(0);
        self.bar.set_position(0);
        self.bar.reset_eta();
        self.bar.set_message(name);
        self.bar.tick();
    }

    fn at(&self, done: u64, of: u64) {
        self.bar.set_length(of);
        self.bar.set_position(done);
    }
}
