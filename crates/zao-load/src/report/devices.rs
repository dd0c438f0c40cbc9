//! The cards of a server in a row, as data. How the numbers come about is known in [`crate::device`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the cards of a server did in a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Devices {
    /// Who told.
    pub told_by: Teller,
    /// How often they were looked at in the row.
    pub readings: u64,
    /// All of them together.
    pub total: DeviceUse,
    /// Energy of all of them for a right picture; `null` where there was none, or a card does not tell.
    pub joules_per_picture: Option<f64>,
    /// Each of them.
    pub each: BTreeMap<String, DeviceUse>,
}

/// Who told of the cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Teller {
    /// The server, under `/metrics`: the cards that it draws on.
    Server,
    /// The driver of this machine: cards with all that runs on them.
    Meter,
}

/// What a card did in a row, or several together. What nobody told is `null`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct DeviceUse {
    /// Mean share of the time in which it computed; of several the mean.
    pub utilization: Option<f64>,
    /// Mean power in watts; of several the sum.
    pub power_watts: Option<f64>,
    /// Energy in joules, by the card's own counter where it has one and the row is long enough, else by its power; of several the sum.
    pub energy_joules: Option<f64>,
    /// The most of its memory that was in use; of several the fullest's.
    pub memory_peak_bytes: Option<f64>,
    /// The highest temperature of its chip, in degrees Celsius.
    pub temperature_celsius: Option<f64>,
    /// Mean clock of its multiprocessors, in hertz.
    pub sm_clock_hertz: Option<f64>,
}
