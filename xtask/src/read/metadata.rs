//! What `cargo metadata` knows: the crates of the workspace with their dependencies, and the
//! licence of every package this machine would compile.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::cargo;

/// A crate of this workspace.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Its package name.
    pub(crate) name: String,
    /// Its folder, relative to the project.
    pub(crate) folder: String,
    /// Everything its manifest asks for.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a manifest's dependency tables.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    /// The package name.
    pub(crate) name: String,
    /// Which table it stands in.
    pub(crate) kind: Kind,
}

/// Where a dependency is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// In the crate itself or in its build script.
    Shipped,
    /// Only in its tests and benches.
    Dev,
}

/// A package of the whole dependency graph.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    /// Its name and version.
    pub(crate) name: String,
    /// The SPDX expression of its manifest.
    pub(crate) license: Option<String>,
}

/// The crates of the workspace at `root`.
pub(crate) fn members(root: &Path) -> Result<Vec<Member>> {
    let arguments = ["metadata", "--format-version", "1", "--offline", "--no-deps"];
    packages(root, &arguments)?.iter().map(|package| member(root, package)).collect()
}

/// Every package needed on this kind of machine. Packages for other platforms may not have been
/// downloaded, and without a network they cannot be asked.
pub(crate) fn graph(root: &Path) -> Result<Vec<Package>> {
    let version = cargo::output(root, &["-vV"])?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("`cargo -vV` does not name the host")?;
    let arguments = ["metadata", "--format-version", "1", "--offline", "--filter-platform", host];
    packages(root, &arguments)?
        .iter()
        .map(|package| {
            let name = format!("{} {}", text(package, "name")?, text(package, "version")?);
            let license = package["license"].as_str().map(str::to_owned);
            Ok(Package { name, license })
        })
        .collect()
}

fn packages(root: &Path, arguments: &[&str]) -> Result<Vec<Value>> {
    let answer: Value = serde_json::from_str(&cargo::output(root, arguments)?)?;
    let packages = answer["packages"].as_array().context("cargo metadata has no `packages`")?;
    Ok(packages.clone())
}

fn member(root: &Path, package: &Value) -> Result<Member> {
    let manifest = Path::new(text(package, "manifest_path")?);
    let folder = manifest.parent().and_then(|folder| folder.strip_prefix(root).ok());
    let folder =
        folder.with_context(|| format!("{} is outside the project", manifest.display()))?;
    let dependencies = package["dependencies"].as_array().into_iter().flatten();
    let dependencies = dependencies.map(|dependency| {
        let kind = if dependency["kind"] == "dev" { Kind::Dev } else { Kind::Shipped };
        Ok(Dependency { name: text(dependency, "name")?.to_owned(), kind })
    });
    Ok(Member {
        name: text(package, "name")?.to_owned(),
        folder: folder.to_string_lossy().replace('\\', "/"),
        dependencies: dependencies.collect::<Result<_>>()?,
    })
}

fn text<'v>(value: &'v Value, key: &str) -> Result<&'v str> {
    value[key].as_str().with_context(|| format!("cargo metadata has no `{key}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dev_dependencies_are_told_from_shipped_ones() {
        let package = serde_json::json!({
            "name": "a", "manifest_path": "/p/crates/a/Cargo.toml",
            "dependencies": [{ "name": "b", "kind": null }, { "name": "c", "kind": "dev" }],
        });
        let member = member(Path::new("/p"), &package).unwrap();
        assert_eq!(member.folder, "crates/a");
        assert_eq!(member.dependencies[0].kind, Kind::Shipped);
        assert_eq!(member.dependencies[1].kind, Kind::Dev);
    }
}
