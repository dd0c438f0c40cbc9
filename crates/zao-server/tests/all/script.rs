//! Workers that are shell scripts: what they say is prepared as files, what they do is a few lines.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use zao_api::{ErrorCode, ResolvedPrecision, Stage};
use zao_server::crew::{Crew, CrewSettings, Endurance, Patience, WorkerCommand};
use zao_server::protocol::{Beat, Busy, Count, Draw, Facts, Probed, Report, Took, Word, frame};

use crate::office::Jobs;

/// What scripts may say: each a file of that name.
fn vocabulary() -> Vec<(&'static str, Word)> {
    let of_job = |report| Word::Job { job: "job".into(), report };
    let picture = Report::Picture {
        index: 0,
        seed: 1,
        width: 16,
        height: 16,
        seconds: 0.5,
        held_bytes: 0,
        png: b"no real one".to_vec().into(),
    };
    let stepping = |seconds| Busy { stage: Stage::Denoise, amount: 256, seconds };
    let beat = |busy| Word::Beat(Beat { busy, ..Beat::default() });
    let failed = Report::Failed { code: ErrorCode::InvalidRequest, message: "no".into() };
    vec![
        ("loading", Word::Loading),
        ("ready", Word::Ready(Box::new(facts()))),
        ("room", Word::Room { pictures: 4 }),
        ("took", Word::Took(Took { stage: Stage::Denoise, amount: 256, seconds: 0.01 })),
        ("beat", beat(None)),
        ("stepping", beat(Some(stepping(0.2)))),
        ("long_step", beat(Some(stepping(LONG)))),
        ("probing", Word::Beat(Beat { probing: Some(0.3), ..Beat::default() })),
        ("doubtful", Word::Beat(Beat { probing: Some(3.0), ..Beat::default() })),
        ("unanswered", Word::Beat(Beat { probing: Some(60.0), ..Beat::default() })),
        ("probed", Word::Count(Count::Probed { outcome: Probed::Ok })),
        ("failed_probe", Word::Count(Count::Probed { outcome: Probed::Failed })),
        ("fatal", Word::Fatal { message: "the moon is full".into() }),
        ("picture", of_job(picture)),
        ("done", of_job(Report::Done)),
        ("failed", of_job(failed)),
    ]
}

fn facts() -> Facts {
    Facts {
        version: "0".into(),
        model: "script".into(),
        fingerprint: "00".into(),
        size_multiple: 16,
        pixels_per_cell: 8,
        max_size: (64, 64),
        default_size: (64, 64),
        shift: 3.0,
        device: "cpu".into(),
        device_detail: "none".into(),
        precision: ResolvedPrecision::F32,
        precision_reason: "asked".into(),
        passed_over: None,
        max_prompt_tokens: 512,
        memory: Vec::new(),
        loras: Vec::new(),
    }
}

/// As little patience as a machine that is busy with other things leaves: a script that says something ten times a second may well be
/// silent for two.
pub(crate) fn patience() -> Patience {
    Patience {
        least: Duration::from_secs(5),
        unknown: Duration::from_secs(10),
        load: Duration::from_secs(12),
        ..Patience::default()
    }
}

/// Seconds of a step that may take so long as long as nobody knows what such steps take.
const LONG: f64 = 7.0;

/// A crew of one worker that is a script.
pub(crate) struct Scripted {
    pub(crate) crew: Crew,
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) folder: TempDir,
}

impl Scripted {
    /// Gives the crew these jobs. They may come after its worker asked for some, so it is told.
    pub(crate) fn ask(&self, jobs: &[Draw]) {
        jobs.iter().for_each(|job| self.jobs.add(job.clone()));
        self.crew.wake();
    }
}

/// Beginnings of scripts.
pub(crate) const READY: &str = "cat loading ready room";
/// Waits for the first byte of an order, and says so meanwhile: whoever is silent is given nothing.
pub(crate) const ORDERED: &str =
    "while cat beat; do sleep 0.1; done & head -c 1 > /dev/null; kill $!";
/// Lives on as long as its parent.
pub(crate) const BEATING: &str = "while cat beat; do sleep 0.1; done";

/// A crew whose worker does `lines` each time that it is started.
pub(crate) fn crew(lines: &[&str]) -> Scripted {
    crew_with(patience(), &["script"], lines)
}

/// A crew of workers of these names, all of which do `lines`.
pub(crate) fn crew_of(names: &[&str], lines: &[&str]) -> Scripted {
    crew_with(patience(), names, lines)
}

/// The same with another patience.
pub(crate) fn crew_with(patience: Patience, names: &[&str], lines: &[&str]) -> Scripted {
    let folder = tempfile::tempdir().unwrap();
    for (name, word) in vocabulary() {
        let mut bytes = Vec::new();
        frame::write(&mut bytes, word).unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let lines = format!("cd {}\n{}\n", folder.path().display(), lines.join("\n"));
    let worker = |name: &&str| WorkerCommand {
        name: (*name).into(),
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), lines.clone().into()],
    };
    let settings = CrewSettings {
        workers: names.iter().map(worker).collect(),
        patience,
        endurance: Endurance {
            first_wait: Duration::from_millis(10),
            failures: 4,
            ..Endurance::default()
        },
        memory_limit: None,
    };
    let jobs = Arc::new(Jobs::default());
    let crew = Crew::start(settings, Arc::clone(&jobs) as _).unwrap();
    Scripted { crew, jobs, folder }
}
