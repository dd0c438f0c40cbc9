//! Prompts cut up and put together at random: what is promised of every prompt holds.
//!
//! Without arguments (as the tests run it) some thousand prompts, the same each time. With `--minutes N` (as
//! `cargo xtask fuzz` runs it) new ones for so long; one that fails is printed.

#![allow(
    clippy::print_stdout,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test without the usual harness talks to its terminal and fails by panicking"
)]

#[path = "../promise/mod.rs"]
mod promise;

use std::panic::catch_unwind;
use std::time::{Duration, Instant};

/// Prompts when nobody says how long.
const FEW: usize = 3000;

/// One prompt may take so long; more than a millisecond is rare.
const PATIENCE: Duration = Duration::from_secs(5);

/// What prompts are put together from: those of the tests, which have what the rules look for.
const SOURCES: [&str; 4] = [
    include_str!("../all/chinese.rs"),
    include_str!("../all/english.rs"),
    include_str!("../all/good.rs"),
    include_str!("../all/random.rs"),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let minutes: Option<u64> = match words[..] {
        ["--minutes", minutes] => Some(minutes.parse().unwrap()),
        // What the usual harness would be asked: names of tests, or to list them.
        _ if words.iter().any(|word| !word.starts_with('-') || *word == "--list") => return,
        _ => None,
    };
    let start = Instant::now();
    let seed = minutes.map_or(1, |_| std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64);
    let mut random = Random(seed | 1);
    let pieces: Vec<&str> = SOURCES.iter().flat_map(|source| source.split('"')).collect();
    let mut prompts = 0;
    while match minutes {
        None => prompts < FEW,
        Some(minutes) => start.elapsed() < Duration::from_secs(60 * minutes),
    } {
        let prompt = random.prompt(&pieces);
        let begun = Instant::now();
        let kept = catch_unwind(|| promise::keep(&prompt)).is_ok();
        assert!(kept && begun.elapsed() < PATIENCE, "fuzz prompt: failed at {prompt:?}");
        prompts += 1;
    }
    println!("fuzz prompt: {prompts} inputs in {} s, no failure", start.elapsed().as_secs());
}

/// Random numbers that a seed repeats: xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) as usize % end.max(1)
    }

    /// Some pieces of other prompts, cut anywhere between characters, with single characters among them.
    fn prompt(&mut self, pieces: &[&str]) -> String {
        const MARKS: [char; 24] = [
            ',', '，', '.', '。', ' ', '\n', '"', '“', '”', '\'', '(', '）', '/', '\u{200b}',
            '\u{a0}', '\u{feff}', '的', '一', '個', '!', '！', '8', ':', '🐎',
        ];
        let mut prompt = String::new();
        for _ in 0..self.below(8) {
            let piece: Vec<char> = pieces[self.below(pieces.len())].chars().take(200).collect();
            let from = self.below(piece.len() + 1);
            let to = from + self.below(piece.len() - from + 1);
            prompt.extend(&piece[from..to]);
            for _ in 0..self.below(4) {
                prompt.push(MARKS[self.below(MARKS.len())]);
            }
            if self.below(16) == 0 {
                prompt.extend(char::from_u32(self.below(0x0011_0000) as u32));
            }
        }
        prompt
    }
}
