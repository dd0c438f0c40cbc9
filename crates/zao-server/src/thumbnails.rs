//! Small copies of pictures, for galleries: made by a few threads at once whatever is asked for, and kept in memory while there is room, so that
//! whoever scrolls takes no time from those who draw. Which pictures there are, and who may see them, is not decided here.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use tokio::sync::Semaphore;
use zao_queue::ImageId;

/// Most bytes that are kept: some hundred pictures of 256 pixels.
const KEPT: usize = 32 << 20;

/// How many are made at once. Each holds a whole picture in memory, 12 MB at 2048x2048, and a core.
const AT_ONCE: usize = 2;

/// A picture and the longer side of its copy, in pixels.
pub(crate) type Wanted = (ImageId, u32);

/// The copies that are kept, and the turns of those who make more.
#[derive(Debug)]
pub(crate) struct Thumbnails {
    kept: Mutex<Kept>,
    turns: Semaphore,
}

/// The one that was used last is the last.
#[derive(Debug, Default)]
struct Kept {
    copies: VecDeque<(Wanted, Bytes)>,
    bytes: usize,
}

impl Default for Thumbnails {
    fn default() -> Self {
        Self { kept: Mutex::default(), turns: Semaphore::new(AT_ONCE) }
    }
}

impl Thumbnails {
    /// The copy that is wanted, which `make` makes if nobody did. Of requests for the same one, the first makes it for all.
    ///
    /// # Errors
    /// Those of `make`, of which nothing is kept.
    pub(crate) async fn get<E, F: Future<Output = Result<Vec<u8>, E>>>(
        &self,
        wanted: &Wanted,
        make: impl FnOnce() -> F,
    ) -> Result<Bytes, E> {
        if let Some(copy) = self.kept().get(wanted) {
            return Ok(copy);
        }
        // Nobody closes it: without a turn there is only less order.
        let _turn = self.turns.acquire().await;
        if let Some(copy) = self.kept().get(wanted) {
            return Ok(copy);
        }
        let copy = Bytes::from(make().await?);
        self.kept().add(wanted.clone(), copy.clone());
        Ok(copy)
    }

    /// Forgets all copies of a picture that is no more.
    pub(crate) fn forget(&self, image: &ImageId) {
        self.kept().forget(image);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Bytes that are there are whole, whoever panicked.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn get(&mut self, wanted: &Wanted) -> Option<Bytes> {
        let at = self.copies.iter().position(|(known, _)| known == wanted)?;
        let known = self.copies.remove(at)?;
        let copy = known.1.clone();
        self.copies.push_back(known);
        Some(copy)
    }

    fn add(&mut self, wanted: Wanted, copy: Bytes) {
        if copy.len() > KEPT || self.get(&wanted).is_some() {
            return;
        }
        while self.bytes + copy.len() > KEPT {
            let Some((_, forgotten)) = self.copies.pop_front() else { break };
            self.bytes -= forgotten.len();
        }
        self.bytes += copy.len();
        self.copies.push_back((wanted, copy));
    }

    fn forget(&mut self, image: &ImageId) {
        self.copies.retain(|((of, _), _)| of != image);
        self.bytes = self.copies.iter().map(|(_, copy)| copy.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    fn image(number: u32) -> ImageId {
        format!("img_{number:026}").parse().unwrap()
    }

    #[tokio::test]
    async fn a_crowd_has_each_copy_made_once_and_two_at_a_time() {
        let thumbnails = Arc::new(Thumbnails::default());
        let (made, now, most) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let counts = Arc::new((made, now, most));
        let mut crowd = Vec::new();
        for number in 0..200 {
            let (thumbnails, counts) = (Arc::clone(&thumbnails), Arc::clone(&counts));
            crowd.push(tokio::spawn(async move {
                let wanted = (image(number % 20), 256);
                let make = || async {
                    counts.0.fetch_add(1, Ordering::SeqCst);
                    let now = counts.1.fetch_add(1, Ordering::SeqCst) + 1;
                    counts.2.fetch_max(now, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    counts.1.fetch_sub(1, Ordering::SeqCst);
                    Ok::<_, Infallible>(vec![(number % 20) as u8])
                };
                let Ok(copy) = thumbnails.get(&wanted, make).await;
                assert_eq!(u32::from(copy[0]), number % 20);
            }));
        }
        for visitor in crowd {
            visitor.await.unwrap();
        }
        let count = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        assert_eq!((count(&counts.0), count(&counts.2)), (20, AT_ONCE));
    }

    #[tokio::test]
    async fn what_failed_or_was_deleted_is_not_kept_and_memory_is_bounded() {
        let thumbnails = Thumbnails::default();
        let failed = thumbnails.get(&(image(1), 64), || async { Err::<Vec<u8>, _>("torn") }).await;
        assert_eq!(failed, Err("torn"));
        let mut times = 0;
        for round in 0..3 {
            let make = || {
                times += 1;
                async { Ok::<_, Infallible>(vec![7; 10]) }
            };
            let Ok(_) = thumbnails.get(&(image(1), 64), make).await;
            if round == 1 {
                thumbnails.forget(&image(1));
            }
        }
        assert_eq!(times, 2, "once, and once more after it was forgotten");
        for number in 0..100 {
            let Ok(_) = thumbnails
                .get(&(image(number), 512), || async { Ok::<_, Infallible>(vec![0; 1 << 20]) })
                .await;
        }
        let kept = thumbnails.kept();
        assert_eq!((kept.bytes, kept.copies.len()), (KEPT, KEPT >> 20));
    }
}
