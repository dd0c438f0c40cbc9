//! What the tensors of a single file are called, and what diffusers calls them: this is where ComfyUI's,
//! llama.cpp's and the original projects' names end.
//!
//! A file is recognised by a few names that only one part has, under one of the prefixes in use. What shapes
//! and sizes are right is not known here.

mod text_encoder;
mod transformer;
mod vae;

use std::collections::BTreeMap;

use zao_backend::Form;

use crate::error::Error;
use crate::part::PartName;

/// Tensors by name.
pub(crate) type Tensors = BTreeMap<String, Form>;

/// Where in a file the tensors of a part are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) part: PartName,
    /// What stands before each of its names.
    pub(crate) prefix: &'static str,
}

/// How a part's names are told.
struct Signs {
    part: PartName,
    /// What may stand before its names, the more special first.
    prefixes: &'static [&'static str],
    /// Alternatives of names that all have to be there.
    names: &'static [&'static [&'static str]],
}

const SIGNS: [Signs; 3] = [
    Signs {
        part: PartName::TextEncoder,
        prefixes: &["text_encoders.qwen3_4b.transformer.model.", "model.", ""],
        names: &[
            &["embed_tokens.weight", "layers.0.self_attn.q_proj.weight"],
            &["token_embd.weight", "blk.0.attn_q.weight"],
        ],
    },
    Signs {
        part: PartName::Transformer,
        prefixes: &["model.diffusion_model.", "diffusion_model.", ""],
        names: &[&["cap_embedder.1.weight", "layers.0.feed_forward.w1.weight"]],
    },
    Signs {
        part: PartName::Vae,
        prefixes: &["first_stage_model.", "vae.", ""],
        names: &[&["decoder.conv_in.weight", "decoder.conv_out.weight"]],
    },
];

/// The parts of which a file has tensors.
pub(crate) fn sections(tensors: &Tensors) -> Vec<Section> {
    let found = SIGNS.iter().filter_map(|signs| {
        let is_there = |prefix: &str, name: &&str| tensors.contains_key(&format!("{prefix}{name}"));
        let prefix = signs.prefixes.iter().find(|prefix| {
            signs.names.iter().any(|names| names.iter().all(|name| is_there(prefix, name)))
        });
        prefix.map(|prefix| Section { part: signs.part, prefix })
    });
    found.collect()
}

/// The tensors of a section under diffusers' names, and in diffusers' pieces. `others` are the sections of
/// the same file; what lies outside of the only one
/// is taken for its own, so that it is noticed.
pub(crate) fn translated(
    section: Section,
    others: &[Section],
    tensors: &Tensors,
) -> Result<Tensors, Error> {
    let foreign = |name: &str| {
        let of_another = |other: &Section| {
            other.part != section.part && !other.prefix.is_empty() && name.starts_with(other.prefix)
        };
        others.iter().any(of_another)
    };
    let mine = tensors.iter().filter(|(name, _)| !foreign(name)).filter_map(|(name, form)| {
        match name.strip_prefix(section.prefix) {
            Some(short) => Some((short.to_owned(), form.clone())),
            None if others.len() > 1 => None,
            None => Some((name.clone(), form.clone())),
        }
    });
    let mut named = Named { part: section.part, tensors: Tensors::new() };
    match section.part {
        PartName::TextEncoder => text_encoder::translate(mine, &mut named)?,
        PartName::Transformer => transformer::translate(mine, &mut named)?,
        PartName::Vae => vae::translate(mine.collect(), &mut named)?,
    }
    Ok(named.tensors)
}

/// Tensors under their final names.
struct Named {
    part: PartName,
    tensors: Tensors,
}

impl Named {
    fn insert(&mut self, name: String, form: Form) -> Result<(), Error> {
        if self.tensors.contains_key(&name) {
            return Err(Error::Duplicate { part: self.part, tensor: name });
        }
        self.tensors.insert(name, form);
        Ok(())
    }
}
