//! Page-locked host memory in blocks, which threads get from the system while weights are loaded.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use zao_backend::Result;

use crate::driver::{Context, Locked};

/// Bytes of a block: much for the bus, little to be left over.
const BLOCK: usize = 128 << 20;
/// Threads that lock blocks, each about 2.5 GB/s.
const THREADS: usize = 8;

/// A part of a block.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) block: Arc<Locked>,
    pub(crate) bytes: Range<usize>,
}

/// Hands out page-locked memory.
#[derive(Debug)]
pub(crate) struct Host {
    blocks: Option<Receiver<Result<Locked>>>,
    /// The block that is handed out now, and how much of it was.
    current: Option<(Arc<Locked>, usize)>,
    left: usize,
}

impl Host {
    /// `bytes` bytes in all, got from the system from now on.
    pub(crate) fn new(context: &Arc<Context>, bytes: usize) -> Self {
        let count = bytes.div_ceil(BLOCK);
        let blocks = (count > 0).then(|| {
            // Only so many are ahead, so that little is locked that is never asked for.
            let (sender, receiver) = sync_channel(1);
            let taken = Arc::new(AtomicUsize::new(0));
            for _ in 0..THREADS.min(count) {
                let (context, taken, sender) =
                    (Arc::clone(context), Arc::clone(&taken), sender.clone());
                std::thread::spawn(move || lock_blocks(&context, &taken, bytes, &sender));
            }
            receiver
        });
        Self { blocks, current: None, left: bytes }
    }

    /// Memory for `bytes` bytes, in pieces; `None` where not as much is left.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<Option<Vec<Chunk>>> {
        let Some(blocks) = self.blocks.as_ref().filter(|_| bytes <= self.left) else {
            return Ok(None);
        };
        let (mut chunks, mut missing) = (Vec::new(), bytes);
        while missing > 0 {
            let full = |(block, used): &mut (Arc<Locked>, usize)| *used < block.len();
            if !self.current.as_mut().is_some_and(full) {
                // Whoever locks them sends as many as were asked for, or what was refused.
                let Ok(block) = blocks.recv() else { return Ok(None) };
                self.current = Some((Arc::new(block?), 0));
            }
            if let Some((block, used)) = &mut self.current {
                let taken = missing.min(block.len() - *used);
                let bytes = *used..*used + taken;
                chunks.push(Chunk { block: Arc::clone(block), bytes });
                *used += taken;
                missing -= taken;
            }
        }
        self.left -= bytes;
        Ok(Some(chunks))
    }
}

/// Locks blocks of `bytes` bytes in all with others that count in `taken`, until nobody wants more.
fn lock_blocks(
    context: &Arc<Context>,
    taken: &AtomicUsize,
    bytes: usize,
    sender: &SyncSender<Result<Locked>>,
) {
    loop {
        let first = taken.fetch_add(1, Ordering::Relaxed) * BLOCK;
        if first >= bytes {
            return;
        }
        let block = Locked::new(context, BLOCK.min(bytes - first));
        let refused = block.is_err();
        if sender.send(block).is_err() || refused {
            return;
        }
    }
}
