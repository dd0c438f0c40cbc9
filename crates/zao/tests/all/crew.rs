//! Workers as they are: what they draw is what `zao generate` draws, and they are replaced when they are killed, stopped
//! or too large. What a crew does about workers that say something wrong is tested beside it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use zao_api::{ErrorCode, Lora, Stage};
use zao_server::crew::{
    Crew, CrewSettings, Endurance, Lost, Patience, Phase, WorkerCommand, WorkerState,
};
use zao_server::protocol::{Count, Draw, Report, Word, frame};

use crate::folder::Folder;
use crate::office::{Jobs, Ledger, job};

/// Steps of a picture that is not done before somebody interferes.
const LONG: u32 = 600;

/// Steps of one that only has to be under way.
const A_WHILE: u32 = 150;

struct Team {
    folder: Folder,
    jobs: Arc<Jobs>,
    crew: Crew,
}

impl Team {
    fn new() -> Self {
        Self::with(Folder::new(), |_| ())
    }

    /// A crew of one worker, which knows nothing of the machine but the places in `folder`.
    fn with(folder: Folder, change: impl FnOnce(&mut CrewSettings)) -> Self {
        let place = |name: &str, path: &str| format!("{name}={}", folder.aside(path).display());
        let zao = env!("CARGO_BIN_EXE_zao");
        let (home, own) = (place("HOME", "home"), place("ZAO_HOME", "zao"));
        let worker = ["-i", &home, &own, zao, "worker", "--model", "demo", "--idle-release", "1"];
        let mut settings = CrewSettings {
            workers: vec![WorkerCommand {
                name: "first".into(),
                program: "/usr/bin/env".into(),
                arguments: worker.iter().map(Into::into).collect(),
            }],
            patience: Patience { least: Duration::from_secs(6), ..Patience::default() },
            endurance: Endurance { failures: 50, ..Endurance::default() },
            memory_limit: None,
        };
        change(&mut settings);
        let jobs = Arc::new(Jobs::default());
        let crew = Crew::start(settings, Arc::clone(&jobs) as _).unwrap();
        Self { folder, jobs, crew }
    }

    fn add(&self, draw: Draw) {
        self.jobs.add(draw);
        self.crew.wake();
    }

    /// The process of the worker that has drawn a step of `job`.
    fn pid_stepping(&self, job: &str) -> u32 {
        self.jobs.wait_for("step", |ledger| steps(ledger, job).first().map(|_| ()));
        self.crew.state().workers[0].pid.unwrap()
    }

    /// Waits for what nobody reports.
    fn until(&self, what: &str, is: impl Fn() -> bool) {
        let until = Instant::now() + Duration::from_secs(60);
        while !is() {
            assert!(Instant::now() < until, "not {what}: {:?}", self.crew.state());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The PNG of a picture of a job, which is done.
    fn picture(&self, job: &str, index: u32) -> Vec<u8> {
        assert_eq!(self.jobs.last_report(job), Report::Done);
        self.jobs.look(|ledger| ledger.pictures[&(job.to_owned(), index)].clone())
    }

    /// What `zao generate` makes of the same.
    fn generated(&self, args: &[&str]) -> Vec<u8> {
        let output = ["--output", "expected.png"];
        self.folder.run(&[&["generate", "a red apple"], args, &output].concat()).ok();
        self.folder.bytes("expected.png")
    }
}

/// Has the worker keep its memory however long it has nothing to do.
fn keeping_memory(settings: &mut CrewSettings) {
    let idle_release = settings.workers[0].arguments.last_mut().unwrap();
    *idle_release = "0".into();
}

fn reports<'a>(ledger: &'a Ledger, job: &'a str) -> impl Iterator<Item = &'a Report> {
    ledger.reports.iter().filter(move |(of, _)| of == job).map(|(_, report)| report)
}

/// The steps of all pictures of a job.
fn steps(ledger: &Ledger, job: &str) -> Vec<(u32, u32, u32)> {
    let step = |report: &Report| match report {
        Report::Step { picture, done, of } => Some((*picture, *done, *of)),
        _ => None,
    };
    reports(ledger, job).filter_map(step).collect()
}

fn signal(name: &str, pid: u32) {
    let kill = Command::new("kill").args([name, &pid.to_string()]).status().unwrap();
    assert!(kill.success());
}

fn is_gone(pid: u32) -> bool {
    let until = Instant::now() + Duration::from_secs(20);
    // One whose parent has not looked yet is dead, too.
    let alive = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
    };
    while alive() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    !alive()
}

/// A folder with a LoRA in it that fits the demo model.
fn with_ink() -> Folder {
    let folder = Folder::new();
    let golden = "../zao-engine/tests/goldens/adapters/kohya.safetensors";
    fs::create_dir_all(folder.aside("zao/loras")).unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(golden);
    fs::copy(golden, folder.aside("zao/loras/ink.safetensors")).unwrap();
    folder
}

#[test]
fn adapters_are_opened_before_jobs_name_them_and_give_their_memory_back() {
    let folder = with_ink();
    fs::write(folder.aside("zao/loras/torn.safetensors"), b"no tensors").unwrap();
    let team = Team::with(folder, keeping_memory);
    let state = || team.crew.state().workers.remove(0);
    team.until("ready", || team.crew.state().is_ready());
    for name in ["ink", "torn", "none"] {
        team.crew.open_adapter(name.into());
    }
    team.until("opened", || state().adapters.refused.len() == 2);
    let adapters = state().adapters;
    assert_eq!(adapters.open, ["ink"]);
    let refused: Vec<&str> = adapters.refused.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(refused, ["none", "torn"]);

    let ink = |id| {
        let mut ink = job(id, 64, 8, &[8]);
        ink.request.request.loras = vec![Lora { name: "ink".into(), scale: 0.5 }];
        ink
    };
    team.add(ink("first"));
    let first = team.picture("first", 0);
    // One look, for what is held and what is loaded are told together.
    let is_held = |state: &WorkerState| state.loras == 1 && state.jobs == 0 && state.held_bytes > 0;
    team.until("held", || is_held(&state()));
    let with = state().held_bytes;
    team.crew.close_adapter("ink".into());
    let is_back = |state: &WorkerState| state.loras == 0 && state.held_bytes < with;
    team.until("given back", || is_back(&state()));
    team.until("closed", || state().adapters.open.is_empty());
    assert!(state().held_bytes > 0, "the model stays");
    team.add(ink("again"));
    assert!(team.picture("again", 0) == first);
    assert_eq!((state().adapters.open, state().restarts), (vec!["ink".into()], 0));
}

#[test]
fn pictures_of_workers_are_those_of_generate_bit_for_bit() {
    // A prompt is read once for as long as the memory is kept.
    let team = Team::with(with_ink(), keeping_memory);
    let size = ["--size", "64x64"];
    let apple = team.generated(&[&size[..], &["--seed", "1"]].concat());
    fs::write(team.folder.path("apple.png"), &apple).unwrap();

    team.add(Draw { previews: 3, ..job("plain", 64, 8, &[4, 5, 6]) });
    let mut edit = job("edit", 64, 8, &[7]);
    (edit.image, edit.mask) = (Some(apple.clone().into()), Some(apple.into()));
    edit.request.request.strength = Some(0.5);
    team.add(edit);
    let mut ink = job("ink", 64, 8, &[8]);
    ink.request.request.loras = vec![Lora { name: "ink".into(), scale: 0.5 }];
    team.add(ink);
    // Only the second of two is missing.
    team.add(Draw { pictures: vec![1], ..job("rest", 48, 3, &[9, 10]) });

    for (index, seed) in [(0, "4"), (1, "5"), (2, "6")] {
        let expected = team.generated(&[&size[..], &["--seed", seed]].concat());
        assert!(team.picture("plain", index) == expected, "seed {seed}");
    }
    let edit = ["--seed", "7", "--image", "apple.png", "--mask", "apple.png", "--strength", "0.5"];
    assert!(team.picture("edit", 0) == team.generated(&edit));
    let ink = [&size[..], &["--seed", "8", "--lora", "ink:0.5"]].concat();
    assert!(team.picture("ink", 0) == team.generated(&ink));
    let rest = team.generated(&["--size", "48x48", "--seed", "10", "--steps", "3"]);
    assert!(team.picture("rest", 1) == rest);

    team.jobs.look(|ledger| {
        assert!(!ledger.pictures.contains_key(&("rest".into(), 0)));
        for picture in 0..3 {
            let own = steps(ledger, "plain").into_iter().filter(|(of, ..)| *of == picture);
            let done: Vec<u32> = own.map(|(_, done, _)| done).collect();
            assert_eq!(done, [1, 2, 3, 4, 5, 6, 7, 8]);
        }
        let previews = reports(ledger, "plain").filter_map(|report| match report {
            Report::Preview { picture, mime, width, height, file } => {
                assert_eq!((mime.as_str(), *width, *height), ("image/webp", 64, 64));
                assert!(file.bytes().starts_with(b"RIFF"));
                Some(*picture)
            }
            _ => None,
        });
        let mut previews: Vec<u32> = previews.collect();
        previews.sort_unstable();
        assert_eq!(previews, [0, 0, 0, 1, 1, 1, 2, 2, 2]);
        for stage in [Stage::Text, Stage::Denoise, Stage::Decode] {
            assert!(reports(ledger, "plain").any(|report| *report == Report::Stage { stage }));
        }
        assert!(reports(ledger, "plain").last().unwrap().is_last());
        // One prompt for all of them: it is read for whoever comes first.
        let prompts = ledger.counts.iter().filter_map(|count| match count {
            Count::Prompts { remembered, read } => Some((*remembered, *read)),
            _ => None,
        });
        let (remembered, read): (Vec<u64>, Vec<u64>) = prompts.unzip();
        assert_eq!((remembered.iter().sum::<u64>() > 0, read.iter().sum::<u64>()), (true, 1));
        let encoded = |count: &&Count| matches!(count, Count::Encoded { .. });
        assert_eq!(ledger.counts.iter().filter(encoded).count(), ledger.pictures.len());
    });
    let facts = team.crew.state().workers.remove(0).facts.unwrap();
    assert_eq!((facts.model.as_str(), facts.device.as_str()), ("demo", "cpu"));
    assert_eq!(facts.loras, ["ink"]);
    let planned: Vec<u64> = facts.memory.iter().map(|(_, bytes)| *bytes).collect();
    assert!(planned.len() == 3 && planned.is_sorted() && planned[0] > 10_000_000, "{planned:?}");
}

#[test]
fn bad_jobs_fail_alone_and_the_worker_goes_on() {
    let team = Team::new();
    team.add(job("long", 64, LONG, &[1, 2]));
    let mut no_lora = job("no-lora", 64, 8, &[1]);
    no_lora.request.request.loras = vec![Lora { name: "../secret".into(), scale: 1.0 }];
    let mut no_picture = job("no-picture", 64, 8, &[1]);
    no_picture.image = Some(b"not at all".to_vec().into());
    let mut late = job("late", 64, LONG, &[1, 2, 3]);
    late.request.deadline_seconds = Some(0.3);
    let odd = Draw { width: 50, ..job("odd", 64, 8, &[1]) };
    let seedless = Draw { pictures: vec![3], ..job("seedless", 64, 8, &[1]) };
    [no_lora, no_picture, late, odd, seedless].into_iter().for_each(|draw| team.add(draw));
    team.pid_stepping("long");
    team.crew.cancel("long".into());
    team.crew.cancel("nobody's".into());
    for (id, code, said) in [
        ("no-lora", ErrorCode::InvalidRequest, "../secret"),
        ("no-picture", ErrorCode::InvalidRequest, "image: not a PNG"),
        ("late", ErrorCode::DeadlineExceeded, "0.3 seconds"),
        ("odd", ErrorCode::InvalidRequest, "48x64"),
        ("seedless", ErrorCode::Internal, "no seed"),
        ("long", ErrorCode::Cancelled, "cancelled"),
    ] {
        let Report::Failed { code: found, message } = team.jobs.last_report(id) else {
            panic!("{id} did not fail");
        };
        assert!(found == code && message.contains(said), "{id}: {found:?} {message}");
    }
    team.add(job("good", 64, 2, &[1]));
    team.picture("good", 0);
    team.until("idle", || team.crew.state().workers[0].jobs == 0);
    assert_eq!(team.crew.state().workers[0].restarts, 0);
}

#[test]
fn a_worker_killed_while_it_steps_is_replaced_and_the_picture_is_the_same() {
    let team = Team::new();
    // Two step together, so each has half of the steps for the same time.
    let steps = LONG / 2;
    team.add(job("long", 64, steps, &[3, 4]));
    signal("-KILL", team.pid_stepping("long"));
    let (first, second) = (team.picture("long", 0), team.picture("long", 1));
    team.jobs.look(|ledger| {
        let [(jobs, Lost::Ended { how })] = ledger.lost.as_slice() else {
            panic!("{:?}", ledger.lost)
        };
        assert!(jobs == &["long"] && how.contains("signal: 9"), "{how}");
    });
    let steps = steps.to_string();
    let expected = |seed| team.generated(&["--size", "64x64", "--steps", &steps, "--seed", seed]);
    assert!(first == expected("3") && second == expected("4"));
    assert_eq!(team.crew.state().workers[0].restarts, 1);
}

#[test]
fn a_worker_that_stands_still_is_replaced() {
    let team = Team::new();
    team.add(job("long", 64, LONG, &[3]));
    let (pid, since) = (team.pid_stepping("long"), Instant::now());
    signal("-STOP", pid);
    let lost = team.jobs.wait_for("loss", |ledger| ledger.lost.first().cloned());
    assert!(matches!(&lost.1, Lost::Hung { what, .. } if what == "it said nothing"), "{lost:?}");
    // The 6 s of patience begin with its last word, which may be a while ago when it is stopped.
    assert!(since.elapsed() >= Duration::from_secs(4), "{:?}", since.elapsed());
    team.picture("long", 0);
    assert!(is_gone(pid));
}

#[test]
fn a_worker_over_its_limit_of_memory_finishes_and_is_replaced() {
    let team = Team::with(Folder::new(), |settings| settings.memory_limit = Some(1));
    team.add(job("long", 64, A_WHILE, &[3]));
    team.picture("long", 0);
    let why = team.jobs.wait_for("replacement", |ledger| {
        let state = ledger.states.last().filter(|state| state.workers[0].restarts > 0)?;
        state.workers[0].last_failure.clone()
    });
    assert!(why.contains("bytes of main memory, more than its limit of 1"), "{why}");
    assert!(team.jobs.look(|ledger| ledger.lost.is_empty()), "it finished what it had");
}

#[test]
fn a_drained_crew_finishes_what_it_has_and_begins_nothing() {
    let team = Team::new();
    team.add(job("long", 64, A_WHILE, &[3]));
    let pid = team.pid_stepping("long");
    std::thread::scope(|scope| {
        let drained = scope.spawn(|| team.crew.drain(Duration::from_secs(100)));
        team.jobs.wait_for("beginning", |ledger| {
            ledger.states.last().filter(|state| state.draining).map(|_| ())
        });
        team.add(job("next", 64, 2, &[3]));
        drained.join().unwrap();
    });
    assert!(is_gone(pid));
    team.picture("long", 0);
    let waiting = team.jobs.look(|ledger| (ledger.waiting.len(), ledger.lost.len()));
    assert_eq!(waiting, (1, 0));
    assert_eq!(team.crew.state().workers[0].phase, Phase::Ended);
}

#[test]
fn an_idle_worker_gives_its_memory_back_and_draws_the_same_again() {
    let team = Team::new();
    let state = || team.crew.state().workers.remove(0);
    team.add(job("first", 64, 8, &[3]));
    let first = team.picture("first", 0);
    // It may have given it back before anybody looks.
    team.until("held", || state().peak_bytes > 0);
    team.until("given back", || state().held_bytes == 0);
    team.add(job("second", 64, 8, &[3]));
    assert!(team.picture("second", 0) == first);
    assert_eq!(team.crew.state().workers[0].restarts, 0);
}

#[test]
fn memory_is_given_back_on_demand_once_what_is_under_way_is_done() {
    let team = Team::with(Folder::new(), keeping_memory);
    let held = || team.crew.state().workers[0].held_bytes;
    team.add(job("long", 64, A_WHILE, &[3]));
    team.pid_stepping("long");
    team.until("held", || held() > 0);
    team.crew.free();
    team.add(job("next", 64, 2, &[4]));
    team.picture("long", 0);
    team.picture("next", 0);
    // The second picture has loaded everything again.
    team.until("held", || held() > 0);
    team.crew.free();
    team.until("given back", || held() == 0);
    assert_eq!(team.crew.state().workers[0].restarts, 0);
}

/// `zao worker` with its pipes, and nothing of the machine around it.
fn worker(folder: &Folder) -> Command {
    let mut command = folder.zao();
    command.args(["worker", "--model", "demo"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Its next word that is not a sign of life, which may come at any time.
fn word(output: &mut ChildStdout) -> Option<Word> {
    loop {
        match frame::read(output).unwrap() {
            Some(Word::Beat(_)) => {}
            word => return word,
        }
    }
}

#[test]
fn a_worker_that_is_told_nonsense_says_so_and_ends() {
    let folder = Folder::new();
    let mut process = worker(&folder).spawn().unwrap();
    process.stdin.take().unwrap().write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut output = process.stdout.take().unwrap();
    let words: Vec<Word> = std::iter::from_fn(|| frame::read(&mut output).unwrap()).collect();
    let fatal = words.iter().find_map(|word| match word {
        Word::Fatal { message } => Some(message),
        _ => None,
    });
    let message = fatal.unwrap_or_else(|| panic!("{words:?}"));
    assert!(message.contains("the parent sent") && message.contains("GET "), "{message}");
    assert!(!process.wait().unwrap().success());
}

#[test]
fn a_worker_without_a_model_says_why() {
    let folder = Folder::new();
    let mut command = folder.zao();
    command.args(["worker", "--model", "no-such"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = command.stderr(Stdio::null()).spawn().unwrap();
    // Held, for a worker whose parent is gone says nothing more.
    let (_input, mut output) = (process.stdin.take(), process.stdout.take().unwrap());
    assert_eq!(word(&mut output), Some(Word::Loading));
    let word = word(&mut output);
    assert!(
        matches!(&word, Some(Word::Fatal { message }) if message.contains("no-such")),
        "{word:?}"
    );
    assert_eq!(process.wait().unwrap().code(), Some(1));
}

#[test]
fn a_worker_ends_with_its_pipe_and_with_its_parent() {
    let folder = Folder::new();
    let mut process = worker(&folder).spawn().unwrap();
    let pid = process.id();
    drop(process.stdin.take());
    assert!(is_gone(pid));
    process.wait().unwrap();

    // A parent that is killed, while somebody else holds the pipe open.
    let mut parent = folder.command("/bin/sh");
    let line = format!("exec 3<&0; {} worker --model demo <&3 & echo $! >&2; wait", zao());
    parent.args(["-c", &line]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut parent = parent.stderr(Stdio::piped()).spawn().unwrap();
    let mut output = parent.stdout.take().unwrap();
    assert_eq!(word(&mut output), Some(Word::Loading));
    let mut said = String::new();
    BufReader::new(parent.stderr.take().unwrap()).read_line(&mut said).unwrap();
    let pid: u32 = said.trim().parse().unwrap();
    assert!(PathBuf::from(format!("/proc/{pid}")).exists());
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert!(is_gone(pid));
}

fn zao() -> &'static str {
    env!("CARGO_BIN_EXE_zao")
}
