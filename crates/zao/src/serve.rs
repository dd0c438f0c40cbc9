//! `zao serve`: from the command line to a server that runs until it is told to stop.

mod memory;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;
use zao_engine::{Device, ModelFacts, Served};
use zao_queue::{Limits, Retention};
use zao_server::crew::{CrewSettings, Endurance, Patience, WorkerCommand};
use zao_server::{RequestLimits, Settings, Witness, serve};

use crate::cli::{self, ServeArgs};
use crate::failure::{Failure, Result};
use crate::log::Teller;
use crate::model::{self, Asked};
use crate::{interrupt, log, places};

pub(crate) fn run(args: &ServeArgs) -> Result<()> {
    let teller = log::begin(&args.log)?;
    let served = serve_until_stopped(args, &teller);
    served.map_err(|failure| teller.told(failure))
}

fn serve_until_stopped(args: &ServeArgs, teller: &Teller) -> Result<()> {
    let (stop, stopped) = watch::channel(false);
    // Whoever listened is gone where this fails, and there is nothing left to stop.
    interrupt::on_interrupt(teller.screen(), move || {
        let _nobody_listens = stop.send(true);
    })?;
    let asked = args.worker.model.as_deref().map_or(Asked::Any, Asked::ByUser);
    let chosen = model::choose(&asked, &args.worker.files, &places::store()?)?;
    let devices = devices(args)?;
    if devices.iter().any(|it| it.card.is_none()) {
        memory::check(args, &chosen)?;
    }
    let model = ModelFacts::of(&chosen.name, chosen.source)?;
    let settings = settings(args, &devices)?;
    if settings.admin_token.is_some() && settings.admin_token == settings.token {
        let message =
            "the admin token is the same as the token, so everybody would have it; choose another";
        return Err(Failure::usage(message));
    }
    if !args.host.is_loopback() && settings.token.is_none() {
        teller.warn(
            "other machines can use this server, and anybody on them: a token keeps strangers out (--token-file, or ZAO_TOKEN)",
        );
    }
    if let Some(page) = settings.page.as_deref().filter(|page| !page.join("index.html").is_file()) {
        let page = page.display();
        return Err(Failure::usage(format!(
            "--page {page} has no index.html: name the folder that `npm run build` in web/ fills, or leave it out"
        )));
    }
    if let Some(notice) = &chosen.notice {
        teller.say(notice);
    }
    let greeting = Greeting { teller: teller.clone(), model: model.info().name.clone() };
    Ok(serve(settings, model, places::adapters()?, &greeting, stopped)?)
}

/// Says where the server is.
struct Greeting {
    teller: Teller,
    model: String,
}

impl Witness for Greeting {
    fn listening(&self, address: SocketAddr) {
        // A browser does not go to 0.0.0.0.
        let host = if address.ip().is_unspecified() {
            "localhost".into()
        } else {
            address.ip().to_string()
        };
        let port = address.port();
        let page = if zao_server::is_stub() { "; this binary has no page" } else { "" };
        self.teller.say(&format!(
            "serving {} at http://{host}:{port}{page}; Ctrl-C stops when running jobs are done",
            self.model
        ));
    }
}

/// What somebody has to show. A file is read once, when the server begins.
fn secret(what: &str, told: Option<&String>, file: Option<&Path>) -> Result<Option<String>> {
    let path = match (told, file) {
        (Some(_), Some(_)) => {
            return Err(Failure::usage(format!(
                "both {what} and a file with one are set; keep one (`zao config show --origin` says where they are set)"
            )));
        }
        (told, None) => return Ok(told.cloned()),
        (None, Some(path)) => path,
    };
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("the file {shown} with {what}: {error}")))?;
    let wrong = |why: &str| Failure::usage(format!("the file {shown} with {what}: {why}"));
    if text.trim().lines().count() != 1 {
        return Err(wrong("it has to have one line"));
    }
    Ok(Some(cli::token(&text).map_err(|why| wrong(&why))?))
}

fn settings(args: &ServeArgs, devices: &[Drawing]) -> Result<Settings> {
    let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
    let folder = match &args.folder {
        Some(folder) => folder.clone(),
        None => places::jobs()?,
    };
    let workers = workers(args, devices)?;
    let retention = Retention {
        age: seconds(args.keep_days * 24 * 60 * 60),
        bytes: args.keep_size,
        jobs: u64::from(args.keep_jobs),
        ..Retention::default()
    };
    let ledger = Limits {
        queued: args.queue as usize,
        queued_per_client: args.queue_per_client as usize,
        in_flight_per_client: Some(args.in_flight_per_client as usize).filter(|&most| most > 0),
        input_bytes: args.max_inputs,
        wait: Some(args.max_wait).filter(|&seconds| seconds > 0).map(seconds),
        at_once: u32::try_from(workers.len()).unwrap_or(1),
        retention,
        ..Limits::default()
    };
    Ok(Settings {
        address: SocketAddr::new(args.host, args.port),
        folder,
        token: secret("the token", args.token.as_ref(), args.token_file.as_deref())?,
        admin_token: secret(
            "the admin token",
            args.admin_token.as_ref(),
            args.admin_token_file.as_deref(),
        )?,
        host_names: args.host_names.clone(),
        public_url: args.public_url.clone(),
        origins: args.origins.clone(),
        proxies: args.proxies.clone(),
        page: args.page.clone(),
        ledger,
        request: RequestLimits {
            body_bytes: usize::try_from(args.max_body).unwrap_or(usize::MAX),
            prompt_characters: args.max_prompt as usize,
            pixels: args.max_pixels,
            count: args.max_count,
            steps: args.max_steps,
            previews: args.max_previews,
            deadline: seconds(args.deadline),
            priority: args.max_priority,
            listeners: args.max_listeners as usize,
            rate: args.rate,
        },
        drain: seconds(args.drain),
        workers: CrewSettings {
            workers,
            patience: Patience::default(),
            endurance: Endurance::default(),
            memory_limit: args.worker_memory,
        },
        log_prompts: args.log.prompts,
    })
}

/// What a worker draws on.
struct Drawing {
    /// As users name it.
    device: String,
    /// The card that this is, or would be unless the model has no room there; `None` for the processor.
    card: Option<String>,
}

impl Drawing {
    fn on_card(device: String) -> Self {
        Self { card: Some(device.clone()), device }
    }
}

/// The devices that were chosen, or each card, where nobody chose one and there are several.
fn devices(args: &ServeArgs) -> Result<Vec<Drawing>> {
    let chosen = match args.devices.as_slice() {
        [] => vec![args.worker.device],
        devices => devices.to_vec(),
    };
    let mut devices = Vec::new();
    for device in chosen {
        match device {
            Device::Auto => devices.extend(whatever_is_there(args)?),
            Device::Cpu => devices.push(Drawing { device: "cpu".into(), card: None }),
            Device::Cuda(ordinal) => devices.push(Drawing::on_card(format!("cuda:{ordinal}"))),
        }
    }
    let cards: Vec<&str> = devices.iter().filter_map(|it| it.card.as_deref()).collect();
    if let Some(card) = twice(&cards) {
        let message =
            format!("--devices names {card} twice; a card draws for one worker, so name it once");
        return Err(Failure::usage(message));
    }
    Ok(devices)
}

fn workers(args: &ServeArgs, devices: &[Drawing]) -> Result<Vec<WorkerCommand>> {
    let program = std::env::current_exe().context("this program does not know where it lies")?;
    let ram = memory::of_a_worker(args);
    let worker = |(index, it): (usize, &Drawing)| WorkerCommand {
        name: format!("worker-{index}"),
        program: program.clone(),
        arguments: args.worker.command_line(&it.device, ram),
    };
    Ok(devices.iter().enumerate().map(worker).collect())
}

/// A card that is named twice, if there is one. Several workers may share a processor, which is slower but harms nobody.
fn twice<'a>(cards: &[&'a str]) -> Option<&'a str> {
    let mut later = cards.iter().enumerate();
    later.find(|(place, card)| cards[..*place].contains(card)).map(|(_, card)| *card)
}

/// The cards that can be drawn on if there are several, or else whatever a worker finds best.
fn whatever_is_there(args: &ServeArgs) -> Result<Vec<Drawing>> {
    let host = zao_engine::look(args.worker.tuning.cpu, &places::library_places())
        .map_err(Failure::failed)?;
    let usable = host.cards.into_iter().filter(|card| !matches!(card.served, Served::No));
    let mut cards: Vec<Drawing> = usable.map(|card| Drawing::on_card(card.label)).collect();
    if cards.len() < 2 {
        // A worker that finds no room for the model on its card draws on the processor.
        let card = cards.pop().and_then(|it| it.card);
        cards.push(Drawing { device: "auto".into(), card });
    }
    Ok(cards)
}

#[cfg(test)]
mod tests {
    use super::twice;

    #[test]
    fn a_card_is_named_once() {
        assert_eq!(twice(&["cuda:0", "cuda:1"]), None);
        assert_eq!(twice(&["cuda:0", "cuda:1", "cuda:0"]), Some("cuda:0"));
    }
}
