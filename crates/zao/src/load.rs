//! `zao load`: the load tester, asked, watched and told. How it measures is known in zao-load.

use std::fs;
use std::path::Path;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use zao_api::{JobRequest, Request};
use zao_engine::{CardMeter, CardReading};
use zao_load::report::{self, Language as Words};
use zao_load::{
    Cards, Condition, DeviceReading, Length, Live, Meter, Mode, Prompts, Report, Settings,
    Settling, Stop, Target, Trace, Trust,
};

use crate::cli::{AskArgs, ChosenCards, Format, LoadArgs, LoadCommand, TellArgs};
use crate::failure::{Failure, Result};
use crate::interrupt::on_interrupt;
use crate::language::Language;
use crate::screen::Screen;
use crate::{console, places};

/// Measures, or compares what was measured.
pub(crate) fn run(args: &LoadArgs) -> Result<()> {
    match &args.command {
        LoadCommand::Sweep(args) => {
            let settling = args.stable.map(|within| Settling::of(within, args.duration));
            let length = Length { duration: args.duration, requests: args.requests, settling };
            let mode = Mode::Sweep { clients: args.clients.clone(), length };
            measure(&args.ask, &args.tell, &mode)
        }
        LoadCommand::Rate(args) => {
            let mode = Mode::Rate {
                per_second: args.rate.clone(),
                arrivals: args.arrivals,
                duration: args.duration,
                most_in_flight: args.flight.max_in_flight,
            };
            measure(&args.ask, &args.tell, &mode)
        }
        LoadCommand::Soak(args) => {
            let (clients, duration, window) = (args.clients, args.duration, args.every);
            measure(&args.ask, &args.tell, &Mode::Soak { clients, duration, window })
        }
        LoadCommand::Replay(args) => {
            let trace = Trace::from_file(&args.trace, args.speed).map_err(Failure::usage)?;
            let mode = Mode::Replay { trace, most_in_flight: args.flight.max_in_flight };
            measure(&args.ask, &args.tell, &mode)
        }
        LoadCommand::Compare(args) => compare(&args.before, &args.after, args.worse),
    }
}

fn measure(ask: &AskArgs, tell: &TellArgs, mode: &Mode) -> Result<()> {
    let settings = settings(ask)?;
    let screen = Screen::new(tell.quiet);
    let stop = Stop::default();
    on_interrupt(&screen, {
        let stop = stop.clone();
        move || stop.ask()
    })?;
    let watcher = Watcher::new(&screen);
    let measured = zao_load::run(&settings, mode, &|live| watcher.show(live), &stop);
    watcher.clear();
    let report = measured.map_err(|error| match error {
        zao_load::Error::Url { .. } | zao_load::Error::Settings(_) => Failure::usage(error),
        error => error.into(),
    })?;
    if let Some(path) = &tell.save {
        fs::write(path, report::write(&report)? + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    console::result(told(&report, tell)?)?;
    hold(&report, &tell.assert.concat())
}

/// Who tells of the server's cards.
fn cards(ask: &AskArgs, target: &Target) -> Result<Cards> {
    let chosen = match &ask.cards {
        None if target.is_local() => {
            let meter = meter(|_| true).map(Cards::ServerOr);
            return Ok(meter.unwrap_or_default());
        }
        None => return Ok(Cards::Server),
        Some(chosen) => chosen,
    };
    if !target.is_local() {
        let message = format!(
            "--cards reads cards of this machine, and {target} is another one; run zao load there, at its 127.0.0.1"
        );
        return Err(Failure::usage(message));
    }
    let found = match chosen {
        ChosenCards::All => meter(|_| true),
        ChosenCards::Some(numbers) => {
            let known: Vec<String> =
                CardMeter::all().iter().map(|card| card.label().to_owned()).collect();
            if let Some(number) = numbers.iter().find(|it| !known.contains(&it.to_string())) {
                let there = if known.is_empty() { "none".into() } else { known.join(", ") };
                let message = format!("--cards: there is no card {number} here; there is {there}");
                return Err(Failure::failed(message));
            }
            meter(|label| numbers.iter().any(|number| number.to_string() == label))
        }
    };
    let lacking = "--cards: NVIDIA's management library (libnvidia-ml.so.1) is not here, or knows no card; it comes with the \
                   driver, in containers with NVIDIA_DRIVER_CAPABILITIES=compute,utility";
    found.map(Cards::Meter).ok_or_else(|| Failure::failed(lacking))
}

/// Reads the cards of this machine that are wanted, if there are such.
fn meter(wanted: impl Fn(&str) -> bool) -> Option<Meter> {
    let cards: Vec<CardMeter> =
        CardMeter::all().into_iter().filter(|card| wanted(card.label())).collect();
    let told = |card: &CardMeter| {
        let CardReading {
            utilization,
            power_watts,
            energy_joules,
            temperature_celsius,
            sm_clock_hertz,
            memory_used_bytes,
        } = card.read();
        let memory_bytes = memory_used_bytes.map(|bytes| bytes as f64);
        let reading = DeviceReading {
            utilization,
            power_watts,
            energy_joules,
            memory_bytes,
            temperature_celsius,
            sm_clock_hertz,
        };
        (format!("card {}", card.label()), reading)
    };
    (!cards.is_empty()).then(|| Meter::new(move || cards.iter().map(told).collect()))
}

/// The settings that the arguments mean.
fn settings(ask: &AskArgs) -> Result<Settings> {
    let target = Target::parse(&ask.url).map_err(Failure::usage)?;
    let token = ask.token.clone().or_else(places::server_token);
    let trust = match &ask.ca {
        Some(file) => Trust::Also(file.clone()),
        None if ask.insecure => Trust::Anybody,
        None => Trust::Public,
    };
    let prompts = match (&ask.prompt, &ask.prompts) {
        (Some(prompt), _) => Prompts::only(prompt.clone()),
        (None, Some(path)) => Prompts::from_file(path).map_err(Failure::usage)?,
        (None, None) => Prompts::built_in(),
    };
    let request = Request {
        width: ask.size.map(|(width, _)| width),
        height: ask.size.map(|(_, height)| height),
        quality: ask.quality,
        steps: ask.steps.map(Into::into),
        guidance: ask.guidance,
        count: (ask.count > 1).then_some(ask.count),
        ..Request::default()
    };
    let previews = Some(ask.previews);
    let cards = cards(ask, &target)?;
    Ok(Settings {
        cards,
        target: target.with_token(token).trusting(trust),
        protocol: ask.speaks,
        pattern: JobRequest { request, previews, ..JobRequest::default() },
        prompts: if ask.unchanged { prompts.unchanged() } else { prompts },
        extra: ask.extra.clone().unwrap_or_default(),
        timeout: ask.timeout,
        retry: ask.retry,
        warm_up: ask.warm_up,
        seed: ask.seed,
        objectives: ask.slo.concat(),
        expect: ask.expect.clone(),
        same_as_single: ask.same_as_single,
        wait: ask.wait,
    })
}

fn told(report: &Report, tell: &TellArgs) -> Result<String> {
    let words = match tell.lang.unwrap_or_else(places::language) {
        Language::Zh => Words::Chinese,
        Language::En => Words::English,
    };
    Ok(match tell.format {
        Format::Table => report::table(report, words).join("\n"),
        Format::Markdown => report::markdown(report, words),
        Format::Csv => report::csv(report).trim_end().to_owned(),
        Format::Json => report::write(report)?,
    })
}

/// Says which conditions are not met; fails if there are such.
fn hold(report: &Report, conditions: &[Condition]) -> Result<()> {
    let verdicts = zao_load::hold(report, conditions);
    let broken: Vec<_> = verdicts.iter().filter(|verdict| !verdict.met).collect();
    for verdict in &broken {
        console::remark(format!("row {}: {}", verdict.row + 1, verdict.said));
    }
    if broken.is_empty() {
        return Ok(());
    }
    Err(Failure::failed(format!("{} of {} conditions are not met", broken.len(), verdicts.len())))
}

fn compare(before: &Path, after: &Path, worse: Option<f64>) -> Result<()> {
    let comparison = zao_load::compare(&read(before)?, &read(after)?);
    console::result(comparison.lines().join("\n"))?;
    let Some(bound) = worse else { return Ok(()) };
    let is_worse = |it: &&zao_load::Change| it.certain != Some(false) && it.worse_by() > bound;
    let count = comparison.changes.iter().filter(is_worse).count();
    if count == 0 {
        return Ok(());
    }
    Err(Failure::failed(format!("{count} numbers are worse by more than {} %", 100.0 * bound)))
}

fn read(path: &Path) -> Result<Report> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    report::read(&text).map_err(|reason| Failure::usage(format!("{}: {reason}", path.display())))
}

/// Shows a measurement while it goes on: a line at the bottom, and one for each row that is done.
struct Watcher {
    screen: Screen,
    bar: ProgressBar,
}

impl Watcher {
    fn new(screen: &Screen) -> Self {
        let style = ProgressStyle::with_template("{spinner} {msg}");
        let bar = screen.bar(style.expect("the template is constant"), None);
        Self { screen: screen.clone(), bar }
    }

    fn show(&self, live: &Live) {
        match live {
            Live::Going { load, elapsed, ended, failed, in_flight, seconds } => {
                let mean = seconds.map(|it| format!(", {it:.2} s each")).unwrap_or_default();
                let line = format!(
                    "{}: {:.0} s: {ended} over, {failed} failed, {in_flight} on their way{mean}",
                    load,
                    elapsed.as_secs_f64()
                );
                self.bar.set_message(line);
            }
            Live::Row(row) => {
                let median = row.e2e.map_or_else(|| "-".into(), |it| format!("{:.2} s", it.p50));
                self.screen.hint(&format!(
                    "{}: {} requests, {} failed, {:.3}/s, median {median}",
                    row.load,
                    row.requests,
                    row.failed(),
                    row.throughput
                ));
            }
        }
    }

    fn clear(&self) {
        self.screen.remove(&self.bar);
    }
}
