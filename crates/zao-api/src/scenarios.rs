//! What it is like to use a model on a machine: the object that `zao bench scenarios --json` prints. It
//! does NOT hold the speed of stages measured alone, which `bench.rs` does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ResolvedPrecision, Spread, Stages};

/// The result of `zao bench scenarios`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchScenarios {
    /// Always `scenarios`.
    pub bench: String,
    /// Name of the model.
    pub model: String,
    /// The device, for example `cuda:0`.
    pub device: String,
    /// The device in words.
    pub device_detail: String,
    /// The arithmetic.
    pub precision: ResolvedPrecision,
    /// For each family of operations, the implementation that the device chose.
    pub kernels: BTreeMap<String, String>,
    /// Width of the pictures in pixels.
    pub width: u32,
    /// Height of the pictures in pixels.
    pub height: u32,
    /// Denoising steps.
    pub steps: u32,
    /// The first picture of a model that is not in memory.
    pub cold: ColdStart,
    /// Seconds of each next picture, from its prompt to the bytes of its PNG.
    pub warm: Repeated,
    /// Where the time of the last of these went; all zeros from a version that did not say.
    #[serde(default)]
    pub warm_stages: Stages,
    /// Several pictures at once.
    pub batches: Vec<BatchRun>,
    /// The device's memory, or this process's where the device has none of its own.
    pub memory: MemoryUse,
}

/// Seconds from opening a model to its first picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColdStart {
    /// Opening files and taking the device.
    pub open: Spread,
    /// Reading weights and bringing them to the device.
    pub load: Spread,
    /// Everything else: text, steps, decoding, PNG.
    pub draw: Spread,
    /// All of it. The start of the process comes before.
    pub total: Spread,
}

/// Timings with their mean, for who compares with tools that print means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repeated {
    /// Seconds.
    #[serde(flatten)]
    pub seconds: Spread,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation.
    pub deviation: f64,
}

/// So many pictures at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchRun {
    /// How many.
    pub pictures: u32,
    /// Seconds of all of them.
    pub seconds: Spread,
    /// Seconds for each, by the median.
    pub seconds_per_picture: f64,
    /// Most memory in use.
    pub peak_bytes: Option<u64>,
}

/// Bytes in use at different times, others' included; `null` where nobody tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryUse {
    /// Before the model was opened.
    pub idle: Option<u64>,
    /// With the model in memory, one picture drawn.
    pub loaded: Option<u64>,
    /// At most, over all scenarios.
    pub peak: Option<u64>,
    /// When the model is gone again.
    pub after: Option<u64>,
    /// What was planned for one picture before the model was loaded, which `loaded` less `idle` shows.
    pub planned: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_times_are_one_flat_object() {
        let seconds = Spread { median: 2.0, min: 1.0, max: 3.0, n: 5 };
        let warm = Repeated { seconds, mean: 2.1, deviation: 0.5 };
        let json = serde_json::to_value(&warm).unwrap();
        assert_eq!((&json["median"], &json["mean"]), (&2.0.into(), &2.1.into()));
        assert_eq!(serde_json::from_value::<Repeated>(json).unwrap(), warm);
    }
}
