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
    /// Whether one more is tried although it was seen not to pay.
    dares: bool,
    /// How many pictures to ask for where all of a sitting begin and end together.
    party: usize,
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
        let dares = std::mem::take(&mut self.dares);
        if now == 0 || dares || (self.steps_pay(now, then) && self.pictures_pay(then - now)) {
            return true;
        }
        self.refused += 1;
        self.refused.is_multiple_of(AGAIN)
    }

    /// How many pictures of `each` tokens to ask for, up to `free`, beside steps of `now` tokens. Who asks takes them from others, so this
    /// is bolder than [`Self::pays`] in nothing: what was never seen is tried by twice as much at most, and only where what was seen
    /// until then paid.
    pub(super) fn wants(&mut self, now: usize, each: usize, free: usize) -> usize {
        let worth = |count: &usize| self.is_promising(now + (count - 1) * each, each);
        let count = (1..=free).take_while(worth).count();
        if count > 0 || free == 0 {
            return count;
        }
        self.refused += 1;
        self.dares = self.refused.is_multiple_of(AGAIN);
        usize::from(self.dares)
    }

    fn is_promising(&self, now: usize, each: usize) -> bool {
        let then = now + each;
        if now == 0 || class(now) == class(then) {
            return true;
        }
        let Some(&most) = self.seen.keys().next_back() else { return false };
        let pays = |from: u32, to: u32| match (self.token(from), self.token(to)) {
            (Some(before), Some(after)) => after <= (1.0 - WORTH) * before,
            _ => false,
        };
        if class(then) <= most {
            return pays(class(now), class(then)) && self.pictures_pay(each);
        }
        let half = most.saturating_sub(OCTAVE);
        let paid = self.seen.range(..=half).next().is_none() || pays(half, most);
        class(then) <= most + OCTAVE && paid && self.pictures_pay(each)
    }

    /// Seconds for a token of a step of such a class, between those of the classes next to it that were seen.
    fn token(&self, class: u32) -> Option<f64> {
        let below = self.seen.range(..=class).next_back();
        let above = self.seen.range(class..).next();
        match (below, above) {
            (Some((low, cheap)), Some((high, dear))) if low < high => {
                let share = f64::from(class - low) / f64::from(high - low);
                Some(cheap + share * (dear - cheap))
            }
            (Some((_, cost)), _) | (None, Some((_, cost))) => Some(*cost),
            (None, None) => None,
        }
    }

    /// How long a step of so many tokens takes, by what was seen; `None` before the first.
    pub(super) fn step(&self, tokens: usize) -> Option<Duration> {
        Duration::try_from_secs_f64(self.token(class(tokens))? * tokens as f64).ok()
    }

    /// A sitting whose pictures begin and end together had so many, of so many tokens each.
    pub(super) fn sat(&mut self, pictures: usize, tokens: usize) {
        if self.pictures_pay(tokens) {
            self.party = self.party.max(2 * pictures);
            return;
        }
        self.refused += 1;
        self.party = if self.refused.is_multiple_of(AGAIN) { 2 } else { 1 };
    }

    /// How many pictures to ask for where all of a sitting begin and end together: twice as many as paid.
    pub(super) fn party(&self) -> usize {
        self.party.max(1)
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

/// Classes of counts between one and its double.
const OCTAVE: u32 = 6;

/// Counts within an eighth of each other cost about the same a token.
fn class(rows: usize) -> u32 {
    ((rows.max(1) as f64).log2() * f64::from(OCTAVE)).round() as u32
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
    fn more_is_asked_for_by_twice_as_much_and_only_as_long_as_that_paid() {
        let mut pace = Pace::default();
        assert_eq!(pace.wants(0, 300, 16), 1, "the first alone");
        pace.note(300, seconds(1.0));
        assert_eq!((pace.wants(300, 300, 15), pace.wants(0, 300, 16)), (1, 2));
        pace.note(600, seconds(1.2));
        assert_eq!((pace.wants(600, 300, 14), pace.wants(0, 300, 3)), (2, 3));
        pace.note(1200, seconds(2.39));
        assert_eq!(pace.wants(1200, 300, 12), 0, "twice as much did not pay");
        assert_eq!(pace.wants(0, 300, 16), 2);
        assert_eq!(pace.wants(600, 300, 0), 0, "there is no seat");
    }

    #[test]
    fn what_does_not_pay_is_asked_for_now_and_then_and_let_in_then() {
        let mut pace = Pace::default();
        pace.note(300, seconds(1.0));
        pace.note(600, seconds(2.0));
        let asked = (0..2 * AGAIN).filter(|_| {
            let wants = pace.wants(300, 300, 15);
            assert_eq!(wants > 0, pace.dares);
            wants > 0 && pace.pays(300, 600)
        });
        assert_eq!(asked.count(), 2);
    }

    #[test]
    fn the_time_of_a_step_is_between_those_that_were_seen() {
        let mut pace = Pace::default();
        assert_eq!(pace.step(300), None);
        pace.note(300, seconds(1.0));
        pace.note(1200, seconds(3.6));
        assert_eq!(pace.step(300), Some(seconds(1.0)));
        let between = pace.step(600).unwrap().as_secs_f64();
        assert!((1.8..2.0).contains(&between), "{between}");
        assert_eq!(pace.step(2400), Some(seconds(7.2)));
    }

    #[test]
    fn of_pictures_that_end_together_twice_as_many_are_asked_for_while_that_pays() {
        let mut pace = Pace::default();
        assert_eq!(pace.party(), 1);
        let spent = |pace: &mut Pace, pictures, took| {
            let together = pictures > 1;
            let stretch = Stretch { together, rows: 300 * pictures, pictures, ..Stretch::new() };
            pace.spent(&stretch, seconds(took));
            pace.sat(pictures, 300);
            pace.party()
        };
        assert_eq!(spent(&mut pace, 1, 10.0), 2);
        assert_eq!(spent(&mut pace, 2, 12.0), 4);
        assert_eq!(spent(&mut pace, 4, 70.0), 1, "it is dearer than alone");
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
