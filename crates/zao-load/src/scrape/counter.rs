//! A counter of the server's in time: how fast it ran in a row, beside what the client counted. What it counts is known in
//! [`super`].

use std::time::Instant;

/// What the server counted, and when it was asked.
#[derive(Debug, Default)]
pub(crate) struct Counter(Vec<(Instant, f64)>);

impl Counter {
    pub(super) fn add(&mut self, at: Instant, value: f64) {
        self.0.push((at, value));
    }

    /// How much a second it counted between two moments; `None` where it was read in less than half of that time, or began anew.
    /// What was read before is forgotten: rows follow each other.
    pub(crate) fn rate(&mut self, (from, until): (Instant, Instant)) -> Option<f64> {
        self.0.retain(|(at, _)| *at >= from);
        let within = || self.0.iter().take_while(|(at, _)| *at <= until);
        let (&(first, before), &(last, after)) = within().next().zip(within().last())?;
        let between = last.saturating_duration_since(first).as_secs_f64();
        let whole = until.saturating_duration_since(from).as_secs_f64();
        (between > 0.0 && between >= whole / 2.0 && after >= before)
            .then(|| (after - before) / between)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_rate_is_of_its_own_time() {
        let begin = Instant::now();
        let second = |at: u64| begin + Duration::from_secs(at);
        let counter = || {
            let mut counter = Counter::default();
            for (at, value) in [(0, 5.0), (1, 100.0), (2, 103.0), (3, 106.0), (4, 0.0)] {
                counter.add(second(at), value);
            }
            counter
        };
        assert_eq!(counter().rate((second(1), second(3))), Some(3.0));
        assert_eq!(counter().rate((second(1), second(4))), None, "the server was started again");
        assert_eq!(counter().rate((second(3), second(9))), None, "it was read in too little of it");
        assert_eq!(counter().rate((second(5), second(9))), None);
        let mut counter = counter();
        assert_eq!(counter.rate((second(2), second(3))), Some(3.0));
        assert_eq!(counter.rate((second(0), second(2))), None, "it was forgotten");
    }
}
