//! A file as the body of an answer, read piece by piece as the client takes it: a client that reads slowly holds a piece of it in memory,
//! not all.

use std::io;
use std::path::Path;

use axum::body::{Body, Bytes};
use futures_util::stream::unfold;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

/// Bytes that are read at a time.
const PIECE: u64 = 64 << 10;

/// A file that can be read although its name may be removed.
pub(crate) struct Opened {
    file: File,
    length: u64,
}

impl Opened {
    /// Opens it.
    ///
    /// # Errors
    /// When it is not there or may not be read.
    pub(crate) async fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path).await?;
        let length = file.metadata().await?.len();
        Ok(Self { file, length })
    }

    /// Bytes of it.
    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// `length` bytes of it from `from` on.
    ///
    /// # Errors
    /// When there is no such place.
    pub(crate) async fn part(mut self, from: u64, length: u64) -> io::Result<Body> {
        if from > 0 {
            self.file.seek(io::SeekFrom::Start(from)).await?;
        }
        let pieces = unfold((self.file, length), |(mut file, left)| async move {
            if left == 0 {
                return None;
            }
            let mut piece = vec![0; usize::try_from(PIECE.min(left)).unwrap_or(0)];
            let read = file.read_exact(&mut piece).await;
            // A file that ends early ends the answer early, which the client sees by the length that was told.
            let left = if read.is_ok() { left - piece.len() as u64 } else { 0 };
            Some((read.map(|_| Bytes::from(piece)), (file, left)))
        });
        Ok(Body::from_stream(pieces))
    }
}
