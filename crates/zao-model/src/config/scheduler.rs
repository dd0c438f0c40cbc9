//! `scheduler/scheduler_config.json` of a `FlowMatchEulerDiscreteScheduler`.

use serde::Deserialize;

use super::{ensure, parse};
use crate::Result;

const FILE: &str = "scheduler/scheduler_config.json";

/// How the solver's noise levels are chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct SchedulerConfig {
    /// Number of times the model was trained with; times are counted in these.
    pub num_train_timesteps: f32,
    /// How levels are moved towards noise.
    pub shift: Shift,
    /// The level of the last step, if the schedule is stretched to end there.
    pub shift_terminal: Option<f32>,
}

/// How levels are moved towards noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shift {
    /// `a s / (1 + (a - 1) s)`, whatever the size: Z-Image uses 3.
    Static(f32),
    /// `e / (e + 1/s - 1)` where `e` grows with the number of patches.
    Dynamic {
        /// Whether `e` is the exponential of the interpolated shift, or the shift itself.
        exponential: bool,
        /// Shift at `seq_len.0` and `seq_len.1` patches.
        shift: (f64, f64),
        /// Numbers of patches between which the shift is interpolated.
        seq_len: (f64, f64),
    },
}

impl Shift {
    /// The shifted level of `sigma` for a picture of `image_tokens` patches.
    pub(crate) fn apply(self, sigma: f32, image_tokens: usize) -> f32 {
        match self {
            Self::Static(shift) => shift * sigma / (1.0 + (shift - 1.0) * sigma),
            Self::Dynamic { exponential, shift, seq_len } => {
                let slope = (shift.1 - shift.0) / (seq_len.1 - seq_len.0);
                let mu = image_tokens as f64 * slope + (shift.0 - slope * seq_len.0);
                let e = if exponential { mu.exp() } else { mu } as f32;
                e / (e + (1.0 / sigma - 1.0))
            }
        }
    }
}

impl Default for SchedulerConfig {
    /// Z-Image's own.
    fn default() -> Self {
        Self { num_train_timesteps: 1000.0, shift: Shift::Static(3.0), shift_terminal: None }
    }
}

#[derive(Deserialize)]
#[serde(default)]
struct File {
    num_train_timesteps: u32,
    shift: f32,
    use_dynamic_shifting: bool,
    base_shift: f64,
    max_shift: f64,
    base_image_seq_len: f64,
    max_image_seq_len: f64,
    shift_terminal: Option<f32>,
    time_shift_type: String,
    invert_sigmas: bool,
    stochastic_sampling: bool,
    use_beta_sigmas: bool,
    use_exponential_sigmas: bool,
    use_karras_sigmas: bool,
}

impl Default for File {
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            shift: 1.0,
            use_dynamic_shifting: false,
            base_shift: 0.5,
            max_shift: 1.15,
            base_image_seq_len: 256.0,
            max_image_seq_len: 4096.0,
            shift_terminal: None,
            time_shift_type: "exponential".into(),
            invert_sigmas: false,
            stochastic_sampling: false,
            use_beta_sigmas: false,
            use_exponential_sigmas: false,
            use_karras_sigmas: false,
        }
    }
}

impl SchedulerConfig {
    /// Reads the file.
    ///
    /// # Errors
    /// Not that JSON, or a kind of schedule that Z-Image does not use.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let file: File = parse(FILE, json)?;
        for (used, name) in [
            (file.invert_sigmas, "invert_sigmas"),
            (file.stochastic_sampling, "stochastic_sampling"),
            (file.use_beta_sigmas, "use_beta_sigmas"),
            (file.use_exponential_sigmas, "use_exponential_sigmas"),
            (file.use_karras_sigmas, "use_karras_sigmas"),
        ] {
            ensure(!used, FILE, || format!("{name} is not supported"))?;
        }
        let exponential = match file.time_shift_type.as_str() {
            "exponential" => true,
            "linear" => false,
            other => {
                let detail = format!("time_shift_type {other:?} is not known");
                return Err(crate::Error::config(FILE, detail));
            }
        };
        ensure(file.num_train_timesteps > 0 && file.shift > 0.0, FILE, || {
            format!("num_train_timesteps {}, shift {}", file.num_train_timesteps, file.shift)
        })?;
        ensure(file.base_image_seq_len < file.max_image_seq_len, FILE, || {
            format!(
                "base_image_seq_len {} is not below max_image_seq_len {}",
                file.base_image_seq_len, file.max_image_seq_len
            )
        })?;
        let shift = if file.use_dynamic_shifting {
            Shift::Dynamic {
                exponential,
                shift: (file.base_shift, file.max_shift),
                seq_len: (file.base_image_seq_len, file.max_image_seq_len),
            }
        } else {
            Shift::Static(file.shift)
        };
        Ok(Self {
            num_train_timesteps: file.num_train_timesteps as f32,
            shift,
            // diffusers tests this number for truth, so zero means none.
            shift_terminal: file.shift_terminal.filter(|&t| t != 0.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_file_is_the_default() {
        let json = br#"{"_class_name": "FlowMatchEulerDiscreteScheduler",
            "num_train_timesteps": 1000, "shift": 3.0, "use_dynamic_shifting": false}"#;
        assert_eq!(SchedulerConfig::from_json(json).unwrap(), SchedulerConfig::default());
    }

    #[test]
    fn other_schedules_are_refused_by_name() {
        let error = SchedulerConfig::from_json(br#"{"use_karras_sigmas": true}"#).unwrap_err();
        assert!(error.to_string().contains("use_karras_sigmas"), "{error}");
        assert!(SchedulerConfig::from_json(br#"{"shift": 0.0}"#).is_err());
        assert!(SchedulerConfig::from_json(b"[]").is_err());
    }
}
