//! What Fooocus writes, in the words of the text form: its JSON under the names of its programs (`guidance_scale`) or of its log
//! (`Guidance Scale`), and its own version of the text form. Its styles are NOT known here: what a person wrote is taken over, not what
//! they became.
//!
//! ```text
//! fooocus_scheme  fooocus: {"prompt": "a cat", "resolution": "(1152, 896)", "guidance_scale": 4.0, "seed": "42", ...}
//!                 a1111:   full prompt, negative prompt, and settings with `Raw prompt: "a cat"` among them
//! ```

use std::fmt::{self, Formatter};

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Parameters, Setting};

/// Name in the program, name in its log, and what the text form calls it; in the order in which they are written.
const SETTINGS: [(&str, &str, &str); 18] = [
    ("steps", "Steps", "Steps"),
    ("sampler", "Sampler", "Sampler"),
    ("scheduler", "Scheduler", "Schedule type"),
    ("guidance_scale", "Guidance Scale", "CFG scale"),
    ("seed", "Seed", "Seed"),
    ("resolution", "Resolution", "Size"),
    ("base_model_hash", "Base Model Hash", "Model hash"),
    ("base_model", "Base Model", "Model"),
    ("refiner_model", "Refiner Model", "Refiner"),
    ("refiner_switch", "Refiner Switch", "Refiner switch at"),
    ("vae", "VAE", "VAE"),
    ("performance", "Performance", "Performance"),
    ("styles", "Styles", "Styles"),
    ("prompt_expansion", "Fooocus V2 Expansion", "Prompt expansion"),
    ("sharpness", "Sharpness", "Sharpness"),
    ("adm_guidance", "ADM Guidance", "ADM Guidance"),
    ("created_by", "User", "User"),
    ("version", "Version", "Version"),
];

/// Adapters that a file may name; the program has room for far fewer.
const MAX_LORAS: usize = 64;

impl Parameters {
    /// Reads the JSON that Fooocus keeps of a picture; `None` for anything else.
    pub(crate) fn of_fooocus(json: &str) -> Option<Self> {
        let written: Written = serde_json::from_str(json).ok()?;
        let is_empty = written.prompt.is_none() && written.settings.iter().all(Option::is_none);
        (!is_empty).then(|| written.into_parameters())
    }

    /// Whether a JSON object says of itself that Fooocus wrote it.
    pub(crate) fn is_fooocus(json: &str) -> bool {
        serde_json::from_str::<Written>(json).is_ok_and(|written| written.names_itself())
    }

    /// Fooocus's own version of the text form, with the words of the person in place of what its styles made of them.
    pub(crate) fn with_raw_prompts(mut self) -> Self {
        let mut take = |name: &str| {
            let at = self.settings.iter().position(|setting| setting.name == name)?;
            Some(self.settings.remove(at).value)
        };
        let (prompt, negative) = (take("Raw prompt"), take("Raw negative prompt"));
        self.prompt = prompt.unwrap_or(self.prompt);
        self.negative_prompt = negative.unwrap_or(self.negative_prompt);
        self
    }
}

/// What is known of the JSON.
#[derive(Default)]
struct Written {
    prompt: Option<String>,
    negative_prompt: Option<String>,
    scheme: Option<String>,
    /// As [`SETTINGS`] has them.
    settings: [Option<String>; SETTINGS.len()],
    /// Name and weight, by their number.
    loras: Vec<(u32, String)>,
}

impl Written {
    fn names_itself(&self) -> bool {
        let named = |name: &str| SETTINGS.iter().position(|row| row.0 == name);
        let is = |name: &str, holds: fn(&str) -> bool| {
            let value = named(name).and_then(|at| self.settings[at].as_deref());
            value.is_some_and(holds)
        };
        self.scheme.as_deref() == Some("fooocus")
            || is("version", |version| version.starts_with("Fooocus"))
            || is("prompt_expansion", |_| true)
    }

    fn take(&mut self, key: &str, value: Scalar) {
        let Scalar(Some(text)) = value else { return };
        match key {
            "prompt" | "Prompt" => self.prompt = Some(text),
            "negative_prompt" | "Negative Prompt" => self.negative_prompt = Some(text),
            "metadata_scheme" | "Metadata Scheme" => self.scheme = Some(text),
            _ => {
                let known = SETTINGS.iter().position(|row| row.0 == key || row.1 == key);
                if let Some(at) = known {
                    // What is not there is written as `None`.
                    self.settings[at] = Some(text).filter(|text| text != "None");
                } else if let Some(number) = lora_number(key)
                    && self.loras.len() < MAX_LORAS
                    && let Some(lora) = lora(&text)
                {
                    self.loras.push((number, lora));
                }
            }
        }
    }

    fn into_parameters(mut self) -> Parameters {
        let mut settings = Vec::new();
        for ((_, _, name), value) in SETTINGS.iter().zip(self.settings) {
            let value = match (*name, value) {
                ("Size", Some(value)) => Some(size(&value).unwrap_or(value)),
                (_, value) => value.filter(|text| !text.is_empty()),
            };
            let setting = |value| Setting { name: (*name).to_owned(), value };
            settings.extend(value.map(setting));
        }
        self.loras.sort_unstable();
        let loras: Vec<String> = self.loras.into_iter().map(|(_, lora)| lora).collect();
        if !loras.is_empty() {
            settings.push(Setting { name: "Lora weights".into(), value: loras.join(", ") });
        }
        Parameters {
            prompt: self.prompt.unwrap_or_default(),
            negative_prompt: self.negative_prompt.unwrap_or_default(),
            settings,
        }
    }
}

/// The number in `lora_combined_2` or `LoRA 2`.
fn lora_number(key: &str) -> Option<u32> {
    let number = key.strip_prefix("lora_combined_").or_else(|| key.strip_prefix("LoRA "))?;
    number.parse().ok()
}

/// `NAME : WEIGHT`, with `True : ` or `False : ` before it in some versions, as `NAME: WEIGHT`; `None` for one that is off.
fn lora(text: &str) -> Option<String> {
    let mut parts = text.rsplitn(2, " : ");
    let (weight, name) = (parts.next()?, parts.next()?);
    let name = match name.split_once(" : ") {
        Some(("True", name)) => name,
        Some(("False", _)) => return None,
        _ => name,
    };
    (name != "None").then(|| format!("{name}: {weight}"))
}

/// A Python tuple, or sides with a sign between them, as `WIDTHxHEIGHT`.
fn size(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches(['(', '[']).trim_end_matches([')', ']']);
    let (width, height) = text.split_once([',', 'x', 'X', '×', '*'])?;
    let side = |text: &str| text.trim().trim_matches(['\'', '"']).parse::<u32>().ok();
    Some(format!("{}x{}", side(width)?, side(height)?))
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Written;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
                let mut written = Written::default();
                while let Some(key) = map.next_key::<String>()? {
                    written.take(&key, map.next_value()?);
                }
                Ok(written)
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// A text or a number as text, or two numbers as sides. Everything else is read and forgotten, so that no file costs more memory than
/// it has bytes.
struct Scalar(Option<String>);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarReader)
    }
}

struct ScalarReader;

impl<'de> Visitor<'de> for ScalarReader {
    type Value = Scalar;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar(Some(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar(Some(number.to_string())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar(Some(number.to_string())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Scalar, E> {
        Ok(Scalar(Some(number.to_string())))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Scalar, E> {
        Ok(Scalar(None))
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar, A::Error> {
        let (mut sides, mut items) = (Vec::new(), 0_usize);
        while let Some(Scalar(item)) = seq.next_element()? {
            items += 1;
            if items <= 2 {
                sides.extend(item.filter(|text| text.parse::<u32>().is_ok()));
            }
        }
        Ok(Scalar((items == 2 && sides.len() == 2).then(|| sides.join("x"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_however_they_are_written() {
        for text in
            ["(1152, 896)", "('1152', '896')", "1152×896", "1152x896", "[1152, 896]", " 1152*896"]
        {
            assert_eq!(size(text).as_deref(), Some("1152x896"), "{text}");
        }
        for text in ["", "1152", "(a, b)", "(1152, -1)", "1×2×3"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn adapters_that_are_off_are_left_out() {
        assert_eq!(lora("ink : 0.5").as_deref(), Some("ink: 0.5"));
        assert_eq!(lora("True : a : b : 1").as_deref(), Some("a : b: 1"));
        for text in ["None : 1.0", "False : ink : 0.5", "ink", ""] {
            assert_eq!(lora(text), None, "{text}");
        }
        assert_eq!((lora_number("LoRA 3"), lora_number("lora_combined_x")), (Some(3), None));
    }

    #[test]
    fn what_says_nothing_is_nobodys() {
        for json in
            ["{}", "[]", "3", "{\"a\": 1}", "{\"prompt\": null}", "{\"prompt\": \"a\"", "a cat"]
        {
            assert_eq!(Parameters::of_fooocus(json), None, "{json}");
        }
        assert!(Parameters::of_fooocus("{\"prompt\": \"a\"}").is_some());
        assert!(!Parameters::is_fooocus("{\"prompt\": \"a\", \"version\": \"v3\"}"));
        assert!(Parameters::is_fooocus("{\"Version\": \"Fooocus v2.5.5\"}"));
    }
}
