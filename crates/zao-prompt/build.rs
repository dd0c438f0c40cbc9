//! Reads the tables in `data` once, when the crate is built, and writes what the program would make of them at each start: the tables as JSON,
//! which is read much faster than TOML, and the lexicons of all their words as they lie in memory. What a table may say is decided by the
//! crate's own code, which this script shares.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "what the script shares with the crate is there for the crate"
)]

#[path = "src/rules/beginnings.rs"]
mod beginnings;
#[path = "src/rules/class.rs"]
mod class;
#[path = "src/rules/compact.rs"]
mod compact;
#[path = "src/rules/error.rs"]
mod error;
#[path = "src/rules/lexicon.rs"]
mod lexicon;
#[path = "src/rules/tables.rs"]
mod tables;
#[path = "src/rules/trie.rs"]
mod trie;
#[path = "src/rules/written.rs"]
mod written;

use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use error::RulesError;
use lexicon::Lexicon;
use tables::Tables;
use written::{THINGS, WRITTEN};

fn main() -> Result<(), Box<dyn Error>> {
    for changed in ["build.rs", "data", "src/rules"] {
        println!("cargo::rerun-if-changed={changed}");
    }
    let folder = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo says where to write")?);
    fs::write(folder.join("tables.json"), lines(&WRITTEN)?)?;
    fs::write(folder.join("things.json"), lines(&THINGS)?)?;
    let tables = Tables::of(&WRITTEN)?;
    let simplified: HashMap<char, char> =
        tables.script.same_length().map(|(simple, full)| (full, simple)).collect();
    let simplified = |c| simplified.get(&c).copied();
    fs::write(folder.join("lexicon"), Lexicon::of(&tables, &simplified)?.bytes())?;
    let things = Tables::of(&THINGS)?.bilingual;
    Ok(fs::write(folder.join("things"), Lexicon::of_things(&things, &simplified)?.bytes())?)
}

/// On each line the name of a table and what a file of it says, as JSON.
fn lines(files: &[(&str, &str)]) -> Result<String, Box<dyn Error>> {
    let mut lines = String::new();
    for (name, text) in files {
        let table: serde_json::Value = toml::from_str(text)?;
        lines += &format!("{name} {table}\n");
    }
    Ok(lines)
}
