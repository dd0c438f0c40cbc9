//! `zao config check`: everything that is wrong with the file and the variables, not only the first.

use super::layers::Layers;
use super::table::{self, PLACES, Setting};
use super::{show, words};
use crate::cli::CheckArgs;
use crate::failure::{Failure, Result};
use crate::nearest::nearest;
use crate::{console, places};

pub(super) fn run(args: &CheckArgs) -> Result<()> {
    let language = args.which.lang.unwrap_or_else(places::language);
    let (layers, of_file) = Layers::load_all(args.which.config.as_deref())?;
    show::as_typed(&args.which)?;
    let of_variables = layers.wrong_variables();
    for name in unknown_variables() {
        let meant = meant(&name);
        console::remark(words::unknown_variable(&name, meant.as_deref()).say(language));
    }
    of_file.iter().chain(&of_variables).for_each(console::remark);
    let count = of_file.len() + of_variables.len();
    if count > 0 {
        return Err(Failure::usage(words::wrong(count).say(language)));
    }
    let (in_file, in_variables) = layers.counts();
    let file = match &layers.file {
        Some(file) => words::file_is_good(&file.display().to_string(), in_file),
        None => words::no_file(&places::config()?.display().to_string()),
    };
    console::result(file.say(language))?;
    if in_variables > 0 {
        console::result(words::variables_are_good(in_variables).say(language))?;
    }
    Ok(())
}

fn known() -> Vec<String> {
    let places = PLACES.iter().map(|(name, _)| (*name).to_owned());
    table::settings().iter().map(Setting::variable).chain(places).collect()
}

/// Variables with our prefix that are in no table: slips of whoever set them.
fn unknown_variables() -> Vec<String> {
    let known = known();
    places::our_variables().into_iter().filter(|name| !known.contains(name)).collect()
}

fn meant(name: &str) -> Option<String> {
    let known = known();
    nearest(name, known.iter().map(String::as_str)).map(str::to_owned)
}
