//! What the cards of a server tell while it is under load: how busy they are, what power they take, what memory they hold. Read from
//! what the server publishes, or by a [`Meter`] of the caller's where the server runs on this machine and publishes nothing.
//! How readings become the numbers of a row is known in [`log`]; no library of cards is.

mod log;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

pub(crate) use log::Log;

/// What one card tells of a moment. What it does not tell is absent, never zero.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DeviceReading {
    /// Share of the last moments in which it computed, from 0 to 1.
    pub utilization: Option<f64>,
    /// Power, in watts.
    pub power_watts: Option<f64>,
    /// What it has taken since some moment before, in joules.
    pub energy_joules: Option<f64>,
    /// Bytes of its memory that are in use.
    pub memory_bytes: Option<f64>,
    /// In degrees Celsius.
    pub temperature_celsius: Option<f64>,
    /// Clock of its multiprocessors, in hertz.
    pub sm_clock_hertz: Option<f64>,
}

/// Cards by their names.
pub(crate) type Readings = BTreeMap<String, DeviceReading>;

/// Reads the cards of this machine; may take its time.
#[derive(Clone)]
pub struct Meter(Arc<dyn Fn() -> Vec<(String, DeviceReading)> + Send + Sync>);

impl Meter {
    /// A meter that `read` is, which gives each card's name and what it tells.
    pub fn new(read: impl Fn() -> Vec<(String, DeviceReading)> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    pub(crate) fn read(&self) -> Readings {
        (self.0)().into_iter().collect()
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meter")
    }
}

/// Who tells of the server's cards.
#[derive(Debug, Clone, Default)]
pub enum Cards {
    /// The server, if it does.
    #[default]
    Server,
    /// The server, or this meter where it does not.
    ServerOr(Meter),
    /// This meter alone.
    Meter(Meter),
}

impl Cards {
    pub(crate) fn meter(&self) -> Option<&Meter> {
        match self {
            Self::Server => None,
            Self::ServerOr(meter) | Self::Meter(meter) => Some(meter),
        }
    }
}

/// A number of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    Utilization,
    Power,
    Energy,
    Memory,
    Temperature,
    Clock,
}

/// Ends of the names under which servers publish these: zao's own, then Triton's.
const NAMES: [(&str, Number); 10] = [
    ("_device_utilization_ratio", Number::Utilization),
    ("_device_power_watts", Number::Power),
    ("_device_energy_joules_total", Number::Energy),
    ("_device_memory_used_bytes", Number::Memory),
    ("_device_temperature_celsius", Number::Temperature),
    ("_device_sm_clock_hertz", Number::Clock),
    ("nv_gpu_utilization", Number::Utilization),
    ("nv_gpu_power_usage", Number::Power),
    ("nv_energy_consumption", Number::Energy),
    ("nv_gpu_memory_used_bytes", Number::Memory),
];

/// Labels that name a card, the best first.
const LABELS: [&str; 3] = ["gpu_uuid", "device", "gpu"];

/// Takes in a sample of a server's, by its name, whole series and value. Says whether it is a number of a card.
pub(crate) fn take_in(readings: &mut Readings, name: &str, series: &str, value: f64) -> bool {
    let Some((_, number)) = NAMES.iter().find(|(end, _)| name.ends_with(end)) else { return false };
    let labels = series.get(name.len()..).unwrap_or_default();
    let card = LABELS.iter().find_map(|label| value_of(labels, label)).unwrap_or(labels);
    let reading = readings.entry(card.to_owned()).or_default();
    let place = match number {
        Number::Utilization => &mut reading.utilization,
        Number::Power => &mut reading.power_watts,
        Number::Energy => &mut reading.energy_joules,
        Number::Memory => &mut reading.memory_bytes,
        Number::Temperature => &mut reading.temperature_celsius,
        Number::Clock => &mut reading.sm_clock_hertz,
    };
    // Two workers on one card tell the same card twice, within moments.
    *place = Some(place.map_or(value, |other| other.max(value)));
    true
}

/// The value of a label in `{a="b",c="d"}`.
fn value_of<'a>(labels: &'a str, label: &str) -> Option<&'a str> {
    let start = ["{", ","].iter().find_map(|before| {
        let wanted = format!("{before}{label}=\"");
        labels.find(&wanted).map(|at| at + wanted.len())
    })?;
    let rest = &labels[start..];
    rest.find('"').map(|end| &rest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(samples: &[(&str, f64)]) -> Readings {
        let mut readings = Readings::new();
        for &(series, value) in samples {
            let name = series.split('{').next().unwrap();
            assert!(take_in(&mut readings, name, series, value), "{series}");
        }
        readings
    }

    #[test]
    fn cards_are_told_apart_by_their_labels() {
        let readings = readings(&[
            ("zao_device_power_watts{device=\"cuda:0\",worker=\"worker-0\"}", 300.0),
            ("zao_device_power_watts{worker=\"worker-1\",device=\"cuda:1\"}", 400.0),
            ("zao_device_utilization_ratio{device=\"cuda:0\",worker=\"worker-0\"}", 0.5),
            ("nv_gpu_power_usage{gpu_uuid=\"GPU-1\"}", 90.0),
            ("other_device_power_watts", 5.0),
        ]);
        let names: Vec<&str> = readings.keys().map(String::as_str).collect();
        assert_eq!(names, ["", "GPU-1", "cuda:0", "cuda:1"]);
        let first = DeviceReading {
            power_watts: Some(300.0),
            utilization: Some(0.5),
            ..DeviceReading::default()
        };
        assert_eq!(readings["cuda:0"], first);
    }

    #[test]
    fn other_numbers_are_left_to_others() {
        let mut readings = Readings::new();
        for name in ["zao_vram_bytes", "process_cpu_seconds_total", "zao_device_power_limit_watts"]
        {
            assert!(!take_in(&mut readings, name, name, 1.0), "{name}");
        }
        assert!(readings.is_empty());
    }
}
