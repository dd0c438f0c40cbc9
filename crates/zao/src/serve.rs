//! `zao serve`: from the command line to a server that runs until it is told to stop.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;
use zao_engine::{Device, ModelFacts, Served};
use zao_queue::{Limits, Retention};
use zao_server::crew::{CrewSettings, Endurance, Patience, WorkerCommand};
use zao_server::{RequestLimits, Settings, Witness, serve};

use crate::cli::ServeArgs;
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
    let model = ModelFacts::of(&chosen.name, chosen.source)?;
    let settings = settings(args)?;
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

/// What clients have to show. A file is read once, when the server begins.
fn token(args: &ServeArgs) -> Result<Option<String>> {
    let path = match (&args.token, &args.token_file) {
        (Some(_), Some(_)) => {
            let message = "both a token and a file with one are set; keep one (`zao config show --origin` says where they are set)";
            return Err(Failure::usage(message));
        }
        (token, None) => return Ok(token.clone()),
        (None, Some(path)) => path,
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("the token file {}: {error}", path.display())))?;
    let token = text.trim();
    if token.is_empty() || token.lines().count() > 1 {
        let path = path.display();
        return Err(Failure::usage(format!(
            "the token file {path} has to have one line, the token"
        )));
    }
    Ok(Some(token.to_owned()))
}

fn settings(args: &ServeArgs) -> Result<Settings> {
    let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
    let folder = match &args.folder {
        Some(folder) => folder.clone(),
        None => places::jobs()?,
    };
    let workers = workers(args)?;
    let retention = Retention {
        age: seconds(args.keep_days * 24 * 60 * 60),
        bytes: args.keep_size,
        ..Retention::default()
    };
    let ledger = Limits {
        queued: args.queue as usize,
        queued_per_client: args.queue_per_client as usize,
        wait: Some(args.max_wait).filter(|&seconds| seconds > 0).map(seconds),
        at_once: u32::try_from(workers.len()).unwrap_or(1),
        retention,
        ..Limits::default()
    };
    Ok(Settings {
        address: SocketAddr::new(args.host, args.port),
        folder,
        token: token(args)?,
        admin_token: args.admin_token.clone(),
        host_names: args.host_names.clone(),
        public_url: args.public_url.clone(),
        origins: args.origins.clone(),
        proxies: args.proxies.clone(),
        page: args.page.clone(),
        ledger,
        request: RequestLimits {
            count: args.max_count,
            steps: args.max_steps,
            pixels: args.max_pixels,
            priority: args.max_priority,
            deadline: seconds(args.deadline),
            rate: args.rate,
            ..RequestLimits::default()
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

/// A worker for each device that was chosen, or for each card, where nobody chose one and there are several.
fn workers(args: &ServeArgs) -> Result<Vec<WorkerCommand>> {
    let program = std::env::current_exe().context("this program does not know where it lies")?;
    let chosen = match args.devices.as_slice() {
        [] => vec![args.worker.device],
        devices => devices.to_vec(),
    };
    let mut devices = Vec::new();
    for device in chosen {
        match device {
            Device::Auto => devices.extend(cards(args)?),
            Device::Cpu => devices.push("cpu".into()),
            Device::Cuda(ordinal) => devices.push(format!("cuda:{ordinal}")),
        }
    }
    if let Some(card) = twice(&devices) {
        let message =
            format!("--devices names {card} twice; a card draws for one worker, so name it once");
        return Err(Failure::usage(message));
    }
    let worker = |(index, device): (usize, String)| WorkerCommand {
        name: format!("worker-{index}"),
        program: program.clone(),
        arguments: args.worker.command_line(&device),
    };
    Ok(devices.into_iter().enumerate().map(worker).collect())
}

/// A card that is named twice, if there is one. Several workers may share a processor, which is slower but harms nobody.
fn twice(devices: &[String]) -> Option<&String> {
    let is_card = |name: &str| name.starts_with("cuda:");
    let mut later = devices.iter().enumerate().filter(|(_, name)| is_card(name));
    later.find(|(place, name)| devices[..*place].contains(name)).map(|(_, name)| name)
}

/// The cards that can be drawn on if there are several, or else whatever a worker finds best.
fn cards(args: &ServeArgs) -> Result<Vec<String>> {
    let host = zao_engine::look(args.worker.tuning.cpu, &places::library_places())
        .map_err(Failure::failed)?;
    let usable = |served: &Served| !matches!(served, Served::No);
    let cards: Vec<String> =
        host.cards.into_iter().filter(|card| usable(&card.served)).map(|card| card.label).collect();
    Ok(if cards.len() > 1 { cards } else { vec!["auto".into()] })
}

#[cfg(test)]
mod tests {
    use super::twice;

    #[test]
    fn a_card_is_named_once_and_a_processor_as_often_as_one_likes() {
        let named = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            twice(&names).cloned()
        };
        assert_eq!(named(&["cuda:0", "cpu", "cuda:1", "cpu"]), None);
        assert_eq!(named(&["cuda:0", "cuda:1", "cuda:0"]), Some("cuda:0".into()));
    }
}
