//! What a file or folder of weights is, without a device: its format, its parts, how their values are
//! stored, and what keeps them from being Z-Image's.

use std::collections::BTreeMap;
use std::path::Path;

use zao_backend::Form;
use zao_weights::{FileFormat, ModelFolder, Part, PartName, Source, WeightFile};

use crate::Result;
use crate::checked;

/// What was found at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// What it is.
    pub what: Inspected,
    /// Bytes of the file, or of the weights in the folder.
    pub bytes: u64,
    /// The parts of a model in it; of a folder, all that should be there.
    pub parts: Vec<InspectedPart>,
    /// How the values of all tensors are stored, whether they are of a part or not.
    pub stored: Vec<StoredIn>,
}

/// Kinds of what can be inspected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inspected {
    /// A model in diffusers' layout.
    Folder {
        /// The pipeline that it was saved from; empty if not said.
        class: String,
    },
    /// A single file.
    File {
        /// Its format.
        format: FileFormat,
        /// What it has tensors of, as a part of a sentence.
        holds: String,
    },
}

/// One part of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectedPart {
    /// Which one.
    pub part: PartName,
    /// Bytes of its tensors as stored.
    pub bytes: u64,
    /// How its values are stored.
    pub stored: Vec<StoredIn>,
    /// What keeps zao from drawing with it: what is missing, unexpected or of another shape.
    pub misfit: Option<String>,
}

/// Tensors that are stored in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredIn {
    /// The way, as in `bf16` or `Q4_K`.
    pub name: &'static str,
    /// How many tensors.
    pub tensors: usize,
    /// How many values they have.
    pub values: u64,
}

/// Looks at the file or model folder at `path`. Parts of a file are compared with those of the model at
/// `base`, if there is one, and with the published Z-Image; those of a folder with its own configurations.
///
/// # Errors
/// Nothing there, or a file that is no weights or contradicts itself. Parts that do not fit are no error.
pub fn inspect(path: &Path, base: Option<Source>) -> Result<Inspection> {
    if path.is_dir() { folder(path) } else { file(path, base) }
}

fn folder(path: &Path) -> Result<Inspection> {
    let folder = ModelFolder::open(Source::Folder(path.to_owned()))?;
    let mut all = Stored::default();
    let mut parts = Vec::new();
    for name in PartName::ALL {
        let opened = folder.part(name).map_err(crate::Error::from);
        let misfit = opened.as_ref().map_err(ToString::to_string).and_then(|part| {
            checked::misfit(part, Some(&folder), false).map_err(|error| error.to_string())
        });
        let part = opened.ok();
        if let Some(part) = &part {
            all.add(part.iter().map(|(_, form)| form));
        }
        parts.push(inspected(name, part.as_ref(), misfit.unwrap_or_else(Some)));
    }
    let bytes = parts.iter().map(|part| part.bytes).sum();
    let what = Inspected::Folder { class: folder.class().to_owned() };
    Ok(Inspection { what, bytes, parts, stored: all.list() })
}

fn file(path: &Path, base: Option<Source>) -> Result<Inspection> {
    let file = WeightFile::open(path)?;
    let base = base.map(ModelFolder::open).transpose()?;
    let mut parts = Vec::new();
    for name in file.parts() {
        let part = file.part(name)?;
        let misfit = checked::misfit(&part, base.as_ref(), true)?;
        parts.push(inspected(name, Some(&part), misfit));
    }
    let mut all = Stored::default();
    all.add(file.tensors().map(|(_, form)| form));
    let what = Inspected::File { format: file.format().clone(), holds: file.holds() };
    Ok(Inspection { what, bytes: file.bytes(), parts, stored: all.list() })
}

fn inspected(name: PartName, part: Option<&Part>, misfit: Option<String>) -> InspectedPart {
    let mut stored = Stored::default();
    if let Some(part) = part {
        stored.add(part.iter().map(|(_, form)| form));
    }
    let bytes = part.map_or(0, Part::bytes);
    InspectedPart { part: name, bytes, stored: stored.list(), misfit }
}

/// Tensors counted by how they are stored.
#[derive(Default)]
struct Stored(BTreeMap<&'static str, StoredIn>);

impl Stored {
    fn add<'a>(&mut self, forms: impl Iterator<Item = &'a Form>) {
        for form in forms {
            let name = form.name();
            let counted = self.0.entry(name).or_insert(StoredIn { name, tensors: 0, values: 0 });
            counted.tensors += 1;
            counted.values += form.shape().iter().product::<usize>() as u64;
        }
    }

    /// The most used first.
    fn list(self) -> Vec<StoredIn> {
        let mut list: Vec<_> = self.0.into_values().collect();
        list.sort_by_key(|stored| std::cmp::Reverse(stored.values));
        list
    }
}
