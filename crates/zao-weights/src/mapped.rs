//! Memory-mapped files as shared bytes: the crate's only unsafe block lives here.
//!
//! Nothing is parsed and no path is built here.

#![allow(unsafe_code, reason = "mapping a file is unsafe by nature; it is kept to one block")]

use std::fs::File;
use std::io;

use bytes::Bytes;
use memmap2::Mmap;

/// Maps the whole of `file` read-only; the mapping lives as long as any clone of the result.
pub(crate) fn map(file: &File) -> io::Result<Bytes> {
    // SAFETY: the mapping is read-only and private to this process, but another process could
    // still shorten or rewrite the file underneath, which would fault or change what is read.
    // Weights are plain numbers with no invariant to break, every offset was checked against the
    // mapped length, and models are installed by renaming finished folders, never by rewriting.
    let mapping = unsafe { Mmap::map(file) }?;
    Ok(Bytes::from_owner(mapping))
}
