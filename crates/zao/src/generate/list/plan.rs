//! Rows as pictures: nothing left open, each with its file, and whether it is there already. What cannot be drawn is known here,
//! before anything is, and does not stop the others.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use zao_api::{InputImage, Lora, Model, Precision, Request, ResolvedPrecision, Steps, UsedLora};
use zao_engine::{Engine, Grid, Job};
use zao_prompt::{Pattern, Wildcards};
use zao_request::{Loras, recorded_precision};

use super::input::Inputs;
use super::manifest::{Entry, Previous, Status, Wording, sha256};
use super::read::List;
use super::row::Row;
use crate::failure::{Failure, Result};
use crate::generate::{fix, output, shared};
use crate::places;

/// What counts for all rows.
pub(super) struct Options<'a> {
    pub(super) output: &'a Path,
    /// Of the first row; the next ones count up.
    pub(super) seed: u64,
    /// Whether prompts are mended before they are drawn.
    pub(super) fix_prompts: bool,
    /// Whether pictures that memory has no room for may be smaller, where a row does not say.
    pub(super) may_shrink: bool,
    pub(super) merge_loras: bool,
    /// The manifest.
    pub(super) record: &'a Path,
    /// What an earlier run left of it.
    pub(super) previous: Option<&'a Previous>,
}

/// All pictures of a list.
pub(super) struct Plan {
    pub(super) pictures: Vec<Planned>,
    /// What pictures follow; they know which by its place.
    pub(super) loras: Vec<Loras>,
    /// The manifest.
    pub(super) record: PathBuf,
    /// What was changed in prompts, a line each.
    pub(super) mended: Vec<String>,
}

/// A picture of a row.
#[derive(Debug)]
pub(super) struct Planned {
    /// The row, from 1, and where it begins in the list.
    pub(super) row: usize,
    pub(super) line: usize,
    /// Which picture of the row, from 1.
    pub(super) picture: usize,
    /// Complete, with the words that were chosen and the picture's own seed.
    pub(super) request: Request,
    /// How its prompt came to be, if lists of words were chosen from.
    pub(super) wording: Option<Wording>,
    pub(super) seed: u64,
    pub(super) size: Grid,
    /// Whether a smaller one may be drawn in its place.
    pub(super) may_shrink: bool,
    /// The place of what it follows.
    pub(super) loras: usize,
    pub(super) target: PathBuf,
    /// Of everything that decides its pixels.
    pub(super) hash: String,
    pub(super) state: State,
}

/// What is to become of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Waits,
    /// An earlier run drew it.
    There(Box<Entry>),
    /// It cannot be drawn, and why.
    Refused(String),
}

/// What decides a picture's pixels, besides the device's last bits.
#[derive(Serialize)]
struct Key<'a> {
    request: &'a Request,
    width: usize,
    height: usize,
    model: Model,
    precision: ResolvedPrecision,
    loras: &'a [UsedLora],
    image: Option<InputImage>,
}

impl Plan {
    /// The pictures of `list`, whose rows say what is different from `base`, and name lists of words that are in `words`. Those
    /// that an earlier run drew as they would be drawn now are marked.
    ///
    /// # Errors
    /// A LoRA of the command line that is not there; a name that no picture can have; a list of words that is not there. What
    /// else is wrong with a row is said of its pictures.
    pub(super) fn new(
        engine: &mut Engine,
        list: &List,
        words: &mut Wildcards<'_>,
        base: &Request,
        options: &Options<'_>,
    ) -> Result<Self> {
        let open = Loras::open(engine, &base.loras, &places::adapters()?, options.merge_loras);
        let loras = vec![open.map_err(shared::of_loras)?];
        let mut planner = Planner {
            engine,
            base,
            options,
            loras,
            known: HashMap::new(),
            inputs: Inputs::default(),
            mended: Vec::new(),
        };
        let mut pictures = Vec::new();
        for (index, row) in list.rows.iter().enumerate() {
            planner.row(index, row, (list, &mut *words), &mut pictures)?;
        }
        let Planner { loras, mended, .. } = planner;
        let mut plan = Self { pictures, loras, record: options.record.into(), mended };
        if let Some(previous) = options.previous {
            plan.find_those_there(previous);
        }
        Ok(plan)
    }

    /// Marks the pictures that an earlier run drew as they would be drawn now.
    fn find_those_there(&mut self, previous: &Previous) {
        for picture in self.pictures.iter_mut().filter(|picture| picture.state == State::Waits) {
            let name = Entry::name_of(&self.record, &picture.target);
            let Some(entry) = previous.entries.get(&name) else { continue };
            let whole =
                || picture.target.metadata().is_ok_and(|file| file.is_file() && file.len() > 0);
            if entry.status == Status::Done && entry.hash == picture.hash && whole() {
                // Rows may have moved since.
                let Planned { row, line, .. } = *picture;
                let entry = Entry { row, line, picture: picture.picture, ..entry.clone() };
                picture.state = State::There(Box::new(entry));
            }
        }
    }

    /// The pictures that wait, those of equal cost together, and how many such groups there are.
    pub(super) fn in_order(&self) -> (Vec<usize>, usize) {
        let mut groups: HashMap<(usize, usize, u32, bool, usize), usize> = HashMap::new();
        let mut order: Vec<(usize, usize)> = Vec::new();
        for (index, picture) in self.pictures.iter().enumerate() {
            if picture.state != State::Waits {
                continue;
            }
            let Planned { request, size, loras, .. } = picture;
            let cost = (size.width, size.height, picture.steps(), guided(request), *loras);
            let next = groups.len();
            order.push((*groups.entry(cost).or_insert(next), index));
        }
        order.sort_unstable();
        (order.into_iter().map(|(_, index)| index).collect(), groups.len())
    }
}

fn guided(request: &Request) -> bool {
    request.guidance.is_some_and(|scale| scale > 0.0)
}

impl Planned {
    pub(super) fn steps(&self) -> u32 {
        self.request.steps.and_then(Steps::number).unwrap_or(1)
    }

    /// About how much work one step is, and as much again for the rest of a picture.
    pub(super) fn step_cost(&self) -> u64 {
        let times = if guided(&self.request) { 2 } else { 1 };
        (self.size.area() as u64 / 256).max(1) * times
    }

    pub(super) fn cost(&self) -> u64 {
        self.step_cost() * (u64::from(self.steps()) + 1)
    }

    /// How messages call its row.
    pub(super) fn place(&self) -> String {
        let Self { row, line, picture, .. } = self;
        match self.request.count.unwrap_or(1) {
            1 => format!("row {row} (line {line})"),
            count => format!("row {row} (line {line}), picture {picture} of {count}"),
        }
    }
}

struct Planner<'a> {
    engine: &'a mut Engine,
    base: &'a Request,
    options: &'a Options<'a>,
    loras: Vec<Loras>,
    /// Places of what rows follow, or why it cannot be followed, by what they say.
    known: HashMap<String, std::result::Result<usize, String>>,
    inputs: Inputs,
    mended: Vec<String>,
}

impl Planner<'_> {
    /// The pictures of a row.
    fn row(
        &mut self,
        index: usize,
        row: &Row,
        (list, words): (&List, &mut Wildcards<'_>),
        pictures: &mut Vec<Planned>,
    ) -> Result<()> {
        let wanted = row.over(self.base);
        let count = wanted.count.unwrap_or(1) as usize;
        let has_lists = !row.pattern.lists().is_empty();
        // Not before it is needed: a list of words may be gone since all pictures of the row were drawn.
        let mut filled: Option<Pattern> = None;
        let first = wanted.seed.unwrap_or_else(|| self.options.seed.wrapping_add(index as u64));
        let loras = self.refusal(row, count).map_or_else(|| self.loras(row), Err);
        // A count that is refused is told once.
        for picture in 0..if (1..=MOST).contains(&count) { count } else { 1 } {
            let seed = first.wrapping_add(picture as u64);
            let own = row.output.as_deref();
            let number = match (own, count) {
                (Some(_), 1) => None,
                (Some(_), _) => Some(picture + 1),
                (None, _) => Some(pictures.len() + 1),
            };
            let target = output::of_list(self.options.output, own, number)
                .map_err(|error| Failure::usage(format!("line {}: {error}", row.line)))?;
            let name = Entry::name_of(self.options.record, &target);
            let earlier = self.options.previous.filter(|_| has_lists);
            let earlier = earlier
                .and_then(|previous| previous.words(&name, &wanted.prompt, picture + 1, seed));
            let prompt = match (earlier, &mut filled) {
                (Some(chosen), _) => chosen.to_owned(),
                (None, Some(pattern)) => pattern.expand(first, picture as u64),
                (None, none) => {
                    let pattern = none.insert(list.filled(row, words)?);
                    pattern.expand(first, picture as u64)
                }
            };
            let wording = has_lists
                .then(|| Wording { pattern: wanted.prompt.clone(), chosen: prompt.clone() });
            let mut request = Request { prompt, seed: Some(seed), ..wanted.clone() };
            if self.options.fix_prompts {
                let lines = fix::prompt(&mut request);
                let at = |line| format!("line {}: {line}", row.line);
                self.mended.extend(lines.into_iter().map(at));
            }
            let (request, _) = zao_request::complete(request, self.engine.model());
            let planned =
                loras.clone().and_then(|loras| Ok((loras, self.settled(&request, seed, loras)?)));
            let (loras, size, hash, state) = match planned {
                Ok((loras, (size, hash))) => (loras, size, hash, State::Waits),
                Err(why) => {
                    (0, self.engine.model().default_size, String::new(), State::Refused(why))
                }
            };
            let may_shrink = row.may_shrink.unwrap_or(self.options.may_shrink);
            let (row, line, picture) = (index + 1, row.line, picture + 1);
            pictures.push(Planned {
                row,
                line,
                picture,
                request,
                wording,
                seed,
                size,
                may_shrink,
                loras,
                target,
                hash,
                state,
            });
        }
        Ok(())
    }

    /// Why nothing can be drawn of a row, whatever its prompt.
    fn refusal(&self, row: &Row, count: usize) -> Option<String> {
        let model = &self.engine.model().name;
        if let Some(asked) = row
            .request
            .model
            .as_ref()
            .filter(|asked| *asked != model && Some(*asked) != self.base.model.as_ref())
        {
            return Some(format!(
                "it asks for the model {asked:?}, and this run draws with {model:?}; draw it with --model {asked}"
            ));
        }
        let here = recorded_precision(self.engine);
        let other = |asked: &Precision| *asked != Precision::Auto && *asked != here.into();
        if let Some(asked) = row.request.precision.filter(other) {
            return Some(format!(
                "it asks for {asked}, and this run draws in {here}; draw it with --precision {asked}"
            ));
        }
        if count == 0 || count > MOST {
            return Some(format!(
                "{count} pictures of a row are not possible; ask for 1 to {MOST}"
            ));
        }
        None
    }

    /// The place of what a row follows.
    fn loras(&mut self, row: &Row) -> std::result::Result<usize, String> {
        let wanted: &[Lora] = &row.request.loras;
        if wanted.is_empty() {
            return Ok(0);
        }
        if self.options.merge_loras {
            return Err("it has LoRAs of its own, and those of the command line are merged; leave --merge-lora out".into());
        }
        let key = serde_json::to_string(wanted).map_err(|error| error.to_string())?;
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let folder = places::adapters().map_err(|error| error.to_string());
        let open = folder.and_then(|folder| {
            Loras::open(self.engine, wanted, &folder, false).map_err(|error| error.to_string())
        });
        let place = open.map(|loras| {
            self.loras.push(loras);
            self.loras.len() - 1
        });
        self.known.insert(key, place.clone());
        place
    }

    /// Size and hash of a picture that can be drawn.
    fn settled(
        &mut self,
        request: &Request,
        seed: u64,
        loras: usize,
    ) -> std::result::Result<(Grid, String), String> {
        let words = |error: Failure| error.to_string();
        let input = self.inputs.read(request).map_err(words)?;
        let (engine, model) = (&*self.engine, self.engine.model());
        let stack = self.loras[loras].stack();
        let job = |size: Grid| {
            let start = input.map(|input| input.start(size));
            zao_request::job(request, seed, size, start.as_ref(), stack, model)
        };
        let fits = |size: Grid| job(size).map_or(Ok(true), |job: Job| engine.fits(&job));
        let own = input.map(zao_request::Input::size);
        let (size, _) =
            zao_request::settle(request, own, model, fits).map_err(|error| error.to_string())?;
        job(size).map_err(|error| error.to_string())?;
        let key = Key {
            request,
            width: size.width,
            height: size.height,
            model: Model { name: model.name.clone(), fingerprint: model.fingerprint.clone() },
            precision: recorded_precision(engine),
            loras: self.loras[loras].used(),
            image: input.map(zao_request::Input::record),
        };
        let key = serde_json::to_vec(&key).map_err(|error| error.to_string())?;
        Ok((size, sha256(&key)))
    }
}

/// No row has more pictures, as on the command line.
const MOST: usize = 1000;
