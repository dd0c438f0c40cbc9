//! Reads the tables in `data` once, when the crate is built, and writes what the program would make of them at each start: the tables as JSON,
//! which is read much faster than TOML, and the lexicon of all their words as it lies in memory. What a table may say is decided by the
//! crate's own code, which this script shares.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "what the script shares with the crate is there for the crate"
)]

#[path = "src/rules/beginnings.rs"]
mod beginnings;
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
use written::WRITTEN;

fn main() -> Result<(), Box<dyn Error>> {
    for changed in ["build.rs", "data", "src/rules"] {
        println!("cargo::rerun-if-changed={changed}");
    }
    let folder = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo says where to write")?);
    let mut lines = String::new();
    for (name, text) in WRITTEN {
        let table: serde_json::Value = toml::from_str(text)?;
        lines += &format!("{name} {table}\n");
    }
    fs::write(folder.join("tables.json"), lines)?;
    let tables = Tables::of(&WRITTEN)?;
    let simplified: HashMap<char, char> =
        tables.script.same_length().map(|(simple, full)| (full, simple)).collect();
    let lexicon = Lexicon::of(&tables, &|c| simplified.get(&c).copied())?;
    Ok(fs::write(folder.join("lexicon"), lexicon.bytes())?)
}
