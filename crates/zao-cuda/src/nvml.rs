//! How busy, warm and hungry cards are, by NVIDIA's management library, which comes with the driver and is opened when the
//! program runs. It needs no context on a card, so that looking takes none of its memory. Nothing is set here, and what a
//! card or a driver does not tell is absent, never zero.

mod library;

use std::fmt;
use std::sync::Arc;

use crate::driver;

/// What a card tells of a moment. Each number is absent where the card or its driver does not tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CardReading {
    /// Share of the last moments in which any kernel ran, from 0 to 1. The driver looks back a sixth of a second to one.
    pub utilization: Option<f64>,
    /// Power of the whole card, in watts; a mean over a second on most cards since Ampere.
    pub power_watts: Option<f64>,
    /// What it has taken since the driver was loaded, in joules.
    pub energy_joules: Option<f64>,
    /// Temperature of the chip, in degrees Celsius.
    pub temperature_celsius: Option<f64>,
    /// Clock of the multiprocessors, in hertz.
    pub sm_clock_hertz: Option<f64>,
    /// Bytes of its memory that are in use, by whomever.
    pub memory_used_bytes: Option<u64>,
}

impl CardReading {
    /// Whether it tells nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A card of the library's, for as long as the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Handle(usize);

/// The questions that are asked of cards, in the library's own units.
trait Table: Send + Sync {
    /// How many cards there are, whatever the environment hides from CUDA.
    fn count(&self) -> Option<u32>;
    /// The card of this number, counted as `nvidia-smi` does.
    fn at_index(&self, index: u32) -> Option<Handle>;
    /// The card that is plugged in here, as in `0000:1b:00.0`.
    fn at_bus(&self, bus: &str) -> Option<Handle>;
    /// Of 100.
    fn utilization(&self, card: Handle) -> Option<u32>;
    /// In milliwatts.
    fn power(&self, card: Handle) -> Option<u32>;
    /// In millijoules.
    fn energy(&self, card: Handle) -> Option<u64>;
    /// In degrees Celsius.
    fn temperature(&self, card: Handle) -> Option<u32>;
    /// In megahertz.
    fn sm_clock(&self, card: Handle) -> Option<u32>;
    /// In bytes.
    fn memory_used(&self, card: Handle) -> Option<u64>;
}

/// Reads one card, from any thread.
#[derive(Clone)]
pub struct CardMeter {
    table: Arc<dyn Table>,
    card: Handle,
    label: String,
}

impl fmt::Debug for CardMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardMeter").field("label", &self.label).finish_non_exhaustive()
    }
}

impl CardMeter {
    /// The meter of the card that CUDA shows to this process under this number; `None` where the library is not installed or does
    /// not know the card.
    #[must_use]
    pub fn of_card(ordinal: usize) -> Option<Self> {
        let (card, device) = driver::Card::find(ordinal).ok()?;
        let bus = driver::Card::bus_id(device)?;
        Self::at_bus(library::installed()?, &bus, card.label)
    }

    /// Meters of all cards of this machine, named by the numbers that `nvidia-smi` gives them; none where the library is not
    /// installed. The driver of CUDA is not started for it.
    #[must_use]
    pub fn all() -> Vec<Self> {
        library::installed().map(|table| Self::each(&table)).unwrap_or_default()
    }

    fn at_bus(table: Arc<dyn Table>, bus: &str, label: String) -> Option<Self> {
        let card = table.at_bus(bus)?;
        Some(Self { table, card, label })
    }

    fn each(table: &Arc<dyn Table>) -> Vec<Self> {
        let meter = |index: u32| {
            let card = table.at_index(index)?;
            Some(Self { table: Arc::clone(table), card, label: index.to_string() })
        };
        (0..table.count().unwrap_or(0)).filter_map(meter).collect()
    }

    /// What the card is called: `cuda:0`, or its number.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Looks. It takes the library from microseconds to a few milliseconds, and a card that has fallen off its bus may keep it for
    /// longer: not for a thread that others wait for.
    #[must_use]
    pub fn read(&self) -> CardReading {
        let (table, card) = (&self.table, self.card);
        CardReading {
            utilization: table.utilization(card).map(|percent| f64::from(percent) / 100.0),
            power_watts: table.power(card).map(|milliwatts| f64::from(milliwatts) / 1e3),
            energy_joules: table.energy(card).map(|millijoules| millijoules as f64 / 1e3),
            temperature_celsius: table.temperature(card).map(f64::from),
            sm_clock_hertz: table.sm_clock(card).map(|megahertz| f64::from(megahertz) * 1e6),
            memory_used_bytes: table.memory_used(card),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two cards; the second is a slice of one, which tells of its memory alone.
    struct TwoCards;

    impl TwoCards {
        const BUSES: [&str; 2] = ["0000:1b:00.0", "0000:43:00.0"];
    }

    fn of_the_first<T>(card: Handle, value: T) -> Option<T> {
        (card == Handle(0)).then_some(value)
    }

    impl Table for TwoCards {
        fn count(&self) -> Option<u32> {
            Some(2)
        }

        fn at_index(&self, index: u32) -> Option<Handle> {
            (index < 2).then_some(Handle(index as usize))
        }

        fn at_bus(&self, bus: &str) -> Option<Handle> {
            Self::BUSES.iter().position(|known| *known == bus).map(Handle)
        }

        fn utilization(&self, card: Handle) -> Option<u32> {
            of_the_first(card, 97)
        }

        fn power(&self, card: Handle) -> Option<u32> {
            of_the_first(card, 512_250)
        }

        fn energy(&self, card: Handle) -> Option<u64> {
            of_the_first(card, 9_007_199_254_740)
        }

        fn temperature(&self, card: Handle) -> Option<u32> {
            of_the_first(card, 61)
        }

        fn sm_clock(&self, card: Handle) -> Option<u32> {
            of_the_first(card, 1980)
        }

        fn memory_used(&self, card: Handle) -> Option<u64> {
            Some(if card == Handle(0) { 30 << 30 } else { 1 << 30 })
        }
    }

    #[test]
    fn a_card_is_found_by_where_it_is_plugged_in_and_read_in_plain_units() {
        let meter = CardMeter::at_bus(Arc::new(TwoCards), "0000:1b:00.0", "cuda:1".into()).unwrap();
        assert_eq!(meter.label(), "cuda:1");
        let expected = CardReading {
            utilization: Some(0.97),
            power_watts: Some(512.25),
            energy_joules: Some(9_007_199_254.74),
            temperature_celsius: Some(61.0),
            sm_clock_hertz: Some(1.98e9),
            memory_used_bytes: Some(30 << 30),
        };
        assert_eq!(meter.read(), expected);
        assert!(CardMeter::at_bus(Arc::new(TwoCards), "0000:02:00.0", "cuda:0".into()).is_none());
    }

    #[test]
    fn what_a_card_does_not_tell_is_absent_and_not_zero() {
        let table: Arc<dyn Table> = Arc::new(TwoCards);
        let meters = CardMeter::each(&table);
        let labels: Vec<&str> = meters.iter().map(CardMeter::label).collect();
        assert_eq!(labels, ["0", "1"]);
        let slice = meters[1].read();
        assert_eq!(
            slice,
            CardReading { memory_used_bytes: Some(1 << 30), ..CardReading::default() }
        );
        assert!(!slice.is_empty() && CardReading::default().is_empty());
    }

    #[test]
    fn a_machine_without_cards_has_no_meters() {
        if crate::cards_on_the_bus() == 0 {
            assert!(CardMeter::all().is_empty());
            assert!(CardMeter::of_card(0).is_none());
        }
    }
}
