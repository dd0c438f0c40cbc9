//! How many pictures a sitting has room for, and whether one more fits: what is planned is what would be taken if all
//! joined one after the other.

use std::borrow::Cow;

use zao_backend::Plan;

use crate::Result;
use crate::model::ModelFiles;
use crate::planning::{Batch, Planning};
use crate::rehearsal::rehearse_joining;
use crate::work::Work;

/// More tokens than this at a time keep every device busy, and each more costs as much as it would alone.
const ENOUGH_TOKENS: usize = 8192;

/// Work for a sitting: as much of the front of `work` as fits, with the memory for it.
pub(super) fn first<'a>(
    planning: &Planning<'_>,
    model: &ModelFiles,
    work: &[Work<'a>],
) -> Result<Batch<'static, 'a>> {
    let mut count = work.len();
    while count > 1 {
        let plan = rehearse_joining(model, planning.actor(), &work[..count])?;
        if planning.fits(&work[..count], plan) {
            return Ok(Batch { work: Cow::Owned(work[..count].to_vec()), plan });
        }
        count /= 2;
    }
    let single = planning.batches(std::slice::from_ref(&work[0]))?;
    let Batch { work, plan } = single.into_iter().next().expect("one picture is one batch");
    Ok(Batch { work: Cow::Owned(work.into_owned()), plan })
}

/// The memory for `batch` with room for others like its largest picture, up to `at_once` in all, where that leaves every part
/// of the model its place; and for how many pictures it is.
pub(super) fn with_room<'a>(
    planning: &Planning<'_>,
    model: &ModelFiles,
    batch: &Batch<'_, 'a>,
    at_once: usize,
) -> Result<(Plan, usize)> {
    let work = &*batch.work;
    let largest = work.iter().max_by_key(|work| tokens(work)).expect("a batch is not empty");
    let enough = (ENOUGH_TOKENS / tokens(largest).max(1)).max(1);
    let mut seats = at_once.min(enough);
    while seats > work.len() {
        let mut all: Vec<Work<'a>> = work.to_vec();
        all.resize(seats, largest.clone());
        let plan = rehearse_joining(model, planning.actor(), &all)?;
        if planning.keeps_all_parts(&all, plan) {
            return Ok((plan, seats));
        }
        seats /= 2;
    }
    Ok((batch.plan, work.len()))
}

/// Whether `running` and `joiner` fit into what is `reserved`.
pub(super) fn fits(
    planning: &Planning<'_>,
    model: &ModelFiles,
    running: &[Work<'_>],
    joiner: &Work<'_>,
    reserved: Plan,
) -> Result<bool> {
    let mut all = running.to_vec();
    all.push(joiner.clone());
    let plan = rehearse_joining(model, planning.actor(), &all)?;
    Ok(plan.max(reserved) == reserved && planning.keeps_all_parts(&all, reserved))
}

/// About how many tokens a step of this picture has: latent cells, four to a token, and the caption; both sides of a
/// guided one.
pub(super) fn tokens(work: &Work<'_>) -> usize {
    let cells = work.job.latent().area() / 4;
    let captions = std::iter::once(&work.positive).chain(&work.negative);
    captions.map(|ids| cells + ids.len()).sum()
}
