//! What steps and whole pictures were seen to cost, to tell whether one more picture at a time pays. A device that is not
//! busy draws two pictures in the time of one; one that is takes twice as long, and the first to come waits for nothing.
//!
//! A step that costs less a token is not yet a picture that does: joining, prompts that are read in between, pictures
//! that are decoded while others wait, and whatever else the machine has to do for more clients count as well. So
//! pictures are drawn together only where both are seen to be cheaper.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Seconds a token and step: of steps alone by their number of tokens, and of everything by the size of pictures.
#[derive(Clone, Debug, Default)]
pub(in crate::draw) struct Pace {
    seen: BTreeMap<u32, f64>,
    whole: BTreeMap<u32, [Cost; 2]>,
    refused: u32,
}

/// What was spent for so many tokens and steps, of late.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    seconds: f64,
    rows: f64,
}

/// The time from one picture that was handed out to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    since: Instant,
    rows: usize,
    pictures: usize,
    together: bool,
}

/// A measurement moves what is known by this share; a longer one by less, because whatever else the machine does makes
/// steps longer now and then, and nothing makes them shorter.
const SHORTER: f64 = 0.25;
const LONGER: f64 = 0.05;

/// What was spent before counts this much less with each picture.
const FADES: f64 = 0.9;

/// More at a time has to cost less a token by this share.
const WORTH: f64 = 0.03;

/// What was once found not to pay is tried again after so many refusals.
const AGAIN: u32 = 64;

impl Pace {
    /// A step of `rows` tokens took this long.
    pub(super) fn note(&mut self, rows: usize, took: Duration) {
        if rows == 0 {
            return;
        }
        let cost = took.as_secs_f64() / rows as f64;
        self.seen
            .entry(class(rows))
            .and_modify(|known| {
                *known += if cost < *known { SHORTER } else { LONGER } * (cost - *known);
            })
            .or_insert(cost);
    }

    /// A picture was handed out at the end of this time.
    pub(super) fn spent(&mut self, stretch: &Stretch, took: Duration) {
        let Stretch { rows, pictures, together, .. } = *stretch;
        if rows == 0 {
            return;
        }
        let costs = self.whole.entry(class(rows / pictures.max(1))).or_default();
        let Cost { seconds, rows: before } = costs[usize::from(together)];
        costs[usize::from(together)] = Cost {
            seconds: FADES * seconds + took.as_secs_f64(),
            rows: FADES * before + rows as f64,
        };
    }

    /// Whether drawing `then` tokens a step in place of `now` makes pictures cheaper. What was never seen is worth a try.
    pub(super) fn pays(&mut self, now: usize, then: usize) -> bool {
        if now == 0 || (self.steps_pay(now, then) && self.pictures_pay(then - now)) {
            return true;
        }
        self.refused += 1;
        self.refused.is_multiple_of(AGAIN)
    }

    /// Whether a step of `then` tokens costs less for each.
    fn steps_pay(&self, now: usize, then: usize) -> bool {
        let (now, then) = (class(now), class(then));
        let (Some(before), Some(after)) = (self.seen.get(&now), self.seen.get(&then)) else {
            return true;
        };
        now == then || *after <= (1.0 - WORTH) * *before
    }

    /// Whether a picture of so many tokens costs less with others than alone.
    fn pictures_pay(&self, tokens: usize) -> bool {
        let Some([alone, together]) = self.whole.get(&class(tokens)) else { return true };
        // Crosswise, because nothing may have been seen of one of them. A small difference is none.
        together.seconds * alone.rows <= (1.0 + WORTH) * alone.seconds * together.rows
    }
}

impl Stretch {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), rows: 0, pictures: 0, together: false }
    }

    /// A step of so many pictures with so many tokens in all is done.
    pub(super) fn stepped(&mut self, pictures: usize, rows: usize) {
        self.rows += rows;
        self.pictures += pictures;
        self.together |= pictures > 1;
    }

    /// Ends it if anything was stepped in it; pictures that are handed out right after others are a part of the next.
    pub(super) fn end(&mut self, pace: &mut Pace) {
        if self.rows > 0 {
            pace.spent(self, self.since.elapsed());
            *self = Self::new();
        }
    }
}

/// Counts within an eighth of each other cost about the same a token.
fn class(rows: usize) -> u32 {
    ((rows as f64).log2() * 6.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn more_at_a_time_is_tried_and_kept_where_it_pays() {
        let mut pace = Pace::default();
        assert!(pace.pays(0, 1000) && pace.pays(300, 600), "nothing is known");
        pace.note(300, seconds(1.0));
        pace.note(600, seconds(1.2));
        pace.note(1200, seconds(2.39));
        assert!(pace.pays(300, 600));
        assert!(!pace.pays(600, 1200), "the device is busy with 600");
        assert!(pace.pays(1200, 2400), "nobody knows");
    }

    #[test]
    fn cheaper_steps_do_not_pay_where_whole_pictures_are_dearer() {
        let mut pace = Pace::default();
        let spent = |pace: &mut Pace, together, took| {
            let pictures = 1 + usize::from(together);
            let stretch = Stretch { together, ..Stretch::new() };
            pace.spent(&Stretch { rows: 300 * pictures, pictures, ..stretch }, seconds(took));
        };
        pace.note(300, seconds(1.0));
        pace.note(600, seconds(1.2));
        spent(&mut pace, false, 1.5);
        assert!(pace.pays(300, 600), "nobody knows what pictures cost together");
        spent(&mut pace, true, 3.3);
        assert!(!pace.pays(300, 600));
        assert!(pace.pays(300, 1000), "of larger ones nothing is known");
        // The machine has less to do beside now.
        (0..20).for_each(|_| spent(&mut pace, true, 2.4));
        assert!(pace.pays(300, 600));
    }

    #[test]
    fn a_step_that_something_else_came_between_is_not_believed_and_slower_ones_are_in_time() {
        let mut pace = Pace::default();
        (0..9).for_each(|_| pace.note(300, seconds(1.0)));
        (0..9).for_each(|_| pace.note(600, seconds(1.7)));
        pace.note(600, seconds(4.0));
        assert!(pace.pays(300, 600));
        (0..60).for_each(|_| pace.note(600, seconds(2.2)));
        assert!(!pace.pays(300, 600));
    }

    #[test]
    fn a_refusal_is_reconsidered_and_newer_measurements_count() {
        let mut pace = Pace::default();
        pace.note(300, seconds(1.0));
        pace.note(600, seconds(2.5));
        let tries = (0..2 * AGAIN).filter(|_| pace.pays(300, 600)).count();
        assert_eq!(tries, 2);
        (0..20).for_each(|_| pace.note(600, seconds(1.1)));
        assert!(pace.pays(300, 600));
    }
}
