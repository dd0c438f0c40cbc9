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

/// The longest life of a victim.
const LONGEST_MILLIS: u64 = 250;

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
    for life in 0..kills {
        let victim = spawn(folder.path(), life);
        std::thread::sleep(Duration::from_millis(moments.next() % LONGEST_MILLIS));
        kill(victim);
        let diary = Diary::read(folder.path());
        inspection::between_lives(folder.path(), &diary);
    }
    let diary = Diary::read(folder.path());
    let seen = inspection::at_the_end(folder.path(), &diary);
    println!(
        "{kills} kills in {:.1} s: {} jobs accepted, {} completed, {} cancelled, {} pictures; {seen}",
        begin.elapsed().as_secs_f64(),
        diary.accepted.len(),
        diary.completed.len(),
        diary.cancelled.len(),
        diary.pictures.len(),
    );
    let did_something = diary.completed.len() as u32 > kills / 4;
    assert!(did_something, "most victims were killed before they did anything");
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
