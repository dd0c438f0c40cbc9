//! How runs are cut so that they fit into memory, and where weights are meanwhile. It needs no device, only what is
//! known of one, so that a plan can be made for a card that is not there.

use std::borrow::Cow;
use std::slice::from_ref;

use zao_backend::{Plan, Policy};

use crate::aside;
use crate::devices::{Found, Target};
use crate::error::Bytes;
use crate::forecast::{MemoryPlan, Needs, most_of_weights};
use crate::memory::Budget;
use crate::model::ModelFiles;
use crate::parts::{Piece, Present};
use crate::placement::{Footprint, Placed, Placement, Room};
use crate::rehearsal::{Actor, largest_fitting, rehearse, thriftier};
use crate::work::Work;
use crate::{Error, Reads, Residency, ResolvedPrecision, Result};

/// What is known of a device and of how it is to be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) target: Target,
    pub(crate) policy: Policy,
    /// Bytes of its memory that runs take beside what is planned.
    pub(crate) beside: u64,
    pub(crate) budget: Budget,
    pub(crate) residency: Residency,
    pub(crate) reads: Reads,
}

/// How much memory there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Bytes of device memory for weights, runs and what they take beside.
    pub(crate) device: u64,
    /// Bytes of main memory that may be page-locked.
    pub(crate) host: u64,
    /// Bytes of main memory in which the processor may compute beside the device.
    pub(crate) main: u64,
}

impl Bounds {
    /// What may be used of a device that was found and that nobody draws on yet, and of main memory beside it.
    pub(crate) fn of(budget: Budget, found: &Found) -> Self {
        let device = budget.total(0, found.free_bytes());
        Self { device, host: budget.lockable(0), main: budget.main(0) }
    }
}

/// Work that fits into memory together.
pub(crate) struct Batch<'w, 'a> {
    pub(crate) work: Cow<'w, [Work<'a>]>,
    pub(crate) plan: Plan,
}

/// What to do where main memory has no room for the text encoder.
const READ_ON_CARD: &str =
    "let the card read prompts, with --text-encoder-on device, or allow more main memory";

/// Plans runs of one model.
pub(crate) struct Planning<'m> {
    terms: Terms,
    model: &'m ModelFiles,
    footprints: [Footprint; Piece::ALL.len()],
    /// Bytes of the text encoder that reads prompts in place of the device.
    aside: Option<u64>,
    bounds: Bounds,
}

impl<'m> Planning<'m> {
    pub(crate) fn new(terms: Terms, model: &'m ModelFiles, bounds: Bounds) -> Self {
        let mut footprints = model.footprints(terms.target);
        let aside = terms.reads.target().map(|it| model.loaded_bytes(Piece::TextEncoder, it));
        if aside.is_some() {
            footprints[Piece::TextEncoder as usize] = Footprint::default();
        }
        Self { terms, model, footprints, aside, bounds }
    }

    /// What runs are rehearsed as.
    pub(crate) fn actor(&self) -> Actor {
        Actor { policy: self.terms.policy, reads: self.terms.reads }
    }

    /// Bytes of main memory that whoever reads the prompts of `work` takes in place of the device.
    fn aside(&self, work: &[Work<'_>]) -> Result<u64> {
        let (Some(weights), Some(target)) = (self.aside, self.terms.reads.target()) else {
            return Ok(0);
        };
        let prompts = Work::prompts(work);
        Ok(weights + aside::plan(self.model, target.policy(), &prompts)?.bytes() as u64)
    }

    /// Bytes that a run of `work` with this plan needs at least: beside it, one part at a time has to fit, and
    /// beside the transformer all adapters.
    fn needed(&self, work: &[Work<'_>], plan: Plan) -> u64 {
        self.without_parts(plan) + self.weights(work)
    }

    /// Bytes that a run of this plan needs beside parts and adapters.
    fn without_parts(&self, plan: Plan) -> u64 {
        plan.bytes() as u64 + self.terms.beside
    }

    /// Bytes of weights that a run of `work` needs at once, at least.
    fn weights(&self, work: &[Work<'_>]) -> u64 {
        let largest = self.footprints.iter().map(Footprint::least).max().unwrap_or(0);
        let transformer = self.footprints[Piece::Transformer as usize].least();
        largest.max(transformer + self.adapters(work))
    }

    /// Bytes of the adapters that `work` follows.
    fn adapters(&self, work: &[Work<'_>]) -> u64 {
        let adapters = self.model.adapter_sizes(work, self.terms.target);
        adapters.into_iter().map(|(_, bytes)| bytes).sum()
    }

    /// Whether a run of `work` with this plan has room beside the largest part.
    pub(crate) fn fits(&self, work: &[Work<'_>], plan: Plan) -> bool {
        self.needed(work, plan) <= self.bounds.device
    }

    /// Whether a run of `work` with this plan has room beside all parts, as they would be placed for it, and all its
    /// adapters.
    pub(crate) fn keeps_all_parts(&self, work: &[Work<'_>], plan: Plan) -> bool {
        let room =
            Room { device: self.room(plan), adapters: self.adapters(work), host: self.bounds.host };
        let placement = Placement::choose(&self.footprints, room, Residency::Keep);
        let begins = work.iter().any(|work| work.job.ask().start.is_some());
        let pieces = Piece::ALL.into_iter().filter(|&piece| begins || piece != Piece::Encoder);
        let parts: u64 = pieces.map(|piece| placement.of(piece).device_bytes()).sum();
        self.fits(work, plan) && parts + room.adapters <= room.device
    }

    /// Divides `work` into batches that fit, one if possible. A picture that does not fit alone is decoded with less
    /// memory.
    pub(crate) fn batches<'w, 'a>(&self, work: &'w [Work<'a>]) -> Result<Vec<Batch<'w, 'a>>> {
        let (needed, free) = (self.aside(work)?, self.bounds.main);
        if needed > free {
            let (what, advice) = ("the text encoder on the processor".into(), READ_ON_CARD.into());
            return Err(Error::OutOfMemory { what, needed, free, advice });
        }
        let plan = rehearse(self.model, self.actor(), work)?;
        if self.fits(work, plan) {
            return Ok(vec![Batch { work: Cow::Borrowed(work), plan }]);
        }
        if let [only] = work {
            let fits = |plan| self.fits(work, plan);
            let (thrifty, plan) = thriftier(self.model, self.actor(), only, fits)?;
            if !fits(plan) {
                return Err(self.too_large(only, plan));
            }
            return Ok(vec![Batch { work: Cow::Owned(vec![thrifty]), plan }]);
        }
        let (first, rest) = work.split_at(work.len() / 2);
        let mut batches = self.batches(first)?;
        batches.extend(self.batches(rest)?);
        Ok(batches)
    }

    /// The largest picture in the proportions of `work` that fits, which does not.
    pub(crate) fn smaller<'a>(&self, work: &Work<'a>) -> Option<Work<'a>> {
        let fits = |plan| self.fits(from_ref(work), plan);
        let size = largest_fitting(self.model, self.actor(), work, fits)?;
        Some(work.resized(size))
    }

    /// The refusal of a picture, with the size that would not be refused.
    fn too_large(&self, work: &Work<'_>, plan: Plan) -> Error {
        let own = from_ref(work);
        let fits = |plan| self.fits(own, plan);
        let remedy = self.terms.budget.remedy(self.bounds.device);
        let advice = match largest_fitting(self.model, self.actor(), work, fits) {
            Some(size) => format!("{size} would fit; draw that or {remedy}"),
            None => {
                let weights = self.weights(own);
                let target = self.terms.target;
                let smaller = [ResolvedPrecision::Bf16, ResolvedPrecision::Int8]
                    .into_iter()
                    .filter(|&other| {
                        let largest = |target| self.model.largest_part(target);
                        largest(target.with(other)) < largest(target)
                    })
                    .map(|other| format!(" or use --precision {other}"));
                let or: String = smaller.collect();
                format!("the weights alone need {}; {remedy}{or}", Bytes(weights))
            }
        };
        let (width, height) = (work.job.ask().width, work.job.ask().height);
        let what = format!("a picture of {width}x{height}");
        let (needed, free) = (self.needed(own, plan), self.bounds.device);
        Error::OutOfMemory { what, needed, free, advice }
    }

    /// The refusal of a run that was planned to fit, when the device had less than it said. It is said for what is
    /// free now that the run has given everything back.
    pub(crate) fn no_longer_fits(&self, work: &[Work<'_>]) -> Result<Error> {
        for one in work {
            let fits = |plan| self.fits(from_ref(one), plan);
            let (_, plan) = thriftier(self.model, self.actor(), one, fits)?;
            if !fits(plan) {
                return Ok(self.too_large(one, plan));
            }
        }
        let what = match work.len() {
            1 => "this picture".to_owned(),
            count => format!("drawing {count} pictures at once"),
        };
        let plan = rehearse(self.model, self.actor(), work)?;
        let (needed, free) = (self.needed(work, plan), self.bounds.device);
        let advice =
            "other programs took memory meanwhile; draw again, which plans with what is free now";
        Ok(Error::OutOfMemory { what, needed, free, advice: advice.into() })
    }

    /// What the device will keep for runs when `batch` follows those that it kept `reserved` for: what earlier
    /// runs kept gives way where both have no room.
    pub(crate) fn kept_for(&self, reserved: Plan, batch: &Batch<'_, '_>) -> Plan {
        let both = reserved.max(batch.plan);
        if self.fits(&batch.work, both) { both } else { batch.plan }
    }

    /// Bytes for weights and adapters beside what is kept for runs.
    pub(crate) fn room(&self, kept: Plan) -> u64 {
        self.bounds.device.saturating_sub(self.without_parts(kept))
    }

    /// Where the weights are to be during `batch`, beside what is kept for runs.
    pub(crate) fn placement(
        &self,
        batch: &Batch<'_, '_>,
        kept: Plan,
        residency: Residency,
    ) -> Placement {
        let (device, adapters) = (self.room(kept), self.adapters(&batch.work));
        let host = self.bounds.host.saturating_sub(self.aside.unwrap_or(0));
        let room = Room { device, adapters, host };
        let placement = Placement::choose(&self.footprints, room, residency);
        self.aside.map_or(placement, |bytes| placement.with_text_aside(bytes))
    }

    /// The most that these batches will take at once, when these are `present` and so much is `reserved` for runs.
    pub(crate) fn forecast(
        &self,
        mut present: Present,
        mut reserved: Plan,
        batches: &[Batch<'_, '_>],
    ) -> Result<MemoryPlan> {
        let mut most = MemoryPlan::default();
        let (mut locked, mut aside) = (0, 0);
        for (index, batch) in batches.iter().enumerate() {
            reserved = self.kept_for(reserved, batch);
            let residency = self.residency_of(index, batches.len());
            let placement = present.settle(&self.placement(batch, reserved, residency));
            let adapters = self.model.adapter_sizes(&batch.work, self.terms.target);
            let needed = batch.pieces().map(|piece| (piece, placement.of(piece)));
            let needed: Vec<(Piece, Placed)> = needed.collect();
            let room = self.room(reserved);
            let prompts = Work::prompts(&batch.work);
            let needs = Needs {
                pieces: &needed,
                adapters: &adapters,
                prompts: (&prompts, self.model.text.hidden_size),
            };
            let weights = most_of_weights(&mut present, needs, room, residency);
            locked = locked.max(placement.locked_bytes());
            aside = aside.max(self.aside(&batch.work)?);
            let (runs, beside) = (reserved.bytes() as u64, self.terms.beside);
            let limit = self.bounds.device;
            let plan = MemoryPlan { weights, runs, beside, limit, placement, ..most };
            most = most.larger(plan);
        }
        Ok(MemoryPlan { locked, aside, ..most })
    }

    /// What becomes of parts after batch number `index` of `count`: until the last, the others will ask for every
    /// part once more.
    pub(crate) fn residency_of(&self, index: usize, count: usize) -> Residency {
        if index + 1 == count { self.terms.residency } else { Residency::Keep }
    }
}

impl Batch<'_, '_> {
    /// What it needs of the model, in the order of a run.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Piece> {
        let begins = self.work.iter().any(|work| work.job.ask().start.is_some());
        Piece::ALL.into_iter().filter(move |&piece| begins || piece != Piece::Encoder)
    }

    /// Steps of the longest job.
    pub(crate) fn steps(&self) -> usize {
        self.work.iter().map(|work| work.job.steps()).max().unwrap_or(0)
    }
}
