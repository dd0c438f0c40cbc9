//! A file that takes up room so that it can be given back. On a disk that is quite full nothing can be written down any more, not even
//! that something was removed; without the ballast, a full disk would stay full. What is done with the room is NOT decided here.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Room that is kept for emergencies.
#[derive(Debug)]
pub(crate) struct Ballast {
    path: PathBuf,
    bytes: u64,
}

impl Ballast {
    pub(crate) fn new(folder: &Path, bytes: u64) -> Self {
        Self { path: folder.join("ballast"), bytes }
    }

    /// Gives the room back to the disk; `false` if that was done before.
    pub(crate) fn drop_it(&self) -> bool {
        fs::remove_file(&self.path).is_ok()
    }

    /// Takes the room if it is not taken and the disk has more than enough. Failing to is no fault: the room is then wanted by others.
    pub(crate) fn take_on(&self, free_bytes: Option<u64>, reserve_bytes: u64) {
        let has_room = free_bytes.is_none_or(|free| free > self.bytes + reserve_bytes);
        let is_there = fs::metadata(&self.path).is_ok_and(|file| file.len() == self.bytes);
        if self.bytes > 0 && has_room && !is_there && self.write().is_err() {
            self.drop_it();
        }
    }

    fn write(&self) -> io::Result<()> {
        // Bytes that no file system can store as a hole or pack away.
        let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
        let mut file = fs::File::create(&self.path)?;
        let mut left = self.bytes;
        while left > 0 {
            let block: Vec<u8> = std::iter::repeat_with(|| {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (noise >> 56) as u8
            })
            .take(left.min(1 << 16) as usize)
            .collect();
            file.write_all(&block)?;
            left -= block.len() as u64;
        }
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ballast_is_taken_on_when_there_is_room_and_dropped_once() {
        let folder = tempfile::tempdir().unwrap();
        let ballast = Ballast::new(folder.path(), 100_000);
        let length = || fs::metadata(folder.path().join("ballast")).map(|file| file.len()).ok();
        assert!(!ballast.drop_it());
        ballast.take_on(Some(150_000), 50_001);
        assert_eq!(length(), None);
        ballast.take_on(Some(150_002), 50_001);
        assert_eq!(length(), Some(100_000));
        assert!(ballast.drop_it() && !ballast.drop_it());
        ballast.take_on(None, 0);
        assert_eq!(length(), Some(100_000));
        let none = Ballast::new(folder.path(), 0);
        none.drop_it();
        none.take_on(None, 0);
        assert_eq!(length(), None);
    }
}
