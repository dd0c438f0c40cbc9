//! The threads that write to the parent: one encodes pictures, one writes what is said. The engine's thread hands over
//! and goes on. What is said of a job through [`Outbox::after_pictures`] comes behind its pictures.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};
use zao_engine::{Job, Picture};
use zao_request::Provenance;

use super::failure::Failure;
use super::standard_streams::vanish;
use crate::protocol::{Count, FrameError, JobId, Report, Word, frame};

/// Where words go. Clones lead to the same parent.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    words: Sender<Line>,
    pictures: Sender<Task>,
}

/// What the writer gets.
#[derive(Debug)]
enum Line {
    Word(Word),
    /// Tells when everything before it is written.
    Written(Sender<()>),
    End,
}

/// What the encoder gets.
#[derive(Debug)]
enum Task {
    Done(Box<Drawn>),
    Preview(JobId, u32, Picture),
    /// The last report of a job.
    Last(JobId, Report),
    End,
}

/// A picture that is drawn.
#[derive(Debug)]
pub(super) struct Drawn {
    pub(super) of: JobId,
    pub(super) index: u32,
    pub(super) job: Job,
    pub(super) picture: Picture,
    pub(super) provenance: Arc<Provenance>,
    pub(super) seconds: f64,
    pub(super) held_bytes: u64,
}

impl Outbox {
    /// Writes to `output` what is said. The thread that is returned ends behind [`Self::end`].
    pub(super) fn start(output: impl Write + Send + 'static) -> io::Result<(Self, JoinHandle<()>)> {
        let (words, lines) = mpsc::channel();
        let (pictures, tasks) = mpsc::channel();
        let writer = thread::Builder::new().name("words".into());
        let writing = writer.spawn(move || write(output, &lines))?;
        let to_parent = words.clone();
        thread::Builder::new().name("pictures".into()).spawn(move || encode(&tasks, &to_parent))?;
        Ok((Self { words, pictures }, writing))
    }

    /// Says something.
    pub(super) fn say(&self, word: Word) {
        // A writer that is gone has ended the process, or is about to.
        let _gone = self.words.send(Line::Word(word));
    }

    /// Says something, and returns when it is written.
    pub(super) fn say_and_wait(&self, word: Word) {
        let (written, wait) = mpsc::channel();
        self.say(word);
        let _gone = self.words.send(Line::Written(written));
        let _gone = wait.recv();
    }

    /// Says something of a job.
    pub(super) fn report(&self, job: &str, report: Report) {
        self.say(Word::Job { job: job.to_owned(), report });
    }

    /// Says the last of a job, behind its pictures.
    pub(super) fn after_pictures(&self, job: JobId, report: Report) {
        let _gone = self.pictures.send(Task::Last(job, report));
    }

    /// Encodes a picture and sends it.
    pub(super) fn deliver(&self, drawn: Drawn) {
        let _gone = self.pictures.send(Task::Done(Box::new(drawn)));
    }

    /// Encodes what a picture looks like so far, and sends it.
    pub(super) fn show(&self, job: JobId, index: u32, picture: Picture) {
        let _gone = self.pictures.send(Task::Preview(job, index, picture));
    }

    /// Ends both threads behind everything that was handed over before.
    pub(super) fn end(&self) {
        let _gone = self.pictures.send(Task::End);
    }
}

/// Keeps what is written until it is let go.
struct Held<W: Write>(BufWriter<W>);

impl<W: Write> Held<W> {
    fn let_go(&mut self) {
        // The parent does not read any more: there is none.
        if self.0.flush().is_err() {
            vanish();
        }
    }
}

impl<W: Write> Write for Held<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(output: impl Write, lines: &Receiver<Line>) {
    let mut output = Held(BufWriter::with_capacity(1 << 16, output));
    while let Ok(first) = lines.recv() {
        // What is said together wakes the parent once: each time takes a processor from those that draw.
        for line in std::iter::once(first).chain(lines.try_iter()) {
            let written = match line {
                Line::Word(word) => frame::write(&mut output, word),
                Line::Written(tell) => {
                    output.let_go();
                    let _gone = tell.send(());
                    Ok(())
                }
                Line::End => return output.let_go(),
            };
            match written {
                Ok(()) => {}
                // As above.
                Err(FrameError::Io(_)) => vanish(),
                Err(error) => {
                    let message = format!("a message could not be written: {error}");
                    let _gone = frame::write(&mut output, Word::Fatal { message });
                    output.let_go();
                    vanish();
                }
            }
        }
        output.let_go();
    }
}

fn encode(tasks: &Receiver<Task>, words: &Sender<Line>) {
    let say = |job: JobId, report: Report| {
        let _gone = words.send(Line::Word(Word::Job { job, report }));
    };
    // Jobs that had a picture which could not be encoded.
    let mut spoilt: Vec<(JobId, Failure)> = Vec::new();
    for task in tasks {
        match task {
            Task::Done(drawn) => {
                let since = Instant::now();
                let pixels = (drawn.picture.width * drawn.picture.height) as u64;
                match png(&drawn) {
                    Ok(report) => say(drawn.of, report),
                    Err(failure) => spoilt.push((drawn.of, failure)),
                }
                let seconds = since.elapsed().as_secs_f64();
                let _gone = words.send(Line::Word(Word::Count(Count::Encoded { pixels, seconds })));
            }
            Task::Preview(job, index, picture) => {
                if let Some(report) = preview(index, &picture) {
                    say(job, report);
                }
            }
            Task::Last(job, report) => {
                let failure = spoilt.iter().find(|(of, _)| *of == job);
                let failed = failure.map(|(_, Failure { code, message })| Report::Failed {
                    code: *code,
                    message: message.clone(),
                });
                spoilt.retain(|(of, _)| *of != job);
                say(job, failed.unwrap_or(report));
            }
            Task::End => break,
        }
    }
    let _gone = words.send(Line::End);
}

fn png(drawn: &Drawn) -> Result<Report, Failure> {
    let Drawn { index, job, picture, provenance, seconds, held_bytes, .. } = drawn;
    let png = provenance.png(job, picture).map_err(|error| Failure::of_request(&error))?;
    let (width, height) = sides(picture);
    let seed = job.ask().seed;
    Ok(Report::Picture {
        index: *index,
        seed,
        width,
        height,
        seconds: *seconds,
        held_bytes: *held_bytes,
        png: png.into(),
    })
}

/// A preview that cannot be encoded is none.
fn preview(picture: u32, shown: &Picture) -> Option<Report> {
    let (width, height) = sides(shown);
    let mut file = Vec::new();
    let encoder = WebPEncoder::new_lossless(&mut file);
    encoder.write_image(&shown.rgb, width, height, ExtendedColorType::Rgb8).ok()?;
    let (mime, file) = ("image/webp".into(), file.into());
    Some(Report::Preview { picture, mime, width, height, file })
}

/// Sides of a drawn picture, which the engine bounds far below what would not fit.
fn sides(picture: &Picture) -> (u32, u32) {
    (picture.width as u32, picture.height as u32)
}
