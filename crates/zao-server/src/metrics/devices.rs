//! Gauges of the cards that workers draw on. A series is there only while its card tells that number: a worker that is gone,
//! or a processor, leaves none behind, where a zero would say that it is idle.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::hands::WorkerHealth;
use crate::protocol::Gauges;

/// Which card, of which worker.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Card {
    device: String,
    worker: String,
}

type Numbers = Family<Card, Gauge<f64, AtomicU64>>;

/// The gauges of all cards.
pub(super) struct Devices {
    utilization: Numbers,
    power: Numbers,
    temperature: Numbers,
    clock: Numbers,
    memory: Numbers,
    energy: Family<Card, Counter<f64, AtomicU64>>,
}

impl Devices {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let mut gauge = |name: &str, about: &str, unit: Unit| {
            let family = Numbers::default();
            registry.register_with_unit(name, about, unit, family.clone());
            family
        };
        let other = |unit: &str| Unit::Other(unit.into());
        let about = "Share of the last moments in which a card computed, from 0 to 1";
        let utilization = gauge("device_utilization", about, other("ratio"));
        let power = gauge("device_power", "Power that a card takes", other("watts"));
        let about = "Temperature of a card's chip";
        let temperature = gauge("device_temperature", about, Unit::Celsius);
        let about = "Clock of a card's multiprocessors";
        let clock = gauge("device_sm_clock", about, other("hertz"));
        let about = "Memory of a card that is in use, by whomever";
        let memory = gauge("device_memory_used", about, Unit::Bytes);
        let energy = Family::<Card, Counter<f64, AtomicU64>>::default();
        let about = "Energy that a card has taken since its driver was loaded";
        registry.register_with_unit("device_energy", about, Unit::Joules, energy.clone());
        Self { utilization, power, temperature, clock, memory, energy }
    }

    /// Takes what cards tell now, and forgets those that tell nothing any more.
    pub(super) fn look(&self, workers: &[WorkerHealth]) {
        self.energy.clear();
        for family in [&self.utilization, &self.power, &self.temperature, &self.clock, &self.memory]
        {
            family.clear();
        }
        for worker in workers {
            if let Some(gauges) = &worker.gauges {
                let device = worker.device_label.clone().unwrap_or_default();
                self.set(&Card { device, worker: worker.name.clone() }, gauges);
            }
        }
    }

    fn set(&self, card: &Card, gauges: &Gauges) {
        let numbers = [
            (&self.utilization, gauges.utilization),
            (&self.power, gauges.power_watts),
            (&self.temperature, gauges.temperature_celsius),
            (&self.clock, gauges.sm_clock_hertz),
            (&self.memory, gauges.memory_used_bytes.map(|bytes| bytes as f64)),
        ];
        for (family, value) in numbers {
            if let Some(value) = value {
                family.get_or_create(card).set(value);
            }
        }
        if let Some(joules) = gauges.energy_joules {
            // The card counts; what it has counted is told as it is.
            let counter = self.energy.get_or_create(card);
            counter.inner().store(joules.to_bits(), Ordering::Relaxed);
        }
    }
}
