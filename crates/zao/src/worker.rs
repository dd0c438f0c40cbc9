//! `zao worker`: the process of `zao serve` that draws. It speaks frames over its standard streams; what it draws and
//! when is its parent's business.

use std::time::Duration;

use zao_engine::{Engine, Residency, Settings};
use zao_request::{Shelf, wanted_precision};
use zao_server::worker::{Streams, WorkerSettings, standard_streams};

use crate::cli::WorkerArgs;
use crate::failure::Result;
use crate::model::{self, Asked};
use crate::{interrupt, panics, places};

pub(crate) fn run(args: &WorkerArgs) -> Result<()> {
    let Streams { input, output } = standard_streams()?;
    interrupt::ignore()?;
    panics::in_one_line();
    let seconds = |seconds: u64| Some(seconds).filter(|&it| it > 0).map(Duration::from_secs);
    let settings = WorkerSettings {
        shelf: Shelf::new(places::adapters()?),
        idle_release: seconds(args.idle_release),
        warm_up: args.warm_up,
        probe_after: seconds(args.idle_probe),
    };
    let open = || open(args).map_err(|failure| failure.to_string());
    Ok(zao_server::worker::run(open, settings, input, output)?)
}

fn open(args: &WorkerArgs) -> Result<Engine> {
    let asked = args.model.as_deref().map_or(Asked::Any, Asked::ByUser);
    let chosen = model::choose(&asked, &args.files, &places::store()?)?;
    let settings = Settings {
        device: args.device,
        precision: wanted_precision(args.precision),
        threads: args.threads,
        instructions: args.tuning.cpu,
        vram: args.memory.vram,
        ram: args.memory.ram,
        text_encoder_on: args.memory.text_encoder_on.into(),
        residency: Residency::Keep,
        libraries: args.tuning.cuda_libraries.at(places::library_places()),
        cache: places::cache(),
        ..Settings::default()
    };
    Ok(zao_engine::open(&chosen.name, chosen.source, &settings)?)
}
