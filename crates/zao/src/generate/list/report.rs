//! What is said of a list: the pictures that it would give, and what became of them.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::manifest::{Entry, Status};
use super::plan::{Plan, Planned, State};
use crate::columns::{self, Side};
use crate::failure::{Failure, Result};
use crate::units;

/// What became of the pictures of a list.
pub(super) struct Summary {
    /// By their place in the plan.
    entries: Vec<(usize, Entry)>,
    /// How many an earlier run drew.
    there: usize,
    /// How messages call the row of each picture.
    places: Vec<String>,
    /// Why nothing can be written any more.
    pub(super) write_error: Option<Failure>,
    took: Duration,
}

impl Summary {
    /// Before anything was drawn.
    pub(super) fn new(plan: &Plan) -> Self {
        let there =
            plan.pictures.iter().enumerate().filter_map(|(place, picture)| match &picture.state {
                State::There(entry) => Some((place, (**entry).clone())),
                State::Waits | State::Refused(_) => None,
            });
        let entries: Vec<_> = there.collect();
        Self {
            there: entries.len(),
            entries,
            places: plan.pictures.iter().map(Planned::place).collect(),
            write_error: None,
            took: Duration::ZERO,
        }
    }

    /// A picture is over.
    pub(super) fn note(&mut self, place: usize, entry: Entry) {
        self.entries.push((place, entry));
    }

    /// The same in the order of the list, when all of it took so long.
    pub(super) fn after(mut self, took: Duration) -> Self {
        self.entries.sort_by_key(|(place, _)| *place);
        Self { took, ..self }
    }

    pub(super) fn failed(&self) -> usize {
        self.entries.iter().filter(|(_, entry)| entry.status == Status::Failed).count()
    }

    fn drawn(&self) -> usize {
        self.entries.len() - self.there - self.failed()
    }

    /// A line for each picture that could not be drawn.
    pub(super) fn failures(&self) -> Vec<String> {
        let failed =
            self.entries.iter().filter_map(|(place, entry)| Some((place, entry.error.as_ref()?)));
        failed.map(|(place, error)| format!("{}: {error}", self.places[*place])).collect()
    }

    /// All of it in a line.
    pub(super) fn words(&self) -> String {
        let all = self.places.len();
        let took = units::seconds(self.took);
        let mut words = format!("{} of {all} pictures drawn in {took}", self.drawn());
        if self.there > 0 {
            words.push_str(&format!(", {} already there", self.there));
        }
        if self.failed() > 0 {
            words.push_str(&format!(", {} failed", self.failed()));
        }
        words
    }

    /// All of it for programs; `record` is the manifest.
    pub(super) fn json(&self, record: &Path) -> Value {
        let pictures: Vec<&Entry> = self.entries.iter().map(|(_, entry)| entry).collect();
        json!({
            "manifest": record.to_string_lossy(), "pictures": pictures, "drawn": self.drawn(), "there": self.there,
            "failed": self.failed(), "seconds": self.took.as_secs_f64(),
        })
    }
}

/// The line of a picture in the manifest at `record`.
pub(super) fn entry_of(picture: &Planned, record: &Path, status: Status) -> Entry {
    Entry {
        row: picture.row,
        line: picture.line,
        picture: picture.picture,
        hash: picture.hash.clone(),
        seed: picture.seed,
        prompt: picture.request.prompt.clone(),
        wording: picture.wording.clone(),
        width: picture.size.width,
        height: picture.size.height,
        file: Entry::name_of(record, &picture.target),
        status,
        seconds: None,
        error: None,
    }
}

/// The pictures that a list would give.
pub(super) fn dry_run(plan: &Plan, seed: u64, as_json: bool) -> Result<String> {
    let groups = plan.in_order().1;
    if as_json {
        let pictures: Vec<Value> = plan.pictures.iter().map(as_value).collect();
        let plan = json!({"seed": seed, "groups": groups, "pictures": pictures});
        return Ok(serde_json::to_string_pretty(&plan)?);
    }
    let heading =
        ["ROW", "SEED", "SIZE", "STEPS", "FILE", "", "PROMPT"].map(str::to_owned).to_vec();
    let rows: Vec<Vec<String>> =
        std::iter::once(heading).chain(plan.pictures.iter().map(cells)).collect();
    let side = |column| if [0, 1, 3].contains(&column) { Side::Right } else { Side::Left };
    let mut lines = columns::table(&rows, side);
    let count =
        |is: fn(&State) -> bool| plan.pictures.iter().filter(|picture| is(&picture.state)).count();
    let waiting = count(|state| *state == State::Waits);
    let there = count(|state| matches!(state, State::There(_)));
    let refused = count(|state| matches!(state, State::Refused(_)));
    let together = match groups {
        0 => String::new(),
        1 => ", all of equal cost".into(),
        groups => format!(", in {groups} groups of equal cost"),
    };
    let mut words = format!("{waiting} to draw{together}; seed {seed}");
    if there > 0 {
        words.push_str(&format!("; {there} already there"));
    }
    if refused > 0 {
        words.push_str(&format!("; {refused} cannot be drawn"));
    }
    lines.push(words);
    Ok(lines.join("\n"))
}

fn state(picture: &Planned) -> (&'static str, Option<&String>) {
    match &picture.state {
        State::Waits => ("", None),
        State::There(_) => ("there", None),
        State::Refused(why) => ("refused", Some(why)),
    }
}

fn cells(picture: &Planned) -> Vec<String> {
    let (state, why) = state(picture);
    let prompt = picture.request.prompt.split(char::is_control).collect::<Vec<_>>().join(" ");
    let prompt = why.map_or_else(|| prompt.clone(), |why| format!("{prompt}: {why}"));
    vec![
        picture.row.to_string(),
        picture.seed.to_string(),
        picture.size.to_string(),
        picture.steps().to_string(),
        picture.target.display().to_string(),
        state.into(),
        prompt,
    ]
}

fn as_value(picture: &Planned) -> Value {
    let (state, why) = state(picture);
    json!({
        "row": picture.row, "line": picture.line, "picture": picture.picture, "prompt": picture.request.prompt,
        "seed": picture.seed, "width": picture.size.width, "height": picture.size.height, "steps": picture.steps(),
        "file": picture.target.to_string_lossy(), "state": if state.is_empty() { "waits" } else { state }, "error": why,
    })
}
