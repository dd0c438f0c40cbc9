//! `zao config init`: a file with every setting at its default, each explained, to be changed by hand. It is made from the table.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::Context;

use super::table::{self, Setting};
use crate::cli::InitArgs;
use crate::failure::{Failure, Result};
use crate::{console, places};

/// How wide comments are.
const WIDTH: usize = 100;

pub(super) fn run(args: &InitArgs) -> Result<()> {
    let text = text();
    let path = match &args.file {
        Some(path) if path.as_os_str() == "-" => {
            return Ok(console::result(text.trim_end())?);
        }
        Some(path) => path.clone(),
        None => places::config()?,
    };
    write(&path, &text, args.force)?;
    Ok(console::result(path.display())?)
}

fn write(path: &Path, text: &str, force: bool) -> Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let failed = || format!("cannot make the folder {}", folder.display());
        fs::create_dir_all(folder).with_context(failed)?;
    }
    let mut options = OpenOptions::new();
    options.write(true);
    let options =
        if force { options.create(true).truncate(true) } else { options.create_new(true) };
    // A token may come to stand in it.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Failure::usage(format!(
            "{} is there already; --force writes it anew, and what it says now is lost",
            path.display()
        ))),
        done => Ok(done.with_context(|| format!("cannot write {}", path.display()))?),
    }
}

/// The text of the file.
fn text() -> String {
    let mut lines = Vec::new();
    let intro = "Settings of `zao serve`. Each line of the form `#key: value` is a default; take its # away and change the value. \
                 The same setting is a flag and a variable, too: a flag counts before a variable, a variable before this file. Paths \
                 are seen from where zao is started. `zao config check` says whether all can be used, `zao config show --origin` what \
                 holds and why.";
    lines.extend(comment(intro));
    let mut heading = String::new();
    for setting in table::settings() {
        if setting.heading() != heading {
            heading = setting.heading().to_owned();
            lines.push(String::new());
            lines.push(format!("# {}", heading.to_uppercase()));
        }
        lines.push(String::new());
        lines.extend(comment(&about(&setting)));
        lines.push(format!("#{}: {}", setting.key(), value(&setting)).trim_end().to_owned());
    }
    lines.join("\n") + "\n"
}

fn about(setting: &Setting) -> String {
    let list = if setting.is_list() { " (a list: [one, two])" } else { "" };
    let names = format!("--{}, {}", setting.flag(), setting.variable());
    let also = match setting.also_of()[..] {
        [] => String::new(),
        ref others => format!("; also of {}", others.join(" and ")),
    };
    format!("{}{list}. {names}{also}", setting.help())
}

/// The default as YAML.
fn value(setting: &Setting) -> String {
    if setting.is_list() { "[]".to_owned() } else { setting.default().join("") }
}

/// A text as comments, broken between words.
fn comment(text: &str) -> Vec<String> {
    let mut lines = vec!["#".to_owned()];
    for word in text.split_whitespace() {
        let last = lines.last().map_or(0, |line| line.chars().count());
        if last > 1 && last + 1 + word.chars().count() > WIDTH {
            lines.push("#".to_owned());
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::file::{self, Content};
    use super::*;

    #[test]
    fn the_file_says_nothing_until_it_is_changed() {
        assert_eq!(file::parse(&text()), Ok(Vec::new()));
        assert!(text().lines().all(|line| line.chars().count() <= WIDTH));
    }

    #[test]
    fn with_every_line_taken_up_it_has_every_setting_at_its_default() {
        let is_setting = |line: &&str| line.starts_with('#') && !line.starts_with("# ");
        let text = text();
        let taken: Vec<&str> =
            text.lines().filter(is_setting).map(|line| line.trim_start_matches('#')).collect();
        let entries = file::parse(&taken.join("\n")).unwrap();
        let settings = table::settings();
        assert_eq!(entries.len(), settings.len());
        for (entry, setting) in entries.iter().zip(&settings) {
            assert_eq!(entry.key, setting.key());
            let values = match &entry.content {
                Content::Nothing => Vec::new(),
                Content::One(value) => vec![value.clone()],
                Content::Many(values) => values.clone(),
                Content::Group => panic!("{entry:?}"),
            };
            assert_eq!(values, setting.default(), "{}", entry.key);
            assert_eq!(setting.check(&values), Ok(()), "{}", entry.key);
        }
    }
}
