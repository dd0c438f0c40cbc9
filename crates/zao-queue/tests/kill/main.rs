//! Kills a process that uses a ledger at random moments (SIGKILL), again and again, and holds what is left against what it was told:
//! `cargo test --release -p zao-queue --test kill`. The number of kills can be given behind `--`. It has no test harness, because it runs
//! itself as the process that is killed. What a power cut does is not tested: nothing here can cut the power.

#![allow(
    clippy::print_stdout,
    clippy::panic,
    reason = "a test without a harness, which says how it went"
)]

mod diary;
mod inspection;
mod victim;

use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use diary::Diary;

/// Kills if no number is given.
const KILLS: u32 = 60;

/// So many times as many at most, where a machine is so slow that victims are killed before they get to anything.
const MORE: u32 = 10;

/// The longest life of a victim, or what is left of it once it has done something.
const LONGEST_MILLIS: u64 = 250;

/// How long a victim may take to do something.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, folder, life] = &arguments[..]
        && word == victim::WORD
    {
        let life = life.parse().expect("a life is a number");
        victim::live(Path::new(folder), life);
        return ExitCode::SUCCESS;
    }
    let number = arguments.iter().find_map(|argument| argument.parse().ok());
    let kills = number.unwrap_or(KILLS);
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let begin = Instant::now();
    let mut moments = Moments(0x9e37_79b9_7f4a_7c15);
    let mut lives = 0;
    let mut completed = 0;
    while lives < kills || (completed <= kills / 4 && lives < MORE * kills) {
        let before = Diary::length(folder.path());
        let mut victim = spawn(folder.path(), lives);
        // Every second one may be hit while it opens the ledger and mends it.
        if lives % 2 == 1 {
            wait_until_it_writes(&mut victim, folder.path(), before);
        }
        std::thread::sleep(Duration::from_millis(moments.next() % LONGEST_MILLIS));
        kill(victim);
        let diary = Diary::read(folder.path());
        inspection::between_lives(folder.path(), &diary);
        completed = diary.completed.len() as u32;
        lives += 1;
    }
    let diary = Diary::read(folder.path());
    let seen = inspection::at_the_end(folder.path(), &diary);
    println!(
        "{lives} kills in {:.1} s: {} jobs accepted, {} completed, {} cancelled, {} pictures; {seen}",
        begin.elapsed().as_secs_f64(),
        diary.accepted.len(),
        diary.completed.len(),
        diary.cancelled.len(),
        diary.pictures.len(),
    );
    assert!(completed > kills / 4, "most victims were killed before they did anything");
    ExitCode::SUCCESS
}

fn spawn(folder: &Path, life: u32) -> Child {
    let program = std::env::current_exe().expect("this program has a path");
    Command::new(program)
        .arg(victim::WORD)
        .arg(folder)
        .arg(life.to_string())
        .stdin(Stdio::null())
        .spawn()
        .expect("this program can be started")
}

/// Waits until the diary is longer than it was, or the victim has died by itself, which is told when it is killed.
fn wait_until_it_writes(victim: &mut Child, folder: &Path, before: u64) {
    let begin = Instant::now();
    let mut lives = || victim.try_wait().expect("the victim can be asked").is_none();
    while Diary::length(folder) == before && lives() {
        assert!(begin.elapsed() < PATIENCE, "the victim does nothing");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn kill(mut victim: Child) {
    if let Some(status) = victim.try_wait().expect("the victim can be asked") {
        panic!("the victim died by itself: {status}");
    }
    victim.kill().expect("the victim can be killed");
    victim.wait().expect("the victim can be waited for");
}

/// Numbers that look random (xorshift); when exactly a process is killed depends on the machine anyway.
struct Moments(u64);

impl Moments {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
