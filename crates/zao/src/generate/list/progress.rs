//! The progress of a list: pictures that are done, and the time left by how much work the others are.

use std::sync::atomic::{AtomicUsize, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use zao_engine::Stage;

use super::plan::{Plan, State};
use crate::progress::time_left;
use crate::screen::Screen;

pub(super) struct ListProgress {
    screen: Screen,
    bar: ProgressBar,
    done: AtomicUsize,
    of: usize,
}

impl ListProgress {
    pub(super) fn new(screen: &Screen, plan: &Plan) -> Self {
        let style = ProgressStyle::with_template("{prefix:9} {bar:40} {msg}{left}");
        let style = style.expect("the template is constant").with_key("left", time_left);
        let waiting = plan.pictures.iter().filter(|picture| picture.state == State::Waits);
        let bar = screen.bar(style, Some(waiting.map(super::plan::Planned::cost).sum()));
        let there = plan.pictures.iter().filter(|picture| matches!(picture.state, State::There(_)));
        let (done, of) = (there.count(), plan.pictures.len());
        bar.set_message(words(done, of));
        Self { screen: screen.clone(), bar, done: done.into(), of }
    }

    /// The engine begins with a stage of some picture.
    pub(super) fn enter(&self, stage: Stage) {
        self.bar.set_prefix(match stage {
            Stage::Load => "loading",
            Stage::Encode => "looking",
            Stage::Text => "reading",
            Stage::Denoise => "drawing",
            Stage::Decode => "decoding",
        });
    }

    /// So much work is done.
    pub(super) fn add(&self, cost: u64) {
        self.bar.inc(cost);
    }

    /// So much work has to be done again, or not at all.
    pub(super) fn take_back(&self, cost: u64) {
        self.bar.set_position(self.bar.position().saturating_sub(cost));
    }

    /// A picture is over.
    pub(super) fn one_more(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.bar.set_message(words(done, self.of));
    }

    pub(super) fn clear(&self) {
        self.screen.remove(&self.bar);
    }
}

fn words(done: usize, of: usize) -> String {
    format!("picture {done} of {of}")
}
