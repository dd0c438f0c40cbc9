//! How fast a machine is: the objects that `zao bench --json` prints. They do NOT hold single timings.
//!
//! A TFLOP is 10^12 additions and multiplications, whatever the type of the numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ResolvedPrecision;

/// The result of `zao bench forward`, `text` and `vae`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchStage {
    /// What was measured and on what.
    #[serde(flatten)]
    pub setup: BenchSetup,
    /// Width of the pictures in pixels; `null` for a caption.
    pub width: Option<u32>,
    /// Height of the pictures in pixels; `null` for a caption.
    pub height: Option<u32>,
    /// Tokens of the caption; `null` for what reads none.
    pub tokens: Option<u32>,
    /// Pictures at a time.
    pub batch: u32,
    /// How fast it was.
    #[serde(flatten)]
    pub speed: Speed,
    /// Seconds of a repetition until all of its work was handed to the device. Where it is as long as the repetition,
    /// the device waits for the host, or is the host.
    pub queued_seconds: Spread,
    /// Seconds of loading, the making of the random weights included.
    pub load_seconds: f64,
    /// Root mean square of the result: far from 1, the numbers did not stay sane.
    pub output_rms: f64,
}

/// The result of `zao bench generate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchPicture {
    /// What was measured and on what.
    #[serde(flatten)]
    pub setup: BenchSetup,
    /// Width of the picture in pixels.
    pub width: u32,
    /// Height of the picture in pixels.
    pub height: u32,
    /// Tokens of the caption.
    pub tokens: u32,
    /// Denoising steps.
    pub steps: u32,
    /// The whole picture, loading included.
    #[serde(flatten)]
    pub speed: Speed,
    /// The parts of it.
    pub stages: BenchStages,
}

/// The stages of a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchStages {
    /// Seconds of loading all parts, the making of the random weights included.
    pub load: Spread,
    /// Planning, encoding and refining the caption.
    pub text: Speed,
    /// All steps.
    pub denoise: Speed,
    /// One step.
    pub step: Spread,
    /// Decoding the latent.
    pub decode: Speed,
}

/// The result of `zao bench gemm`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchGemm {
    /// What was measured and on what.
    #[serde(flatten)]
    pub setup: BenchSetup,
    /// Each product.
    pub products: Vec<BenchProduct>,
}

/// One product: `[m, k]` times `[k, n]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchProduct {
    /// The layer it belongs to: `qkv`, `out`, `swiglu` or `down`.
    pub layer: String,
    /// Tokens.
    pub m: u64,
    /// Columns of the matrix.
    pub n: u64,
    /// Length of the sums.
    pub k: u64,
    /// How fast it was.
    #[serde(flatten)]
    pub speed: Speed,
}

/// What was measured and on what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchSetup {
    /// The command: `forward`, `text`, `vae`, `generate` or `gemm`.
    pub bench: String,
    /// Name of the synthetic model.
    pub model: String,
    /// How its large matrices are stored: `bf16`, `int4`, `q4_k`, ...
    pub weights: String,
    /// The device, for example `cpu`.
    pub device: String,
    /// The device in words.
    pub device_detail: String,
    /// The arithmetic.
    pub precision: ResolvedPrecision,
    /// TFLOP a second that this machine does at most in this precision, measured in the same run.
    pub peak_tflops: f64,
    /// Most memory held at once, in bytes; `null` where the system does not tell.
    pub peak_rss_bytes: Option<u64>,
    /// For each family of operations, the implementation that the device chose.
    pub kernels: BTreeMap<String, String>,
}

/// How fast something was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// What a repetition took.
    pub seconds: Spread,
    /// Arithmetic of a repetition, counted from shapes.
    pub tflop: f64,
    /// Arithmetic a second, by the median.
    pub tflops: f64,
    /// Of what the machine does at most, from 0 to about 1.
    pub share_of_peak: f64,
}

/// How repeated timings are spread.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The one in the middle; of an even number, the mean of the two.
    pub median: f64,
    /// The shortest.
    pub min: f64,
    /// The longest.
    pub max: f64,
    /// How many there are.
    pub n: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup() -> BenchSetup {
        BenchSetup {
            bench: "forward".into(),
            model: "tiny".into(),
            weights: "bf16".into(),
            device: "cpu".into(),
            device_detail: "AVX2, 2 threads".into(),
            precision: ResolvedPrecision::F32,
            peak_tflops: 0.5,
            peak_rss_bytes: None,
            kernels: [("linear".to_owned(), "panels".to_owned())].into(),
        }
    }

    const SPREAD: Spread = Spread { median: 2.0, min: 1.0, max: 3.0, n: 5 };
    const SPEED: Speed = Speed { seconds: SPREAD, tflop: 0.5, tflops: 0.25, share_of_peak: 0.5 };

    fn names(json: &serde_json::Value) -> Vec<&str> {
        json.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn a_stage_is_one_flat_object() {
        let stage = BenchStage {
            setup: setup(),
            width: Some(512),
            height: Some(512),
            tokens: None,
            batch: 1,
            speed: SPEED,
            load_seconds: 1.5,
            queued_seconds: SPREAD,
            output_rms: 1.0,
        };
        let json = serde_json::to_value(&stage).unwrap();
        let mut found = names(&json);
        found.sort_unstable();
        assert_eq!(
            found.join(" "),
            "batch bench device device_detail height kernels load_seconds model output_rms \
             peak_rss_bytes peak_tflops precision queued_seconds seconds share_of_peak tflop \
             tflops tokens weights width"
        );
        assert_eq!(
            json["seconds"],
            serde_json::json!({"median": 2.0, "min": 1.0, "max": 3.0, "n": 5})
        );
        assert_eq!(json["kernels"]["linear"], "panels");
        assert!(json["peak_rss_bytes"].is_null() && json["tokens"].is_null());
        assert_eq!(serde_json::from_value::<BenchStage>(json).unwrap(), stage);
    }

    #[test]
    fn a_picture_has_its_stages_apart() {
        let stages =
            BenchStages { load: SPREAD, text: SPEED, denoise: SPEED, step: SPREAD, decode: SPEED };
        let (setup, speed) = (setup(), SPEED);
        let picture =
            BenchPicture { setup, width: 64, height: 32, tokens: 7, steps: 8, speed, stages };
        let json = serde_json::to_value(&picture).unwrap();
        assert_eq!(json["stages"]["denoise"]["seconds"]["median"], 2.0);
        assert_eq!(json["stages"]["load"]["n"], 5);
        assert_eq!((&json["steps"], &json["tflops"]), (&8.into(), &0.25.into()));
        assert_eq!(serde_json::from_value::<BenchPicture>(json).unwrap(), picture);
    }

    #[test]
    fn products_are_a_list() {
        let product = BenchProduct { layer: "qkv".into(), m: 1, n: 2, k: 3, speed: SPEED };
        let gemm = BenchGemm { setup: setup(), products: vec![product] };
        let json = serde_json::to_value(&gemm).unwrap();
        assert_eq!(json["products"][0]["share_of_peak"], 0.5);
        assert_eq!((&json["peak_tflops"], &json["products"][0]["k"]), (&0.5.into(), &3.into()));
        assert_eq!(serde_json::from_value::<BenchGemm>(json).unwrap(), gemm);
    }
}
