//! What came out of a run: the object `zao generate --json` prints. It does NOT hold pixels.

use serde::{Deserialize, Serialize};

use crate::{Model, ResolvedPrecision};

/// The result of one run of `zao generate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generated {
    /// The pictures, in the order of their seeds.
    pub images: Vec<GeneratedImage>,
    /// The prompt of the first of them.
    pub prompt: String,
    /// The model that drew them.
    pub model: Model,
    /// The device that drew them, for example `cpu`.
    pub device: String,
    /// The arithmetic they were drawn in.
    pub precision: ResolvedPrecision,
    /// Why in that one: a part of a sentence, for people.
    pub precision_reason: String,
    /// Where the time went.
    pub stages: Stages,
    /// Denoising steps of the first picture.
    pub steps: u32,
    /// Seconds of each denoising step, in order.
    pub step_seconds: Vec<f64>,
    /// What weights and runs were planned to take of the device's memory at once, in bytes.
    pub planned_memory_bytes: Option<u64>,
    /// Most main memory held at once by the process, in bytes; `null` where the system does not tell.
    pub peak_memory_bytes: Option<u64>,
    /// What the user should know although the run succeeded, one line each.
    pub warnings: Vec<String>,
}

/// One picture that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratedImage {
    /// Path of the file, as given on the command line or completed from it.
    pub file: String,
    /// The prompt it was drawn from: of a pattern, or mended, each picture has its own.
    #[serde(default)]
    pub prompt: String,
    /// Seed that draws this picture again.
    pub seed: u64,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Its denoising steps, which may be chosen for its prompt.
    #[serde(default)]
    pub steps: u32,
}

/// Seconds of wall time by stage, for all pictures of the run together.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Stages {
    /// Finding, checking and loading weights.
    pub load: f64,
    /// Encoding the picture to begin with; 0 without one.
    #[serde(default)]
    pub encode: f64,
    /// Encoding the prompts.
    pub text: f64,
    /// All denoising steps.
    pub denoise: f64,
    /// Decoding latents to pixels.
    pub decode: f64,
    /// Encoding PNG files.
    pub encode_png: f64,
    /// From the start of the run to its end; more than the sum of the others.
    pub total: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_peak_memory_is_written_as_null() {
        let generated = Generated {
            images: vec![GeneratedImage {
                file: "result.png".into(),
                prompt: "a red apple".into(),
                seed: (1 << 53) + 1,
                width: 256,
                height: 256,
                steps: 2,
            }],
            prompt: "a red apple".into(),
            model: Model { name: "demo".into(), fingerprint: "00ff".into() },
            device: "cpu".into(),
            precision: ResolvedPrecision::F32,
            precision_reason: "as asked".into(),
            stages: Stages { load: 0.1, total: 0.7, ..Stages::default() },
            steps: 2,
            step_seconds: vec![0.25, 0.125],
            planned_memory_bytes: Some(1 << 30),
            peak_memory_bytes: None,
            warnings: Vec::new(),
        };
        let json = serde_json::to_value(&generated).unwrap();
        assert!(json["peak_memory_bytes"].is_null());
        assert_eq!(json["images"][0]["seed"], 9_007_199_254_740_993_u64);
        assert_eq!(json["stages"]["encode_png"], 0.0);
        assert_eq!(serde_json::from_value::<Generated>(json).unwrap(), generated);
    }
}
