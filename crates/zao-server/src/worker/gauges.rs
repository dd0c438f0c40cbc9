//! The thread that reads the card. It is not the one that tells that this process lives: a card that has stopped to answer
//! must not silence that, for the engine may still draw.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};
use std::{io, thread};

use super::pulse::Pulse;
use crate::protocol::Gauges;

/// As often as signs of life go to the parent.
const EVERY: Duration = Duration::from_millis(500);

/// Reads until the returned value is dropped. `open` gives what reads, on the thread itself; where there is nothing, or it never
/// tells anything, the thread ends.
pub(super) fn start<R>(
    pulse: Arc<Pulse>,
    open: impl FnOnce() -> Option<R> + Send + 'static,
) -> io::Result<Sender<()>>
where
    R: FnMut() -> Gauges,
{
    let (alive, over) = mpsc::channel::<()>();
    let read = move || {
        let Some(mut read) = open() else { return };
        loop {
            let at = Instant::now();
            let gauges = read();
            if gauges == Gauges::default() {
                return;
            }
            pulse.measured(at, gauges);
            if over.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    };
    thread::Builder::new().name("gauges".into()).spawn(read)?;
    Ok(alive)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits for a moment at most.
    fn soon(is: impl Fn() -> bool) -> bool {
        let until = Instant::now() + Duration::from_secs(20);
        while !is() && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
        is()
    }

    #[test]
    fn what_is_read_is_told_until_nobody_wants_to_know() {
        let pulse = Arc::new(Pulse::default());
        let (read, reading) = mpsc::channel::<()>();
        let open = move || {
            let mut watts = 100.0;
            Some(move || {
                watts += 1.0;
                let _nobody_waits = read.send(());
                Gauges { power_watts: Some(watts), ..Gauges::default() }
            })
        };
        let alive = start(Arc::clone(&pulse), open).unwrap();
        let watts = || pulse.beat().gauges.and_then(|gauges| gauges.power_watts);
        assert!(soon(|| watts() >= Some(102.0)), "{:?}", watts());
        drop(alive);
        // The channel closes with the thread.
        assert!(soon(|| reading.try_iter().count() == 0
            && reading.try_recv() == Err(mpsc::TryRecvError::Disconnected)));
    }

    #[test]
    fn a_card_that_tells_nothing_is_left_alone() {
        let pulse = Arc::new(Pulse::default());
        let (read, reading) = mpsc::channel::<()>();
        let open = move || {
            Some(move || {
                let _nobody_waits = read.send(());
                Gauges::default()
            })
        };
        let _alive = start(Arc::clone(&pulse), open).unwrap();
        assert!(reading.recv().is_ok() && reading.recv().is_err(), "it was read once");
        assert_eq!(pulse.beat().gauges, None);
    }
}
