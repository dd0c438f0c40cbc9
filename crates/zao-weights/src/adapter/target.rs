//! The front of tensor names: which layers of the model the name of a layer means.
//!
//! Trainers put prefixes before names, write `_` for `.`, and call some layers as the first release of the model
//! did. So names are compared without their punctuation, after each known prefix.

use std::collections::HashMap;

/// A layer of the model that an adapter may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerShape {
    /// Its name in the checkpoint, without `.weight`.
    pub name: String,
    /// Outputs.
    pub out: usize,
    /// Inputs.
    pub inner: usize,
}

/// What names may begin with; the longest that fits goes first.
const PREFIXES: [&str; 11] = [
    "base_model.model.model.diffusion_model.",
    "base_model.model.diffusion_model.",
    "base_model.model.transformer.",
    "base_model.model.",
    "model.diffusion_model.",
    "diffusion_model.",
    "transformer.",
    "lora_transformer_",
    "lora_unet__",
    "lora_unet_",
    "lycoris_",
];

/// Parts of names as others write them: the checkpoint's own, and the other.
const ALIASES: [(&str, &str); 6] = [
    ("attention.to_out.0", "attention.out"),
    ("attention.to_out.0", "attention.wo"),
    ("attention.to_out.0", "attention.to_out"),
    ("attention.to_q", "attention.wq"),
    ("attention.to_k", "attention.wk"),
    ("attention.to_v", "attention.wv"),
];

/// Layers that others keep in one: the ends of their names, and the end of the one name.
const FUSED: [([&str; 3], &str); 2] = [
    (["attention.to_q", "attention.to_k", "attention.to_v"], "attention.qkv"),
    (["attention.to_q", "attention.to_k", "attention.to_v"], "attention.to_qkv"),
];

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The layers, by number.
    pub(super) layers: Vec<usize>,
    /// Whether it is not the checkpoint's own name: where a file has both, this one is a copy.
    pub(super) is_alias: bool,
}

/// The names that layers go by.
pub(super) struct Names {
    targets: HashMap<String, Target>,
}

/// A name without its punctuation.
fn normal(name: &str) -> String {
    name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_")
}

/// `name` as the first release calls embedder and final layer: without the patch size.
fn without_patch_size(name: &str) -> Option<String> {
    ["x_embedder", "final_layer"].into_iter().find_map(|short| {
        let rest = name.strip_prefix("all_")?.strip_prefix(short)?;
        let rest = rest.strip_prefix('.').unwrap_or(rest);
        let below = rest.split_once('.').map_or(String::new(), |(_, below)| format!(".{below}"));
        Some(format!("{short}{below}"))
    })
}

impl Names {
    /// The names of `layers`.
    pub(super) fn of(layers: &[LayerShape]) -> Self {
        let mut targets = HashMap::new();
        let mut add = |name: &str, layers: Vec<usize>, is_alias| {
            targets.entry(normal(name)).or_insert(Target { layers, is_alias });
        };
        for (index, layer) in layers.iter().enumerate() {
            add(&layer.name, vec![index], false);
        }
        let numbers: HashMap<&str, usize> =
            layers.iter().enumerate().map(|(i, layer)| (layer.name.as_str(), i)).collect();
        for (index, LayerShape { name, .. }) in layers.iter().enumerate() {
            for (own, other) in ALIASES {
                if let Some(block) = name.strip_suffix(own) {
                    add(&format!("{block}{other}"), vec![index], true);
                }
            }
            if let Some(short) = without_patch_size(name) {
                add(&short, vec![index], true);
            }
            for (parts, whole) in FUSED {
                let Some(block) = name.strip_suffix(parts[0]) else { continue };
                let parts = parts.map(|part| numbers.get(format!("{block}{part}").as_str()));
                if let [Some(&q), Some(&k), Some(&v)] = parts {
                    add(&format!("{block}{whole}"), vec![q, k, v], true);
                }
            }
        }
        Self { targets }
    }

    /// What `name`, as a file has it, means.
    pub(super) fn find(&self, name: &str) -> Option<&Target> {
        bare(name).find_map(|bare| self.targets.get(&normal(bare)))
    }
}

/// `name`, and what is left of it behind each prefix.
fn bare(name: &str) -> impl Iterator<Item = &str> {
    std::iter::once(name).chain(PREFIXES.iter().filter_map(|prefix| name.strip_prefix(prefix)))
}

/// How [`Names::find`] looked for `name`, in words.
pub(super) fn tried(name: &str) -> String {
    let tried: Vec<_> = bare(name).map(|bare| format!("`{bare}`")).collect();
    format!("as {}, with any of . _ - between words", tried.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let names = [
            "layers.0.attention.to_q",
            "layers.0.attention.to_k",
            "layers.0.attention.to_v",
            "layers.0.attention.to_out.0",
            "layers.0.adaLN_modulation.0",
            "all_x_embedder.2-1",
            "all_final_layer.2-1.linear",
            "all_final_layer.2-1.adaLN_modulation.1",
            "cap_embedder.1",
        ];
        let layer = |name: &str| LayerShape { name: name.into(), out: 4, inner: 4 };
        Names::of(&names.map(layer))
    }

    #[test]
    fn names_are_found_behind_every_prefix_and_in_both_spellings() {
        let names = names();
        for (prefix, name, layers) in [
            ("", "layers.0.attention.to_q", vec![0]),
            ("diffusion_model.", "layers.0.attention.to.q", vec![0]),
            ("transformer.", "layers.0.attention.to_out.0", vec![3]),
            ("base_model.model.transformer.", "layers.0.attention.out", vec![3]),
            ("base_model.model.", "layers.0.attention.wo", vec![3]),
            ("lora_unet_", "layers_0_attention_to_k", vec![1]),
            ("lora_unet__", "layers_0_attention_to_out_0", vec![3]),
            ("lora_unet_", "layers_0_attention_qkv", vec![0, 1, 2]),
            ("lycoris_", "layers_0_adaLN_modulation_0", vec![4]),
            ("diffusion_model.", "layers.0.attention.qkv", vec![0, 1, 2]),
            ("model.diffusion_model.", "x_embedder", vec![5]),
            ("lora_unet_", "all_x_embedder_2-1", vec![5]),
            ("diffusion_model.", "final_layer.linear", vec![6]),
            ("diffusion_model.", "final_layer.adaLN_modulation.1", vec![7]),
            ("", "cap_embedder.1", vec![8]),
        ] {
            let found = names.find(&format!("{prefix}{name}"));
            assert_eq!(found.map(|target| &target.layers), Some(&layers), "{prefix}{name}");
        }
        assert!(names.find("diffusion_model.layers.1.attention.to_q").is_none());
        let tried = tried("diffusion_model.layers.1.attention.to_q");
        assert!(tried.contains("`layers.1.attention.to_q`"), "{tried}");
    }

    #[test]
    fn only_other_names_are_aliases() {
        let is_alias = |name: &str| names().find(name).unwrap().is_alias;
        assert!(
            !is_alias("lora_unet_layers_0_attention_to_q") && is_alias("layers.0.attention.qkv")
        );
    }
}
