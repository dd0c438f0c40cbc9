//! Who writes the pictures of a list, on a thread of its own: a file each, then its line in the manifest, so that what the manifest
//! says is there.

use std::sync::mpsc::Receiver;

use zao_engine::CancelToken;
use zao_request::Provenance;

use super::desk::{Drawn, Outcome};
use super::manifest::{Entry, Manifest, Status};
use super::plan::{Plan, Planned, State};
use super::progress::ListProgress;
use super::report::{Summary, entry_of};
use crate::failure::Result;
use crate::generate::output;
use crate::screen::Screen;

pub(super) struct Gallery<'p> {
    pub(super) plan: &'p Plan,
    pub(super) provenance: Provenance,
    pub(super) progress: &'p ListProgress,
    pub(super) screen: &'p Screen,
    /// Whether each picture is told on standard output.
    pub(super) lines: bool,
    pub(super) cancel: &'p CancelToken,
}

impl Gallery<'_> {
    /// Writes what comes until nothing comes any more, or nothing can be written.
    pub(super) fn hang(self, outcomes: Receiver<Outcome>, mut manifest: Manifest) -> Summary {
        let mut summary = Summary::new(self.plan);
        for picture in &self.plan.pictures {
            output::remove_partial(&picture.target);
        }
        let refused = self.plan.pictures.iter().enumerate().filter_map(|(place, picture)| {
            match &picture.state {
                State::Refused(why) => Some(Outcome::Failed(place, why.clone())),
                State::Waits | State::There(_) => None,
            }
        });
        for outcome in refused.chain(outcomes) {
            if let Err(error) = self.keep(outcome, &mut manifest, &mut summary) {
                summary.write_error = Some(error);
                self.cancel.cancel();
                break;
            }
        }
        summary
    }

    fn keep(&self, outcome: Outcome, manifest: &mut Manifest, summary: &mut Summary) -> Result<()> {
        let (place, entry) = match outcome {
            Outcome::Drawn(drawn) => (drawn.place, self.write(*drawn)?),
            Outcome::Failed(place, why) => {
                let picture = &self.plan.pictures[place];
                let entry = entry_of(picture, &self.plan.record, Status::Failed);
                (place, Entry { error: Some(why), ..entry })
            }
        };
        manifest.add(&entry)?;
        summary.note(place, entry);
        self.progress.one_more();
        Ok(())
    }

    fn write(&self, drawn: Drawn) -> Result<Entry> {
        let Drawn { place, job, image, picture, begun } = drawn;
        let planned: &Planned = &self.plan.pictures[place];
        let used = self.plan.loras[planned.loras].used().to_vec();
        let provenance = self.provenance.clone().with_image(image).with_loras(used);
        let png = provenance.png(&job, &picture)?;
        output::write_whole(&planned.target, &png)?;
        let seconds = begun.elapsed().as_secs_f64();
        if self.lines {
            let (file, seed) = (planned.target.display(), planned.seed);
            let (width, height) = (picture.width, picture.height);
            let line = format!("{file}  {width}x{height}  seed {seed}  {seconds:.2} s");
            self.screen.result(&line)?;
        }
        let entry = entry_of(planned, &self.plan.record, Status::Done);
        Ok(Entry { seconds: Some(seconds), ..entry })
    }
}
