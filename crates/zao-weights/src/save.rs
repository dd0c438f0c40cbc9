//! Writing a model folder: whole or not at all, tensor by tensor.
//!
//! A [`Draft`] works in a folder of another name beside the final place, which it removes when it is
//! dropped, and takes the place when everything is written. What is written is the caller's to decide.

mod error;
mod layout;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::TempDir;
use zao_backend::Form;

pub use error::SaveError;
pub use layout::{PartLayout, Planned, StoredAs};

use crate::folder::ModelFolder;
use crate::packing::{Companion, PackedContent, Packing};
use crate::part::PartName;
use layout::{FileLayout, Piece};

/// How to write a model.
#[derive(Clone, Copy, Debug)]
pub struct SaveOptions {
    /// The most bytes of tensors in one file, unless a single tensor is larger.
    pub shard_bytes: u64,
    /// Tells the free bytes of the file system that holds a path.
    pub free_space: fn(&Path) -> io::Result<u64>,
}

impl Default for SaveOptions {
    /// Files of at most 4 GB.
    fn default() -> Self {
        Self { shard_bytes: 4_000_000_000, free_space: |path| fs4::available_space(path) }
    }
}

/// A model that is being written.
#[derive(Debug)]
pub struct Draft {
    folder: TempDir,
    place: PathBuf,
    options: SaveOptions,
}

impl Draft {
    /// Begins a model that will lie at `place`.
    ///
    /// # Errors
    /// Something lies there already, there is no folder that it could lie in, or no file can be made
    /// there.
    pub fn new(place: &Path, options: SaveOptions) -> Result<Self, SaveError> {
        let Some(name) = place.file_name() else {
            return Err(SaveError::Occupied { path: place.to_owned() });
        };
        if fs::symlink_metadata(place).is_ok() {
            return Err(SaveError::Occupied { path: place.to_owned() });
        }
        let parent = place.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        if !parent.is_dir() {
            return Err(SaveError::NoFolder { path: parent.to_owned() });
        }
        let prefix = format!(".{}.", name.to_string_lossy());
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".partial");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // As any other folder, so that others may read the model when the user lets them.
            builder.permissions(fs::Permissions::from_mode(0o777));
        }
        let folder = builder.tempdir_in(parent).map_err(SaveError::file("create", place))?;
        Ok(Self { folder, place: place.to_owned(), options })
    }

    /// Where the tensors of a part will lie, whose quantised ones are packed in one way.
    ///
    /// # Panics
    /// When a tensor is to be packed and cannot be.
    #[must_use]
    pub fn layout(&self, part: PartName, packing: Packing, tensors: &[Planned]) -> PartLayout {
        PartLayout::new(part, packing, tensors, self.options.shard_bytes)
    }

    /// Makes sure that there is room for `bytes`.
    ///
    /// # Errors
    /// There is not.
    pub fn check_space(&self, bytes: u64) -> Result<(), SaveError> {
        let path = self.folder.path();
        let free = (self.options.free_space)(path).map_err(SaveError::file("examine", path))?;
        if bytes > free {
            let path = self.place.clone();
            return Err(SaveError::NoSpace { path, needed: bytes, free });
        }
        Ok(())
    }

    /// Copies what a model has besides its weights: configurations, tokenizer, schedule.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn copy_small_files(&self, from: &ModelFolder) -> Result<(), SaveError> {
        for file in from.small_files().map_err(SaveError::Source)? {
            let content = from.read(&file).map_err(SaveError::Source)?;
            self.write_small_file(&file, &content)?;
        }
        Ok(())
    }

    /// Writes a configuration or tokenizer file, such as `transformer/config.json`.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_small_file(&self, file: &str, content: &[u8]) -> Result<(), SaveError> {
        let path = self.path(file)?;
        fs::write(&path, content).map_err(SaveError::file("write", path))
    }

    /// Writes the weights of a part; `tensor` is asked for each one, in the order of the files.
    ///
    /// # Errors
    /// What `tensor` says, or a file that cannot be written.
    ///
    /// # Panics
    /// When a tensor is not what was planned.
    pub fn write_part<E: From<SaveError>>(
        &self,
        layout: &PartLayout,
        mut tensor: impl FnMut(&str) -> Result<Form, E>,
    ) -> Result<(), E> {
        for file in layout.files() {
            self.write_file(file, &mut tensor)?;
        }
        if let Some((name, index)) = layout.index() {
            let path = self.path(&name)?;
            fs::write(&path, index).map_err(SaveError::file("write", path))?;
        }
        Ok(())
    }

    fn write_file<E: From<SaveError>>(
        &self,
        layout: &FileLayout,
        tensor: &mut impl FnMut(&str) -> Result<Form, E>,
    ) -> Result<(), E> {
        let path = self.path(layout.path())?;
        let failed = || SaveError::file("write", &path);
        let mut file = BufWriter::new(File::create(&path).map_err(failed())?);
        file.write_all(layout.header()).map_err(failed())?;
        let mut all_beside: BTreeMap<&str, Vec<(Companion, Bytes)>> = BTreeMap::new();
        for piece in layout.pieces() {
            let bytes = match *piece {
                Piece::Dense { ref name, .. } => match tensor(name)? {
                    Form::Dense(stored) => stored.bytes().clone(),
                    other => unreachable!("{name} is {} and was planned dense", other.name()),
                },
                Piece::Packed { ref name, packing, .. } => {
                    let form = tensor(name)?;
                    let stored_in = form.name();
                    let Some(PackedContent { bytes, beside }) = packing.content(form) else {
                        unreachable!("{name} is {stored_in} and was planned {packing:?}");
                    };
                    all_beside.insert(name, beside);
                    bytes
                }
                Piece::Beside { ref of, companion, .. } => {
                    let beside = all_beside.get_mut(of.as_str());
                    let beside = beside.expect("a matrix comes before what is beside it");
                    let at = beside.iter().position(|(known, _)| *known == companion);
                    beside.swap_remove(at.expect("it was made as it was planned")).1
                }
            };
            assert!(bytes.len() as u64 == piece.bytes(), "{piece:?} has {} bytes", bytes.len());
            file.write_all(&bytes).map_err(failed())?;
        }
        // A model that has its name should still be whole after a power failure.
        let file = file.into_inner().map_err(|error| failed()(error.into_error()))?;
        file.sync_all().map_err(failed())?;
        Ok(())
    }

    /// Gives the model its place.
    ///
    /// # Errors
    /// Somebody else took the place meanwhile, or the system refuses.
    pub fn finish(self) -> Result<(), SaveError> {
        if fs::symlink_metadata(&self.place).is_ok() {
            return Err(SaveError::Occupied { path: self.place });
        }
        fs::rename(self.folder.path(), &self.place)
            .map_err(SaveError::file("create", &self.place))?;
        // There is nothing left to remove.
        let _ = self.folder.keep();
        Ok(())
    }

    /// The path of a file of the model, in a folder that is there.
    fn path(&self, file: &str) -> Result<PathBuf, SaveError> {
        let path = self.folder.path().join(file);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(SaveError::file("create", parent))?;
        }
        Ok(path)
    }
}
