//! Where NVIDIA's libraries lie on this machine. Folders are walked and nothing is started or opened: whether a
//! file is a library that works is for whoever opens it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Where to look for libraries, beside the folders of every Linux machine. What the environment says is read
/// by the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LibraryPlaces {
    /// Folders of libraries, such as those of `LD_LIBRARY_PATH`.
    pub folders: Vec<PathBuf>,
    /// Toolkits, such as `CUDA_PATH`: their libraries are in `lib64` or `lib`.
    pub toolkits: Vec<PathBuf>,
    /// Python environments, such as `VIRTUAL_ENV`.
    pub environments: Vec<PathBuf>,
    /// Folders of programs, such as those of `PATH`: where a Python is, its packages are searched.
    pub programs: Vec<PathBuf>,
    /// The user's home, where Python packages may be.
    pub home: Option<PathBuf>,
}

/// A file that is named like a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The file.
    pub(crate) path: PathBuf,
    /// Its major version.
    pub(crate) major: u32,
}

impl Candidate {
    /// What another file at this place would not share.
    pub(crate) fn identity(&self) -> String {
        let path = self.path.display();
        let Ok(about) = self.path.metadata() else { return path.to_string() };
        let changed = about.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        format!("{path} {} {}", about.len(), changed.map_or(0, |since| since.as_secs()))
    }
}

/// Folders of system libraries.
const SYSTEM: [&str; 6] = [
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/aarch64-linux-gnu",
    "usr/lib64",
    "usr/lib",
    "usr/local/lib64",
    "usr/local/lib",
];
/// Folders of a toolkit that hold libraries.
const TOOLKIT: [&str; 4] = ["lib64", "lib", "targets/x86_64-linux/lib", "targets/sbsa-linux/lib"];

/// Files `lib<name>.so.<major>` in all places, the newest major version first and without those newer than
/// `newest`; of equal versions those that are named explicitly come first. `root` is the root of the file system.
pub(crate) fn find(places: &LibraryPlaces, root: &Path, name: &str, newest: u32) -> Vec<Candidate> {
    let prefix = format!("lib{name}.so.");
    let mut known = HashSet::new();
    let mut found = Vec::new();
    for folder in folders(places, root) {
        for file in names(&folder) {
            let Some(major) = file.strip_prefix(&prefix).and_then(major) else { continue };
            let path = folder.join(&file);
            let same = path.canonicalize().unwrap_or_else(|_| path.clone());
            if major <= newest && path.is_file() && known.insert(same) {
                found.push(Candidate { path, major });
            }
        }
    }
    // Stable: places keep their order.
    found.sort_by_key(|candidate| std::cmp::Reverse(candidate.major));
    found
}

/// `12` of `12` and of `12.9.1`.
fn major(version: &str) -> Option<u32> {
    let number = |part: &str| part.parse::<u32>().ok();
    let mut parts = version.split('.');
    let major = number(parts.next()?)?;
    parts.all(|part| number(part).is_some()).then_some(major)
}

/// Every folder to look into, in order.
fn folders(places: &LibraryPlaces, root: &Path) -> Vec<PathBuf> {
    let mut folders = places.folders.clone();
    let installed = matching(&root.join("usr/local"), |name| name.starts_with("cuda"));
    for toolkit in places.toolkits.iter().chain(&installed) {
        folders.extend(TOOLKIT.map(|inside| toolkit.join(inside)));
    }
    folders.extend(SYSTEM.map(|folder| root.join(folder)));
    for packages in packages(places) {
        // `nvidia/cublas/lib` of the packages for CUDA 12, `nvidia/cu13/lib` of those after it.
        let nvidia = matching(&packages.join("nvidia"), |_| true);
        folders.extend(nvidia.into_iter().map(|folder| folder.join("lib")));
        folders.push(packages.join("torch/lib"));
    }
    // What Conda installs.
    folders.extend(places.environments.iter().map(|folder| folder.join("lib")));
    folders
}

/// The folders of packages of every Python.
fn packages(places: &LibraryPlaces) -> Vec<PathBuf> {
    let mut prefixes = places.environments.clone();
    for programs in &places.programs {
        for python in ["python3", "python"] {
            let python = programs.join(python);
            // What a Python in PATH points to has packages of its own.
            if let Ok(real) = python.canonicalize() {
                prefixes.extend([python, real].iter().filter_map(|it| prefix(it)));
            }
        }
    }
    prefixes.extend(places.home.as_ref().map(|home| home.join(".local")));
    let mut known = HashSet::new();
    let mut packages = Vec::new();
    for prefix in prefixes.into_iter().filter(|prefix| known.insert(prefix.clone())) {
        for lib in ["lib", "lib64", "local/lib"] {
            for version in matching(&prefix.join(lib), |name| name.starts_with("python3")) {
                packages.extend(["site-packages", "dist-packages"].map(|name| version.join(name)));
            }
        }
    }
    packages
}

/// The folder that `bin/python3` is below.
fn prefix(python: &Path) -> Option<PathBuf> {
    Some(python.parent()?.parent()?.to_owned())
}

/// Names in a folder, sorted; none if it is not there.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// Entries of a folder whose names match, the last name first: of several versions the newest.
fn matching(folder: &Path, matches: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let names = names(folder).into_iter().rev();
    names.filter(|name| matches(name)).map(|name| folder.join(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file system with these files.
    fn files(paths: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for path in paths {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        root
    }

    fn found(root: &tempfile::TempDir, places: &LibraryPlaces, newest: u32) -> Vec<String> {
        let found = find(places, root.path(), "cublasLt", newest);
        let inside = |path: &Path| path.strip_prefix(root.path()).unwrap().display().to_string();
        found.iter().map(|candidate| inside(&candidate.path)).collect()
    }

    #[test]
    fn every_usual_place_is_searched() {
        let root = files(&[
            "ld/libcublasLt.so.13",
            "toolkit/lib64/libcublasLt.so.13.1",
            "usr/local/cuda-12.4/targets/x86_64-linux/lib/libcublasLt.so.12",
            "usr/lib/x86_64-linux-gnu/libcublasLt.so.12.0.1",
            "venv/lib/python3.12/site-packages/nvidia/cublas/lib/libcublasLt.so.12",
            "opt/bin/python3",
            "opt/lib/python3.11/site-packages/nvidia/cu13/lib/libcublasLt.so.13",
            "opt/lib/python3.11/site-packages/torch/lib/libcublasLt.so.11",
            "usr/bin/python3",
            "usr/local/lib/python3.10/dist-packages/nvidia/cublas/lib/libcublasLt.so.12",
            "home/.local/lib/python3.10/site-packages/nvidia/cublas/lib/libcublasLt.so.12",
            "conda/lib/libcublasLt.so.12",
        ]);
        let at = |path: &str| root.path().join(path);
        let places = LibraryPlaces {
            folders: vec![at("ld")],
            toolkits: vec![at("toolkit")],
            environments: vec![at("venv"), at("conda")],
            programs: vec![at("opt/bin"), at("usr/bin"), at("nowhere")],
            home: Some(at("home")),
        };
        let expected = [
            "ld/libcublasLt.so.13",
            "toolkit/lib64/libcublasLt.so.13.1",
            "opt/lib/python3.11/site-packages/nvidia/cu13/lib/libcublasLt.so.13",
            "usr/local/cuda-12.4/targets/x86_64-linux/lib/libcublasLt.so.12",
            "usr/lib/x86_64-linux-gnu/libcublasLt.so.12.0.1",
            "venv/lib/python3.12/site-packages/nvidia/cublas/lib/libcublasLt.so.12",
            "usr/local/lib/python3.10/dist-packages/nvidia/cublas/lib/libcublasLt.so.12",
            "home/.local/lib/python3.10/site-packages/nvidia/cublas/lib/libcublasLt.so.12",
            "conda/lib/libcublasLt.so.12",
            "opt/lib/python3.11/site-packages/torch/lib/libcublasLt.so.11",
        ];
        assert_eq!(found(&root, &places, 13), expected);
        // A driver for CUDA 12 cannot run what is made for 13.
        assert_eq!(found(&root, &places, 12), expected[3..]);
    }

    #[test]
    fn only_files_of_exactly_this_name_count() {
        let root = files(&[
            "ld/libcublasLt.so",
            "ld/libcublasLt.so.twelve",
            "ld/libcublasLt.so.12.hidden",
            "ld/libcublasLt_static.a",
            "ld/libcublas.so.12",
            "ld/libcublasLt.so.13/a-folder",
        ]);
        let places = LibraryPlaces { folders: vec![root.path().join("ld")], ..Default::default() };
        assert!(found(&root, &places, 99).is_empty());
    }

    #[test]
    fn another_file_at_the_same_place_is_another_library() {
        let root = files(&["libcublasLt.so.12"]);
        let candidate = Candidate { path: root.path().join("libcublasLt.so.12"), major: 12 };
        let before = candidate.identity();
        assert_eq!(candidate.identity(), before);
        std::fs::write(&candidate.path, "longer").unwrap();
        assert_ne!(candidate.identity(), before);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_and_its_target_are_one_and_a_virtual_environment_leads_to_its_python() {
        let root = files(&[
            "ld/libcublasLt.so.12.9.1",
            "base/bin/python3.12",
            "base/lib/python3.12/site-packages/nvidia/cublas/lib/libcublasLt.so.12",
        ]);
        let at = |path: &str| root.path().join(path);
        let link = std::os::unix::fs::symlink::<PathBuf, PathBuf>;
        link(at("ld/libcublasLt.so.12.9.1"), at("ld/libcublasLt.so.12")).unwrap();
        std::fs::create_dir_all(at("venv/bin")).unwrap();
        link(at("base/bin/python3.12"), at("venv/bin/python3")).unwrap();
        let places = LibraryPlaces {
            folders: vec![at("ld")],
            programs: vec![at("venv/bin")],
            ..Default::default()
        };
        let mut expected = ["ld/libcublasLt.so.12".to_owned(), String::new()];
        // The interpreter's own folder is named by its true path.
        expected[1] =
            "base/lib/python3.12/site-packages/nvidia/cublas/lib/libcublasLt.so.12".into();
        let real = root.path().canonicalize().unwrap();
        let found: Vec<_> = find(&places, root.path(), "cublasLt", 12)
            .iter()
            .map(|candidate| candidate.path.clone())
            .collect();
        assert_eq!(found, [root.path().join(&expected[0]), real.join(&expected[1])]);
    }
}
