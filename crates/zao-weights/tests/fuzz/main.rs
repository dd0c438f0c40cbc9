//! Damaged files, thrown at the parsers of files that people download: nothing may panic, abort, hang, or
//! ask for much memory.
//!
//! Without arguments (as the tests run it) some thousand inputs a parser, the same each time. With
//! `--minutes N [PARSER]` (as `cargo xtask fuzz` runs it) new ones for so long; what fails, and what made a
//! parser say something new, is kept below `target/fuzz/found`. Inputs worth keeping belong in `corpus`.

#![allow(
    clippy::print_stdout,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test without the usual harness talks to its terminal and fails by panicking"
)]

#[path = "../writers/mod.rs"]
mod writers;

mod corpus;
mod mutate;
mod parsers;
mod random;

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parsers::Parser;
use random::Random;

/// Inputs of a parser when nobody says how long.
const FEW: usize = 4000;

/// The same of a parser of folders, each of which has to be written.
const FEW_FOLDERS: usize = 200;

/// The most that the process may grow by, in bytes, whatever a file of a few kilobytes claims.
const ROOM: u64 = 512 << 20;

/// One input may take so long; more than a millisecond is rare.
const PATIENCE: Duration = Duration::from_secs(5);

/// Most inputs that are mutated further.
const POOL: usize = 1000;

/// How long to go on.
#[derive(Clone, Copy)]
enum Span {
    Few,
    Time(Duration),
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (span, wanted) = match words[..] {
        ["--minutes", minutes] => (minutes_of(minutes), None),
        ["--minutes", minutes, parser] => (minutes_of(minutes), Some(parser)),
        // What the usual harness would be asked: names of tests, or to list them.
        _ if words.iter().any(|word| !word.starts_with('-') || *word == "--list") => return,
        _ => (Span::Few, None),
    };
    let parsers: Vec<_> =
        Parser::ALL.into_iter().filter(|it| wanted.is_none_or(|name| it.name() == name)).collect();
    assert!(!parsers.is_empty(), "there is no parser {wanted:?}; there are {:?}", Parser::NAMES);
    limit_memory();
    for parser in parsers {
        run(parser, span);
    }
}

fn minutes_of(text: &str) -> Span {
    Span::Time(Duration::from_secs(60 * text.parse::<u64>().unwrap()))
}

/// Makes the system refuse what would be too much; the process aborts then, which is a failure.
fn limit_memory() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
        let kilobytes = size.trim().strip_suffix("kB").unwrap().trim().parse::<u64>().unwrap();
        let most = Some((kilobytes << 10) + ROOM);
        setrlimit(Resource::As, Rlimit { current: most, maximum: most }).unwrap();
    }
}

fn run(parser: Parser, span: Span) {
    let start = Instant::now();
    let seed = match span {
        Span::Few => 1,
        Span::Time(_) => std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64,
    };
    let mut random = Random::new(seed);
    let mut pool = corpus::of(parser);
    let mut said = BTreeSet::new();
    for (index, input) in pool.iter().enumerate() {
        said.insert(outcome(parser, input, &format!("corpus-{index}")));
    }
    let found = found(parser);
    let long = matches!(span, Span::Time(_));
    if long {
        fs::create_dir_all(&found).unwrap();
    }
    let mut inputs = 0;
    while match span {
        Span::Few if parser == Parser::Index => inputs < FEW_FOLDERS,
        Span::Few => inputs < FEW,
        Span::Time(time) => start.elapsed() < time,
    } {
        let input = mutate::mutated(&pool, &mut random);
        if long {
            // An abort leaves no time to keep it.
            fs::write(found.join("current"), &input).unwrap();
        }
        let outcome = outcome(parser, &input, &format!("seed-{seed}-input-{inputs}"));
        inputs += 1;
        if said.insert(outcome) && pool.len() < POOL {
            if long {
                fs::write(found.join(format!("new-{:04}", pool.len())), &input).unwrap();
            }
            pool.push(input);
        }
    }
    let (name, ways, seconds) = (parser.name(), said.len(), start.elapsed().as_secs());
    println!("fuzz {name}: {inputs} inputs in {seconds} s, {ways} different outcomes, no failure");
}

/// Where inputs are kept.
fn found(parser: Parser) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join("target/fuzz/found").join(parser.name())
}

/// What the parser makes of `input`, without what differs from one input to the next.
fn outcome(parser: Parser, input: &[u8], name: &str) -> String {
    let start = Instant::now();
    let outcome = catch_unwind(|| parser.run(input));
    let late = start.elapsed() > PATIENCE;
    let Ok(outcome) = outcome else {
        panic!("{}: panicked at {}", parser.name(), keep(parser, input, name));
    };
    assert!(!late, "{}: too slow at {}", parser.name(), keep(parser, input, name));
    outcome.chars().filter(|c| !c.is_ascii_digit()).take(80).collect()
}

fn keep(parser: Parser, input: &[u8], name: &str) -> String {
    let folder = found(parser);
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("failed-{name}"));
    fs::write(&path, input).unwrap();
    path.display().to_string()
}
