//! The text form of AUTOMATIC1111's web UI ("infotext"), which Forge, stable-diffusion.cpp, Civitai
//! and ComfyUI's saver nodes write too. It does NOT carry all of a recipe: that is what `zao` is for.
//!
//! ```text
//! PROMPT, on one line or several
//! Negative prompt: NEGATIVE PROMPT, on one line or several
//! Steps: 8, Sampler: Euler, Schedule type: Simple, CFG scale: 1.0, Seed: 42, Size: 256x256, ...
//! ```
//!
//! **Guidance.** The form's "CFG scale" `c` stands for `neg + c*(pos - neg)`, where 1 is off. zao
//! and diffusers' Z-Image write the same as `pos + g*(pos - neg)`, where 0 is off: `g = c - 1`.
//!
//! **Ambiguity.** The form has no escapes for prompts. The settings are the last line that looks
//! like settings, and the negative prompt starts at the last line before it that says so; so a
//! prompt may hold lines that look like either, but a negative prompt must not start a line with
//! `Negative prompt:` to come back whole.

mod fooocus;
mod parse;
mod settings;
mod write;

use zao_api::{Request, Rng};

/// How a picture was made, in the words of AUTOMATIC1111's text form.
///
/// [`Display`](std::fmt::Display) writes the text, [`Parameters::parse`] reads it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameters {
    /// What the picture shows; may be empty.
    pub prompt: String,
    /// What it should not show; empty when the text tells none.
    pub negative_prompt: String,
    /// The settings, in the order of the text.
    pub settings: Vec<Setting>,
}

/// One `name: value` of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// For example `CFG scale`.
    pub name: String,
    /// The value as text, without the quotes it may have had.
    pub value: String,
}

impl Parameters {
    /// The value of a setting; the last one where it is told twice. Case is ignored, since tools
    /// differ in it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let named = |setting: &&Setting| setting.name.eq_ignore_ascii_case(name);
        self.settings.iter().rfind(named).map(|setting| setting.value.as_str())
    }

    /// What zao can take over to draw something alike: prompts, size, steps, guidance, seed and
    /// generator, each only if the text tells it in a form that makes sense.
    ///
    /// The model is left open, since other tools name files that zao does not know; so is the
    /// sampler, since Z-Image has one.
    #[must_use]
    pub fn to_request(&self) -> Request {
        let (width, height) = self.get("Size").and_then(parse_size).unzip();
        Request {
            prompt: self.prompt.clone(),
            negative_prompt: Some(self.negative_prompt.clone()).filter(|text| !text.is_empty()),
            width,
            height,
            steps: self.get("Steps").and_then(|text| Some(text.parse::<u32>().ok()?.into())),
            guidance: self.get("CFG scale").and_then(parse_guidance),
            seed: self.get("Seed").and_then(|text| text.parse().ok()),
            rng: self.get("RNG").and_then(parse_rng),
            ..Request::default()
        }
    }
}

fn parse_size(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once(['x', 'X', '×'])?;
    Some((width.trim().parse().ok()?, height.trim().parse().ok()?))
}

/// Scales below 1 have no counterpart that anybody wants, so they are off as well.
fn parse_guidance(cfg_scale: &str) -> Option<f32> {
    // In f64, so that a scale of 1.1 gives the f32 nearest to 0.1.
    let scale: f64 = cfg_scale.parse().ok()?;
    let guidance = (scale - 1.0).max(0.0) as f32;
    (scale.is_finite() && guidance.is_finite()).then_some(guidance)
}

/// The names are the web UI's (`CPU`, `GPU`, `NV`) and stable-diffusion.cpp's (`cpu`, `cuda`).
fn parse_rng(text: &str) -> Option<Rng> {
    match text.to_ascii_lowercase().as_str() {
        "cpu" => Some(Rng::TorchCpu),
        "gpu" | "nv" | "cuda" => Some(Rng::Nv),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cfg_scale_of_one_is_no_guidance() {
        assert_eq!(parse_guidance("1"), Some(0.0));
        assert_eq!(parse_guidance("1.0"), Some(0.0));
        assert_eq!(parse_guidance("0"), Some(0.0));
        assert_eq!(parse_guidance("1.1"), Some(0.1));
        assert_eq!(parse_guidance("7.000000"), Some(6.0));
    }

    #[test]
    fn nonsense_is_left_out_of_the_request() {
        for (name, value) in [
            ("CFG scale", "NaN"),
            ("CFG scale", "1e300"),
            ("CFG scale", "inf"),
            ("Seed", "-1"),
            ("Seed", "18446744073709551616"),
            ("Steps", "many"),
            ("Size", "512"),
            ("Size", "512x-1"),
            ("RNG", "dice"),
        ] {
            let setting = Setting { name: name.into(), value: value.into() };
            let parameters = Parameters { settings: vec![setting], ..Parameters::default() };
            assert_eq!(parameters.to_request(), Request::default(), "{name}: {value}");
        }
    }
}
