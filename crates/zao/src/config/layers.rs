//! What each place says about a setting, and which of them counts.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command};

use super::file::{self, Content, Entry};
use super::problem::{self, Problem};
use super::table::{self, PLACES, Setting};
use super::typed;
use crate::failure::{Failure, Result};
use crate::nearest::nearest;
use crate::places;

/// Where a value comes from, in the order in which places count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Flag,
    Variable,
    /// In this line of the file.
    File(usize),
    Default,
}

/// What one place says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) origin: Origin,
    pub(super) values: Vec<String>,
}

/// The file and the variables, as far as they can be used.
#[derive(Clone, Debug, Default)]
pub(super) struct Layers {
    pub(super) file: Option<PathBuf>,
    /// By flag.
    of_file: BTreeMap<String, Given>,
    /// By flag, checked when they are asked for: not every command minds every variable.
    of_variables: BTreeMap<String, Given>,
}

impl Layers {
    /// Reads the file and the variables.
    ///
    /// # Errors
    /// A file that is not there although it is named; a file that cannot be used.
    pub(super) fn load(named: Option<&Path>) -> Result<Self> {
        let (layers, problems) = Self::load_all(named)?;
        if problems.is_empty() { Ok(layers) } else { Err(problem::failure(&problems)) }
    }

    /// The same with everything that is wrong with the file.
    pub(super) fn load_all(named: Option<&Path>) -> Result<(Self, Vec<Problem>)> {
        let settings = table::settings();
        let mut layers = Self { of_variables: variables(&settings), ..Self::default() };
        let Some((path, text)) = found(named)? else { return Ok((layers, Vec::new())) };
        let problems = match file::parse(&text) {
            Ok(entries) => layers.take(&path, &entries, &settings),
            Err(fault) => vec![Problem::of_line(&path, fault.line, fault.message)],
        };
        layers.file = Some(path);
        Ok((layers, problems))
    }

    fn take(&mut self, path: &Path, entries: &[Entry], settings: &[Setting]) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for Entry { key, line, content } in entries {
            let of_line = |message: String| Problem::of_line(path, *line, message);
            let named = |setting: &&Setting| setting.key() == key.replace('-', "_");
            let Some(setting) = settings.iter().find(named) else {
                problems.push(of_line(unknown(key, settings)));
                continue;
            };
            if let Some(first) = seen.insert(setting.key(), *line) {
                problems.push(of_line(format!("{key} is there twice, first in line {first}")));
                continue;
            }
            match values(setting, content) {
                Ok(values) if values.is_empty() => {}
                Ok(values) => {
                    let given = Given { origin: Origin::File(*line), values };
                    self.of_file.insert(setting.flag().to_owned(), given);
                }
                Err(why) => problems.push(of_line(format!("{key}: {why}"))),
            }
        }
        problems
    }

    /// What is wrong with variables.
    pub(super) fn wrong_variables(&self) -> Vec<Problem> {
        let settings = table::settings();
        let wrong = |setting: &Setting| {
            let given = self.of_variables.get(setting.flag())?;
            let why = setting.check(&given.values).err()?;
            Some(Problem::of_variable(&setting.variable(), why))
        };
        settings.iter().filter_map(wrong).collect()
    }

    /// How many settings the file and the variables have.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.of_file.len(), self.of_variables.len())
    }

    /// What is said about a setting, by the places in the order in which they count; the last one is the default, which may be nothing.
    pub(super) fn of(&self, setting: &Setting, typed: Option<Vec<String>>) -> Vec<Given> {
        let typed = typed.map(|values| Given { origin: Origin::Flag, values });
        let variable = self.of_variables.get(setting.flag()).cloned();
        let file = self.of_file.get(setting.flag()).cloned();
        let default = Given { origin: Origin::Default, values: setting.default() };
        [typed, variable, file, Some(default)].into_iter().flatten().collect()
    }

    /// The arguments that `command` is to have beside those that were typed.
    ///
    /// # Errors
    /// A variable with a value that cannot be used.
    pub(super) fn fill(
        &self,
        command: &Command,
        given: &ArgMatches,
        wanted: &[String],
    ) -> Result<Vec<OsString>> {
        let settings = table::settings();
        let mut line = Vec::new();
        for setting in
            settings.iter().filter(|setting| wanted.iter().any(|flag| flag == setting.flag()))
        {
            if typed(command, given, setting.flag()).is_some() {
                continue;
            }
            let Some(given) = self.of(setting, None).into_iter().next() else { continue };
            match given.origin {
                Origin::Default | Origin::Flag => continue,
                Origin::Variable => setting.check(&given.values).map_err(|why| {
                    problem::failure(&[Problem::of_variable(&setting.variable(), why)])
                })?,
                Origin::File(_) => {}
            }
            let flag = setting.flag();
            line.extend(given.values.iter().map(|value| format!("--{flag}={value}").into()));
        }
        Ok(line)
    }
}

/// The file and its text: the one that is named, which has to be there, or the one at home, if it is.
fn found(named: Option<&Path>) -> Result<Option<(PathBuf, String)>> {
    let named = named.map(Path::to_owned).or_else(places::named_config);
    let path = match &named {
        Some(path) => path.clone(),
        None => match places::config() {
            Ok(path) if path.is_file() => path,
            _ => return Ok(None),
        },
    };
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some((path, text))),
        Err(error) => {
            let why = format!(
                "the settings cannot be read: {error}; `zao config init` writes such a file"
            );
            Err(Failure::usage(Problem::of_file(&path, why)))
        }
    }
}

fn variables(settings: &[Setting]) -> BTreeMap<String, Given> {
    let given = |setting: &Setting| {
        let text = places::setting(&setting.variable())?;
        let values: Vec<String> = if setting.is_list() {
            let values = text.split(',').map(str::trim).filter(|value| !value.is_empty());
            values.map(str::to_owned).collect()
        } else {
            vec![text]
        };
        let given = Given { origin: Origin::Variable, values };
        (!given.values.is_empty()).then(|| (setting.flag().to_owned(), given))
    };
    settings.iter().filter_map(given).collect()
}

/// The values that a file gives a setting; none where it says nothing.
fn values(setting: &Setting, content: &Content) -> Result<Vec<String>, String> {
    let values = match content {
        Content::Nothing => return Ok(Vec::new()),
        Content::One(value) => vec![value.clone()],
        Content::Many(values) if setting.is_list() => values.clone(),
        Content::Many(_) => return Err("it takes one value, not a list".into()),
        Content::Group if setting.is_list() => {
            return Err("it takes a list of values, not keys below it".into());
        }
        Content::Group => return Err("it takes one value, not keys below it".into()),
    };
    setting.check(&values).map(|()| values)
}

fn unknown(key: &str, settings: &[Setting]) -> String {
    let place = PLACES
        .iter()
        .find(|(variable, _)| variable.trim_start_matches("ZAO_").eq_ignore_ascii_case(key));
    if let Some((variable, _)) = place {
        return format!("{key} cannot be set in a file, which is found with it; set {variable}");
    }
    let keys: Vec<String> = settings.iter().map(Setting::key).collect();
    match nearest(key, keys.iter().map(String::as_str)) {
        Some(meant) => format!("there is no setting {key:?}; {meant} is probably meant"),
        None => format!("there is no setting {key:?}; `zao config show` lists those there are"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str) -> (Layers, Vec<String>) {
        let mut layers = Layers::default();
        let entries = file::parse(text).unwrap();
        let problems = layers.take(Path::new("config.yaml"), &entries, &table::settings());
        (layers, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn wrong_settings_are_told_with_line_key_and_what_is_taken() {
        let text = "prot: 1\nport: many\nqueue: [1, 2]\nhost:\n  a: 1\nkeep-days: 0\nlog: xml\nhome: /x\nrate: 5\nrate: 6\ncolour: red\n\
                    log_prompts: perhaps\ndevice: tpu\nkeep_size: lots\nhost-nome: x\norigin: [https://a.example/, b]\n";
        let (_, problems) = taken(text);
        let expected = [
            "config.yaml:1: there is no setting \"prot\"; port is probably meant",
            "config.yaml:2: port: \"many\" cannot be used: use a whole number from 0 to 65535 (it takes PORT, as in 7860)",
            "config.yaml:3: queue: it takes one value, not a list",
            "config.yaml:4: host: it takes one value, not keys below it",
            "config.yaml:6: keep-days: \"0\" cannot be used: use a whole number from 1 to 36500 (it takes DAYS, as in 7)",
            "config.yaml:7: log: \"xml\" cannot be used: there are text, json (it takes FORM, as in text)",
            "config.yaml:8: home cannot be set in a file, which is found with it; set ZAO_HOME",
            "config.yaml:10: rate is there twice, first in line 9",
            "config.yaml:11: there is no setting \"colour\"; `zao config show` lists those there are",
        ];
        assert_eq!(problems[..expected.len()], expected);
        let rest = &problems[expected.len()..];
        assert!(
            rest[0].starts_with("config.yaml:12: log_prompts: \"perhaps\" cannot be used"),
            "{rest:?}"
        );
        assert!(rest[1].starts_with("config.yaml:13: device: \"tpu\" cannot be used"), "{rest:?}");
        assert!(rest[2].contains(":14: keep_size") && rest[2].contains("8G"), "{rest:?}");
        assert!(rest[3].contains(":15: there is no setting"), "{rest:?}");
        assert!(
            rest[4].contains(":16: origin") && rest[4].contains("https://studio.example"),
            "{rest:?}"
        );
        assert_eq!(rest.len(), 5);
    }

    #[test]
    fn a_secret_is_in_no_complaint() {
        let (_, problems) = taken("token: [very, secret]\n");
        assert_eq!(problems, ["config.yaml:1: token: it takes one value, not a list"]);
    }

    #[test]
    fn flags_count_before_variables_before_the_file() {
        let (mut layers, problems) = taken("port: 1\nhost: 0.0.0.0\norigin: https://a\n");
        assert!(problems.is_empty());
        let variable = |value: &str| Given { origin: Origin::Variable, values: vec![value.into()] };
        layers.of_variables.insert("port".into(), variable("2"));
        let settings = table::settings();
        let of = |flag: &str, typed: Option<&str>| {
            let setting = settings.iter().find(|setting| setting.flag() == flag).unwrap();
            let typed = typed.map(|value| vec![value.to_owned()]);
            let said = layers.of(setting, typed);
            said.iter().map(|given| given.values.join(",")).collect::<Vec<_>>()
        };
        assert_eq!(of("port", Some("3")), ["3", "2", "1", "7860"]);
        assert_eq!(of("port", None), ["2", "1", "7860"]);
        assert_eq!(of("host", None), ["0.0.0.0", "127.0.0.1"]);
        assert_eq!(of("origin", None), ["https://a", ""]);
        assert_eq!(of("rate", None), [""]);
    }
}
