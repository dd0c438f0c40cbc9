//! Where things are kept on this machine, and what else the environment says. The only place that
//! reads it.

use std::env;
use std::path::PathBuf;

use anyhow::Context;
use clap::ValueEnum;
use zao_engine::{Instructions, LibraryPlaces, UseOfLibraries};
use zao_weights::{AdapterFolder, Store};

use crate::cli::CudaLibraries;
use crate::failure::Failure;
use crate::language::Language;

/// The folder of what users keep: `$ZAO_HOME`, or `zao` in the user's data folder.
pub(crate) fn home() -> anyhow::Result<PathBuf> {
    Ok(match path("ZAO_HOME") {
        Some(home) => home,
        None => data_folder()
            .context("no home folder is known; say with ZAO_HOME where models are kept")?
            .join("zao"),
    })
}

/// The folder of adapters, `loras` beside the models.
pub(crate) fn adapters() -> anyhow::Result<AdapterFolder> {
    Ok(AdapterFolder::new(home()?.join("loras")))
}

/// The folder of lists of words, `wildcards` beside the models.
pub(crate) fn wildcards() -> anyhow::Result<PathBuf> {
    Ok(home()?.join("wildcards"))
}

/// The folder of jobs and their pictures, `jobs` beside the models.
pub(crate) fn jobs() -> anyhow::Result<PathBuf> {
    Ok(home()?.join("jobs"))
}

/// The file with settings, `config.yaml` at home, whether it is there or not.
pub(crate) fn config() -> anyhow::Result<PathBuf> {
    Ok(home()?.join("config.yaml"))
}

/// The file with settings that `ZAO_CONFIG` names.
pub(crate) fn named_config() -> Option<PathBuf> {
    path("ZAO_CONFIG")
}

/// What a variable says that `config` has a name for.
pub(crate) fn setting(variable: &str) -> Option<String> {
    let value = env::var_os(variable).filter(|value| !value.is_empty())?;
    Some(value.to_string_lossy().into_owned())
}

/// The names of all variables that begin as ours do.
pub(crate) fn our_variables() -> Vec<String> {
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("ZAO_")).collect();
    names.sort();
    names
}

/// The store of installed models, the folder `models`; and the cache of Hugging Face's own tools beside it.
pub(crate) fn store() -> anyhow::Result<Store> {
    let store = Store::new(home()?.join("models"));
    Ok(match hugging_face_hub() {
        Some(hub) => store.with_hugging_face_cache(hub),
        None => store,
    })
}

/// The folder `hub` of the Hugging Face cache, found as its own tools find it.
pub(crate) fn hugging_face_hub() -> Option<PathBuf> {
    let home = || path("HF_HOME").map(|home| home.join("hub"));
    path("HF_HUB_CACHE")
        .or_else(home)
        .or_else(|| Some(cache_folder()?.join("huggingface").join("hub")))
}

/// A mirror of Hugging Face, if one is set.
pub(crate) fn hugging_face_endpoint() -> Option<String> {
    text("HF_ENDPOINT")
}

/// The user's access token for Hugging Face, if one is set.
pub(crate) fn hugging_face_token() -> Option<String> {
    text("HF_TOKEN")
}

/// What a server wants to see before it draws, if `ZAO_TOKEN` says it.
pub(crate) fn server_token() -> Option<String> {
    text("ZAO_TOKEN")
}

/// The instructions that the processor is to be used with, if `ZAO_CPU` names some; for commands that have no flag for it.
pub(crate) fn instructions() -> Result<Option<Instructions>, Failure> {
    let Some(name) = text("ZAO_CPU") else { return Ok(None) };
    let wrong = |error| Failure::usage(format!("ZAO_CPU: {error}"));
    name.parse().map(Some).map_err(wrong)
}

/// Which of NVIDIA's libraries may be used, `ZAO_CUDA_LIBRARIES`, and where they may lie; for commands that have no flag for it.
pub(crate) fn libraries() -> Result<UseOfLibraries, Failure> {
    let name = text("ZAO_CUDA_LIBRARIES").unwrap_or_else(|| "auto".into());
    let wrong = |_| {
        Failure::usage(format!("ZAO_CUDA_LIBRARIES: unknown `{name}`; it takes auto, always, off"))
    };
    Ok(CudaLibraries::from_str(&name, false).map_err(wrong)?.at(library_places()))
}

/// Where NVIDIA's libraries may lie.
pub(crate) fn library_places() -> LibraryPlaces {
    let paths = |names: &[&str]| names.iter().copied().filter_map(path).collect();
    let list = |name| {
        let value = env::var_os(name).unwrap_or_default();
        let folders = env::split_paths(&value);
        folders.filter(|folder| !folder.as_os_str().is_empty()).collect()
    };
    LibraryPlaces {
        folders: list("LD_LIBRARY_PATH"),
        toolkits: paths(&["CUDA_PATH", "CUDA_HOME"]),
        environments: paths(&["VIRTUAL_ENV", "CONDA_PREFIX"]),
        programs: list("PATH"),
        home: path("HOME"),
    }
}

/// The folder for what can be found out again: `$ZAO_HOME/cache`, or `zao` in the user's folder of caches.
pub(crate) fn cache() -> Option<PathBuf> {
    let own = || path("ZAO_HOME").map(|home| home.join("cache"));
    own().or_else(|| Some(cache_folder()?.join("zao")))
}

/// The language that the locale asks for.
pub(crate) fn language() -> Language {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(text);
    locale.map_or_else(Language::default, |locale| Language::of_locale(&locale))
}

/// The proxy that downloads go through, if one is set.
pub(crate) fn proxy() -> Option<String> {
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"].into_iter().find_map(text)
}

fn cache_folder() -> Option<PathBuf> {
    path("XDG_CACHE_HOME").or_else(|| Some(path("HOME")?.join(".cache")))
}

fn data_folder() -> Option<PathBuf> {
    path("XDG_DATA_HOME")
        .or_else(|| path("LOCALAPPDATA"))
        .or_else(|| Some(path("HOME")?.join(".local").join("share")))
}

/// An environment variable as a path; an empty one counts as not set.
fn path(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// An environment variable as text; an empty one counts as not set.
fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
