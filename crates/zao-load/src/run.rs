//! A measurement from its first request to its report: when requests are sent, and what belongs to which row. What one
//! request is, is known in [`crate::drive`].

mod closed;
mod context;
mod drift;
mod live;
mod open;
mod prepare;
mod stable;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::plan::Moment;
use crate::report::{Asked, Load, Report, SCHEMA_VERSION, knee};
use crate::{Error, Length, Mode, Result, Row, Settings};
use context::Context;
pub use live::{Live, Stop};
use watch::Watch;

/// Measures. `observe` is called a few times a second, and for each row that is done; `stop` ends it early, with what there is.
///
/// # Errors
/// When the server is not there, the settings cannot be followed, or it is stopped before anything was measured. That
/// requests fail is a result.
pub fn run(
    settings: &Settings,
    mode: &Mode,
    observe: &(dyn Fn(&Live) + Sync),
    stop: &Stop,
) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(Error::Runtime)?;
    let report = runtime.block_on(measure(settings, mode, observe, stop));
    // Questions that nobody waits for any more may hang for as long as the server likes.
    runtime.shutdown_timeout(Duration::from_millis(500));
    report
}

async fn measure(
    settings: &Settings,
    mode: &Mode,
    observe: &(dyn Fn(&Live) + Sync),
    stop: &Stop,
) -> Result<Report> {
    let started_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let (context, warm_up) = prepare::context(settings, stop).await?;
    let watch = Watch::new(&context, &settings.cards);
    let stage = Stage { context: &context, watch: &watch, begin: Instant::now(), observe, stop };
    let rows = rows(&stage, settings, mode).await;
    if rows.is_empty() {
        return Err(Error::Stopped);
    }
    let knee =
        matches!(mode, Mode::Sweep { .. } | Mode::Rate { .. }).then(|| knee(&rows)).flatten();
    let mut remarks = Vec::new();
    if stop.is_asked() {
        remarks.push("stopped early; the last row is shorter than it was to be".to_owned());
    }
    if matches!(mode, Mode::Soak { .. }) {
        remarks.extend(drift::drift(&rows));
        remarks.extend(drift::growth(&rows));
    }
    Ok(Report {
        schema_version: SCHEMA_VERSION,
        tool: concat!("zao-load ", env!("CARGO_PKG_VERSION")).into(),
        mode: mode.as_str().into(),
        target: settings.target.to_string(),
        protocol: settings.protocol,
        started_at,
        settings: asked(settings),
        warm_up,
        rows,
        knee,
        remarks,
    })
}

/// What the rows of a measurement share.
struct Stage<'a> {
    context: &'a Arc<Context>,
    watch: &'a Watch,
    begin: Instant,
    observe: &'a (dyn Fn(&Live) + Sync),
    stop: &'a Stop,
}

async fn rows(stage: &Stage<'_>, settings: &Settings, mode: &Mode) -> Vec<Row> {
    let mut rows = Vec::new();
    match mode {
        Mode::Sweep { clients, length } => {
            for &clients in clients {
                let spans = closed::Spans { length: *length, count: 1 };
                rows.extend(closed::rows(stage, clients, spans).await);
            }
        }
        Mode::Soak { clients, duration, window } => {
            let count = duration.as_secs_f64() / window.as_secs_f64();
            let length = Length { duration: *window, requests: None, settling: None };
            let spans = closed::Spans { length, count: (count.ceil() as usize).max(1) };
            rows.extend(closed::rows(stage, *clients, spans).await);
        }
        Mode::Rate { per_second, arrivals, duration, most_in_flight } => {
            for (&per_second, seed) in per_second.iter().zip(settings.seed..) {
                let load = Load::Open { per_second, arrivals: *arrivals };
                let moments = arrivals.moments(per_second, *duration, seed);
                let wish = |at| Moment { at, wish: stage.context.wishes.next() };
                let moments = moments.into_iter().map(wish).collect();
                let plan = open::Plan { load, moments, most_in_flight: *most_in_flight };
                rows.extend(open::row(stage, plan).await);
            }
        }
        Mode::Replay { trace, most_in_flight } => {
            let (moments, most_in_flight) = (trace.moments.clone(), *most_in_flight);
            let plan = open::Plan { load: Load::Replayed, moments, most_in_flight };
            rows.extend(open::row(stage, plan).await);
        }
    }
    rows
}

fn asked(settings: &Settings) -> Asked {
    let request = &settings.pattern.request;
    Asked {
        size: request.width.zip(request.height),
        steps: request.steps.and_then(zao_api::Steps::number),
        count: request.count.unwrap_or(1),
        previews: settings.pattern.previews.unwrap_or(0),
        timeout_seconds: settings.timeout.as_secs_f64(),
        retry: settings.retry,
        seed: settings.seed,
        objectives: settings.objectives.iter().map(ToString::to_string).collect(),
    }
}
