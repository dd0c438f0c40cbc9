//! From the name of a model to its files.

use std::path::Path;

use zao_weights::{Installed, KnownModel, Source, Store};

use crate::demo;
use crate::failure::{Failure, Result};

/// What is drawn with when it is installed and nobody asks for another.
const PREFERRED: &str = "z-image-turbo";

/// Which model is wanted.
pub(crate) enum Asked<'a> {
    /// Nobody said; the best there is.
    Any,
    /// The user named a model or a folder.
    ByUser(&'a str),
    /// A picture's recipe names the model that drew it.
    ByRecipe(&'a str),
}

/// A model that can be opened.
pub(crate) struct Chosen {
    pub(crate) name: String,
    pub(crate) source: Source,
    /// What to tell the user about the choice, if they did not make it.
    pub(crate) notice: Option<String>,
}

impl From<Installed> for Chosen {
    fn from(model: Installed) -> Self {
        Self { name: model.name, source: Source::Folder(model.path), notice: None }
    }
}

/// Finds the model that is wanted.
pub(crate) fn choose(asked: &Asked<'_>, store: &Store) -> Result<Chosen> {
    match asked {
        Asked::Any => any(store),
        Asked::ByUser(name) => by_user(name, store),
        Asked::ByRecipe(name) => named(name, store).ok_or_else(|| {
            let pull = KnownModel::find(name)
                .map_or(String::new(), |known| format!("run `zao pull {}`, or ", known.name));
            Failure::usage(format!(
                "the picture was drawn by the model {name:?}, which is not installed; {pull}name \
                 a model or its folder with --model"
            ))
        }),
    }
}

/// The installed or built-in model of that name.
fn named(name: &str, store: &Store) -> Option<Chosen> {
    store.find(name).map(Chosen::from).or_else(|| demo().filter(|demo| demo.name == name))
}

fn by_user(asked: &str, store: &Store) -> Result<Chosen> {
    if let Some(chosen) = named(asked, store) {
        return Ok(chosen);
    }
    let path = Path::new(asked);
    if path.exists() {
        let name = path.file_name().map_or_else(|| asked.into(), |name| name.to_string_lossy());
        let source = Source::Folder(path.into());
        return Ok(Chosen { name: name.into(), source, notice: None });
    }
    let known = KnownModel::find(asked);
    Err(Failure::usage(if path.components().count() > 1 && known.is_none() {
        format!("no model folder at {asked}; check the path, or name one that `zao models` lists")
    } else if store.root().join(asked).exists() {
        let root = store.root().display();
        format!("the model {asked} in {root} is not whole; `zao pull` completes what it began")
    } else if let Some(known) = known {
        format!("{asked} is not installed; run `zao pull {}`", known.name)
    } else {
        let known: Vec<_> = KnownModel::ALL.iter().map(|known| known.name).collect();
        format!(
            "no model {asked:?} is installed; give --model one that `zao models` lists, a folder, or \
             pull {}",
            known.join(" or ")
        )
    }))
}

fn any(store: &Store) -> Result<Chosen> {
    let mut installed = store.installed()?;
    let preferred = installed.iter().position(|model| model.name == PREFERRED).unwrap_or(0);
    if preferred < installed.len() {
        return Ok(installed.swap_remove(preferred).into());
    }
    let Some(demo) = demo() else {
        return Err(Failure::failed(format!("no model is installed; run `zao pull {PREFERRED}`")));
    };
    let notice = format!(
        "drawn by the small built-in demo model; `zao pull {PREFERRED}` installs the real one"
    );
    Ok(Chosen { notice: Some(notice), ..demo })
}

fn demo() -> Option<Chosen> {
    let source = Source::Embedded(demo::FILES?);
    Some(Chosen { name: demo::NAME.into(), source, notice: None })
}
