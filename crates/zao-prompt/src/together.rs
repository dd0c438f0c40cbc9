//! Parts of a long prompt, or of what is done with it, by several threads at once: a megabyte takes longer than anybody waits for one.
//! Usual prompts are read where they are, since starting a thread takes longer than reading them. Threads are not started here, and what the
//! parts are, their caller knows.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// No shorter text, in bytes, is worth a thread.
const LONG: usize = 128 << 10;

/// Threads that take part at most; more wait for memory, not for a processor.
const MOST: usize = 8;

/// Threads of whoever calls, which look at a long prompt together.
pub trait Helpers: Sync {
    /// How many there are, the calling one included.
    fn count(&self) -> usize;

    /// Runs `work` in `threads` threads at once, of which the calling one may be one, and returns when it has ended in each that it began
    /// in. It ends everywhere when all is done, so that one thread is enough and more are faster.
    fn run(&self, threads: usize, work: &(dyn Fn() + Sync));
}

/// Those who look at one prompt: a thread, or helpers where it is long.
#[derive(Clone, Copy, Default)]
pub(crate) struct Together<'a> {
    pub(crate) helpers: Option<&'a dyn Helpers>,
}

impl Together<'_> {
    /// How many threads a text of so many bytes is worth.
    pub(crate) fn threads(self, bytes: usize) -> usize {
        let there = self.helpers.filter(|_| bytes >= LONG).map_or(1, Helpers::count);
        there.clamp(1, MOST)
    }

    /// What `part` makes of each number below `count`, in their order, by so many threads. Each takes the next number when it is done with
    /// one.
    pub(crate) fn each<T: Send>(
        self,
        threads: usize,
        count: usize,
        part: impl Fn(usize) -> T + Sync,
    ) -> Vec<T> {
        let Some(helpers) = self.helpers.filter(|_| threads > 1) else {
            return (0..count).map(part).collect();
        };
        let next = AtomicUsize::new(0);
        let all = Mutex::new(Vec::with_capacity(count));
        helpers.run(threads, &|| {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return;
                }
                let made = part(number);
                all.lock().expect("nobody panics while adding to a list").push((number, made));
            }
        });
        let mut all = all.into_inner().expect("nobody panics while adding to a list");
        assert_eq!(all.len(), count, "helpers return when all has ended");
        all.sort_unstable_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, made)| made).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Several(usize);

    impl Helpers for Several {
        fn count(&self) -> usize {
            self.0
        }

        fn run(&self, threads: usize, work: &(dyn Fn() + Sync)) {
            std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
        }
    }

    #[test]
    fn parts_come_in_their_order_whoever_makes_them() {
        for threads in [1, 2, 5] {
            let helpers = Several(threads);
            let together = Together { helpers: Some(&helpers) };
            let expected: Vec<usize> = (0..100).map(|it| it * 3).collect();
            assert_eq!(together.each(threads, 100, |number| number * 3), expected);
        }
        assert!(Together::default().each(1, 0, |number| number).is_empty());
    }

    #[test]
    fn usual_prompts_are_worth_no_thread() {
        let helpers = Several(64);
        let together = Together { helpers: Some(&helpers) };
        assert_eq!((together.threads(300), together.threads(LONG - 1)), (1, 1));
        assert_eq!(together.threads(1 << 20), MOST);
        assert_eq!(Together::default().threads(1 << 20), 1);
    }
}
