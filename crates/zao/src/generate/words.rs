//! Lists of words for prompts: `__animals/dogs__` is a line of `animals/dogs.txt` in a folder of them. Files are found and read
//! here, and only below those folders; what their lines mean is zao-prompt's.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use zao_prompt::{WildcardFile, Wildcards};

use crate::failure::{Failure, Result};
use crate::nearest::nearest;
use crate::places;

/// No list of words is larger than this.
const MAX_BYTES: u64 = 16 << 20;

/// How deep folders are looked into, and how many lists are looked at, for patterns of names and for names that were meant.
const DEEPEST: usize = 16;
const MOST_LISTS: usize = 20_000;

/// How many of the lists that there are a message names.
const SHOWN: usize = 8;

/// The folders of lists, in the order in which they are looked into.
pub(super) struct Folders(Vec<PathBuf>);

impl Folders {
    /// The folder that the user names.
    pub(super) fn named(folder: &Path) -> Result<Self> {
        if !folder.is_dir() {
            let shown = folder.display();
            return Err(Failure::usage(format!(
                "--wildcards: there is no folder {shown}; give the folder with the lists of words in it"
            )));
        }
        Ok(Self(vec![folder.into()]))
    }

    /// Where lists of words lie for the list of prompts at `path`: beside it, or where models are kept.
    pub(super) fn beside(path: &Path) -> Result<Self> {
        let beside = path.parent().unwrap_or(Path::new("")).join("wildcards");
        Ok(Self(vec![beside, places::wildcards()?]))
    }

    /// The lists in these folders, each read when it is first named.
    pub(super) fn lists(&self) -> Wildcards<'_> {
        Wildcards::new(|name| self.read(name))
    }

    /// All files that `name` means: one, or where it has stars every one that fits.
    fn read(&self, name: &str) -> Result<Vec<WildcardFile>, String> {
        if name.split('/').any(|part| ["", ".", ".."].contains(&part)) {
            return Err(format!(
                "{name:?} is no name of a list; it is a file in the folder of lists or in one below, as in animals/dogs"
            ));
        }
        let is_pattern = name.contains('*');
        for folder in &self.0 {
            let names = if is_pattern {
                let fits = |found: &String| matches(name, found);
                names_in(folder).into_iter().filter(fits).collect()
            } else if path_of(folder, name).is_file() {
                vec![name.to_owned()]
            } else {
                Vec::new()
            };
            if !names.is_empty() {
                return names.iter().map(|name| file(folder, name)).collect();
            }
        }
        Err(self.missing(name))
    }

    /// That there is no such list, where it was looked for, and what there is.
    fn missing(&self, name: &str) -> String {
        let folders: Vec<String> =
            self.0.iter().map(|folder| folder.display().to_string()).collect();
        let folders = folders.join(" or ");
        let mut there: Vec<String> = self.0.iter().flat_map(|folder| names_in(folder)).collect();
        there.sort();
        there.dedup();
        let last = |name: &str| name.rsplit('/').next().map(str::to_lowercase);
        let alike = there.iter().find(|other| last(other) == last(name));
        let meant =
            alike.map(String::as_str).or_else(|| nearest(name, there.iter().map(String::as_str)));
        let help = match (meant, &there[..]) {
            (Some(meant), _) => format!("perhaps __{meant}__ is meant"),
            (None, []) => "there are no lists; write one choice a line into that file, or name its folder with --wildcards".into(),
            (None, there) => {
                let more = if there.len() > SHOWN { " ..." } else { "" };
                let shown: Vec<&str> = there.iter().take(SHOWN).map(String::as_str).collect();
                format!("there are {}{more}", shown.join(", "))
            }
        };
        format!(
            "there is no list {name}.txt in {folders}: {help}; write \\__{name}__ for the characters"
        )
    }
}

fn path_of(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.txt"))
}

/// The file of a list, which has to lie below its folder whatever links there are.
fn file(folder: &Path, name: &str) -> Result<WildcardFile, String> {
    let path = path_of(folder, name);
    let shown = path.display().to_string();
    let unreadable = |error: std::io::Error| format!("cannot read {shown}: {error}");
    let root = fs::canonicalize(folder).map_err(unreadable)?;
    let real = fs::canonicalize(&path).map_err(unreadable)?;
    if !real.starts_with(&root) {
        return Err(format!(
            "{shown} is a link that leads out of {}; copy the list into it",
            folder.display()
        ));
    }
    let mut bytes = Vec::new();
    let read = File::open(&real).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("{shown} is larger than {} MiB; divide it", MAX_BYTES >> 20));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.split(|&byte| byte == b'\n').count();
        format!("{shown}, line {line}: this is no UTF-8; save the list as UTF-8")
    })?;
    Ok(WildcardFile { name: shown, text })
}

/// The names of all lists in a folder and below, in order; none where it cannot be read.
fn names_in(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    collect(folder, "", 0, &mut names);
    names.sort();
    names
}

fn collect(folder: &Path, before: &str, depth: usize, names: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if names.len() >= MOST_LISTS {
            return;
        }
        let Ok(name) = entry.file_name().into_string() else { continue };
        // A link to a folder is not followed, so that nothing leads in a circle.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if name.starts_with('.') {
            continue;
        } else if is_folder && depth < DEEPEST {
            collect(&entry.path(), &format!("{before}{name}/"), depth + 1, names);
        } else if let Some(name) = name.strip_suffix(".txt").filter(|_| entry.path().is_file()) {
            names.push(format!("{before}{name}"));
        }
    }
}

/// Whether a name fits a pattern of names: `*` is anything within a folder, `**` any folders.
fn matches(pattern: &str, name: &str) -> bool {
    fn parts(pattern: &[&str], name: &[&str]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            (["**"], _) => !name.is_empty(),
            (["**", rest @ ..], _) => (0..=name.len()).any(|skipped| parts(rest, &name[skipped..])),
            ([first, rest @ ..], [part, more @ ..]) => fits(first, part) && parts(rest, more),
            _ => false,
        }
    }
    let (pattern, name): (Vec<&str>, Vec<&str>) =
        (pattern.split('/').collect(), name.split('/').collect());
    parts(&pattern, &name)
}

/// Whether a name without folders fits a pattern with stars.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(name) = name.strip_prefix(begin) else { return false };
    let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
    rest.is_empty() || ends.into_iter().any(|at| fits(rest, &name[at..]))
}

#[cfg(test)]
mod tests {
    use zao_prompt::Pattern;

    use super::*;

    fn shelf() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("lists/animals")).unwrap();
        for (name, text) in [
            ("lists/colour.txt", "red\r\n# none\r\n"),
            ("lists/animals/dogs.txt", "a poodle"),
            ("lists/animals/cats.txt", "a tabby"),
            ("lists/broken.txt", "a\n\u{e9}"),
            ("secret.txt", "secret"),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        fs::write(folder.path().join("lists/broken.txt"), b"a\n\xff").unwrap();
        folder
    }

    fn expand(folder: &Path, pattern: &str) -> Result<String, String> {
        let folders = Folders(vec![folder.join("lists"), folder.join("more")]);
        let filled = Pattern::parse(pattern).unwrap().filled(&mut folders.lists());
        filled.map(|pattern| pattern.expand(1, 0)).map_err(|error| error.to_string())
    }

    #[test]
    fn lists_are_found_by_their_names_and_by_patterns_of_them() {
        let folder = shelf();
        let expand = |pattern| expand(folder.path(), pattern).unwrap();
        assert_eq!(expand("__colour__ __animals/dogs__"), "red a poodle");
        assert_eq!(expand("{2$$ and $$__animals/*__}").len(), "a poodle and a tabby".len());
        assert_eq!(expand("__**/d*__"), "a poodle");
        fs::create_dir(folder.path().join("more")).unwrap();
        fs::write(folder.path().join("more/only.txt"), "here").unwrap();
        fs::write(folder.path().join("more/colour.txt"), "not this").unwrap();
        assert_eq!(expand("__only__ __colour__"), "here red", "the first folder goes before");
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        let folder = shelf();
        for (pattern, told) in [
            ("__color__", "perhaps __colour__ is meant"),
            ("__dogs__", "perhaps __animals/dogs__ is meant"),
            (
                "__weather__",
                "there are animals/cats, animals/dogs, broken, colour; write \\__weather__",
            ),
            ("__x*__", "there is no list x*.txt in "),
            ("__../secret__", "\"../secret\" is no name of a list"),
            ("__/etc/passwd__", "is no name of a list"),
            ("__animals//dogs__", "is no name of a list"),
            ("__broken__", "broken.txt, line 2: this is no UTF-8"),
        ] {
            let error = expand(folder.path(), pattern).unwrap_err();
            assert!(error.contains(told), "{pattern}: {error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn no_link_leads_out_of_the_folder() {
        use std::os::unix::fs::symlink;

        let folder = shelf();
        symlink(folder.path().join("secret.txt"), folder.path().join("lists/out.txt")).unwrap();
        symlink(folder.path(), folder.path().join("lists/up")).unwrap();
        symlink("colour.txt", folder.path().join("lists/own.txt")).unwrap();
        for pattern in ["__out__", "__up/secret__", "__ou*__"] {
            let error = expand(folder.path(), pattern).unwrap_err();
            assert!(error.contains("leads out of"), "{pattern}: {error}");
        }
        assert_eq!(expand(folder.path(), "__own__").unwrap(), "red");
    }

    #[test]
    fn stars_are_anything_within_a_folder() {
        for (pattern, name, fitting) in [
            ("a*", "abc", true),
            ("*c*", "abc", true),
            ("a*c", "abd", false),
            ("*", "a/b", false),
            ("*/b", "a/b", true),
            ("**", "a/b/c", true),
            ("a/**", "a", false),
            ("**/c", "a/b/c", true),
            ("**/c", "c", true),
            ("红*", "红色", true),
        ] {
            assert_eq!(matches(pattern, name), fitting, "{pattern} {name}");
        }
    }
}
