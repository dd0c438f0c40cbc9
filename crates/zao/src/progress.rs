//! The progress of a drawing: one bar for the stage that runs.

use std::cell::RefCell;
use std::fmt::Write;

use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};
use zao_engine::{Event, Stage};

use crate::screen::Screen;

/// The bar of a run.
pub(crate) struct Progress {
    screen: Screen,
    bar: RefCell<ProgressBar>,
    steps: usize,
    pictures: usize,
}

impl Progress {
    /// The bar of a run of so many steps and pictures; it appears with the first event.
    pub(crate) fn new(screen: &Screen, steps: usize, pictures: usize) -> Self {
        Self { screen: screen.clone(), bar: RefCell::new(ProgressBar::hidden()), steps, pictures }
    }

    /// Shows an event of the engine, unless it is told in words: plans and warnings.
    pub(crate) fn show(&self, event: &Event) {
        match event {
            Event::Stage(stage) => self.begin(*stage),
            Event::Loaded { done, of } => self.at(*done, *of),
            Event::Step { done, of } | Event::Decoded { done, of } => {
                self.at(*done as u64, *of as u64);
            }
            Event::Planned(_) | Event::Warning(_) => {}
        }
    }

    /// Removes the bar.
    pub(crate) fn clear(&self) {
        self.screen.remove(&self.bar.borrow());
    }

    fn begin(&self, stage: Stage) {
        let (template, len) = match stage {
            Stage::Load => ("loading   {bar:40} {decimal_bytes} of {decimal_total_bytes}", None),
            Stage::Encode => ("looking   {spinner}", None),
            Stage::Text => ("reading   {spinner}", None),
            Stage::Denoise => {
                ("drawing   {bar:40} step {pos} of {len}{left}", Some(self.steps as u64))
            }
            Stage::Decode => {
                ("decoding  {bar:40} picture {pos} of {len}{left}", Some(self.pictures as u64))
            }
        };
        let style = ProgressStyle::with_template(template).expect("the templates are constant");
        self.clear();
        self.bar.replace(self.screen.bar(style.with_key("left", time_left), len));
    }

    fn at(&self, done: u64, of: u64) {
        let bar = self.bar.borrow();
        bar.set_length(of);
        bar.set_position(done);
    }
}

/// The time left, once there is a step to judge by.
pub(crate) fn time_left(state: &ProgressState, out: &mut dyn Write) {
    if state.pos() > 0 {
        // The writer is a string in memory.
        let _ = write!(out, ", {:#} left", HumanDuration(state.eta()));
    }
}
