//! How many pictures a sitting has room for, and whether one more fits: what is planned is what would be taken if all
//! joined at once.

use std::borrow::Cow;

use zao_backend::Plan;

use super::envelope::{Envelope, Rehearsed};
use crate::Result;
use crate::model::ModelFiles;
use crate::planning::{Batch, Planning};
use crate::rehearsal::rehearse_joining;
use crate::work::Work;

/// More tokens than this at a time keep every device busy, and each more costs as much as it would alone.
const ENOUGH_TOKENS: usize = 8192;

/// What pictures are planned with.
pub(super) struct Table<'t, 'm> {
    pub(super) planning: &'t Planning<'m>,
    pub(super) model: &'t ModelFiles,
    pub(super) rehearsed: &'t mut Rehearsed,
}

/// Memory for a sitting.
pub(super) struct Laid {
    pub(super) plan: Plan,
    /// How many pictures it is for.
    pub(super) seats: usize,
    /// As large as each of them may be, where all are planned alike.
    pub(super) envelope: Option<Envelope>,
}

impl Table<'_, '_> {
    /// What `work` takes, which are all there is in the envelope or just what they are.
    fn plan(&mut self, work: &[Work<'_>]) -> Result<Plan> {
        let (model, actor) = (self.model, self.planning.actor());
        let alike = Envelope::around(work).and_then(|envelope| {
            let of = (&envelope, &work[0]);
            self.rehearsed.plan(self.planning, model, of, work.len())
        });
        match alike.filter(|plan| self.planning.fits(work, *plan)) {
            Some(plan) => Ok(plan),
            None => rehearse_joining(model, actor, work),
        }
    }

    /// Work for a sitting: as much of the front of `work` as fits, with the memory for it.
    pub(super) fn first<'a>(&mut self, work: &[Work<'a>]) -> Result<Batch<'static, 'a>> {
        let mut count = work.len();
        while count > 0 {
            let some = &work[..count];
            // What cannot be drawn at all is found to be so when it is alone.
            match self.plan(some) {
                Ok(plan) if self.planning.fits(some, plan) => {
                    return Ok(Batch { work: Cow::Owned(some.to_vec()), plan });
                }
                _ => count /= 2,
            }
        }
        let single = self.planning.batches(std::slice::from_ref(&work[0]))?;
        let Batch { work, plan } = single.into_iter().next().expect("one picture is one batch");
        Ok(Batch { work: Cow::Owned(work.into_owned()), plan })
    }

    /// The memory for `batch` with room for others like its largest picture, up to `at_once` in all, where that leaves
    /// every part of the model its place.
    pub(super) fn with_room(&mut self, batch: &Batch<'_, '_>, at_once: usize) -> Result<Laid> {
        let work = &*batch.work;
        let largest = work.iter().max_by_key(|work| tokens(work)).expect("a batch is not empty");
        let enough = (ENOUGH_TOKENS / tokens(largest).max(1)).max(1);
        let most = at_once.min(enough);
        if let Some(envelope) = Envelope::around(work) {
            let mut seats = most;
            while seats >= work.len() {
                let of = (&envelope, largest);
                let plan = self.rehearsed.plan(self.planning, self.model, of, seats);
                let all = envelope.filled(largest, seats);
                if let Some(plan) = plan.filter(|plan| self.planning.keeps_all_parts(&all, *plan)) {
                    let envelope = Some(envelope);
                    return Ok(Laid { plan, seats, envelope });
                }
                seats /= 2;
            }
        }
        let mut seats = most;
        while seats > work.len() {
            let mut all = work.to_vec();
            all.resize(seats, largest.clone());
            let plan = rehearse_joining(self.model, self.planning.actor(), &all)?;
            if self.planning.keeps_all_parts(&all, plan) {
                return Ok(Laid { plan, seats, envelope: None });
            }
            seats /= 2;
        }
        Ok(Laid { plan: batch.plan, seats: work.len(), envelope: None })
    }
}

/// Whether `running` and `joiner` fit into what is `reserved`, which `envelope` was planned for. One that cannot be drawn
/// at all does not: it fails when it is alone.
pub(super) fn fits(
    planning: &Planning<'_>,
    model: &ModelFiles,
    (running, joiner): (&[Work<'_>], &Work<'_>),
    (reserved, envelope): (Plan, Option<&Envelope>),
) -> bool {
    let holds =
        |envelope: &Envelope| running.iter().chain([joiner]).all(|work| envelope.holds(work));
    if envelope.is_some_and(holds) {
        return true;
    }
    let mut all = running.to_vec();
    all.push(joiner.clone());
    let plan = rehearse_joining(model, planning.actor(), &all);
    let within = |plan: Plan| plan.max(reserved) == reserved;
    plan.is_ok_and(within) && planning.keeps_all_parts(&all, reserved)
}

/// About how many tokens a step of this picture has: latent cells, four to a token, and the caption; both sides of a
/// guided one.
pub(super) fn tokens(work: &Work<'_>) -> usize {
    let cells = work.job.latent().area() / 4;
    let captions = std::iter::once(&work.positive).chain(&work.negative);
    captions.map(|ids| cells + ids.len()).sum()
}
