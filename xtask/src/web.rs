//! `cargo xtask web`: builds the page into `web/dist`, which lies in the repository so that nobody needs Node to build zao with its page.
//! `--check` builds it beside that and compares. It needs Node and npm; nothing else of the project does.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::Project;

/// Builds the page anew, with what the lock file says.
///
/// # Errors
/// No npm, or a build that fails.
pub fn build() -> Result<()> {
    build_into(&dist())
}

/// Says whether the page in the repository is what its sources make.
///
/// # Errors
/// As above, or a page that is behind.
pub fn check() -> Result<()> {
    let fresh = Project::folder().join("target/page");
    build_into(&fresh)?;
    let (kept, made) = (files(&dist())?, files(&fresh)?);
    let behind = differences(&kept, &made);
    if !behind.is_empty() {
        bail!(
            "web/dist is not what web/ makes: {}; run `cargo xtask web` and commit what it writes",
            behind.join(", ")
        );
    }
    Ok(())
}

fn dist() -> PathBuf {
    web().join("dist")
}

fn web() -> PathBuf {
    Project::folder().join("web")
}

fn build_into(folder: &Path) -> Result<()> {
    npm(&["ci", "--no-audit", "--no-fund"], &[])?;
    let folder = folder.to_str().context("a path of the project that is no text")?;
    npm(&["run", "build"], &["--", "--emptyOutDir", "--outDir", folder])
}

fn npm(words: &[&str], more: &[&str]) -> Result<()> {
    let done = Command::new("npm")
        .args(words)
        .args(more)
        .current_dir(web())
        .status()
        .context("cannot run npm; install Node 20.19 or newer")?;
    ensure!(done.success(), "`npm {}` in web failed", words.join(" "));
    Ok(())
}

/// All files below a folder by their names in it. What is packed is left to what it was packed from: one compressor's bytes
/// are not another's.
fn files(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries = fs::read_dir(&next).with_context(|| format!("{}", next.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_none_or(|extension| extension != "gz") {
                let name = path.strip_prefix(folder)?.to_string_lossy().replace('\\', "/");
                found.insert(name, fs::read(&path)?);
            }
        }
    }
    Ok(found)
}

/// Names of what is in one only, or other in the other.
fn differences(kept: &BTreeMap<String, Vec<u8>>, made: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let other = made.iter().filter(|(name, bytes)| kept.get(*name) != Some(bytes));
    let gone = kept.keys().filter(|name| !made.contains_key(*name));
    other.map(|(name, _)| name.clone()).chain(gone.cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_came_or_went_is_named() {
        let page = |files: &[(&str, &str)]| {
            files
                .iter()
                .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
                .collect()
        };
        let kept = page(&[("index.html", "a"), ("same.js", "b"), ("old.css", "c")]);
        let made = page(&[("index.html", "x"), ("same.js", "b"), ("new.css", "c")]);
        assert_eq!(differences(&kept, &made), ["index.html", "new.css", "old.css"]);
        assert!(differences(&kept, &kept).is_empty());
    }

    #[test]
    fn the_page_in_the_repository_is_packed_beside_its_files() {
        let page = files(&dist()).expect("the page lies in the repository");
        assert!(page.contains_key("index.html"));
        for name in page.keys() {
            let packed = dist().join(format!("{name}.gz"));
            assert!(packed.is_file(), "{} is missing", packed.display());
        }
    }
}
