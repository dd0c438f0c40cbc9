//! Writing the text form of a recipe. It does NOT hold what the form has no words for.

use std::fmt::{self, Display, Formatter};

use zao_api::{Recipe, Rng, UsedLora};

use super::parse::negative_opening;
use super::{Parameters, Setting, settings};

impl Parameters {
    /// A recipe in the words of the form.
    ///
    /// The "CFG scale" is the recipe's guidance plus 1. The sampler and its schedule are those of
    /// Z-Image under the web UI's names.
    #[must_use]
    pub fn from_recipe(recipe: &Recipe) -> Self {
        let rng = match recipe.rng {
            Rng::TorchCpu => "CPU",
            Rng::Nv => "NV",
        };
        let settings: [(&str, &dyn Display); 10] = [
            ("Steps", &recipe.steps),
            ("Sampler", &"Euler"),
            ("Schedule type", &"Simple"),
            ("CFG scale", &format_args!("{:?}", 1.0 + recipe.guidance)),
            ("Seed", &recipe.seed),
            ("Size", &format_args!("{}x{}", recipe.width, recipe.height)),
            ("Model hash", &recipe.model.fingerprint),
            ("Model", &recipe.model.name),
            ("RNG", &rng),
            ("Version", &format_args!("zao {}", recipe.zao_version)),
        ];
        let setting = |name: &str, value: String| Setting { name: name.to_owned(), value };
        let mut settings: Vec<_> =
            settings.map(|(name, value)| setting(name, value.to_string())).into();
        if let Some(image) = &recipe.image {
            settings.push(setting("Denoising strength", image.strength.to_string()));
        }
        if !recipe.loras.is_empty() {
            let listed = |value: &dyn Fn(&UsedLora) -> String| {
                let pairs =
                    recipe.loras.iter().map(|lora| format!("{}: {}", lora.name, value(lora)));
                pairs.collect::<Vec<_>>().join(", ")
            };
            // What the web UI calls a file's hash is the beginning of the checksum.
            let hash = |lora: &UsedLora| lora.sha256.chars().take(12).collect();
            settings.push(setting("Lora hashes", listed(&hash)));
            settings.push(setting("Lora scales", listed(&|lora| format!("{:?}", lora.scale))));
        }
        Self {
            prompt: recipe.prompt.clone(),
            negative_prompt: recipe.negative_prompt.clone().unwrap_or_default(),
            settings,
        }
    }
}

/// Writes the text form.
///
/// Zero bytes, which a PNG text must not hold, become the replacement character.
impl Display for Parameters {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.prompt.replace('\0', "\u{fffd}"))?;
        // An empty line of its own keeps a line of the prompt from being taken for it.
        let misleading = self.prompt.split('\n').any(|line| negative_opening(line).is_some());
        if misleading || !self.negative_prompt.is_empty() {
            let negative = self.negative_prompt.replace('\0', "\u{fffd}");
            writeln!(f, "Negative prompt: {negative}")?;
        }
        for (at, setting) in self.settings.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            write!(f, "{separator}{}: {}", setting.name, settings::quote(&setting.value))?;
        }
        Ok(())
    }
}
