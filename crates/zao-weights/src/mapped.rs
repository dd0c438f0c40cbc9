//! Weights as shared bytes that nobody read yet: mapped files, or tables inside the binary.
//!
//! The crate's only unsafe code lives here. Nothing is parsed and no path is built here.

#![allow(unsafe_code, reason = "mapping a file is unsafe by nature; it is kept to this file")]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use memmap2::Mmap;

/// The content of one file; clones share it.
#[derive(Clone, Debug)]
pub(crate) enum Mapping {
    /// A file on disk, mapped read-only.
    File(Arc<Mmap>),
    /// A file that is compiled into the binary.
    Embedded(&'static [u8]),
}

impl Mapping {
    /// Maps the whole of `file` read-only.
    pub(crate) fn file(file: &File) -> io::Result<Self> {
        // SAFETY: this process never writes through the mapping, but another process could still
        // shorten or rewrite the file underneath, which would fault or change what is read.
        // Weights are plain numbers with no invariant to break, every offset was checked against
        // the mapped length, and models are installed by renaming finished folders, never by
        // rewriting.
        let mapping = unsafe { Mmap::map(file) }?;
        Ok(Self::File(Arc::new(mapping)))
    }

    /// The content, which lives as long as any clone of the result.
    pub(crate) fn bytes(&self) -> Bytes {
        match self {
            Self::File(mapping) => Bytes::from_owner(Owner(Arc::clone(mapping))),
            Self::Embedded(content) => Bytes::from_static(content),
        }
    }

    /// Lets the system take back the memory behind `part`, rounded to pages, if it lies in this
    /// file; what is read again comes back from the file. Embedded content stays.
    pub(crate) fn release(&self, part: &[u8]) {
        if let Self::File(mapping) = self
            && let Some(range) = within(mapping, part)
        {
            release(mapping, range);
        }
    }
}

/// Where `part` lies in `whole`, if it is a piece of it and not empty.
fn within(whole: &[u8], part: &[u8]) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    let end = start.checked_add(part.len())?;
    (start < end && end <= whole.len()).then_some(start..end)
}

#[cfg(unix)]
fn release(mapping: &Mmap, range: Range<usize>) {
    use memmap2::UncheckedAdvice::DontNeed;

    // SAFETY: the mapping is shared with its file and was never written to, so the pages that go
    // hold what the file holds. Borrowed bytes keep their address and their values: the next
    // access maps the same pages of the file again.
    let advised = unsafe { mapping.unchecked_advise_range(DontNeed, range.start, range.len()) };
    // Advice that the system refuses changes nothing but how much memory is in use.
    drop(advised);
}

#[cfg(not(unix))]
fn release(_mapping: &Mmap, _range: Range<usize>) {}

/// Keeps a mapping alive for the bytes cut from it.
struct Owner(Arc<Mmap>);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn mapped(content: &[u8]) -> Mapping {
        let mut file = tempfile::tempfile().expect("temporary file");
        file.write_all(content).expect("write");
        Mapping::file(&file).expect("map")
    }

    #[test]
    fn a_piece_is_found_only_in_what_it_was_cut_from() {
        let (whole, other) = ([1_u8; 9], [1_u8; 9]);
        assert_eq!(within(&whole, &whole[2..5]), Some(2..5));
        assert_eq!(within(&whole, &whole), Some(0..9));
        assert_eq!(within(&whole[3..6], &whole[2..5]), None);
        assert_eq!(within(&whole[3..6], &whole[4..7]), None);
        assert_eq!(within(&whole, &whole[4..4]), None, "there is nothing in it");
        assert_eq!(within(&whole, &other), None);
    }

    #[test]
    fn released_bytes_read_the_same_and_outlive_the_mapping() {
        let content: Vec<u8> = (0..100_000_u32).map(|i| (i % 251) as u8).collect();
        let mapping = mapped(&content);
        let bytes = mapping.bytes();
        for range in [0..1, 4096..8192, 5000..99_999, 99_999..100_000, 0..100_000] {
            assert_eq!(bytes, content);
            mapping.release(&bytes[range]);
        }
        drop(mapping);
        assert_eq!(bytes, content);
    }

    #[test]
    fn bytes_of_another_mapping_are_left_alone() {
        let (one, other) = (mapped(b"one"), mapped(b"other"));
        one.release(&other.bytes());
        one.release(b"owned");
        assert_eq!((&one.bytes()[..], &other.bytes()[..]), (&b"one"[..], &b"other"[..]));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn releasing_lowers_the_resident_set() {
        const SIZE: u64 = 64 << 20;
        let resident = || -> u64 {
            let status = std::fs::read_to_string("/proc/self/status").expect("process status");
            let line = status.lines().find_map(|line| line.strip_prefix("RssFile:"));
            let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB"));
            kilobytes.expect("a size").trim().parse::<u64>().expect("a number") << 10
        };
        let mapping = mapped(&vec![1; SIZE as usize]);
        let bytes = mapping.bytes();
        let sum = || bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();

        assert_eq!(sum(), SIZE);
        let before = resident();
        mapping.release(&bytes);
        let after = resident();
        assert!(after + SIZE * 9 / 10 < before, "{before} before, {after} after");
        assert_eq!(sum(), SIZE);
        assert!(resident() > after + SIZE * 9 / 10, "what is read again comes back");
    }
}
