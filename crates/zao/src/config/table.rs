//! The table of settings: the arguments of `zao serve` as clap has them, and which other commands share some. A setting's key and
//! variable are made from its flag.

use clap::{Arg, ArgAction, ArgMatches, Args, Command};

use super::value;
use crate::cli::ServeArgs;

/// Flags of `zao serve` that are no settings: the file cannot say where it is.
const NO_SETTINGS: [&str; 3] = ["config", "help", "version"];

/// Settings whose values nobody gets to see.
const SECRETS: [&str; 2] = ["token", "admin-token"];

/// What `zao generate` takes from the settings, for they say what this machine and its user want.
const OF_GENERATE: [&str; 9] = [
    "model",
    "device",
    "precision",
    "vram",
    "ram",
    "text-encoder-on",
    "threads",
    "cpu",
    "cuda-libraries",
];

/// What a recipe says itself, so that a picture that is drawn again is the same.
const OF_A_RECIPE: [&str; 2] = ["model", "precision"];

/// What `zao plan` takes of them, for this machine.
const OF_PLAN: [&str; 4] = ["model", "vram", "ram", "text-encoder-on"];

/// Variables that cannot be keys of the file, which is found with them, and what they mean.
pub(super) const PLACES: [(&str, &str); 2] = [
    ("ZAO_HOME", "Folder for models, LoRAs, jobs and config.yaml"),
    ("ZAO_CONFIG", "File with settings in place of config.yaml there"),
];

/// A setting, by the argument that it is.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    argument: Arg,
    flag: String,
}

/// Every setting, in the order of the help.
pub(super) fn settings() -> Vec<Setting> {
    let command = ServeArgs::augment_args(Command::new("serve"));
    let setting = |argument: &Arg| {
        let flag = argument.get_long().filter(|flag| !NO_SETTINGS.contains(flag))?.to_owned();
        Some(Setting { argument: argument.clone(), flag })
    };
    let settings: Vec<Setting> = command.get_arguments().filter_map(setting).collect();
    // Flattened arguments of one heading may stand apart.
    let mut headings: Vec<String> = Vec::new();
    for setting in &settings {
        if !headings.iter().any(|heading| heading == setting.heading()) {
            headings.push(setting.heading().to_owned());
        }
    }
    let of = |heading: &String| {
        settings.iter().filter(|setting| setting.heading() == *heading).cloned().collect::<Vec<_>>()
    };
    headings.iter().flat_map(of).collect()
}

/// The flags that a command takes from the settings, as far as what was typed leaves them open.
pub(super) fn wanted_by(command: &str, given: &ArgMatches) -> Vec<String> {
    let is_given = |id: &str| given.try_contains_id(id).unwrap_or(false);
    let owned = |flags: &[&str]| flags.iter().map(|&flag| flag.to_owned()).collect();
    match command {
        "serve" => settings().into_iter().map(|setting| setting.flag).collect(),
        "generate" if is_given("from") => OF_GENERATE
            .map(str::to_owned)
            .into_iter()
            .filter(|flag| !is_of_a_recipe(flag))
            .collect(),
        "generate" => owned(&OF_GENERATE),
        // A card that is not here has nothing to do with this machine.
        "plan" if !is_given("card") => owned(&OF_PLAN),
        _ => Vec::new(),
    }
}

fn is_of_a_recipe(flag: &str) -> bool {
    OF_A_RECIPE.contains(&flag)
}

impl Setting {
    /// Its name on the command line, without dashes before it.
    pub(super) fn flag(&self) -> &str {
        &self.flag
    }

    /// Its name in the file.
    pub(super) fn key(&self) -> String {
        self.flag.replace('-', "_")
    }

    /// Its name in the environment.
    pub(super) fn variable(&self) -> String {
        format!("ZAO_{}", self.key().to_ascii_uppercase())
    }

    /// The heading that it stands under.
    pub(super) fn heading(&self) -> &str {
        self.argument.get_help_heading().unwrap_or_default()
    }

    /// What it means, in a line or more.
    pub(super) fn help(&self) -> String {
        let help = self.argument.get_help().map(ToString::to_string).unwrap_or_default();
        help.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Its values when nobody sets it.
    pub(super) fn default(&self) -> Vec<String> {
        let values = self.argument.get_default_values();
        values.iter().map(|value| value.to_string_lossy().into_owned()).collect()
    }

    /// What holds when nobody sets it and that is no value, in words.
    pub(super) fn unset(&self) -> Option<String> {
        let help = self.help();
        let (_, rest) = help.split_once("[default: ")?;
        rest.split_once(']').map(|(what, _)| what.to_owned())
    }

    /// Whether it has several values.
    pub(super) fn is_list(&self) -> bool {
        matches!(self.argument.get_action(), ArgAction::Append)
    }

    /// Whether its value is nobody's business.
    pub(super) fn is_secret(&self) -> bool {
        SECRETS.contains(&self.flag())
    }

    /// The other commands that follow it.
    pub(super) fn also_of(&self) -> Vec<&'static str> {
        let tables = [("zao generate", &OF_GENERATE[..]), ("zao plan", &OF_PLAN[..])];
        let has = |flags: &[&str]| flags.contains(&self.flag());
        tables.iter().filter(|(_, flags)| has(flags)).map(|(name, _)| *name).collect()
    }

    /// Says why it cannot have these values, if that is so.
    pub(super) fn check(&self, values: &[String]) -> Result<(), String> {
        value::check(&self.argument, values).map_err(|why| {
            let shown =
                if self.is_secret() { "this".into() } else { format!("{:?}", values.join(", ")) };
            let names = self.argument.get_value_names().unwrap_or_default();
            let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
            let example = match self.default().first() {
                Some(default) => format!(", as in {default}"),
                None => String::new(),
            };
            format!("{shown} cannot be used: {why} (it takes {}{example})", names.join(" "))
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_flag_of_serve_has_its_key_and_variable() {
        let mut command = Cli::command();
        command.build();
        let serve = command.find_subcommand("serve").unwrap();
        let flags = serve.get_arguments().filter_map(Arg::get_long);
        let settings = settings();
        let mut names = std::collections::BTreeSet::new();
        for flag in flags.filter(|flag| !NO_SETTINGS.contains(flag)) {
            let setting = settings.iter().find(|setting| setting.flag() == flag);
            let setting = setting.unwrap_or_else(|| panic!("--{flag} is no setting"));
            assert!(names.insert(setting.variable()), "{flag} is there once");
            assert!(!setting.heading().is_empty(), "--{flag} stands under no heading");
            assert!(setting.help().len() > 10, "--{flag} is explained");
            assert_eq!(setting.check(&setting.default()), Ok(()), "--{flag}");
            let said = setting.unset().is_some() || !setting.default().is_empty();
            let may_be_silent = setting.is_list() || !setting.default().is_empty();
            let optional = [
                "token",
                "token-file",
                "admin-token-file",
                "page",
                "transformer",
                "text-encoder",
                "vae",
                "tokenizer",
            ];
            assert!(said || may_be_silent || optional.contains(&flag), "--{flag} says no default");
        }
        assert_eq!(names.len(), settings.len());
        assert!(names.contains("ZAO_KEEP_DAYS") && names.contains("ZAO_CUDA_LIBRARIES"));
    }

    #[test]
    fn shared_settings_are_arguments_of_the_commands_that_share_them() {
        let command = Cli::command();
        let settings = settings();
        for (name, flags) in [("generate", &OF_GENERATE[..]), ("plan", &OF_PLAN)] {
            let subcommand = command.find_subcommand(name).unwrap();
            for flag in flags {
                let there = subcommand.get_arguments().any(|it| it.get_long() == Some(flag));
                assert!(there, "zao {name} has no --{flag}");
                assert!(settings.iter().any(|setting| setting.flag() == *flag), "--{flag}");
            }
        }
    }

    #[test]
    fn no_other_variable_of_ours_is_read() {
        let known: Vec<String> = settings().iter().map(Setting::variable).collect();
        let places = include_str!("../places.rs");
        let is_of_a_name = |c: char| c.is_ascii_uppercase() || c == '_';
        let name = |rest: &str| rest.chars().take_while(|&c| is_of_a_name(c)).collect::<String>();
        let names = places.split("\"ZAO_").skip(1).map(name).filter(|name| !name.is_empty());
        let names: Vec<String> = names.map(|name| format!("ZAO_{name}")).collect();
        assert!(names.len() > 3, "{names:?}");
        for name in names {
            let is_place = PLACES.iter().any(|(place, _)| *place == name);
            assert!(is_place || known.contains(&name), "{name} is in no table");
        }
    }
}
