//! The thread that reads orders. It decodes the pictures in them, which takes too long for the engine's thread.

use std::io::{self, BufReader, Read};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use zao_api::ErrorCode;
use zao_engine::{Grid, Start};
use zao_request::Input;

use super::adapters::Wish;
use super::arrival::{Arrival, Beginning};
use super::failure::Failure;
use super::outbox::Outbox;
use super::standard_streams::vanish;
use crate::protocol::{Draw, JobId, Order, Word, frame};

/// An order as the engine's thread takes it.
#[derive(Debug)]
pub(super) enum Incoming {
    /// Pictures to draw.
    Draw(Box<Arrival>),
    /// A job that cannot be drawn.
    Refused(JobId, Failure),
    /// A job that nobody wants any more.
    Cancel(JobId),
    /// Something is to be done with an adapter.
    Adapter(Wish),
    /// Memory is to be given back.
    Free,
    /// Nothing more will come.
    Drain,
}

/// Reads `input` until it ends, which ends the process.
pub(super) fn start(
    input: impl Read + Send + 'static,
    outbox: Outbox,
) -> io::Result<Receiver<Incoming>> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().name("orders".into()).spawn(move || listen(input, &sender, &outbox))?;
    Ok(receiver)
}

fn listen(input: impl Read, sender: &Sender<Incoming>, outbox: &Outbox) {
    let mut input = BufReader::new(input);
    loop {
        let order = match frame::read::<Order>(&mut input) {
            Ok(Some(order)) => order,
            Ok(None) => vanish(),
            Err(error) => {
                outbox.say_and_wait(Word::Fatal { message: format!("the parent sent {error}") });
                vanish();
            }
        };
        let incoming = match order {
            Order::Draw(draw) => arrival(*draw),
            Order::Cancel { job } => Incoming::Cancel(job),
            Order::OpenAdapter { name } => Incoming::Adapter(Wish::Open(name)),
            Order::CloseAdapter { name } => Incoming::Adapter(Wish::Close(name)),
            Order::Free => Incoming::Free,
            Order::Drain => Incoming::Drain,
        };
        // The engine's thread has ended; whoever waits for it ends the process.
        if sender.send(incoming).is_err() {
            return;
        }
    }
}

fn arrival(mut draw: Draw) -> Incoming {
    match beginning(&mut draw) {
        Ok(beginning) => Incoming::Draw(Box::new(Arrival::new(draw, beginning))),
        Err(failure) => Incoming::Refused(draw.job, failure),
    }
}

/// The picture that a job begins with, in the size that is drawn.
fn beginning(draw: &mut Draw) -> Result<Option<Beginning>, Failure> {
    let (image, mask) = (draw.image.take(), draw.mask.take());
    let Some(image) = image else { return Ok(None) };
    let refused = |what: &str, error: zao_image::Error| {
        Failure::new(ErrorCode::InvalidRequest, format!("{what}: {error}"))
    };
    let mut input = Input::new(image.bytes(), draw.request.request.strength)
        .map_err(|error| refused("image", error))?;
    if let Some(mask) = mask {
        input = input.with_mask(mask.bytes()).map_err(|error| refused("mask", error))?;
    }
    let start: Start = input.start(Grid::new(draw.height as usize, draw.width as usize));
    Ok(Some(Beginning { start, record: input.record() }))
}
