//! One file under way: bytes are appended and hashed, and the whole is verified before it counts.
//!
//! Where the bytes come from is not known here.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};

use super::checksum::Hasher;
use super::error::PullError;
use super::event::PullEvent;
use super::listing::RemoteFile;
use super::session::Session;
use super::work::{Note, WorkFolder, create_parent};

/// How much is read or written at once, in bytes.
pub(super) const BLOCK: usize = 256 << 10;

pub(super) struct Partial<'a> {
    session: &'a Session<'a>,
    work: &'a WorkFolder,
    remote: &'a RemoteFile,
    file: File,
    note: Note,
    len: u64,
    hasher: Hasher,
}

impl<'a> Partial<'a> {
    /// Opens what an earlier try left of the file, or begins it.
    pub(super) fn open(
        session: &'a Session<'a>,
        work: &'a WorkFolder,
        remote: &'a RemoteFile,
    ) -> Result<Self, PullError> {
        let len = work.under_way(remote);
        let note = work.note(&remote.path).filter(|note| note.is_of(remote));
        let is_known = note.is_some();
        let data = work.data(&remote.path);
        create_parent(&data)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(len == 0)
            .open(&data)
            .map_err(PullError::file("create", &data))?;
        let mut partial = Self {
            session,
            work,
            remote,
            file,
            note: note.unwrap_or_else(|| Note::new(remote)),
            len: 0,
            hasher: remote.checksum.start(remote.size),
        };
        if !is_known {
            partial.save_note()?;
        }
        partial.hash_prefix(len)?;
        Ok(partial)
    }

    /// Bytes that are here.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Bytes that are missing.
    pub(super) fn left(&self) -> u64 {
        self.remote.size - self.len
    }

    /// The tag that the server at `url` gave the bytes so far.
    pub(super) fn etag(&self, url: &str) -> Option<&str> {
        self.note.etag.as_ref().filter(|(from, _)| from == url).map(|(_, etag)| etag.as_str())
    }

    /// Remembers the tag of the bytes that come next; a weak one cannot vouch for bytes.
    pub(super) fn set_etag(&mut self, url: &str, etag: Option<&str>) -> Result<(), PullError> {
        let strong = etag.filter(|etag| !etag.starts_with("W/"));
        let etag = strong.map(|etag| (url.to_owned(), etag.to_owned()));
        if self.note.etag != etag {
            self.note.etag = etag;
            self.save_note()?;
        }
        Ok(())
    }

    /// Adds bytes at the end; there must not be more of them than are [left](Self::left).
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), PullError> {
        self.file
            .write_all(bytes)
            .map_err(PullError::file("write", self.work.data(&self.remote.path)))?;
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        self.session.advance(bytes.len() as u64);
        Ok(())
    }

    /// Throws all bytes away.
    pub(super) fn restart(&mut self) -> Result<(), PullError> {
        let data = self.work.data(&self.remote.path);
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .map_err(PullError::file("write", data))?;
        self.session.retreat(self.len);
        self.len = 0;
        self.hasher = self.remote.checksum.start(self.remote.size);
        self.note.etag = None;
        self.save_note()
    }

    /// Compares length and checksum with what the hub listed.
    pub(super) fn verify(&self) -> Result<(), PullError> {
        let path = self.remote.path.to_string();
        if self.len != self.remote.size {
            let (expected, found) = (self.remote.size, self.len.to_string());
            return Err(PullError::WrongLength { path, expected, found });
        }
        let found = self.hasher.clone().finish();
        if found != self.remote.checksum {
            let (expected, found) = (self.remote.checksum.to_string(), found.to_string());
            return Err(PullError::Corrupt { path, expected, found });
        }
        Ok(())
    }

    /// Gives the verified file its place in the model.
    pub(super) fn finish(self) -> Result<(), PullError> {
        // Without this, a power cut after the rename could leave a file of the right length only.
        self.file
            .sync_all()
            .map_err(PullError::file("write", self.work.data(&self.remote.path)))?;
        self.work.keep(&self.remote.path)
    }

    fn save_note(&self) -> Result<(), PullError> {
        self.work.write_note(&self.remote.path, &self.note)
    }

    /// Hashes the first `len` bytes and goes on behind them.
    fn hash_prefix(&mut self, len: u64) -> Result<(), PullError> {
        if len == 0 {
            return Ok(());
        }
        self.session.watch.tell(PullEvent::Verifying { path: self.remote.path.as_str() });
        let data = self.work.data(&self.remote.path);
        let mut block = vec![0; BLOCK];
        while self.len < len {
            self.session.check_running()?;
            let most = block.len().min(usize::try_from(len - self.len).unwrap_or(usize::MAX));
            let got = self.file.read(&mut block[..most]).map_err(PullError::file("read", &data))?;
            if got == 0 {
                // Somebody shortened the file since it was measured; the rest is fetched.
                break;
            }
            self.hasher.update(&block[..got]);
            self.len += got as u64;
        }
        Ok(())
    }
}
