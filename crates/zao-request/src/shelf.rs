//! Adapters that anybody may name: those right in one folder, by name alone, kept open. What lies elsewhere cannot be
//! reached, whatever a name looks like.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use zao_api::{Lora, UsedLora};
use zao_engine::{AdapterId, Engine};
use zao_weights::{AdapterFolder, FoundAdapter};

use crate::{Error, Loras, Result};

/// The adapters of a folder, opened when they are first wanted.
#[derive(Debug)]
pub struct Shelf {
    folder: AdapterFolder,
    open: HashMap<String, Open>,
}

/// An adapter that the engine knows.
#[derive(Debug)]
struct Open {
    state: FileState,
    id: AdapterId,
    sha256: String,
}

/// By what a file is known not to have changed, without reading it.
#[derive(Debug, PartialEq, Eq)]
struct FileState {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Shelf {
    /// The adapters in `folder`, which need not exist.
    #[must_use]
    pub fn new(folder: AdapterFolder) -> Self {
        Self { folder, open: HashMap::new() }
    }

    /// What is `wanted`, if all of it is open; `None` where the engine has to open a file first, or has to say why not.
    #[must_use]
    pub fn at_hand(&self, wanted: &[Lora]) -> Option<Loras> {
        if wanted.is_empty() {
            return Some(Loras { used: Vec::new(), stack: Vec::new() });
        }
        let found = self.folder.list().ok()?;
        let known = wanted.iter().map(|lora| {
            let found = found.iter().find(|found| found.name == lora.name)?;
            self.open.get(&lora.name).filter(|open| open.state == FileState::of(found))
        });
        Some(loras(wanted, &known.collect::<Option<Vec<_>>>()?))
    }

    /// Opens what is `wanted` and not open yet. A file that was replaced is opened anew.
    ///
    /// # Errors
    /// [`Error::NotOnShelf`]; a file that cannot be read or does not fit the model.
    pub fn open(&mut self, engine: &mut Engine, wanted: &[Lora]) -> Result<Loras> {
        let found = if wanted.is_empty() { Vec::new() } else { self.folder.list()? };
        for Lora { name, .. } in wanted {
            let Some(there) = found.iter().find(|found| found.name == *name) else {
                let known = found.iter().map(|found| found.name.clone()).collect();
                return Err(Error::NotOnShelf { name: name.clone(), known });
            };
            let state = FileState::of(there);
            if self.open.get(name).is_none_or(|open| open.state != state) {
                let id = engine.open_adapter(&there.path)?;
                let sha256 = engine.adapter(id).sha256;
                self.open.insert(name.clone(), Open { state, id, sha256 });
            }
        }
        let open: Vec<_> = wanted.iter().filter_map(|lora| self.open.get(&lora.name)).collect();
        Ok(loras(wanted, &open))
    }

    /// Gives up an adapter, if it is open: nothing of it stays on the device. The next job that names it opens it again.
    pub fn close(&mut self, engine: &mut Engine, name: &str) {
        let Some(closed) = self.open.remove(name) else { return };
        // Two names may stand for files of the same content.
        if !self.open.values().any(|open| open.id == closed.id) {
            engine.unload_adapter(closed.id);
        }
    }

    /// The names of those that are open, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.open.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    /// What is in the folder now.
    ///
    /// # Errors
    /// A folder that is there and cannot be listed.
    pub fn list(&self) -> Result<Vec<FoundAdapter>> {
        Ok(self.folder.list()?)
    }
}

impl FileState {
    fn of(found: &FoundAdapter) -> Self {
        // PEFT's folders do not change when the file in them does.
        let inside = found.path.join("adapter_model.safetensors");
        let modified = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
        Self { bytes: found.bytes, modified: modified(&inside).or_else(|| modified(&found.path)) }
    }
}

fn loras(wanted: &[Lora], open: &[&Open]) -> Loras {
    let both = || wanted.iter().zip(open);
    let used = both().map(|(Lora { name, scale }, open)| UsedLora {
        name: name.clone(),
        scale: *scale,
        sha256: open.sha256.clone(),
        merged: false,
    });
    let stack = both().map(|(lora, open)| (open.id, lora.scale));
    Loras { used: used.collect(), stack: stack.collect() }
}
