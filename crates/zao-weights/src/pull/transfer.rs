//! Brings one file here: resumes, tries again, starts afresh once, and never trusts the server.
//!
//! Which files are needed is decided elsewhere.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use ureq::http::Response;
use ureq::http::header::{CONTENT_RANGE, ETAG};
use ureq::{Body, BodyReader};

use super::client::{Failure, text};
use super::error::PullError;
use super::event::PullEvent;
use super::partial::{BLOCK, Partial};
use super::plan::Piece;
use super::session::{Patience, Session};
use super::work::WorkFolder;

const PARTIAL_CONTENT: u16 = 206;

/// Fetches `piece` until it lies verified in its place.
pub(super) fn fetch(
    session: &Session<'_>,
    work: &WorkFolder,
    piece: &Piece,
) -> Result<(), PullError> {
    let path = piece.file.path.as_str();
    session.watch.tell(PullEvent::File { path, bytes: piece.file.size });
    let mut partial = Partial::open(session, work, &piece.file)?;
    if let Some(local) = &piece.local {
        copy(session, local, &mut partial)?;
    }
    let mut transfer = Transfer { session, piece, partial };
    if transfer.complete()?.is_some() {
        transfer.partial.restart()?;
        if let Some(fault) = transfer.complete()? {
            // What was wrong twice must not be taken for a good beginning later.
            transfer.partial.restart()?;
            return Err(fault);
        }
    }
    transfer.partial.finish()
}

struct Transfer<'a> {
    session: &'a Session<'a>,
    piece: &'a Piece,
    partial: Partial<'a>,
}

impl Transfer<'_> {
    /// Fetches what is missing and verifies the whole; gives what is wrong with what came.
    fn complete(&mut self) -> Result<Option<PullError>, PullError> {
        let mut patience = Patience::new(self.session, self.piece.file.path.as_str());
        let mut most = self.partial.len();
        while self.partial.left() > 0 {
            self.session.check_running()?;
            let failure = match self.attempt() {
                Ok(()) => {
                    patience.answered()?;
                    continue;
                }
                Err(failure) => failure,
            };
            // A server that always starts at the beginning makes no progress by doing so.
            if self.partial.len() > most {
                most = self.partial.len();
                patience.progressed();
            }
            match failure {
                Failure::Fatal(error) => return Err(error),
                Failure::Wrong(fault) => return Ok(Some(fault)),
                Failure::Again { reason, after } => patience.wait(reason, after)?,
            }
        }
        Ok(self.partial.verify().err())
    }

    /// Makes one request and takes what comes of it.
    fn attempt(&mut self) -> Result<(), Failure> {
        let (url, from) = (self.piece.url.as_str(), self.partial.len());
        let response = self.session.client.file(url, from, self.partial.etag(url))?;
        let length = if response.status().as_u16() == PARTIAL_CONTENT {
            self.check_range(&response)?
        } else {
            self.check_whole(&response)?;
            if from > 0 {
                self.partial.restart()?;
            }
            self.piece.file.size
        };
        self.partial.set_etag(url, text(&response, &ETAG))?;
        self.read(response.into_body().into_reader(), length)
    }

    /// A part must begin where the file ends so far; gives its length in bytes.
    fn check_range(&self, response: &Response<Body>) -> Result<u64, Failure> {
        let found = text(response, &CONTENT_RANGE).unwrap_or_default();
        let (from, size) = (self.partial.len(), self.piece.file.size);
        match content_range(found) {
            Some((first, last, total))
                if first == from && last < size && total.is_none_or(|total| total == size) =>
            {
                Ok(last - first + 1)
            }
            _ => {
                let (path, found) = (self.piece.file.path.to_string(), found.to_owned());
                Err(Failure::Wrong(PullError::WrongRange { path, from, found }))
            }
        }
    }

    /// A whole file must have the listed length, if the server tells one.
    fn check_whole(&self, response: &Response<Body>) -> Result<(), Failure> {
        match response.body().content_length() {
            Some(length) if length != self.piece.file.size => {
                Err(self.wrong_length(length.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Takes exactly `length` bytes and makes sure that no more come.
    fn read(&mut self, mut body: BodyReader<'_>, length: u64) -> Result<(), Failure> {
        let mut block = vec![0; BLOCK];
        let mut left = length;
        while left > 0 {
            self.session.check_running()?;
            let most = block.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let got = body.read(&mut block[..most]).map_err(|e| Failure::again(e.to_string()))?;
            if got == 0 {
                return Err(Failure::again(format!("the connection ended {left} bytes early")));
            }
            self.partial.append(&block[..got])?;
            left -= got as u64;
        }
        match body.read(&mut block[..1]) {
            Ok(more) if more > 0 => Err(self.wrong_length("more".to_owned())),
            _ => Ok(()),
        }
    }

    fn wrong_length(&self, found: String) -> Failure {
        let (path, expected) = (self.piece.file.path.to_string(), self.piece.file.size);
        Failure::Wrong(PullError::WrongLength { path, expected, found })
    }
}

/// Continues the file from a copy on this machine, as far as that goes.
fn copy(session: &Session<'_>, local: &Path, partial: &mut Partial<'_>) -> Result<(), PullError> {
    let Ok(mut file) = File::open(local) else { return Ok(()) };
    if file.seek(SeekFrom::Start(partial.len())).is_err() {
        return Ok(());
    }
    let mut block = vec![0; BLOCK];
    while partial.left() > 0 {
        session.check_running()?;
        let most = block.len().min(usize::try_from(partial.left()).unwrap_or(usize::MAX));
        match file.read(&mut block[..most]) {
            // The hub has whatever this copy cannot give.
            Ok(0) | Err(_) => return Ok(()),
            Ok(got) => partial.append(&block[..got])?,
        }
    }
    Ok(())
}

/// Reads `bytes FIRST-LAST/TOTAL`, where the total may be `*`.
fn content_range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let total = if total == "*" { None } else { Some(total.trim().parse().ok()?) };
    (first <= last).then_some((first, last, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_read_or_refused() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, 9, Some(10))));
        assert_eq!(content_range("bytes 0-0/*"), Some((0, 0, None)));
        for bad in ["", "bytes */10", "bytes 9-5/10", "items 0-1/2", "bytes 0-1", "bytes -1-1/2"] {
            assert_eq!(content_range(bad), None, "{bad}");
        }
    }
}
