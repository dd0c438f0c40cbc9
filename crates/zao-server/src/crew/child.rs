//! One process: started, spoken to, listened to, killed. What its words mean is [`super::post`]'s.

use std::io::{self, BufWriter};
use std::process::{Child as Process, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use super::WorkerCommand;
use super::foreman::Signal;
use super::lines::{self, Having};
use crate::protocol::{Order, Word, frame};

/// A process that was started and whose end was not seen yet. Dropped, it is killed.
pub(super) struct Child {
    process: Process,
    orders: Option<Sender<Order>>,
}

/// Which process of which post says something: one that was replaced may still be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) post: usize,
    pub(super) generation: u64,
}

/// What is heard of a process.
#[derive(Debug)]
pub(super) enum Heard {
    Word(Box<Word>),
    /// Its output ended.
    Silence,
    /// Its output is no message.
    Garbage(String),
}

impl Child {
    /// Starts a process whose words come as signals.
    pub(super) fn start(
        command: &WorkerCommand,
        origin: Origin,
        signals: Sender<Signal>,
        having: Having,
    ) -> io::Result<Self> {
        let mut process = Command::new(&command.program);
        process.args(&command.arguments);
        process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C in a terminal goes to a whole group; the parent says when a worker ends.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut process, 0);
        let mut process = process.spawn()?;
        let (input, output) = (process.stdin.take(), process.stdout.take());
        let (errors, pid) = (process.stderr.take(), process.id());
        let mut child = Self { process, orders: None };
        let (Some(input), Some(output), Some(errors)) = (input, output, errors) else {
            return Err(io::Error::other("the process has no pipes"));
        };
        let (orders, to_write) = mpsc::channel();
        // A process that does not read must not keep the others waiting, so each pipe has a thread.
        thread::Builder::new().name("orders".into()).spawn(move || write(input, &to_write))?;
        thread::Builder::new()
            .name("words".into())
            .spawn(move || listen(output, origin, &signals))?;
        let worker = command.name.clone();
        thread::Builder::new()
            .name("lines".into())
            .spawn(move || lines::listen(errors, &worker, pid, &having))?;
        child.orders = Some(orders);
        Ok(child)
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Says something. Whether it arrives is seen by what is heard.
    pub(super) fn say(&self, order: Order) {
        if let Some(orders) = &self.orders {
            let _gone = orders.send(order);
        }
    }

    /// Ends it without asking. It is over when [`Self::ended`] says so, which may take time where a driver hangs.
    pub(super) fn kill(&mut self) {
        // One that has ended cannot be killed, and need not.
        let _ended = self.process.kill();
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<io::Result<ExitStatus>> {
        self.process.try_wait().transpose()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        // Reaped if that is quick; whoever drops one does not wait for a driver.
        let _status = self.process.try_wait();
    }
}

fn write(input: ChildStdin, orders: &Receiver<Order>) {
    let mut input = BufWriter::with_capacity(1 << 16, input);
    for order in orders {
        // Where the process is gone, its silence tells.
        if frame::write(&mut input, order).is_err() {
            return;
        }
    }
}

fn listen(output: ChildStdout, origin: Origin, signals: &Sender<Signal>) {
    let mut output = io::BufReader::with_capacity(1 << 16, output);
    loop {
        let heard = match frame::read::<Word>(&mut output) {
            Ok(Some(word)) => Heard::Word(Box::new(word)),
            Ok(None) => Heard::Silence,
            // It died while it spoke.
            Err(frame::FrameError::Cut | frame::FrameError::Io(_)) => Heard::Silence,
            Err(error) => Heard::Garbage(error.to_string()),
        };
        let goes_on = matches!(heard, Heard::Word(_));
        if signals.send(Signal::Heard(origin, heard)).is_err() || !goes_on {
            return;
        }
    }
}
