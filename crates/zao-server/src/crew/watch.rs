//! The watch on a process: when it was heard, what it said of itself, and whether that counts as hung. What follows from it is
//! [`super::post`]'s.

use std::time::{Duration, Instant};

use zao_api::Stage;

use super::limits::Usual;
use super::{Lost, Patience};
use crate::protocol::Beat;

/// A worker that was not heard for so long, which says something twice a second, is given nothing: it may not come back.
const QUIET: Duration = Duration::from_secs(2);

/// What is known of how a process gets on.
pub(super) struct Watch {
    started: Instant,
    /// When it was heard last, and what it said of itself then.
    heard: Option<Instant>,
    beat: Beat,
    /// How much of what it says to be at nobody could have seen, as the whole machine stood still.
    excused: Duration,
}

impl Watch {
    pub(super) fn begun(now: Instant) -> Self {
        Self { started: now, heard: None, beat: Beat::default(), excused: Duration::ZERO }
    }

    pub(super) fn started(&self) -> Instant {
        self.started
    }

    pub(super) fn beat(&self) -> &Beat {
        &self.beat
    }

    /// It said something.
    pub(super) fn hear(&mut self, now: Instant) {
        self.heard = Some(now);
    }

    /// It said how it is.
    pub(super) fn take(&mut self, beat: Beat) {
        // It is at something else now, whose time began after the standstill.
        if longest(&beat) < longest(&self.beat) {
            self.excused = Duration::ZERO;
        }
        self.beat = beat;
    }

    /// Whoever watches was away so long, as a machine that is suspended is: it counts for nothing.
    pub(super) fn excuse(&mut self, away: Duration) {
        self.excused += away;
        self.started += away;
        self.heard = self.heard.map(|heard| heard + away);
    }

    /// Whether it was not heard for a while.
    pub(super) fn is_quiet(&self, now: Instant) -> bool {
        self.heard.is_some_and(|heard| now.saturating_duration_since(heard) > QUIET)
    }

    /// Whether its device, which had nothing to do, has not answered for a while.
    pub(super) fn is_in_doubt(&self, patience: &Patience) -> bool {
        let limit = QUIET.min(patience.least / 2) + self.excused;
        self.beat.probing.is_some_and(|seconds| seconds > limit.as_secs_f64())
    }

    /// Whether it takes longer than it may.
    pub(super) fn hung(
        &self,
        loading: bool,
        usual: &Usual,
        patience: &Patience,
        now: Instant,
    ) -> Option<Lost> {
        let since = |at: Instant| now.saturating_duration_since(at);
        let is_over = |what: &str, after: Duration, limit: Duration| {
            (after > limit).then(|| Lost::Hung { what: what.to_owned(), after })
        };
        let Some(heard) = self.heard else {
            return is_over("it said nothing", since(self.started), patience.unknown);
        };
        is_over("it said nothing", since(heard), patience.least)
            .or_else(|| {
                // While it reads weights it says so, and may take as long as that goes on.
                let still = loading && self.beat.busy.is_none();
                is_over("it was loading", since(self.started), patience.load).filter(|_| still)
            })
            .or_else(|| {
                let probing = Duration::try_from_secs_f64(self.beat.probing?).ok()?;
                // The first kernel of a process may have to be made for its card.
                let limit = if loading { patience.unknown } else { patience.least };
                (probing > limit + self.excused).then_some(Lost::Unanswered { after: probing })
            })
            .or_else(|| {
                let busy = self.beat.busy?;
                let spent = Duration::try_from_secs_f64(busy.seconds).unwrap_or(Duration::MAX);
                let limit = usual.limit(&busy, patience).saturating_add(self.excused);
                is_over(in_words(busy.stage), spent, limit)
            })
    }
}

/// How long it has been at whatever it is at.
fn longest(beat: &Beat) -> f64 {
    beat.busy.map_or(0.0, |busy| busy.seconds).max(beat.probing.unwrap_or(0.0))
}

fn in_words(stage: Stage) -> &'static str {
    match stage {
        Stage::Load => "it read weights",
        Stage::Encode => "it encoded a picture",
        Stage::Text => "it read a prompt",
        Stage::Denoise => "it was in one step",
        Stage::Decode => "it decoded a picture",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Busy, Took};

    const SECOND: Duration = Duration::from_secs(1);

    fn stepping(seconds: f64) -> Beat {
        let busy = Busy { stage: Stage::Denoise, amount: 1, seconds };
        Beat { busy: Some(busy), ..Beat::default() }
    }

    /// A process that takes no time for its steps.
    fn quick() -> Usual {
        let mut usual = Usual::default();
        usual.note(&Took { stage: Stage::Denoise, amount: 1, seconds: 0.01 });
        usual
    }

    fn hung(watch: &Watch, now: Instant) -> bool {
        watch.hung(false, &quick(), &Patience::default(), now).is_some()
    }

    #[test]
    fn silence_and_long_steps_are_hangs() {
        let start = Instant::now();
        let mut watch = Watch::begun(start);
        watch.hear(start);
        assert!(!hung(&watch, start + 9 * SECOND) && hung(&watch, start + 11 * SECOND));
        watch.take(stepping(9.0));
        assert!(!hung(&watch, start));
        watch.take(stepping(11.0));
        assert!(hung(&watch, start));
    }

    #[test]
    fn a_machine_that_stood_still_is_no_hang_of_its_worker() {
        let start = Instant::now();
        let mut watch = Watch::begun(start);
        watch.hear(start);
        watch.take(stepping(0.2));
        // Both slept for a minute, and neither has said a word since.
        let woken = start + 60 * SECOND;
        watch.excuse(59 * SECOND);
        assert!(!hung(&watch, woken) && !watch.is_quiet(woken));
        watch.hear(woken);
        watch.take(stepping(60.3));
        assert!(!hung(&watch, woken));
        // The step itself has as long as it ever had, and so has the next one.
        watch.take(stepping(70.0));
        assert!(hung(&watch, woken));
        watch.take(stepping(0.1));
        watch.take(stepping(11.0));
        assert!(hung(&watch, woken));
    }

    #[test]
    fn a_standstill_excuses_a_device_that_was_asked_whether_it_answers() {
        let start = Instant::now();
        let mut watch = Watch::begun(start);
        watch.hear(start);
        watch.excuse(30 * SECOND);
        watch.take(Beat { probing: Some(30.5), ..Beat::default() });
        assert!(!hung(&watch, start) && !watch.is_in_doubt(&Patience::default()));
        watch.take(Beat { probing: Some(45.0), ..Beat::default() });
        assert!(hung(&watch, start) && watch.is_in_doubt(&Patience::default()));
    }
}
