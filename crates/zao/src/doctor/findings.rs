//! What the doctor found: the machine, what is installed, and what drawing here would be like. It decides nothing.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Instant;

use zao_engine::{Architecture, Host, Outlook, Residency, Settings, Synthetic, WeightForm};
use zao_weights::{Incomplete, Installed};

use crate::cli::FileArgs;
use crate::failure::Result;
use crate::model::{Asked, Chosen, choose};
use crate::{demo, places};

/// All of it.
pub(super) struct Findings {
    pub(super) host: Host,
    pub(super) disk: Disk,
    pub(super) models: Vec<Found>,
    pub(super) incomplete: Vec<Incomplete>,
    /// The folder of LoRAs, and how many are there.
    pub(super) loras: (PathBuf, usize),
    /// What `zao generate` draws with when nobody names a model.
    pub(super) own: Drawing,
    /// The same for the real model, where only the demo model is there.
    pub(super) real: Option<Drawing>,
}

/// Where models are kept.
pub(super) struct Disk {
    pub(super) folder: PathBuf,
    pub(super) free: Option<u64>,
    /// Bytes a second that a model's file was read at.
    pub(super) rate: Option<u64>,
}

/// A model, or a file of one.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    /// How most of its values are stored.
    pub(super) weights: Option<&'static str>,
    /// Why it cannot be drawn with.
    pub(super) misfit: Option<String>,
}

/// A model, and what drawing with it is like or why that is not possible.
pub(super) struct Drawing {
    pub(super) model: String,
    pub(super) outlook: std::result::Result<Outlook, String>,
}

impl Findings {
    /// Looks everywhere.
    pub(super) fn gather() -> Result<Self> {
        let store = places::store()?;
        let installed = store.installed()?;
        let mut models: Vec<_> = installed.iter().map(model).collect();
        models.extend(store.files()?.iter().map(|path| file(path)));
        let loras = places::adapters()?;
        let count = loras.list().map_or(0, |found| found.len());
        let instructions = places::instructions()?;
        let settings = Settings {
            instructions,
            residency: Residency::InTurn,
            libraries: places::libraries()?,
            ..Settings::default()
        };
        let own = match choose(&Asked::Any, &FileArgs::default(), &store) {
            Ok(Chosen { name, source, .. }) => Drawing {
                model: name,
                outlook: zao_engine::outlook(source, &settings).map_err(|error| error.to_string()),
            },
            Err(failure) => Drawing { model: String::new(), outlook: Err(failure.to_string()) },
        };
        let real = installed.is_empty().then(|| {
            let architecture = Architecture::ZImageTurbo;
            let synthetic = Synthetic { architecture, tokens: 64, weights: WeightForm::Bf16 };
            let outlook = zao_engine::outlook_synthetic(synthetic, &settings);
            Drawing {
                model: architecture.as_str().into(),
                outlook: outlook.map_err(|error| error.to_string()),
            }
        });
        let rate = installed.first().and_then(|model| read_rate(&largest_file(&model.path)?));
        Ok(Self {
            host: zao_engine::look(instructions, &places::library_places())?,
            disk: Disk { folder: store.root().to_owned(), free: store.free_bytes(), rate },
            models,
            incomplete: store.incomplete()?,
            loras: (loras.root().to_owned(), count),
            own,
            real,
        })
    }

    /// Whether nothing but the demo model is there.
    pub(super) fn has_only_the_demo(&self) -> bool {
        self.own.model == demo::NAME
    }
}

fn model(model: &Installed) -> Found {
    let Installed { name, path, bytes, .. } = model;
    let bytes = *bytes;
    found(name.clone(), path, bytes)
}

fn file(path: &Path) -> Found {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    found(name, path, path.metadata().map_or(0, |about| about.len()))
}

fn found(name: String, path: &Path, bytes: u64) -> Found {
    let (weights, misfit) = match zao_engine::inspect(path, None) {
        Ok(inspection) => {
            let misfit = inspection.parts.into_iter().find_map(|part| part.misfit);
            (inspection.stored.first().map(|stored| stored.name), misfit)
        }
        Err(error) => (None, Some(error.to_string())),
    };
    Found { name, path: path.to_owned(), bytes, weights, misfit }
}

/// The largest file below a folder.
fn largest_file(folder: &Path) -> Option<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    let mut largest = (0, None);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).ok()?.flatten() {
            let path = entry.path();
            let Ok(about) = path.metadata() else { continue };
            if about.is_dir() {
                folders.push(path);
            } else if about.len() > largest.0 {
                largest = (about.len(), Some(path));
            }
        }
    }
    largest.1
}

/// Bytes a second that the middle of a large file is read at; pages that are cached count.
fn read_rate(path: &Path) -> Option<u64> {
    const SAMPLE: u64 = 128 << 20;
    let mut file = File::open(path).ok()?;
    let begin = file.metadata().ok()?.len().checked_sub(SAMPLE)? / 2;
    file.seek(SeekFrom::Start(begin)).ok()?;
    let mut buffer = vec![0; 4 << 20];
    let since = Instant::now();
    let mut read = 0;
    while read < SAMPLE {
        read += file.read(&mut buffer).ok().filter(|&count| count > 0)? as u64;
    }
    Some((read as f64 / since.elapsed().as_secs_f64()) as u64)
}
