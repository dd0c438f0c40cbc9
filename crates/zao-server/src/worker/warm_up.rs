//! The first picture of a worker, which nobody asked for: the smallest that the model draws, in one step. What fails here would fail the
//! first client. Nothing of it is kept, told or counted.

use zao_engine::{Ask, CancelToken, Engine, Event, Generator, Guidance, Job};

use super::pulse::Pulse;

/// Reads all weights and has the device compute each stage once.
///
/// # Errors
/// Weights that cannot be read, a device that fails. Too little memory is none: another program may have it now and not later, and each
/// job that does not fit is told so.
pub(super) fn draw_one(engine: &mut Engine, pulse: &Pulse) -> zao_engine::Result<()> {
    let side = engine.model().size_multiple;
    let ask = Ask {
        prompt: "a picture".into(),
        negative: String::new(),
        width: side,
        height: side,
        steps: 1,
        guidance: Guidance::OFF,
        seed: 0,
        generator: Generator::TorchCpu,
        start: None,
    };
    let job = Job::new(ask, engine.model()).map_err(zao_engine::Error::from)?;
    // All of it counts as reading weights: what a first step takes says nothing of those that follow, and is not held against them.
    let tell = |event| {
        if let Event::Loaded { done, of } = event {
            pulse.loaded(done, of);
        }
    };
    match engine.draw(&[job], &tell, &CancelToken::new()) {
        Ok(_) => Ok(()),
        Err(error) if error.is_out_of_memory() => Ok(()),
        Err(error) => Err(error),
    }
}
