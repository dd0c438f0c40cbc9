//! From the name of a model to its files.

use std::path::Path;

use zao_weights::{KnownModel, Source, Store};

use crate::demo;
use crate::failure::{Failure, Result};

/// What is drawn with when it is installed and nobody asks for another.
const PREFERRED: &str = "z-image-turbo";

/// A model that can be opened.
pub(crate) struct Chosen {
    pub(crate) name: String,
    pub(crate) source: Source,
    /// What to tell the user about the choice, if they did not make it.
    pub(crate) notice: Option<String>,
}

/// Finds the model `asked` for, or the best one there is.
pub(crate) fn choose(asked: Option<&str>, store: &Store) -> Result<Chosen> {
    match asked {
        Some(asked) => named(asked, store),
        None => best(store),
    }
}

fn named(asked: &str, store: &Store) -> Result<Chosen> {
    let chosen = |name: &str, source| Ok(Chosen { name: name.into(), source, notice: None });
    if let Some(installed) = store.find(asked) {
        return chosen(&installed.name, Source::Folder(installed.path));
    }
    if asked == demo::NAME
        && let Some(files) = demo::FILES
    {
        return chosen(demo::NAME, Source::Embedded(files));
    }
    let path = Path::new(asked);
    if path.exists() || path.components().count() > 1 {
        let name = path.file_name().map_or_else(|| asked.into(), |name| name.to_string_lossy());
        return chosen(&name, Source::Folder(path.into()));
    }
    Err(Failure::usage(match KnownModel::find(asked) {
        Some(known) => format!("{asked} is not installed; run `zao pull {}`", known.name),
        None => {
            let known: Vec<_> = KnownModel::ALL.iter().map(|known| known.name).collect();
            format!(
                "no model {asked:?}: not installed, no folder, and not one of {}; `zao models` \
                 lists what is installed",
                known.join(", ")
            )
        }
    }))
}

fn best(store: &Store) -> Result<Chosen> {
    let installed = store.installed()?;
    let preferred = installed.iter().find(|model| model.name == PREFERRED);
    if let Some(model) = preferred.or(installed.first()) {
        let source = Source::Folder(model.path.clone());
        return Ok(Chosen { name: model.name.clone(), source, notice: None });
    }
    let Some(files) = demo::FILES else {
        return Err(Failure::Failed(anyhow::anyhow!(
            "no model is installed; run `zao pull {PREFERRED}`"
        )));
    };
    let notice = format!(
        "drawing with the small built-in demo model; `zao pull {PREFERRED}` installs the real one"
    );
    Ok(Chosen { name: demo::NAME.into(), source: Source::Embedded(files), notice: Some(notice) })
}
