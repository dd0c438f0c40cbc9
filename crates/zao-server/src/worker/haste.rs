//! Whether those that are drawn together keep their deadlines if one more joins them. What a step takes is the engine's to
//! know; prompts and decoders, for which all wait, are measured here.

use std::time::Duration;

use zao_api::Stage;
use zao_engine::StepTimes;

use crate::protocol::Took;

/// How much a new measurement counts beside what is known.
const WEIGHT: f64 = 0.25;

/// Together may take so many times what is foreseen: steps of a machine that does other things scatter, and a deadline that
/// is missed has cost as much as one that is kept.
const MARGIN: f64 = 1.25;

/// What keeps everybody from stepping, as it was measured.
#[derive(Debug, Default)]
pub(super) struct Haste {
    /// Seconds for the prompts of those that join.
    prompts: Option<f64>,
    /// Seconds for each pixel of a picture that is decoded.
    decode: Option<f64>,
}

/// A picture that is drawn or would be, and how long its job has left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hurry<'a> {
    pub(super) job: &'a str,
    /// Steps that it lacks.
    pub(super) steps: u32,
    pub(super) pixels: u64,
    /// What other pictures of its job take that come after it.
    pub(super) later: Duration,
    /// `None` for one without a deadline.
    pub(super) left: Option<Duration>,
}

impl Haste {
    pub(super) fn note(&mut self, took: &Took) {
        let (known, seconds) = match took.stage {
            Stage::Text => (&mut self.prompts, took.seconds),
            Stage::Decode => (&mut self.decode, took.seconds / took.amount.max(1) as f64),
            Stage::Load | Stage::Encode | Stage::Denoise => return,
        };
        let known = known.get_or_insert(seconds);
        *known += WEIGHT * (seconds - *known);
    }

    /// Whether `joiner` may join: nobody misses a deadline for it that would be kept without, neither of those that are
    /// `seated` nor its own, for which it can wait until it is drawn with fewer.
    pub(super) fn allows(
        &self,
        joiner: &Hurry<'_>,
        seated: &[Hurry<'_>],
        step: &StepTimes,
    ) -> bool {
        let decodes = seated.iter().map(|it| self.decoding(it)).sum::<f64>();
        let joins = self.prompts.unwrap_or(0.0) + self.decoding(joiner);
        let is_spoilt = |it: &Hurry<'_>, without: f64, with: f64| {
            let later = it.later.as_secs_f64();
            it.left.is_some_and(|left| {
                let left = left.as_secs_f64();
                without + later <= left && MARGIN * (with + later) > left
            })
        };
        let spoils = |it: &Hurry<'_>| {
            let without = seconds(it, step.now) + decodes;
            it.job != joiner.job
                && is_spoilt(it, without, seconds(it, step.joined) + decodes + joins)
        };
        let alone = seconds(joiner, step.alone) + joins;
        let together = seconds(joiner, step.joined) + decodes + joins;
        !seated.iter().any(spoils) && !is_spoilt(joiner, alone, together)
    }

    fn decoding(&self, it: &Hurry<'_>) -> f64 {
        self.decode.unwrap_or(0.0) * it.pixels as f64
    }
}

/// Seconds for the steps that a picture lacks.
fn seconds(it: &Hurry<'_>, step: Duration) -> f64 {
    f64::from(it.steps) * step.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_secs(1);

    /// A device that gains nothing by drawing together.
    fn joining(seated: u32) -> StepTimes {
        StepTimes { now: seated * STEP, joined: (seated + 1) * STEP, alone: STEP }
    }

    fn picture(job: &str, steps: u32, left: Option<u64>) -> Hurry<'_> {
        let left = left.map(Duration::from_secs);
        Hurry { job, steps, pixels: 100, later: Duration::ZERO, left }
    }

    #[test]
    fn nobody_joins_where_a_deadline_is_missed_for_it() {
        let haste = Haste::default();
        let joiner = picture("new", 4, None);
        for (left, may) in [(Some(11), true), (Some(9), false), (Some(4), false), (None, true)] {
            let seated = [picture("old", 4, left)];
            assert_eq!(haste.allows(&joiner, &seated, &joining(1)), may, "{left:?}");
        }
        // It is missed in any case.
        assert!(haste.allows(&joiner, &[picture("old", 4, Some(3))], &joining(1)));
    }

    #[test]
    fn whoever_keeps_its_own_deadline_only_alone_waits() {
        let haste = Haste::default();
        let seated = [picture("old", 1, None)];
        assert!(!haste.allows(&picture("new", 4, Some(8)), &seated, &joining(1)));
        assert!(haste.allows(&picture("new", 4, Some(11)), &seated, &joining(1)));
        assert!(
            haste.allows(&picture("new", 4, Some(3)), &seated, &joining(1)),
            "it has none to keep"
        );
    }

    #[test]
    fn pictures_of_one_job_share_its_deadline_and_those_to_come_are_counted() {
        let haste = Haste::default();
        let seated = [picture("job", 4, Some(9))];
        let (own, other) = (picture("job", 4, None), picture("other", 1, None));
        assert!(haste.allows(&own, &seated, &joining(1)));
        assert!(!haste.allows(&other, &seated, &joining(1)));
        let later = Duration::from_secs(20);
        let long = [Hurry { later, ..picture("job", 4, Some(30)) }];
        assert!(!haste.allows(&other, &long, &joining(1)));
        assert!(haste.allows(&other, &[picture("job", 4, Some(30))], &joining(1)));
    }

    #[test]
    fn prompts_and_decoders_of_others_take_time_as_well() {
        let mut haste = Haste::default();
        let seated = [picture("old", 4, Some(11))];
        let joiner = picture("new", 4, None);
        assert!(haste.allows(&joiner, &seated, &joining(1)));
        haste.note(&Took { stage: Stage::Decode, amount: 100, seconds: 1.0 });
        assert!(!haste.allows(&joiner, &seated, &joining(1)));
        let mut haste = Haste::default();
        haste.note(&Took { stage: Stage::Text, amount: 9, seconds: 1.0 });
        assert!(!haste.allows(&joiner, &seated, &joining(1)));
    }
}
