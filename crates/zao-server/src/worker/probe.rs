//! Looking at a device that has nothing to do, so that one which has stopped to answer is noticed by its server and not by the next user.
//! Whether an answer takes too long is for the parent to judge, which hears from another thread since when it is waited for.

use std::time::{Duration, Instant};

use zao_engine::Engine;

use super::outbox::Outbox;
use super::pulse::Pulse;
use crate::protocol::{Count, Probed, Word};

/// Something that can be asked to compute a little.
pub(super) trait Computes {
    /// Computes, and waits for it.
    ///
    /// # Errors
    /// A device that fails, or has no room for it.
    fn compute(&mut self) -> zao_engine::Result<()>;
}

impl Computes for Engine {
    fn compute(&mut self) -> zao_engine::Result<()> {
        self.probe()
    }
}

/// When a device is looked at next.
#[derive(Debug)]
pub(super) struct Probes {
    /// After how long without work, and then as often; `None` for never.
    every: Option<Duration>,
    since: Instant,
}

impl Probes {
    pub(super) fn new(every: Option<Duration>) -> Self {
        Self { every, since: Instant::now() }
    }

    /// How long it is until the device is to be looked at.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        Some(self.every?.saturating_sub(now.saturating_duration_since(self.since)))
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.left(now) == Some(Duration::ZERO)
    }

    /// The device has just worked, which is as good as a look at it.
    pub(super) fn put_off(&mut self) {
        self.since = Instant::now();
    }

    /// Looks at the device, and tells what was found. That it has no room says nothing of it: another program may have taken that.
    ///
    /// # Errors
    /// A device that failed.
    pub(super) fn look(
        &mut self,
        device: &mut impl Computes,
        pulse: &Pulse,
        outbox: &Outbox,
    ) -> zao_engine::Result<()> {
        pulse.probe();
        let computed = device.compute();
        pulse.rest();
        self.put_off();
        let (outcome, computed) = match computed {
            Ok(()) => (Probed::Ok, Ok(())),
            Err(error) if error.is_out_of_memory() => (Probed::NoRoom, Ok(())),
            Err(error) => (Probed::Failed, Err(error)),
        };
        outbox.say(Word::Count(Count::Probed { outcome }));
        computed
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver};
    use std::sync::{Arc, Mutex};
    use std::thread;

    use super::*;
    use crate::protocol::frame;

    /// A device that answers as it is told.
    struct Device(Box<dyn FnMut() -> zao_engine::Result<()> + Send>);

    impl Computes for Device {
        fn compute(&mut self) -> zao_engine::Result<()> {
            (self.0)()
        }
    }

    /// What was written to the parent.
    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Heard {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Looks at a device once; gives what came of it and what the parent was told.
    fn looked(
        answer: impl FnMut() -> zao_engine::Result<()> + Send + 'static,
    ) -> (zao_engine::Result<()>, Vec<Word>) {
        let heard = Heard::default();
        let (outbox, writing) = Outbox::start(heard.clone()).unwrap();
        let mut probes = Probes::new(Some(Duration::ZERO));
        let looked = probes.look(&mut Device(Box::new(answer)), &Pulse::default(), &outbox);
        outbox.end();
        writing.join().unwrap();
        let bytes = heard.0.lock().unwrap().clone();
        let mut bytes = bytes.as_slice();
        let words = std::iter::from_fn(|| frame::read::<Word>(&mut bytes).unwrap()).collect();
        (looked, words)
    }

    fn told(outcome: Probed) -> Vec<Word> {
        vec![Word::Count(Count::Probed { outcome })]
    }

    #[test]
    fn a_device_that_fails_ends_its_worker_and_one_without_room_does_not() {
        let (looked_at, words) = looked(|| Ok(()));
        assert!(looked_at.is_ok() && words == told(Probed::Ok), "{words:?}");
        let (looked_at, words) = looked(|| {
            let (name, detail) = ("cuda:0".into(), "the card fell off the bus".into());
            Err(zao_engine::Error::NoDevice { name, detail })
        });
        let why = looked_at.unwrap_err().to_string();
        assert!(why.contains("cuda:0") && why.contains("fell off"), "{why}");
        assert_eq!(words, told(Probed::Failed));
        let (looked_at, words) = looked(|| {
            let (what, advice) = ("a probe".into(), "free some".into());
            Err(zao_engine::Error::OutOfMemory { what, needed: 2, free: 1, advice })
        });
        assert!(looked_at.is_ok() && words == told(Probed::NoRoom), "{words:?}");
    }

    #[test]
    fn while_a_device_does_not_answer_it_is_told_for_how_long() {
        let (answer, wait): (_, Receiver<()>) = mpsc::channel();
        let pulse = Arc::new(Pulse::default());
        assert_eq!(pulse.beat().probing, None);
        let looking = {
            let pulse = Arc::clone(&pulse);
            thread::spawn(move || {
                let (outbox, _) = Outbox::start(std::io::sink()).unwrap();
                let mut device = Device(Box::new(move || {
                    wait.recv().unwrap();
                    Ok(())
                }));
                Probes::new(None).look(&mut device, &pulse, &outbox)
            })
        };
        let until = Instant::now() + Duration::from_secs(60);
        while pulse.beat().probing.is_none_or(|seconds| seconds < 0.05) {
            assert!(Instant::now() < until, "{:?}", pulse.beat());
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(pulse.beat().busy, None, "nothing is drawn");
        answer.send(()).unwrap();
        looking.join().unwrap().unwrap();
        assert_eq!(pulse.beat().probing, None);
    }

    #[test]
    fn it_is_looked_at_after_a_time_without_work_and_then_as_often() {
        let mut probes = Probes::new(Some(Duration::from_secs(60)));
        let now = Instant::now();
        assert!(!probes.is_due(now + Duration::from_secs(59)));
        assert!(probes.is_due(now + Duration::from_secs(61)));
        probes.put_off();
        assert!(probes.left(Instant::now()).unwrap() > Duration::from_secs(50));
        let never = Probes::new(None);
        assert!(!never.is_due(now + Duration::from_secs(1 << 30)) && never.left(now).is_none());
    }
}
