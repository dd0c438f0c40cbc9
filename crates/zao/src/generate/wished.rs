//! The pictures of one prompt: each with its seed and its words, then as a job with nothing left open. Lists of prompts are planned
//! elsewhere.

use zao_api::Request;
use zao_engine::{AdapterId, Engine, Grid, Job};
use zao_prompt::Pattern;
use zao_request::Input;

use super::fix;
use super::words::Folders;
use crate::cli::GenerateArgs;
use crate::failure::{Failure, Result};

/// What each picture is to show.
pub(super) struct Wished {
    requests: Vec<Request>,
    /// What to tell of the words that were chosen or changed, a line each.
    pub(super) changed: Vec<String>,
}

/// The pictures as jobs.
pub(super) struct Settled {
    pub(super) jobs: Vec<Job>,
    /// What to tell of what zao chose, a line each.
    pub(super) remarks: Vec<String>,
}

impl Wished {
    /// The pictures of `request`. A prompt of the command line is a pattern where `--wildcards` says so.
    pub(super) fn new(args: &GenerateArgs, request: &Request) -> Result<Self> {
        let typed = args.prompt.is_some() || args.prompt_option.is_some();
        let pattern = match &args.list.wildcards {
            Some(folder) if typed => Some(filled(&request.prompt, &Folders::named(folder)?)?),
            Some(_) => {
                let message = "--wildcards is for the prompt of the command line or of --prompts, and there is neither";
                return Err(Failure::usage(message));
            }
            None => None,
        };
        let seeds = zao_request::seeds(request);
        let mut wished = Self { requests: Vec::with_capacity(seeds.len()), changed: Vec::new() };
        for (index, &seed) in seeds.iter().enumerate() {
            let mut request = Request { seed: Some(seed), ..request.clone() };
            if let Some(pattern) = &pattern {
                request.prompt = pattern.expand(seeds[0], index as u64);
                wished.say(format!("prompt {}: {}", index + 1, fix::one_line(&request.prompt)));
            }
            if args.fix_prompt {
                fix::prompt(&mut request).into_iter().for_each(|line| wished.say(line));
            }
            wished.requests.push(request);
        }
        if let Some(name) = not_chosen(&request.prompt).filter(|_| typed && pattern.is_none()) {
            wished.say(format!(
                "__{name}__ is drawn as it is written; --wildcards FOLDER chooses a line of {name}.txt there"
            ));
        }
        Ok(wished)
    }

    /// All pictures as jobs of `engine` that follow `adapters`.
    ///
    /// # Errors
    /// What is not possible with its model.
    pub(super) fn settled(
        &self,
        input: Option<&Input>,
        adapters: &[(AdapterId, f32)],
        engine: &Engine,
    ) -> Result<Settled> {
        let model = engine.model();
        let mut settled =
            Settled { jobs: Vec::with_capacity(self.requests.len()), remarks: Vec::new() };
        let mut before: Option<(&str, Request, Grid)> = None;
        for wanted in &self.requests {
            // Pictures of the same words are settled once.
            let (request, size) = match before.take_if(|(prompt, ..)| *prompt == wanted.prompt) {
                Some((_, request, size)) => (request, size),
                None => {
                    let (request, steps) = zao_request::complete(wanted.clone(), model);
                    let (size, why) = settle(&request, input, engine)?;
                    model.check_size(size).map_err(Failure::usage)?;
                    let new = steps.into_iter().chain(why);
                    let new: Vec<_> = new.filter(|line| !settled.remarks.contains(line)).collect();
                    settled.remarks.extend(new);
                    (request, size)
                }
            };
            let start = input.map(|input| input.start(size));
            let seed = wanted.seed.unwrap_or_default();
            let job = zao_request::job(&request, seed, size, start.as_ref(), adapters, model);
            settled.jobs.push(job.map_err(Failure::usage)?);
            before = Some((wanted.prompt.as_str(), request, size));
        }
        Ok(settled)
    }

    fn say(&mut self, line: String) {
        if !self.changed.contains(&line) {
            self.changed.push(line);
        }
    }
}

/// The prompt as a pattern, with the lists in it that it names.
fn filled(prompt: &str, folders: &Folders) -> Result<Pattern> {
    let wrong = |error: &dyn std::fmt::Display| Failure::usage(format!("the prompt, {error}"));
    let pattern = Pattern::parse(prompt).map_err(|error| wrong(&error))?;
    pattern.filled(&mut folders.lists()).map_err(|error| wrong(&error))
}

/// The first list that a prompt names, if it is a pattern at all.
fn not_chosen(prompt: &str) -> Option<String> {
    let pattern = Pattern::parse(prompt).ok()?;
    pattern.lists().first().map(|name| (*name).to_owned())
}

/// The size to draw, and what to tell the user about it if zao chose. What has no room is not chosen.
fn settle(
    request: &Request,
    input: Option<&Input>,
    engine: &Engine,
) -> zao_engine::Result<(Grid, Option<String>)> {
    let model = engine.model();
    let fits = |size: Grid| {
        let start = input.map(|input| input.start(size));
        // What cannot be drawn for another reason is refused later, in words.
        let job = zao_request::job(request, 0, size, start.as_ref(), &[], model);
        job.map_or(Ok(true), |job| engine.fits(&job))
    };
    zao_request::settle(request, input.map(Input::size), model, fits)
}
