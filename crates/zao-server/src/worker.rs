//! The process that draws: it owns an engine, takes orders from its parent and tells what becomes of them. Which job
//! comes first, who waits for it and where its pictures are kept is the parent's business.
//!
//! The calling thread is the engine's. Others read orders (and decode the pictures in them), encode what was drawn,
//! write to the parent, and tell it that this process lives. It ends when it was drained, when its engine failed, and at
//! once when its parent is gone.

mod adapters;
mod arrival;
mod beats;
mod clerk;
mod failure;
mod gauges;
mod haste;
mod inbox;
mod outbox;
mod previews;
mod probe;
mod pulse;
mod standard_streams;
mod warm_up;

use std::convert::Infallible;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use zao_api::{Quality, Request};
use zao_engine::{CardMeter, Engine, IdleTimer, MAX_TOKENS};
use zao_request::{Shelf, on_the_wire};

use crate::protocol::{Facts, Gauges, Word};
use clerk::{Clerk, Next};
use outbox::Outbox;
use probe::Probes;
use pulse::Pulse;
pub use standard_streams::{Streams, standard_streams};

/// How a worker works.
#[derive(Debug)]
pub struct WorkerSettings {
    /// The adapters that jobs may name.
    pub shelf: Shelf,
    /// After how long without work memory is given back; `None` for never.
    pub idle_release: Option<Duration>,
    /// Whether a picture is drawn before anybody asks for one, so that a worker which says that it is ready has read its weights and
    /// seen its device compute.
    pub warm_up: bool,
    /// After how long without work, and then as often, the device is looked at; `None` for never.
    pub probe_after: Option<Duration>,
}

/// Why a worker ended early. Its parent has been told.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// There is nothing to draw with.
    #[error("{0}")]
    Open(String),
    /// The device failed; a new process may find it well.
    #[error("the device failed: {0}")]
    Engine(#[from] zao_engine::Error),
    /// The device failed when it had nothing to do.
    #[error("the device failed when it had nothing to do: {0}")]
    Idle(zao_engine::Error),
    /// The picture that is drawn before anybody asks for one could not be: nobody's could.
    #[error("it cannot draw: {0}")]
    WarmUp(zao_engine::Error),
    /// The folder of adapters cannot be listed, or what is to read prompts cannot be had.
    #[error(transparent)]
    Request(#[from] zao_request::Error),
    /// The system gave no thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// Opens an engine and draws what is ordered on `input` until it is drained.
///
/// Where `input` ends, the parent is gone, and so is this process: at once, from another thread. So it is where `input`
/// is not what [`crate::protocol`] says, or `output` cannot be written to.
///
/// # Errors
/// Nothing to draw with, or a device that failed. The parent has been told why.
pub fn run(
    open: impl FnOnce() -> Result<Engine, String>,
    settings: WorkerSettings,
    input: impl Read + Send + 'static,
    output: impl Write + Send + 'static,
) -> Result<(), WorkerError> {
    let (outbox, writing) = Outbox::start(output)?;
    let worked = work(open, settings, input, &outbox);
    if let Err(error) = &worked {
        outbox.say(Word::Fatal { message: error.to_string() });
    }
    outbox.end();
    // Everything that was said before has to reach the parent. A writer that panicked has nothing left to say.
    let _ended = writing.join();
    worked
}

fn work(
    open: impl FnOnce() -> Result<Engine, String>,
    settings: WorkerSettings,
    input: impl Read + Send + 'static,
    outbox: &Outbox,
) -> Result<(), WorkerError> {
    outbox.say(Word::Loading);
    let pulse = Arc::new(Pulse::default());
    let _beats = beats::start(Arc::clone(&pulse), outbox.clone())?;
    let orders = inbox::start(input, outbox.clone())?;
    let mut engine = open().map_err(WorkerError::Open)?;
    let _gauges = engine.card().map(|card| read_card(card, &pulse)).transpose()?;
    let mut idle = settings.idle_release.map(IdleTimer::new);
    let mut probes = Probes::new(settings.probe_after);
    if settings.warm_up {
        pulse.begin();
        warm_up::draw_one(&mut engine, &pulse).map_err(WorkerError::WarmUp)?;
        idle.iter_mut().for_each(|idle| idle.idle_since(Instant::now()));
        tell_memory(&engine, &pulse);
    } else {
        // So much is known of the device in any case before somebody is promised a picture.
        probes.look(&mut engine, &pulse, outbox).map_err(WorkerError::WarmUp)?;
    }
    outbox.say(Word::Ready(Box::new(facts(&engine, &settings.shelf)?)));
    // Only now: whoever is loading and busy with nothing would be taken for hung after a long reading.
    pulse.rest();
    probes.put_off();
    let (words, beats) = (outbox.clone(), Arc::clone(&pulse));
    let mut clerk = Clerk::new(&mut engine, settings.shelf, orders, words, beats)?;
    loop {
        let now = Instant::now();
        let left = idle.as_ref().and_then(|idle| idle.left(now));
        match clerk.wait(left.into_iter().chain(probes.left(now)).min()) {
            Next::Work => {}
            Next::Release => engine.release(),
            Next::Nothing => {
                if idle.as_mut().is_some_and(|idle| idle.is_due(Instant::now())) {
                    engine.release();
                }
                if probes.is_due(Instant::now()) {
                    probes.look(&mut engine, &pulse, outbox).map_err(WorkerError::Idle)?;
                }
            }
            Next::End => return Ok(()),
        }
        clerk.open_adapters(&mut engine);
        tell_memory(&engine, &pulse);
        if !clerk.has_work() {
            continue;
        }
        idle.iter_mut().for_each(IdleTimer::busy);
        pulse.begin();
        engine.work_through(&mut clerk)?;
        pulse.rest();
        probes.put_off();
        tell_memory(&engine, &pulse);
        idle.iter_mut().for_each(|idle| idle.idle_since(Instant::now()));
    }
}

/// Reads a card from now on, as long as what is returned lives.
fn read_card(card: usize, pulse: &Arc<Pulse>) -> std::io::Result<Sender<()>> {
    let open = move || {
        let meter = CardMeter::of_card(card)?;
        Some(move || Gauges::from(meter.read()))
    };
    gauges::start(Arc::clone(pulse), open)
}

fn tell_memory(engine: &Engine, pulse: &Pulse) {
    pulse.hold(engine.held_bytes(), engine.free_bytes());
    pulse.load(engine.loaded_adapters());
}

fn facts(engine: &Engine, shelf: &Shelf) -> Result<Facts, WorkerError> {
    let (model, device) = (engine.model(), engine.device());
    let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    Ok(Facts {
        version: env!("CARGO_PKG_VERSION").into(),
        model: model.name.clone(),
        fingerprint: model.fingerprint.clone(),
        size_multiple: side(model.size_multiple),
        pixels_per_cell: side(model.pixels_per_cell),
        max_size: (side(model.max_size.width), side(model.max_size.height)),
        default_size: (side(model.default_size.width), side(model.default_size.height)),
        shift: model.shift,
        device: device.device,
        device_detail: device.detail,
        precision: on_the_wire(engine.precision()),
        precision_reason: engine.precision_reason().to_string(),
        passed_over: engine.passed_over().map(str::to_owned),
        max_prompt_tokens: side(MAX_TOKENS),
        memory: memory(engine),
        loras: shelf.list()?.into_iter().map(|found| found.name).collect(),
    })
}

/// What a picture of each quality that names a size would take; what would be refused is left out.
fn memory(engine: &Engine) -> Vec<(Quality, u64)> {
    let foreseen = [Quality::Draft, Quality::Standard, Quality::High].into_iter().map(|quality| {
        let request = Request { quality: Some(quality), ..Request::default() };
        // No prompt decides: these qualities name their size.
        let (size, _) =
            zao_request::settle(&request, None, engine.model(), |_| Ok::<_, Infallible>(true))
                .ok()?;
        Some((quality, engine.foresee(size).ok()?.total()))
    });
    foreseen.flatten().collect()
}
