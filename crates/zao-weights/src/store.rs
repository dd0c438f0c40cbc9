//! The models that are installed: a folder of model folders, and other tools' cache beside it.
//!
//! A download works in a folder of another name and renames it at the very end, so whatever has
//! a model's name here is whole. Nothing is fetched in this module.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::folder::ModelFolder;
use crate::hf_cache;
use crate::known::KnownModel;
use crate::receipt::Receipt;
use crate::source::Source;

/// What the name of a folder ends in while a download fills it.
const UNFINISHED: &str = ".partial";

/// Where models are kept.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    hugging_face: Option<PathBuf>,
}

/// A complete model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// What users call it.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// The size of the files that it needs, in bytes.
    pub bytes: u64,
    /// How it came here.
    pub origin: Origin,
}

/// How a model came to be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was downloaded into the store.
    Pulled(Receipt),
    /// Somebody put the folder into the store.
    Placed,
    /// It lies in the cache of Hugging Face's own tools.
    HuggingFaceCache,
}

/// Something that has a model's name and is no whole model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incomplete {
    /// The model's name.
    pub name: String,
    /// Whether it is a download that was not finished; else files are missing or were changed.
    pub downloading: bool,
}

impl Store {
    /// The store in the folder `root`, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), hugging_face: None }
    }

    /// The same store, which also looks into the Hugging Face cache at `hub`.
    ///
    /// `hub` is the folder with `models--OWNER--NAME` in it, usually `~/.cache/huggingface/hub`.
    #[must_use]
    pub fn with_hugging_face_cache(mut self, hub: impl Into<PathBuf>) -> Self {
        self.hugging_face = Some(hub.into());
        self
    }

    /// The folder of the store.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Every complete model, by name; a model in the store hides its double in a cache.
    ///
    /// # Errors
    /// The store's folder is there but cannot be listed.
    pub fn installed(&self) -> Result<Vec<Installed>, Error> {
        let mut names = self.folder_names()?;
        let cached = KnownModel::ALL.iter().map(|model| model.name.to_owned());
        names.extend(cached.filter(|_| self.hugging_face.is_some()));
        names.sort();
        names.dedup();
        Ok(names.iter().filter_map(|name| self.find(name)).collect())
    }

    /// The complete model called `name`, in the store or else in the Hugging Face cache.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Installed> {
        if !is_plain(name) {
            return None;
        }
        self.find_in_store(name).or_else(|| self.find_in_cache(name))
    }

    /// What lies among the models and is none, by name: downloads that are not finished, and folders that lack
    /// something.
    ///
    /// # Errors
    /// The store's folder is there but cannot be listed.
    pub fn incomplete(&self) -> Result<Vec<Incomplete>, Error> {
        let mut names = self.folder_names()?;
        names.sort();
        let incomplete = names.into_iter().filter_map(|name| {
            if name.starts_with('.') || !self.folder(&name).is_dir() {
                return None;
            }
            match name.strip_suffix(UNFINISHED) {
                Some(name) => Some(Incomplete { name: name.into(), downloading: true }),
                None if self.find_in_store(&name).is_some() => None,
                None => Some(Incomplete { name, downloading: false }),
            }
        });
        Ok(incomplete.collect())
    }

    /// The files of weights that lie among the models, by name.
    ///
    /// # Errors
    /// The store's folder is there but cannot be listed.
    pub fn files(&self) -> Result<Vec<PathBuf>, Error> {
        let mut names = self.folder_names()?;
        names.sort();
        let paths = names.into_iter().map(|name| self.root.join(name));
        let is_weights = |path: &PathBuf| {
            path.extension().is_some_and(|end| end == "safetensors" || end == "gguf")
                && path.is_file()
        };
        Ok(paths.filter(is_weights).collect())
    }

    /// Bytes that can be written where models are kept, if the system tells.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        let folder = self.root.ancestors().find(|folder| folder.is_dir())?;
        fs4::available_space(folder).ok()
    }

    fn find_in_store(&self, name: &str) -> Option<Installed> {
        let path = self.folder(name);
        let origin = match Receipt::read(&path) {
            Some(receipt) if !receipt.is_kept(&path) => return None,
            Some(receipt) => Origin::Pulled(receipt),
            None => Origin::Placed,
        };
        whole(name, path, origin)
    }

    fn find_in_cache(&self, name: &str) -> Option<Installed> {
        whole(name, self.cached_snapshot(KnownModel::find(name)?)?, Origin::HuggingFaceCache)
    }

    fn folder_names(&self) -> Result<Vec<String>, Error> {
        let read_error = |source| Error::Read { file: self.root.display().to_string(), source };
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(read_error(e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry.map_err(read_error)?.file_name().into_string().ok());
        }
        Ok(names)
    }

    /// Where the model called `name` lies or will lie.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Where a download of `name` works until it is complete.
    pub(crate) fn unfinished_folder(&self, name: &str) -> PathBuf {
        self.root.join(format!("{name}{UNFINISHED}"))
    }

    /// What a download of `name` locks against a second one.
    pub(crate) fn lock_file(&self, name: &str) -> PathBuf {
        self.root.join(format!(".{name}.lock"))
    }

    /// The model's folder in the Hugging Face cache, whether complete or not.
    pub(crate) fn cached_snapshot(&self, model: &KnownModel) -> Option<PathBuf> {
        hf_cache::snapshot(self.hugging_face.as_deref()?, model.repo)
    }
}

/// The model in `path`, if every file that it needs is there.
fn whole(name: &str, path: PathBuf, origin: Origin) -> Option<Installed> {
    let folder = ModelFolder::open(Source::Folder(path.clone())).ok()?;
    let bytes = folder.required_bytes().ok()?;
    Some(Installed { name: name.to_owned(), path, bytes, origin })
}

/// Whether `name` can be a model's folder: one path segment, not hidden, not unfinished.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && !name.ends_with(UNFINISHED)
        && !name.contains(['/', '\\', ':'])
}
