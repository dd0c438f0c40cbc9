//! Models without files: the published architecture, or a small one of the same kind, with random
//! weights. They draw nothing that anybody would want to see; they take as long as the real ones.

mod packed;
mod weights;

use zao_model::text::MAX_TOKENS;
use zao_model::{SchedulerConfig, TextConfig, TransformerConfig, VaeConfig};
use zao_weights::PartName;

pub use self::packed::{UnknownForm, WeightForm};
pub(crate) use self::weights::{RandomPart, RandomWeights};
use crate::Result;

/// Which architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Z-Image-Turbo's: 6.15 billion parameters, Qwen3-4B before it and Flux's autoencoder behind it.
    ZImageTurbo,
    /// The same in a few megabytes, for tests.
    Tiny,
}

/// A model of random weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synthetic {
    /// Its sizes.
    pub architecture: Architecture,
    /// Tokens of every caption, whatever its words: 1 to [`MAX_TOKENS`].
    pub tokens: usize,
    /// How its large matrices are stored.
    pub weights: WeightForm,
}

/// A name that no architecture has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no synthetic model is called {given:?}; there are: {}", known.join(", "))]
pub struct UnknownArchitecture {
    /// The name as given.
    pub given: String,
    /// The names there are.
    pub known: Vec<&'static str>,
}

/// A model's configuration files, as they are published.
pub(crate) struct Configs {
    pub(crate) text: TextConfig,
    pub(crate) transformer: TransformerConfig,
    pub(crate) vae: VaeConfig,
    pub(crate) scheduler: SchedulerConfig,
}

impl Architecture {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::ZImageTurbo, Self::Tiny];

    /// The name that users type.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ZImageTurbo => "z-image-turbo",
            Self::Tiny => "tiny",
        }
    }

    /// The configuration file of a part.
    pub(crate) const fn config(self, part: PartName) -> &'static str {
        let [text_encoder, transformer, vae] = self.files();
        match part {
            PartName::TextEncoder => text_encoder,
            PartName::Transformer => transformer,
            PartName::Vae => vae,
        }
    }

    /// `text_encoder/config.json`, `transformer/config.json` and `vae/config.json`.
    const fn files(self) -> [&'static str; 3] {
        match self {
            Self::ZImageTurbo => [
                r#"{"vocab_size": 151936, "hidden_size": 2560, "intermediate_size": 9728,
                    "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8,
                    "head_dim": 128, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0}"#,
                r#"{"dim": 3840, "n_layers": 30, "n_refiner_layers": 2, "n_heads": 30,
                    "cap_feat_dim": 2560, "in_channels": 16, "axes_dims": [32, 48, 48],
                    "axes_lens": [1536, 512, 512], "rope_theta": 256.0}"#,
                r#"{"block_out_channels": [128, 256, 512, 512], "latent_channels": 16,
                    "layers_per_block": 2, "norm_num_groups": 32, "scaling_factor": 0.3611,
                    "shift_factor": 0.1159, "use_quant_conv": false,
                    "use_post_quant_conv": false}"#,
            ],
            Self::Tiny => [
                r#"{"vocab_size": 512, "hidden_size": 128, "intermediate_size": 384,
                    "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
                    "head_dim": 64, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0}"#,
                r#"{"dim": 256, "n_layers": 2, "n_refiner_layers": 1, "n_heads": 2,
                    "cap_feat_dim": 128, "in_channels": 16, "axes_dims": [32, 48, 48],
                    "axes_lens": [1536, 512, 512], "rope_theta": 256.0}"#,
                r#"{"block_out_channels": [16, 32, 32, 32], "latent_channels": 16,
                    "layers_per_block": 1, "norm_num_groups": 8, "scaling_factor": 0.3611,
                    "shift_factor": 0.1159, "use_quant_conv": false,
                    "use_post_quant_conv": false, "sample_size": 256}"#,
            ],
        }
    }

    pub(crate) fn configs(self) -> Result<Configs> {
        let [text, transformer, vae] = self.files().map(str::as_bytes);
        Ok(Configs {
            text: TextConfig::from_json(text)?,
            transformer: TransformerConfig::from_json(transformer)?,
            vae: VaeConfig::from_json(vae)?,
            scheduler: SchedulerConfig::default(),
        })
    }
}

impl std::fmt::Display for Architecture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Architecture {
    type Err = UnknownArchitecture;

    fn from_str(name: &str) -> Result<Self, UnknownArchitecture> {
        Self::ALL.into_iter().find(|it| it.as_str() == name).ok_or_else(|| UnknownArchitecture {
            given: name.into(),
            known: Self::ALL.map(Self::as_str).to_vec(),
        })
    }
}

impl Synthetic {
    /// The ids of a caption: as many as are wanted, none of them special.
    pub(crate) fn token_ids(self, vocabulary: usize) -> Vec<u32> {
        let count = self.tokens.clamp(1, MAX_TOKENS);
        // A stride that shares no factor with a vocabulary spreads the ids over all of it.
        (1..=count).map(|i| (i * 7919 % vocabulary) as u32).collect()
    }
}

#[cfg(test)]
mod tests {
    use zao_model::text::TextEncoder;
    use zao_model::transformer::Transformer;

    use super::*;

    fn parameters(declared: &[zao_model::Declared]) -> usize {
        declared.iter().map(zao_model::Declared::values).sum()
    }

    #[test]
    fn the_published_model_has_the_published_number_of_parameters() {
        let configs = Architecture::ZImageTurbo.configs().unwrap();
        let transformer = Transformer::manifest(&configs.transformer).unwrap();
        assert_eq!(parameters(&transformer), 6_154_908_736);
        let (text, _) = TextEncoder::manifest(&configs.text).unwrap();
        assert!((3.8e9..4.1e9).contains(&(parameters(&text) as f64)));
    }

    #[test]
    fn the_tiny_model_is_a_few_megabytes() {
        let configs = Architecture::Tiny.configs().unwrap();
        let transformer = Transformer::manifest(&configs.transformer).unwrap();
        assert!(parameters(&transformer) < 8_000_000);
    }

    #[test]
    fn unknown_names_say_what_there_is() {
        let error = "huge".parse::<Architecture>().unwrap_err().to_string();
        assert!(error.contains("huge") && error.contains("z-image-turbo, tiny"), "{error}");
    }

    #[test]
    fn a_caption_has_the_wanted_number_of_known_tokens() {
        for tokens in [1, 64, MAX_TOKENS] {
            let (architecture, weights) = (Architecture::Tiny, WeightForm::Bf16);
            let ids = Synthetic { architecture, tokens, weights }.token_ids(512);
            assert_eq!(ids.len(), tokens);
            assert!(ids.iter().all(|&id| id < 512));
        }
    }
}
