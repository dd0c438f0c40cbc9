//! Threads for a prompt that is too long for one to look at. What they do, zao-prompt decides; a usual prompt starts none.

use std::num::NonZero;
use std::thread;

use zao_prompt::Helpers;

/// As many threads as the process may use, started for a prompt and ended with it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Threads;

impl Helpers for Threads {
    fn count(&self) -> usize {
        thread::available_parallelism().map_or(1, NonZero::get)
    }

    fn run(&self, threads: usize, work: &(dyn Fn() + Sync)) {
        thread::scope(|scope| {
            for _ in 1..threads {
                // Where no thread can be had, those that there are do it all.
                if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use zao_prompt::{Options, check};

    use super::*;

    #[test]
    fn each_thread_has_ended_when_all_is_done() {
        let ended = AtomicUsize::new(0);
        Threads.run(4, &|| {
            ended.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(ended.into_inner(), 4);
    }

    #[test]
    fn threads_find_what_one_finds() {
        let long = "a very red fox, 一个马，非常 masterpiece, 8k. 猫，".repeat(6000);
        let alone = check(&long, &Options::default());
        let together = check(&long, &Options { helpers: Some(&Threads), ..Options::default() });
        assert_eq!(alone.findings, together.findings);
        assert_eq!((alone.fixed, alone.left_out), (together.fixed, together.left_out));
    }
}
