//! How many pictures a second an engine that goes on working draws for one, two, four and eight clients, each of which
//! asks again as soon as it has its picture. No server and no load tester take processors from it here. It asserts
//! nothing: the table is what it is for.
//!
//! Levels take turns, round by round, so that whatever else the machine does falls on all of them alike; what is told is
//! the median of the rounds. Processor time a picture hardly moves with the machine's load, wall time does.
//!
//! `cargo bench -p zao-engine --bench sittings -- SIZE STEPS ROUNDS PICTURES`, by default 128 4 5 16.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and what fails ends it"
)]

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use zao_engine::{
    Ask, Desk, Device, Engine, Error, Event, Generator, Guidance, Job, News, Notice, Picture,
    Settings, Stage, Ticket,
};
use zao_weights::Source;

/// From its picture to a client's next wish: what a server, a connection and a client take.
const PAUSE: Duration = Duration::from_millis(5);

/// What the engine's thread was at, between two calls of the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Plan,
    Text,
    Step,
    Decode,
    Idle,
}

/// Clients in a closed loop.
struct Clients<'e> {
    engine: &'e dyn Fn(u64) -> Job,
    /// When each wish is there, in order.
    wishes: Vec<Instant>,
    left: usize,
    drawn: usize,
    wished: u64,
    phase: Phase,
    since: Instant,
    spent: BTreeMap<Phase, Duration>,
    /// Pictures that stepped, and steps.
    stepped: (usize, usize),
}

impl<'e> Clients<'e> {
    fn new(engine: &'e dyn Fn(u64) -> Job, clients: usize, pictures: usize, wished: u64) -> Self {
        let (now, spent) = (Instant::now(), BTreeMap::new());
        let wishes = vec![now; clients];
        let (phase, since, stepped) = (Phase::Idle, now, (0, 0));
        Self { engine, wishes, left: pictures, drawn: 0, wished, phase, since, spent, stepped }
    }

    fn enter(&mut self, phase: Phase) {
        *self.spent.entry(self.phase).or_default() += self.since.elapsed();
        (self.phase, self.since) = (phase, Instant::now());
    }
}

impl Desk for Clients<'_> {
    fn next(&mut self) -> Option<(Ticket, Job)> {
        let due = self.wishes.iter().position(|at| *at <= Instant::now())?;
        if self.left == 0 {
            return None;
        }
        self.wishes.remove(due);
        self.left -= 1;
        self.wished += 1;
        self.enter(Phase::Plan);
        Some((Ticket(self.wished), (self.engine)(self.wished)))
    }

    fn is_given_up(&mut self, _: Ticket) -> bool {
        false
    }

    fn wants_preview(&mut self, _: Ticket, _: usize, _: usize) -> bool {
        false
    }

    fn tell(&mut self, _: Ticket, news: News) {
        if let News::Event(Event::Stage(stage)) = news {
            self.enter(match stage {
                Stage::Load => Phase::Plan,
                Stage::Encode | Stage::Text => Phase::Text,
                Stage::Denoise => Phase::Step,
                Stage::Decode => Phase::Decode,
            });
        }
    }

    fn notice(&mut self, notice: Notice) {
        if let Notice::Stepped(pictures, _) = notice {
            self.stepped = (self.stepped.0 + pictures, self.stepped.1 + 1);
            self.enter(Phase::Step);
        }
    }

    fn deliver(&mut self, _: Ticket, _: Picture) {
        self.drawn += 1;
        self.wishes.push(Instant::now() + PAUSE);
        self.enter(Phase::Step);
    }

    fn fail(&mut self, _: Ticket, error: &Error) {
        println!("a picture failed: {error}");
        std::process::abort();
    }
}

/// Processor time of all threads, in seconds, where the system tells.
fn processor_seconds() -> f64 {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return f64::NAN };
    let nanoseconds = threads.filter_map(|thread| {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1e9
}

/// What one round of a level gave, a picture.
#[derive(Clone, Copy)]
struct Round {
    wall: f64,
    processor: f64,
    phases: [f64; 5],
    together: f64,
}

fn round(
    engine: &mut Engine,
    job: &dyn Fn(u64) -> Job,
    clients: usize,
    pictures: usize,
    wished: &mut u64,
) -> Round {
    let (begin, before) = (Instant::now(), processor_seconds());
    let mut desk = Clients::new(job, clients, pictures, *wished);
    while desk.drawn < pictures {
        engine.work_through(&mut desk).unwrap();
        desk.enter(Phase::Idle);
        if let Some(next) = desk.wishes.iter().min() {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }
    *wished = desk.wished;
    let each = |seconds: f64| 1e3 * seconds / pictures as f64;
    let phases = [Phase::Plan, Phase::Text, Phase::Step, Phase::Decode, Phase::Idle];
    Round {
        wall: each(begin.elapsed().as_secs_f64()),
        processor: each(processor_seconds() - before),
        phases: phases.map(|it| each(desk.spent.get(&it).map_or(0.0, Duration::as_secs_f64))),
        together: desk.stepped.0 as f64 / desk.stepped.1.max(1) as f64,
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|it| it.parse().ok()).collect();
    let number = |at: usize, usual| numbers.get(at).copied().unwrap_or(usual);
    let (size, steps, rounds, pictures) =
        (number(0, 128), number(1, 4), number(2, 5), number(3, 16));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/demo-model");
    let settings =
        Settings { device: Device::Cpu, threads: NonZeroUsize::new(2), ..Settings::default() };
    let mut engine = zao_engine::open("demo", Source::Folder(folder), &settings).unwrap();
    let model = engine.model().clone();
    let things = ["a red apple on a blue background", "an owl", "a boat on a lake at night", "猫"];
    let job = move |seed: u64| {
        let prompt = format!("{} number {seed}", things[seed as usize % things.len()]);
        let (negative, generator) = (String::new(), Generator::TorchCpu);
        let (width, height, guidance, start) = (size, size, Guidance::OFF, None);
        let ask = Ask { prompt, negative, width, height, steps, guidance, seed, generator, start };
        Job::new(ask, &model).unwrap()
    };
    let (levels, mut wished) = ([1, 2, 4, 8], 0);
    let mut seen: Vec<Vec<Round>> = vec![Vec::new(); levels.len()];
    // The first round of all warms up and is not told.
    for nth in 0..=rounds {
        for (level, seen) in levels.iter().zip(&mut seen) {
            let round = round(&mut engine, &job, *level, pictures.max(2 * level), &mut wished);
            if nth > 0 {
                seen.push(round);
            }
        }
    }
    println!("{size}x{size}, {steps} steps, {rounds} rounds of {pictures} pictures; ms a picture:");
    println!("clients     wall  processor   plan   text  steps decode   idle  together");
    for (level, rounds) in levels.iter().zip(&seen) {
        let of = |value: &dyn Fn(&Round) -> f64| median(rounds.iter().map(value).collect());
        let [plan, text, step, decode, idle] =
            [0, 1, 2, 3, 4].map(|phase| of(&|round: &Round| round.phases[phase]));
        println!(
            "{level:7} {:8.1} {:10.1} {plan:6.1} {text:6.1} {step:6.1} {decode:6.1} {idle:6.1} {:9.2}",
            of(&|round: &Round| round.wall),
            of(&|round: &Round| round.processor),
            of(&|round: &Round| round.together),
        );
    }
}
