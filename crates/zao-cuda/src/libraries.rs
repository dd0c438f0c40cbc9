//! NVIDIA's libraries, used where they are installed, work and are faster. None is needed.
//!
//! A library that cannot be used is passed over, and [`Libraries::remarks`] says why. Which products it multiplies is
//! decided in `linear/library.rs`. cuDNN is only noticed: attention and convolutions here are faster.

mod cublaslt;
mod finder;

use std::path::Path;
use std::sync::{Arc, OnceLock};

pub(crate) use cublaslt::{Addresses, Algorithm, CublasLt, Operands, Plan, Task, WORKSPACE};
pub use finder::LibraryPlaces;
use finder::{Candidate, find};

use crate::driver::{Context, driver_version};

/// Which of NVIDIA's libraries may be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum UseOfLibraries {
    /// None.
    #[default]
    Never,
    /// Those that are found, for what they were measured to do faster than the kernels here.
    WhereFaster(LibraryPlaces),
    /// Those that are found, for all that they can do: for measuring.
    Always(LibraryPlaces),
}

impl UseOfLibraries {
    fn places(&self) -> Option<&LibraryPlaces> {
        match self {
            Self::Never => None,
            Self::WhereFaster(places) | Self::Always(places) => Some(places),
        }
    }
}

/// A library of NVIDIA's that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledLibrary {
    /// What NVIDIA calls it.
    pub name: &'static str,
    /// Its major version.
    pub major: u32,
    /// The file.
    pub path: std::path::PathBuf,
}

/// The libraries that are looked for, each once, in its newest version. Nothing is opened.
#[must_use]
pub fn installed(places: &LibraryPlaces) -> Vec<InstalledLibrary> {
    let newest = |(name, file)| {
        let Candidate { path, major } =
            find(places, Path::new("/"), file, u32::MAX).into_iter().next()?;
        Some(InstalledLibrary { name, major, path })
    };
    [("cuBLASLt", "cublasLt"), ("cuDNN", "cudnn")].into_iter().filter_map(newest).collect()
}

/// The libraries of one card, looked for when the first is asked for, and opened when it is needed.
#[derive(Debug, Default)]
pub(crate) struct Libraries {
    wanted: UseOfLibraries,
    found: OnceLock<Found>,
    opened: OnceLock<Opened>,
}

#[derive(Debug, Default)]
struct Found {
    cublaslt: Vec<Candidate>,
    cudnn: Option<u32>,
}

#[derive(Debug, Default)]
struct Opened {
    cublaslt: Option<CublasLt>,
    ignored: Vec<String>,
}

impl Libraries {
    /// Nothing is looked for yet.
    pub(crate) fn new(wanted: UseOfLibraries) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// Whether they are used even where they are slower.
    pub(crate) fn always(&self) -> bool {
        matches!(self.wanted, UseOfLibraries::Always(_))
    }

    /// Whether there are files that may be cuBLASLt.
    pub(crate) fn any(&self) -> bool {
        !self.found().cublaslt.is_empty()
    }

    /// What tells these files from others, without opening them.
    pub(crate) fn identity(&self) -> String {
        let identities = self.found().cublaslt.iter().map(Candidate::identity);
        identities.collect::<Vec<_>>().join(", ")
    }

    /// cuBLASLt for the card of `context`, which is current; `None` if there is none that works.
    pub(crate) fn cublaslt(&self, context: &Arc<Context>) -> Option<&CublasLt> {
        let opened = self
            .opened
            .get_or_init(|| open(&self.found().cublaslt, |path| CublasLt::open(path, context)));
        opened.cublaslt.as_ref()
    }

    /// cuBLASLt, if it was needed before.
    pub(crate) fn opened_cublaslt(&self) -> Option<&CublasLt> {
        self.opened.get()?.cublaslt.as_ref()
    }

    /// What there is to say of what was found.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let mut remarks = self.opened.get().map_or_else(Vec::new, |opened| opened.ignored.clone());
        let cudnn = self.found.get().and_then(|found| found.cudnn);
        remarks.extend(cudnn.map(|major| format!("cuDNN {major} not needed")));
        remarks
    }

    fn found(&self) -> &Found {
        self.found.get_or_init(|| {
            let Some(places) = self.wanted.places() else { return Found::default() };
            // A library of a newer major version than the driver's does not run.
            let newest = driver_version().map_or(0, |version| version / 1000).unsigned_abs();
            let root = Path::new("/");
            let cudnn = find(places, root, "cudnn", u32::MAX).first().map(|it| it.major);
            Found { cublaslt: find(places, root, "cublasLt", newest), cudnn }
        })
    }
}

/// The first that can be opened, and why those before it cannot.
fn open(found: &[Candidate], mut attempt: impl FnMut(&Path) -> Result<CublasLt, String>) -> Opened {
    let mut opened = Opened::default();
    for candidate in found {
        match attempt(&candidate.path) {
            Ok(library) => {
                opened.cublaslt = Some(library);
                break;
            }
            Err(why) => {
                opened.ignored.push(format!("{} ignored: {why}", candidate.path.display()));
            }
        }
    }
    opened
}

/// `13.1` of 130100.
pub(crate) fn numbers(version: usize) -> String {
    format!("{}.{}", version / 10_000, version / 100 % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_opened_is_ignored_with_its_reason() {
        let file = |name: &str, major| Candidate { path: name.into(), major };
        let found = [file("/a/libcublasLt.so.13", 13), file("/b/libcublasLt.so.12", 12)];
        let opened = open(&found, |path| Err(format!("no {}", path.display())));
        assert!(opened.cublaslt.is_none());
        assert_eq!(opened.ignored.len(), 2);
        assert_eq!(opened.ignored[0], "/a/libcublasLt.so.13 ignored: no /a/libcublasLt.so.13");
    }

    #[test]
    fn versions_are_read() {
        assert_eq!(numbers(130_100), "13.1");
        assert_eq!(numbers(120_901), "12.9");
    }
}
