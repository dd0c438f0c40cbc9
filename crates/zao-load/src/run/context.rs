//! What all requests of a measurement share, and one request from its sending to its checked pictures.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::{Semaphore, mpsc};

use crate::condition::Condition;
use crate::drive::{self, Done, Manner};
use crate::http::Client;
use crate::picture::Judge;
use crate::plan::{Wish, Wishes};
use crate::record::{Ending, Sample, Told, Trouble};

/// More pictures than this do not wait to be checked: the client would fill its memory with them.
const MOST_UNCHECKED: usize = 64;

/// What all requests share.
pub(super) struct Context {
    pub(super) client: Arc<Client>,
    pub(super) manner: Manner,
    pub(super) wishes: Wishes,
    pub(super) judge: Arc<Judge>,
    pub(super) objectives: Vec<Condition>,
    in_flight: AtomicUsize,
    unchecked: Arc<Semaphore>,
}

/// Where samples go.
pub(super) type Samples = mpsc::UnboundedSender<Sample>;

/// What a client has to know of its request before it sends the next.
pub(super) struct Over {
    pub(super) end: Instant,
    /// Whether the server could not be reached.
    pub(super) unreachable: bool,
}

impl Context {
    pub(super) fn new(
        client: Arc<Client>,
        manner: Manner,
        wishes: Wishes,
        judge: Judge,
        objectives: Vec<Condition>,
    ) -> Self {
        Self {
            client,
            manner,
            wishes,
            judge: Arc::new(judge),
            objectives,
            in_flight: AtomicUsize::new(0),
            unchecked: Arc::new(Semaphore::new(MOST_UNCHECKED)),
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Sends a wish and returns at its end. Its pictures are checked meanwhile, which is not the server's time, and then the
    /// sample goes to `samples`.
    pub(super) async fn perform(&self, wish: Wish, start: Instant, samples: &Samples) -> Over {
        let done = {
            let _flight = Flight::begin(&self.in_flight);
            drive::send(&self.client, &self.manner, &wish, start).await
        };
        let over = Over {
            end: done.moments.end.unwrap_or(start),
            unreachable: matches!(&done.drawn, Err(Trouble::Failed { code, .. }) if code == "connect"),
        };
        let (judge, samples) = (Arc::clone(&self.judge), samples.clone());
        let permit = Arc::clone(&self.unchecked).acquire_owned().await;
        tokio::task::spawn_blocking(move || {
            // Nobody listens any more once a row has been given up.
            let _ = samples.send(sample(&judge, &wish, done));
            drop(permit);
        });
        over
    }
}

/// Judges what came of a wish.
pub(super) fn sample(judge: &Judge, wish: &Wish, done: Done) -> Sample {
    let Done { moments, refusals, drawn } = done;
    let (told, pictures, ending) = match drawn {
        Err(trouble) => (Told::default(), 0, Ending::Trouble(trouble)),
        Ok(drawn) => {
            let verdict = judge.judge(wish, drawn.size, &drawn.pictures);
            let ending = verdict.map_or_else(Ending::Wrong, |()| Ending::Correct);
            (drawn.told, u32::try_from(drawn.pictures.len()).unwrap_or(u32::MAX), ending)
        }
    };
    Sample { moments, told, refusals, pictures, ending }
}

/// A request on its way, counted while this lives.
struct Flight<'a>(&'a AtomicUsize);

impl<'a> Flight<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
