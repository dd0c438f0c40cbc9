//! Parts of a long prompt, or of what is done with it, by several threads at once: a megabyte takes longer than anybody waits for one.
//! Usual prompts are read where they are, since starting a thread takes longer than reading them. What the parts are, their caller knows.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// No shorter text, in bytes, is worth a thread.
const LONG: usize = 128 << 10;

/// Threads that take part at most; more wait for memory, not for a processor.
const MOST: usize = 8;

/// How many threads a text of so many bytes is worth.
pub(crate) fn threads(bytes: usize) -> usize {
    if bytes < LONG {
        return 1;
    }
    let there = thread::available_parallelism().map_or(1, NonZero::get);
    there.min(MOST)
}

/// What `part` makes of each number below `count`, in their order, by so many threads. Each takes the next number when it is done with one.
pub(crate) fn each<T: Send>(
    threads: usize,
    count: usize,
    part: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    if threads < 2 {
        return (0..count).map(part).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut made = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return made;
            }
            made.push((number, part(number)));
        }
    };
    let mut all = thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads)
            .filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut all = work();
        for helper in helpers {
            match helper.join() {
                Ok(made) => all.extend(made),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_unstable_by_key(|(number, _)| *number);
    all.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_in_their_order_whoever_makes_them() {
        for threads in [1, 2, 5] {
            assert_eq!(
                each(threads, 100, |number| number * 3),
                (0..100).map(|it| it * 3).collect::<Vec<_>>()
            );
        }
        assert!(each(3, 0, |number| number).is_empty());
    }

    #[test]
    fn usual_prompts_are_worth_no_thread() {
        assert_eq!((threads(300), threads(LONG - 1)), (1, 1));
        assert!((1..=MOST).contains(&threads(1 << 20)));
    }
}
