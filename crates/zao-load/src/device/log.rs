//! Readings in the order of their moments, and what they are together over the time of a row.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{DeviceReading, Readings};
use crate::report::{DeviceUse, Devices, Teller};
use crate::slope::slope;

/// Seconds that a counter of energy has to be seen for. What a server publishes is up to a second old, so that in a row of 8 s its counter
/// was 7 % beside the mean power, which is within 1 % then.
const ENOUGH: f64 = 30.0;

/// What cards told, and when.
#[derive(Debug, Default)]
pub(crate) struct Log {
    looks: Vec<(Instant, Readings)>,
}

impl Log {
    /// Notes what was read at a moment, if it is anything.
    pub(crate) fn add(&mut self, at: Instant, readings: Readings) {
        if !readings.is_empty() {
            self.looks.push((at, readings));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.looks.is_empty()
    }

    /// What the cards did between two moments, in which so many pictures a second came; `None` where nothing was read in
    /// between. What was read before is forgotten: rows follow each other.
    pub(crate) fn between(
        &mut self,
        (from, until): (Instant, Instant),
        pictures_per_second: f64,
        told_by: Teller,
    ) -> Option<Devices> {
        self.looks.retain(|(at, _)| *at >= from);
        let within: Vec<&(Instant, Readings)> =
            self.looks.iter().take_while(|(at, _)| *at <= until).collect();
        let readings = within.len() as u64;
        let mut cards: BTreeMap<&str, Vec<(Instant, &DeviceReading)>> = BTreeMap::new();
        for (at, look) in within {
            for (card, reading) in look {
                cards.entry(card).or_default().push((*at, reading));
            }
        }
        if cards.is_empty() {
            return None;
        }
        let seconds = until.saturating_duration_since(from).as_secs_f64();
        let each: BTreeMap<String, DeviceUse> = cards
            .into_iter()
            .map(|(card, told)| (card.to_owned(), of_one(&told, seconds)))
            .collect();
        let total = together(&each);
        let pictures = pictures_per_second * seconds;
        let joules_per_picture =
            total.energy_joules.map(|joules| joules / pictures).filter(|it| it.is_finite());
        Some(Devices { told_by, readings, total, joules_per_picture, each })
    }
}

/// What one card did in so many seconds.
fn of_one(told: &[(Instant, &DeviceReading)], seconds: f64) -> DeviceUse {
    let values = |number: fn(&DeviceReading) -> Option<f64>| {
        told.iter().filter_map(move |(_, reading)| number(reading))
    };
    let power_watts = mean(values(|it| it.power_watts));
    let watts = counted_watts(told, seconds).or(power_watts);
    DeviceUse {
        utilization: mean(values(|it| it.utilization)),
        power_watts,
        energy_joules: watts.filter(|_| is_covered(told, seconds)).map(|watts| watts * seconds),
        memory_peak_bytes: values(|it| it.memory_bytes).reduce(f64::max),
        temperature_celsius: values(|it| it.temperature_celsius).reduce(f64::max),
        sm_clock_hertz: mean(values(|it| it.sm_clock_hertz)),
    }
}

/// Whether readings stand for the whole of a row: a server that was gone for most of it took nobody knows what.
fn is_covered(told: &[(Instant, &DeviceReading)], seconds: f64) -> bool {
    let span = told.last().zip(told.first()).map(|(last, first)| last.0 - first.0);
    // One reading stands for about a second.
    span.is_some_and(|span| span.as_secs_f64() + 1.0 >= seconds / 2.0)
}

/// Mean power by the card's own counter of energy, which misses nothing between two readings: the slope of the line through them.
/// `None` where they span less than [`ENOUGH`] or half of the time, or where the counter began anew.
fn counted_watts(told: &[(Instant, &DeviceReading)], seconds: f64) -> Option<f64> {
    let (begin, _) = *told.first()?;
    let point = |&(at, reading): &(Instant, &DeviceReading)| {
        Some((at.saturating_duration_since(begin).as_secs_f64(), reading.energy_joules?))
    };
    let points: Vec<(f64, f64)> = told.iter().filter_map(point).collect();
    let span = points.last()?.0 - points.first()?.0;
    let runs = points.windows(2).all(|pair| pair[1].1 >= pair[0].1);
    slope(&points).filter(|_| runs && span >= ENOUGH && span >= seconds / 2.0)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_u64, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / count as f64)
}

/// All cards as one: their power and energy added up, if all tell it; the mean of how busy they are and of their clocks, the
/// fullest memory, the hottest chip.
fn together(each: &BTreeMap<String, DeviceUse>) -> DeviceUse {
    let values = |number: fn(&DeviceUse) -> Option<f64>| each.values().filter_map(number);
    let sum =
        |number: fn(&DeviceUse) -> Option<f64>| each.values().map(number).sum::<Option<f64>>();
    DeviceUse {
        utilization: mean(values(|it| it.utilization)),
        power_watts: sum(|it| it.power_watts),
        energy_joules: sum(|it| it.energy_joules),
        memory_peak_bytes: values(|it| it.memory_peak_bytes).reduce(f64::max),
        temperature_celsius: values(|it| it.temperature_celsius).reduce(f64::max),
        sm_clock_hertz: mean(values(|it| it.sm_clock_hertz)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn watts(watts: f64, utilization: f64) -> DeviceReading {
        DeviceReading {
            power_watts: Some(watts),
            utilization: Some(utilization),
            memory_bytes: Some(1e9 * utilization),
            ..DeviceReading::default()
        }
    }

    fn card(name: &str, reading: DeviceReading) -> (String, DeviceReading) {
        (name.to_owned(), reading)
    }

    /// A look each second from a moment on.
    fn log(begin: Instant, looks: &[Vec<(String, DeviceReading)>]) -> Log {
        let mut log = Log::default();
        for (second, cards) in (0_u32..).zip(looks) {
            log.add(begin + Duration::from_secs(1) * second, cards.iter().cloned().collect());
        }
        log
    }

    fn seconds(begin: Instant, from: u64, until: u64) -> (Instant, Instant) {
        (begin + Duration::from_secs(from), begin + Duration::from_secs(until))
    }

    #[test]
    fn a_row_is_of_its_own_time() {
        let begin = Instant::now();
        let looks: Vec<_> = [100.0, 100.0, 500.0, 700.0, 100.0]
            .map(|power| vec![card("cuda:0", watts(power, power / 1000.0))])
            .into();
        let mut log = log(begin, &looks);
        let devices = log.between(seconds(begin, 2, 3), 2.0, Teller::Server).unwrap();
        let total = devices.total;
        assert_eq!((devices.readings, total.power_watts), (2, Some(600.0)));
        assert_eq!(total.utilization, Some(0.6));
        assert_eq!(total.memory_peak_bytes, Some(7e8));
        assert_eq!((total.energy_joules, devices.joules_per_picture), (Some(600.0), Some(300.0)));
        let next = log.between(seconds(begin, 3, 4), 0.0, Teller::Server).unwrap();
        assert_eq!(next.total.power_watts, Some(400.0));
        assert_eq!(next.joules_per_picture, None, "no picture came");
        assert_eq!(log.between(seconds(begin, 9, 10), 1.0, Teller::Server), None);
    }

    #[test]
    fn power_adds_up_and_use_does_not() {
        let begin = Instant::now();
        let second = DeviceReading { temperature_celsius: Some(50.0), ..watts(300.0, 0.2) };
        let looks = vec![vec![card("cuda:0", watts(500.0, 1.0)), card("cuda:1", second)]; 3];
        let devices = log(begin, &looks).between(seconds(begin, 0, 2), 1.0, Teller::Meter).unwrap();
        let total = devices.total;
        assert_eq!((total.power_watts, total.utilization), (Some(800.0), Some(0.6)));
        assert_eq!((total.memory_peak_bytes, total.temperature_celsius), (Some(1e9), Some(50.0)));
        assert_eq!(devices.each["cuda:1"].power_watts, Some(300.0));
    }

    #[test]
    fn a_sum_that_lacks_a_card_is_none() {
        let begin = Instant::now();
        let silent = DeviceReading { power_watts: None, ..watts(0.0, 0.2) };
        let looks = vec![vec![card("cuda:0", watts(500.0, 1.0)), card("cuda:1", silent)]; 3];
        let devices =
            log(begin, &looks).between(seconds(begin, 0, 2), 1.0, Teller::Server).unwrap();
        let total = devices.total;
        assert_eq!((total.power_watts, total.energy_joules), (None, None));
        assert_eq!(devices.each["cuda:0"].power_watts, Some(500.0));
    }

    /// A row of so many seconds of a card that says 100 watts, with what its counter says each second.
    fn counted(seconds_of_row: u64, joules: impl Fn(f64) -> f64) -> DeviceUse {
        let begin = Instant::now();
        let look = |second: u32| {
            let energy_joules = Some(joules(f64::from(second)));
            vec![card("cuda:0", DeviceReading { energy_joules, ..watts(100.0, 1.0) })]
        };
        let looks: Vec<_> = (0..=40).map(look).collect();
        let row = seconds(begin, 0, seconds_of_row);
        log(begin, &looks).between(row, 1.0, Teller::Server).unwrap().total
    }

    #[test]
    fn a_counter_of_energy_sees_what_lies_between_readings() {
        let total = counted(40, |second| 1e9 + 400.0 * second);
        assert!((total.energy_joules.unwrap() - 16_000.0).abs() < 1e-3, "{total:?}");
        assert_eq!(total.power_watts, Some(100.0));
    }

    #[test]
    fn a_counter_that_cannot_be_trusted_leaves_it_to_the_power() {
        let short = counted(8, |second| 400.0 * second);
        assert_eq!(short.energy_joules, Some(800.0), "what is a second late weighs too much");
        let again =
            counted(40, |second| 400.0 * if second < 20.0 { second } else { second - 20.0 });
        assert_eq!(again.energy_joules, Some(4000.0), "the driver was loaded again");
    }

    #[test]
    fn a_server_that_was_gone_for_most_of_a_row_has_no_energy() {
        let total = counted(100, |second| 400.0 * second);
        assert_eq!((total.energy_joules, total.power_watts), (None, Some(100.0)));
    }
}
