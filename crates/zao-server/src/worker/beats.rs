//! The thread that tells the parent that this process lives, whatever the engine's thread does.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;
use std::{io, thread};

use super::outbox::Outbox;
use super::pulse::Pulse;
use crate::protocol::{Beat, Word};
use crate::resident;

/// Often enough that one may be late.
const EVERY: Duration = Duration::from_millis(500);

/// Tells until the returned value is dropped.
pub(super) fn start(pulse: Arc<Pulse>, outbox: Outbox) -> io::Result<Sender<()>> {
    let (alive, over) = mpsc::channel::<()>();
    let tell = move || {
        while over.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
            let resident_bytes = resident::bytes();
            outbox.say(Word::Beat(Beat { resident_bytes, ..pulse.beat() }));
        }
    };
    thread::Builder::new().name("beats".into()).spawn(tell)?;
    Ok(alive)
}
