//! From the name of a model, and the files named beside it, to what can be opened.

use std::path::{Path, PathBuf};

use zao_engine::ModelSource;
use zao_weights::{Installed, KnownModel, PartName, Source, Store, WeightFile};

use crate::cli::FileArgs;
use crate::demo;
use crate::failure::{Failure, Result};

/// What is drawn with when it is installed and nobody asks for another.
const PREFERRED: &str = "z-image-turbo";

/// Which model is wanted.
#[derive(Clone, Copy)]
pub(crate) enum Asked<'a> {
    /// Nobody said; the best there is.
    Any,
    /// The user named a model, a folder or a file.
    ByUser(&'a str),
    /// A picture's recipe names the model that drew it.
    ByRecipe(&'a str),
}

/// A model that can be opened.
pub(crate) struct Chosen<S = ModelSource> {
    pub(crate) name: String,
    pub(crate) source: S,
    /// What to tell the user about the choice, if they did not make it.
    pub(crate) notice: Option<String>,
}

impl From<Installed> for Chosen<Source> {
    fn from(model: Installed) -> Self {
        Self { name: model.name, source: Source::Folder(model.path), notice: None }
    }
}

/// Finds the model that is wanted, with the files in place of its parts.
pub(crate) fn choose(asked: &Asked<'_>, files: &FileArgs, store: &Store) -> Result<Chosen> {
    let mut source = ModelSource {
        base: None,
        text_encoder: files.text_encoder.clone(),
        transformer: files.transformer.clone(),
        vae: files.vae.clone(),
        tokenizer: files.tokenizer.clone(),
    };
    let mut asked = *asked;
    if let Asked::ByUser(name) = asked
        && let Some(file) = file(name, store)
    {
        fill(&mut source, &file)?;
        asked = Asked::Any;
    }
    if source.is_base_only() {
        let Chosen { name, source, notice } = choose_folder(&asked, store)?;
        return Ok(Chosen { name, source: source.into(), notice });
    }
    // Without a name any model serves; and with all parts given, even none.
    let base = match asked {
        Asked::ByUser(_) => Some(choose_folder(&asked, store)?),
        Asked::ByRecipe(name) => named(name, store).or_else(|| any(store).ok()),
        Asked::Any => any(store).ok(),
    };
    let stem = source.transformer.as_deref().and_then(Path::file_stem);
    let name = match (stem, &base) {
        (Some(stem), _) => stem.to_string_lossy().into_owned(),
        (None, Some(base)) => base.name.clone(),
        (None, None) => "files".into(),
    };
    source.base = base.map(|base| base.source);
    Ok(Chosen { name, source, notice: None })
}

/// Finds the model that is wanted where it has to be a folder.
fn choose_folder(asked: &Asked<'_>, store: &Store) -> Result<Chosen<Source>> {
    match asked {
        Asked::Any => any(store),
        Asked::ByUser(name) => by_user(name, store),
        Asked::ByRecipe(name) => named(name, store).ok_or_else(|| {
            let pull = KnownModel::find(name)
                .map_or(String::new(), |known| format!("run `zao pull {}`, or ", known.name));
            Failure::usage(format!(
                "the picture was drawn by the model {name:?}, which is not installed; {pull}name \
                 a model or its folder with --model, or its files"
            ))
        }),
    }
}

/// The folder of the model called `name`.
pub(crate) fn base(name: &str, store: &Store) -> Result<Option<Source>> {
    by_user(name, store).map(|chosen| Some(chosen.source))
}

/// The file at `asked`, if that is no model's name.
fn file(asked: &str, store: &Store) -> Option<PathBuf> {
    let path = Path::new(asked);
    (path.is_file() && named(asked, store).is_none()).then(|| path.to_owned())
}

/// Takes from the file at `path` every part that it has and no other file is named for.
fn fill(source: &mut ModelSource, path: &Path) -> Result<()> {
    let file = WeightFile::open(path)?;
    if file.parts().count() == 0 {
        let path = path.display();
        return Err(Failure::usage(format!("{path} is no model: it has {}", file.holds())));
    }
    for part in file.parts() {
        let place = match part {
            PartName::TextEncoder => &mut source.text_encoder,
            PartName::Transformer => &mut source.transformer,
            PartName::Vae => &mut source.vae,
        };
        place.get_or_insert_with(|| path.to_owned());
    }
    Ok(())
}

/// The installed or built-in model of that name.
fn named(name: &str, store: &Store) -> Option<Chosen<Source>> {
    store.find(name).map(Chosen::from).or_else(|| demo().filter(|demo| demo.name == name))
}

fn by_user(asked: &str, store: &Store) -> Result<Chosen<Source>> {
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

fn any(store: &Store) -> Result<Chosen<Source>> {
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

fn demo() -> Option<Chosen<Source>> {
    let source = Source::Embedded(demo::FILES?);
    Some(Chosen { name: demo::NAME.into(), source, notice: None })
}
