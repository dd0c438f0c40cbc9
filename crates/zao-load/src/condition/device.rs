//! Conditions on the cards of a server. How their numbers come about is known in [`crate::device`].

use crate::report::Row;

/// A number of the cards of a server in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OfCards {
    /// Mean power of all together.
    Power,
    /// Energy of a picture.
    Energy,
    /// Mean share of the time in which they computed.
    Utilization,
    /// The fullest memory.
    Memory,
    /// The hottest chip.
    Temperature,
    /// Mean clock.
    Clock,
}

impl OfCards {
    pub(super) const ALL: [Self; 6] = [
        Self::Power,
        Self::Energy,
        Self::Utilization,
        Self::Memory,
        Self::Temperature,
        Self::Clock,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Energy => "energy",
            Self::Utilization => "utilization",
            Self::Memory => "gpu_memory",
            Self::Temperature => "temperature",
            Self::Clock => "clock",
        }
    }

    /// What a row says of it, or why it says nothing.
    pub(super) fn of(self, row: &Row) -> Result<f64, &'static str> {
        let devices = row.devices.as_ref().ok_or("nobody told of the cards")?;
        let total = &devices.total;
        let told = match self {
            Self::Power => total.power_watts,
            Self::Energy => devices.joules_per_picture,
            Self::Utilization => total.utilization,
            Self::Memory => total.memory_peak_bytes,
            Self::Temperature => total.temperature_celsius,
            Self::Clock => total.sm_clock_hertz,
        };
        told.ok_or("a card does not tell")
    }

    /// What is to be given as its bound.
    pub(super) const fn units(self) -> &'static str {
        match self {
            Self::Power => "a power, in W or kW",
            Self::Energy => "the energy of a picture, in J or kJ",
            Self::Utilization => "a share, in %",
            Self::Memory => "an amount of memory, in MB, GB, MiB or GiB",
            Self::Temperature => "a temperature, in C",
            Self::Clock => "a clock, in MHz or GHz",
        }
    }

    pub(super) fn write(self, value: f64) -> String {
        match self {
            Self::Power => format!("{value:.1} W"),
            Self::Energy => format!("{value:.2} J"),
            Self::Utilization => format!("{:.2} %", 100.0 * value),
            Self::Memory => format!("{:.2} GB", value / 1e9),
            Self::Temperature => format!("{value:.0} C"),
            Self::Clock => format!("{:.0} MHz", value / 1e6),
        }
    }
}
