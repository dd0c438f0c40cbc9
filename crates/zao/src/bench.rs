//! `zao bench`: how fast this machine is, with a model that needs no files. What is measured, and how, is
//! the engine's; this only asks and tells.

mod report;
mod scenarios;
mod table;

use std::num::NonZeroUsize;

use serde::Serialize;
use zao_api::{BenchGemm, BenchStage};
use zao_engine::bench::{Bench, Layer, Product};
use zao_engine::{Ask, Event, Generator, Guidance, Job, Residency, Settings, Synthetic};

use crate::cli::{BenchArgs, BenchCommand, CommonArgs, SettingArgs};
use crate::console;
use crate::failure::{Failure, Result};
use crate::places;
use crate::progress::Progress;
use crate::screen::Screen;

/// Tokens of the caption beside a picture when only products are measured.
const CAPTION: usize = 64;

pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    match &args.command {
        BenchCommand::Forward(args) => {
            let common = &args.common;
            let bench = open(common, args.caption.tokens)?;
            let job = job(&bench, args.size.size, 1)?;
            let repeat = args.repeat.repeat;
            let measured = watched(&common.setting, repeat.get(), |events| {
                bench.forward(&job, args.batch, repeat, events)
            })?;
            let (width, height) = args.size.size;
            tell(
                &common.setting,
                &BenchStage {
                    width: Some(width),
                    height: Some(height),
                    tokens: Some(number(args.caption.tokens)),
                    batch: number(args.batch.get()),
                    ..report::stage(&bench, "forward", &measured)
                },
                table::stage,
            )
        }
        BenchCommand::Text(args) => {
            let common = &args.common;
            let bench = open(common, args.caption.tokens)?;
            let repeat = args.repeat.repeat;
            let measured =
                watched(&common.setting, repeat.get(), |events| bench.text(repeat, events))?;
            let tokens = Some(number(args.caption.tokens));
            let stage = BenchStage { tokens, ..report::stage(&bench, "text", &measured) };
            tell(&common.setting, &stage, table::stage)
        }
        BenchCommand::Vae(args) => {
            let common = &args.common;
            let bench = open(common, CAPTION)?;
            let job = job(&bench, args.size.size, 1)?;
            let repeat = args.repeat.repeat;
            let measured =
                watched(&common.setting, repeat.get(), |events| bench.vae(&job, repeat, events))?;
            let (width, height) = args.size.size;
            let (width, height) = (Some(width), Some(height));
            let stage = BenchStage { width, height, ..report::stage(&bench, "vae", &measured) };
            tell(&common.setting, &stage, table::stage)
        }
        BenchCommand::Generate(args) => {
            let common = &args.common;
            let bench = open(common, args.caption.tokens)?;
            let job = job(&bench, args.size.size, args.steps)?;
            let drawn = watched(&common.setting, args.steps, |events| {
                bench.generate(&job, args.repeat, events)
            })?;
            let picture = report::picture(&bench, &job, args.caption.tokens, &drawn);
            tell(&common.setting, &picture, table::picture)
        }
        BenchCommand::Gemm(args) => {
            let common = &args.common;
            let bench = open(common, CAPTION)?;
            let mut rows = args.tokens.clone();
            if rows.is_empty() {
                rows.push(bench.tokens(&job(&bench, args.size.size, 1)?)?);
            }
            tell(&common.setting, &gemm(&bench, &rows, args.repeat.repeat)?, table::gemm)
        }
        BenchCommand::Scenarios(args) => {
            tell(&args.setting, &scenarios::run(args)?, table::scenarios)
        }
    }
}

/// Every layer's product for each number of rows.
fn gemm(bench: &Bench, rows: &[usize], repeat: NonZeroUsize) -> Result<BenchGemm> {
    let products =
        rows.iter().flat_map(|&tokens| Layer::ALL.map(|layer| Product { layer, tokens }));
    let measured = products.map(|product| Ok((product, bench.gemm(product, repeat)?)));
    Ok(report::gemm(bench, &measured.collect::<Result<Vec<_>>>()?))
}

/// The model and the device that the arguments name.
fn open(common: &CommonArgs, tokens: usize) -> Result<Bench> {
    let synthetic =
        Synthetic { architecture: common.synthetic, tokens, weights: common.weights.weights };
    // As a run of `zao generate` does.
    let settings = settings(&common.setting, Residency::InTurn)?;
    Ok(Bench::open(synthetic, &settings)?)
}

/// The engine's settings that the arguments mean.
fn settings(setting: &SettingArgs, residency: Residency) -> Result<Settings> {
    Ok(Settings {
        device: setting.device,
        precision: zao_request::wanted_precision(setting.precision),
        threads: setting.threads,
        instructions: places::instructions()?,
        memory_limit: setting.memory_limit.map(|mib| mib << 20),
        vram: setting.memory.vram,
        text_encoder_on: setting.memory.text_encoder_on.into(),
        ram: setting.memory.ram,
        residency,
        libraries: places::libraries()?,
        cache: places::cache(),
    })
}

/// A picture of the wanted size, known to be one that the model draws.
fn job(bench: &Bench, size: (u32, u32), steps: usize) -> Result<Job> {
    Job::new(ask(size, steps, 0), bench.model()).map_err(Failure::usage)
}

/// A picture to ask for. What it shows does not matter.
fn ask((width, height): (u32, u32), steps: usize, seed: u64) -> Ask {
    Ask {
        prompt: "a red apple on a blue background".into(),
        negative: String::new(),
        width: width as usize,
        height: height as usize,
        steps,
        guidance: Guidance::OFF,
        seed,
        generator: Generator::TorchCpu,
        start: None,
    }
}

/// Measures while a bar shows how far it is; `steps` are those of the longest stage.
fn watched<T>(
    setting: &SettingArgs,
    steps: usize,
    measure: impl FnOnce(&dyn Fn(Event)) -> zao_engine::Result<T>,
) -> Result<T> {
    let progress = Progress::new(&Screen::new(setting.quiet), steps, 1);
    let measured = measure(&|event| progress.show(&event));
    progress.clear();
    Ok(measured?)
}

/// Prints a result as asked.
fn tell<T: Serialize>(
    setting: &SettingArgs,
    result: &T,
    table: impl Fn(&T) -> Vec<String>,
) -> Result<()> {
    let text =
        if setting.json { serde_json::to_string_pretty(result)? } else { table(result).join("\n") };
    Ok(console::result(text)?)
}

/// A number that the command line bounds.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
