//! What the engine is busy with and since when, as its own thread notes it and another one tells. Whether that is too
//! long is for the parent to judge.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use zao_api::Stage;

use crate::protocol::{Beat, Busy, Gauges, Took};

/// What a card told longer ago says nothing of now.
const FRESH: Duration = Duration::from_secs(3);

/// Shared by the engine's thread and the one that tells.
#[derive(Debug, Default)]
pub(super) struct Pulse(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    now: Option<Now>,
    /// What goes on once weights are read.
    interrupted: Option<Now>,
    /// Since when the idle device is looked at.
    probing: Option<Instant>,
    memory: Memory,
    /// What the card told last, and when.
    gauges: Option<(Instant, Gauges)>,
}

/// What the engine has of its device's memory.
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    held: u64,
    peak: u64,
    free: Option<u64>,
    loras: u32,
}

#[derive(Clone, Copy, Debug)]
struct Now {
    stage: Stage,
    amount: u64,
    since: Instant,
}

impl Now {
    fn new(stage: Stage, amount: u64) -> Self {
        Self { stage, amount, since: Instant::now() }
    }

    fn took(self) -> Took {
        let Self { stage, amount, since } = self;
        Took { stage, amount, seconds: since.elapsed().as_secs_f64() }
    }
}

impl Pulse {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run is planned; that is counted with the reading of weights, which it looks for room for.
    pub(super) fn begin(&self) {
        self.state().now = Some(Now::new(Stage::Load, 0));
    }

    /// Another stage begins, or more work joins the one that has just begun, for pictures that are begun together are told
    /// of one after the other. Tells what the one before took, if that is a measure of its work.
    pub(super) fn enter(&self, stage: Stage, amount: u64) -> Option<Took> {
        let mut state = self.state();
        if let Some(now) = &mut state.now
            && now.stage == stage
            && !matches!(stage, Stage::Load | Stage::Denoise)
        {
            now.amount += amount;
            return None;
        }
        let before = state.now.replace(Now::new(stage, amount));
        if stage == Stage::Load {
            state.interrupted = before.filter(|before| before.stage != Stage::Load);
            return None;
        }
        // A time between two steps, or one that weights were read in, measures nothing.
        before.filter(|now| !matches!(now.stage, Stage::Load | Stage::Denoise)).map(Now::took)
    }

    /// So much of the weights is read: a sign of life, and at the end the stage goes on that they were read for.
    pub(super) fn loaded(&self, done: u64, of: u64) {
        let mut state = self.state();
        let interrupted = state.interrupted;
        let next = interrupted.filter(|_| done >= of).map(|now| Now::new(now.stage, now.amount));
        match (&mut state.now, next) {
            (now @ Some(Now { stage: Stage::Load, .. }), Some(next)) => *now = Some(next),
            (Some(now), _) if now.stage == Stage::Load => now.since = Instant::now(),
            _ => {}
        }
    }

    /// A step is done, and the next one, or what lies between, begins with pictures of `amount` pixels.
    pub(super) fn stepped(&self, amount: u64) -> Option<Took> {
        let before = self.state().now.replace(Now::new(Stage::Denoise, amount));
        before.filter(|now| now.stage == Stage::Denoise).map(Now::took)
    }

    /// The engine has nothing to do.
    pub(super) fn rest(&self) {
        let mut state = self.state();
        (state.now, state.probing) = (None, None);
    }

    /// The engine has nothing to do, and its device is looked at until it rests again.
    pub(super) fn probe(&self) {
        self.state().probing = Some(Instant::now());
    }

    /// The engine holds so many bytes, or is about to, and so many are left for it, where that is known.
    pub(super) fn hold(&self, bytes: u64, free: Option<u64>) {
        let memory = &mut self.state().memory;
        (memory.held, memory.peak, memory.free) = (bytes, memory.peak.max(bytes), free);
    }

    /// How many bytes the engine holds.
    pub(super) fn held(&self) -> u64 {
        self.state().memory.held
    }

    /// So many adapters are loaded.
    pub(super) fn load(&self, loras: usize) {
        self.state().memory.loras = u32::try_from(loras).unwrap_or(u32::MAX);
    }

    /// The card told this at that moment.
    pub(super) fn measured(&self, at: Instant, gauges: Gauges) {
        self.state().gauges = Some((at, gauges));
    }

    /// The engine's part of a sign of life.
    pub(super) fn beat(&self) -> Beat {
        let state = self.state();
        let fresh = state.gauges.filter(|(at, _)| at.elapsed() < FRESH);
        let busy = state.now.map(|now| {
            let Took { stage, amount, seconds } = now.took();
            Busy { stage, amount, seconds }
        });
        let Memory { held, peak, free, loras } = state.memory;
        Beat {
            held_bytes: held,
            peak_bytes: peak,
            free_bytes: free,
            loras,
            resident_bytes: None,
            busy,
            probing: state.probing.map(|since| since.elapsed().as_secs_f64()),
            gauges: fresh.map(|(_, gauges)| gauges),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(pulse: &Pulse) -> Option<(Stage, u64)> {
        pulse.beat().busy.map(|busy| (busy.stage, busy.amount))
    }

    #[test]
    fn steps_and_whole_stages_are_measured_and_nothing_else_is() {
        let pulse = Pulse::default();
        assert_eq!(stage(&pulse), None);
        pulse.begin();
        assert_eq!(pulse.enter(Stage::Text, 120), None, "planning measures nothing");
        let took = pulse.enter(Stage::Denoise, 64).unwrap();
        assert_eq!((took.stage, took.amount), (Stage::Text, 120));
        assert_eq!(pulse.stepped(128).unwrap().amount, 64);
        assert_eq!(pulse.enter(Stage::Text, 7), None, "that was no whole step");
        assert_eq!(pulse.enter(Stage::Decode, 9).unwrap().stage, Stage::Text);
        assert_eq!(pulse.stepped(1).map(|took| took.stage), None);
        pulse.rest();
        assert_eq!(stage(&pulse), None);
    }

    #[test]
    fn what_is_begun_for_several_pictures_at_once_is_measured_once() {
        let pulse = Pulse::default();
        assert_eq!((pulse.enter(Stage::Text, 120), pulse.enter(Stage::Text, 80)), (None, None));
        let took = pulse.enter(Stage::Denoise, 64).unwrap();
        assert_eq!((took.stage, took.amount), (Stage::Text, 200));
        assert_eq!(pulse.enter(Stage::Denoise, 64), None);
    }

    #[test]
    fn the_most_that_was_held_is_remembered() {
        let pulse = Pulse::default();
        pulse.hold(5, None);
        pulse.hold(9, Some(1));
        pulse.hold(2, Some(8));
        pulse.load(3);
        let Beat { held_bytes, peak_bytes, free_bytes, loras, .. } = pulse.beat();
        assert_eq!((held_bytes, peak_bytes, free_bytes, loras), (2, 9, Some(8), 3));
    }

    #[test]
    fn a_card_that_tells_nothing_any_more_is_not_told_of() {
        let pulse = Pulse::default();
        assert_eq!(pulse.beat().gauges, None);
        let gauges = Gauges { power_watts: Some(300.0), ..Gauges::default() };
        pulse.measured(Instant::now(), gauges);
        assert_eq!(pulse.beat().gauges, Some(gauges));
        pulse.measured(Instant::now().checked_sub(2 * FRESH).unwrap(), gauges);
        assert_eq!(pulse.beat().gauges, None, "the last word is too old");
    }

    #[test]
    fn a_stage_goes_on_where_the_reading_of_weights_ends() {
        let pulse = Pulse::default();
        pulse.enter(Stage::Text, 5);
        assert_eq!(pulse.enter(Stage::Load, 0), None);
        pulse.loaded(1, 2);
        assert_eq!(stage(&pulse), Some((Stage::Load, 0)));
        pulse.loaded(2, 2);
        assert_eq!(stage(&pulse), Some((Stage::Text, 5)));
        assert_eq!(pulse.enter(Stage::Denoise, 1).unwrap().stage, Stage::Text);
    }
}
