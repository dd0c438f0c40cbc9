//! One part of a model: its tensors by name.
//!
//! A part knows nothing of files or of what its tensors are for.

use std::collections::BTreeMap;
use std::fmt;

use zao_backend::{Form, Stored};

use crate::error::Error;
use crate::mapped::Mapping;
use crate::shards::Content;

/// The parts of a model that have weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PartName {
    /// The diffusion transformer.
    Transformer,
    /// The language model that reads the prompt.
    TextEncoder,
    /// The autoencoder between latents and pictures.
    Vae,
}

impl PartName {
    /// Every part, in the order in which a picture needs them.
    pub const ALL: [Self; 3] = [Self::TextEncoder, Self::Transformer, Self::Vae];

    /// The part's folder inside the model folder.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Transformer => "transformer",
            Self::TextEncoder => "text_encoder",
            Self::Vae => "vae",
        }
    }

    /// The file that holds the weights when they are not sharded.
    ///
    /// The index of shards has this name with `.index.json` behind it.
    #[must_use]
    pub const fn single_file(self) -> &'static str {
        match self {
            Self::Transformer | Self::Vae => "diffusion_pytorch_model.safetensors",
            Self::TextEncoder => "model.safetensors",
        }
    }

    /// A prefix that some checkpoints put before every name of this part.
    ///
    /// A text encoder saved as a whole language model has its body under `model.`.
    pub(crate) const fn optional_prefix(self) -> Option<&'static str> {
        match self {
            Self::TextEncoder => Some("model."),
            Self::Transformer | Self::Vae => None,
        }
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transformer => "transformer",
            Self::TextEncoder => "text encoder",
            Self::Vae => "vae",
        })
    }
}

/// The tensors of one part, by name. Cloning shares the bytes.
#[derive(Clone, Debug)]
pub struct Part {
    name: PartName,
    tensors: BTreeMap<String, Form>,
    /// The files that tensors may lie in.
    files: Vec<Mapping>,
    /// The single file that it comes from, if it is no folder's.
    origin: Option<String>,
}

impl Part {
    /// A part of the given tensors, which are no file's; names are taken as they are.
    #[must_use]
    pub fn new(name: PartName, tensors: BTreeMap<String, Stored>) -> Self {
        let tensors = tensors.into_iter().map(|(name, stored)| (name, Form::Dense(stored)));
        let tensors = tensors.collect();
        Self { name, tensors, files: Vec::new(), origin: None }
    }

    /// A part as a checkpoint names its tensors: the optional prefix is removed.
    pub(crate) fn from_checkpoint(
        name: PartName,
        Content { tensors, files }: Content,
    ) -> Result<Self, Error> {
        let Some(prefix) = name.optional_prefix() else {
            return Ok(Self { name, tensors, files, origin: None });
        };
        let mut stripped = BTreeMap::new();
        for (long, form) in tensors {
            let short = long.strip_prefix(prefix).unwrap_or(&long).to_owned();
            if stripped.insert(short.clone(), form).is_some() {
                return Err(Error::Duplicate { part: name, tensor: short });
            }
        }
        Ok(Self { name, tensors: stripped, files, origin: None })
    }

    /// A part from the single file `origin`, under the names of diffusers.
    pub(crate) fn from_file(
        name: PartName,
        origin: String,
        Content { tensors, files }: Content,
    ) -> Self {
        Self { name, tensors, files, origin: Some(origin) }
    }

    /// Which part this is.
    #[must_use]
    pub fn name(&self) -> PartName {
        self.name
    }

    /// The single file that it comes from, if it is no folder's.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// The tensor called `name`, if there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Form> {
        self.tensors.get(name)
    }

    /// The tensor called `name`, if there is one and it is stored as floating-point numbers.
    #[must_use]
    pub fn dense(&self, name: &str) -> Option<&Stored> {
        match self.tensors.get(name)? {
            Form::Dense(stored) => Some(stored),
            _ => None,
        }
    }

    /// The names of all tensors in alphabetical order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// All tensors in alphabetical order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Form)> {
        self.tensors.iter().map(|(name, form)| (name.as_str(), form))
    }

    /// Number of tensors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there is no tensor at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// The size of all tensors in bytes, as stored.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.tensors.values().map(|form| form.bytes() as u64).sum()
    }

    /// How its values are stored (`f32`, `bf16`, `int8` ...), each way with its number of values; the
    /// most used comes first.
    #[must_use]
    pub fn stored_as(&self) -> Vec<(&'static str, u64)> {
        let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
        for form in self.tensors.values() {
            *counts.entry(form.name()).or_default() +=
                form.shape().iter().product::<usize>() as u64;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        counts
    }

    /// Forgets the tensors whose name `keep` refuses.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.tensors.retain(|name, _| keep(name));
    }

    /// Tells the system that the tensor called `name` will not be read soon, so that the memory
    /// behind it can go. It stays usable: what is read again comes back from its file. Nothing
    /// happens to tensors that are embedded or lie in no file, nor if there is no such tensor.
    pub fn release(&self, name: &str) {
        let Some(form) = self.tensors.get(name) else { return };
        for bytes in bytes_of(form) {
            self.files.iter().for_each(|file| file.release(bytes));
        }
    }
}

/// All bytes that a tensor is stored in.
fn bytes_of(form: &Form) -> Vec<&[u8]> {
    match form {
        Form::Dense(stored) => vec![stored.bytes()],
        Form::Int8Panels(panels) => vec![panels.words(), panels.scales().bytes()],
        Form::Blocks(blocks) => vec![blocks.bytes()],
        Form::Scaled(scaled) => vec![scaled.bytes()],
        Form::LowRank(both) => {
            let mut bytes = bytes_of(both.rest());
            bytes.extend([&both.up().bytes()[..], &both.down().bytes()[..]]);
            bytes
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use zao_backend::Dtype;

    use super::*;

    fn tensors(names: &[&str]) -> BTreeMap<String, Stored> {
        names.iter().map(|&n| (n.to_owned(), Stored::from_f32(&[1], &[0.0]))).collect()
    }

    fn content(names: &[&str]) -> Content {
        let Part { tensors, files, .. } = Part::new(PartName::Vae, tensors(names));
        Content { tensors, files }
    }

    #[test]
    fn the_prefix_of_a_whole_language_model_is_removed() {
        let whole = content(&["lm_head.weight", "model.norm.weight"]);
        let part = Part::from_checkpoint(PartName::TextEncoder, whole).expect("no duplicate");
        assert_eq!(part.names().collect::<Vec<_>>(), ["lm_head.weight", "norm.weight"]);

        let other = content(&["model.norm.weight"]);
        let part = Part::from_checkpoint(PartName::Vae, other).expect("no duplicate");
        assert!(part.get("model.norm.weight").is_some(), "only the text encoder has the prefix");
    }

    #[test]
    fn a_name_with_and_without_prefix_is_refused() {
        let both = content(&["model.norm.weight", "norm.weight"]);
        let error = Part::from_checkpoint(PartName::TextEncoder, both).expect_err("ambiguous");
        assert!(matches!(error, Error::Duplicate { tensor, .. } if tensor == "norm.weight"));
    }

    #[test]
    fn sizes_and_types_are_summed() {
        let half = Stored::new(Dtype::Bf16, vec![3], vec![0; 6].into()).expect("three elements");
        let mut all = tensors(&["a"]);
        all.insert("b".into(), half);
        let part = Part::new(PartName::Vae, all);
        assert_eq!((part.len(), part.bytes()), (2, 10));
        assert_eq!(part.stored_as(), [("bf16", 3), ("f32", 1)]);
    }

    #[test]
    fn what_is_not_kept_is_forgotten() {
        let mut part = Part::new(PartName::Vae, tensors(&["decoder", "encoder"]));
        part.retain(|name| name == "decoder");
        assert_eq!(part.names().collect::<Vec<_>>(), ["decoder"]);
    }
}
