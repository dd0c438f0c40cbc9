//! How many times as long as usual work takes, because the machine has something else to do, or has become another. What is usual is
//! NOT known here.

/// How much longer work takes than usual: now, and of late.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Drag {
    now: Ratio,
    lately: Ratio,
}

/// What work took, and what it usually takes, both fading.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ratio {
    seconds: f64,
    usual: f64,
}

/// Of so many seconds of usual work it is known how the machine is now, and how it was of late.
const NOW: f64 = 4.0;
const LATELY: f64 = 60.0;

/// So much of what was known goes with one measurement at most: steps may take half a minute each.
const MOST_OF_NOW: f64 = 0.15;
const MOST_OF_LATELY: f64 = 0.05;

/// At first as if so many seconds had been usual ones, which fade as well.
const BELIEVED: f64 = 0.3;

/// What a machine is busy with now is half gone after this time, as far as anybody knows, in seconds divided by ln 2.
const LASTS: f64 = 20.0;

impl Drag {
    /// Work that usually takes `usual` seconds took so many.
    pub(super) fn learn(&mut self, seconds: f64, usual: f64) {
        self.now.add(seconds, usual, (usual / NOW).min(MOST_OF_NOW));
        self.lately.add(seconds, usual, (usual / LATELY).min(MOST_OF_LATELY));
    }

    pub(super) fn now(&self) -> f64 {
        self.now.value()
    }

    pub(super) fn lately(&self) -> f64 {
        self.lately.value()
    }

    /// How it will probably be after so many seconds from now.
    pub(super) fn after(&self, seconds: f64) -> f64 {
        let lately = self.lately();
        lately + (self.now() - lately) * (-seconds.max(0.0) / LASTS).exp()
    }
}

impl Ratio {
    fn add(&mut self, seconds: f64, usual: f64, fades: f64) {
        let stays = (-fades).exp();
        self.seconds = stays * self.seconds + seconds;
        self.usual = stays * self.usual + usual;
    }

    fn value(self) -> f64 {
        self.seconds / self.usual
    }
}

impl Default for Ratio {
    fn default() -> Self {
        Self { seconds: BELIEVED, usual: BELIEVED }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_known_is_as_usual() {
        let drag = Drag::default();
        assert_eq!((drag.now(), drag.lately(), drag.after(5.0)), (1.0, 1.0, 1.0));
    }

    #[test]
    fn a_few_seconds_say_how_it_is_now_and_a_minute_how_it_was_of_late() {
        let mut drag = Drag::default();
        (0..600).for_each(|_| drag.learn(0.1, 0.1));
        (0..90).for_each(|_| drag.learn(0.3, 0.1));
        assert!((2.6..3.0).contains(&drag.now()), "{drag:?}");
        assert!((1.2..1.6).contains(&drag.lately()), "{drag:?}");
        assert!(drag.after(0.0) > drag.after(10.0) && drag.after(10.0) > drag.lately());
        (0..6000).for_each(|_| drag.learn(0.3, 0.1));
        assert!((drag.lately() - 3.0).abs() < 0.01, "{drag:?}");
    }

    #[test]
    fn steps_of_half_a_minute_are_believed_as_soon_by_number() {
        let mut drag = Drag::default();
        (0..10).for_each(|_| drag.learn(30.0, 30.0));
        (0..12).for_each(|_| drag.learn(60.0, 30.0));
        assert!((1.7..2.0).contains(&drag.now()), "{drag:?}");
    }

    #[test]
    fn times_add_up_and_are_not_weighed_by_their_length() {
        let mut drag = Drag::default();
        // Half of the steps take thrice as long: twice as long in all.
        (0..6000).for_each(|nth| drag.learn(if nth % 2 == 0 { 0.1 } else { 0.3 }, 0.1));
        assert!((drag.lately() - 2.0).abs() < 0.02, "{drag:?}");
    }
}
