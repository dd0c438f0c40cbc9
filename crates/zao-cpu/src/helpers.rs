//! Threads that help a caller with one piece of work at a time. A helper that has not begun when the work is done is not waited for:
//! where something else runs on its processor it would only come to find nothing left. What the work is, and how it is shared
//! out, is NOT known here.

#![allow(unsafe_code, reason = "helpers borrow what lies on their caller's stack")]

use std::any::Any;
use std::cell::UnsafeCell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// For so long a helper looks out for the next work before it sleeps, and a caller for the end of its own: operations follow each
/// other, and to be woken takes as long as a small one.
const LOOKS_OUT: Duration = Duration::from_micros(50);

/// Threads that wait to help. They end with it.
#[derive(Debug)]
pub(crate) struct Helpers {
    door: Arc<Door>,
    threads: Vec<JoinHandle<()>>,
}

/// Where a caller and its helpers meet.
struct Door {
    /// The number of the call above [`OPEN`]; whether it may be entered; how many helpers are inside.
    gate: AtomicU64,
    /// What there is to do. Only written by whoever has `calling`, while the gate is shut and nobody inside.
    call: UnsafeCell<Option<Call>>,
    /// Held by the one whom all help.
    calling: Mutex<()>,
    /// How many sleep, or are about to.
    sleeping: AtomicUsize,
    /// Whether all is over; guards the bell.
    over: Mutex<bool>,
    bell: Condvar,
    /// With what a helper's work ended, where it panicked.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

#[derive(Clone)]
struct Call {
    work: *const (dyn Fn(usize) + Sync),
    caller: Thread,
}

/// The gate may be entered.
const OPEN: u64 = 1 << 31;
/// The part of the gate that counts helpers.
const INSIDE: u64 = OPEN - 1;

// SAFETY: the gate says who may touch `call`: its writer while nobody is inside, helpers that are inside for reading. The work that it
// points to is `Sync`, and its caller stays until all have left.
unsafe impl Send for Door {}
// SAFETY: as above.
unsafe impl Sync for Door {}

impl Helpers {
    /// `count` threads, numbered from 1, each of which calls `started` with its number before it helps.
    ///
    /// # Errors
    /// What the system says that gives no thread.
    pub(crate) fn new(
        count: usize,
        started: impl Fn(usize) + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let mut helpers = Self { door: Arc::new(Door::new()), threads: Vec::new() };
        for index in 1..=count {
            let (door, started) = (Arc::clone(&helpers.door), started.clone());
            let thread = thread::Builder::new().name(format!("zao-cpu-{index}"));
            helpers.threads.push(thread.spawn(move || {
                started(index);
                door.help(index);
            })?);
        }
        Ok(helpers)
    }

    /// Calls `work` with 0 here, and with their numbers in helpers that come in time; returns when all that began are done. While they
    /// help somebody else, whoever calls works alone. A panic of any of them goes on here.
    pub(crate) fn with(&self, work: &(dyn Fn(usize) + Sync)) {
        let calling = match self.door.calling.try_lock() {
            Ok(calling) => calling,
            Err(TryLockError::Poisoned(calling)) => calling.into_inner(),
            Err(TryLockError::WouldBlock) => return work(0),
        };
        let visit = self.door.open(work, calling);
        work(0);
        drop(visit);
        let panic = lock(&self.door.panic).take();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }
}

impl Drop for Helpers {
    fn drop(&mut self) {
        *lock(&self.door.over) = true;
        self.door.bell.notify_all();
        for thread in self.threads.drain(..) {
            // A helper catches what its work throws.
            let _ended = thread.join();
        }
    }
}

/// While it lives helpers may come in; it ends when all have left.
struct Visit<'a> {
    door: &'a Door,
    _calling: MutexGuard<'a, ()>,
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        let door = self.door;
        door.gate.fetch_and(!OPEN, Ordering::AcqRel);
        let is_empty = || door.gate.load(Ordering::Acquire) & INSIDE == 0;
        if !looked_out_for(is_empty) {
            while !is_empty() {
                thread::park();
            }
        }
        // SAFETY: this one has `calling`, the gate is shut and nobody is inside.
        unsafe { *door.call.get() = None };
    }
}

impl Door {
    fn new() -> Self {
        Self {
            gate: AtomicU64::new(0),
            call: UnsafeCell::new(None),
            calling: Mutex::new(()),
            sleeping: AtomicUsize::new(0),
            over: Mutex::new(false),
            bell: Condvar::new(),
            panic: Mutex::new(None),
        }
    }

    fn open<'a>(
        &'a self,
        work: &'a (dyn Fn(usize) + Sync),
        calling: MutexGuard<'a, ()>,
    ) -> Visit<'a> {
        // Where caller and helper panicked, the caller's went on and the other is nobody's.
        *lock(&self.panic) = None;
        // SAFETY: only the lifetime is forgotten. Helpers reach the work through the gate alone, and the visit, which ends before
        // `work` does, waits until none is inside.
        let work = unsafe {
            std::mem::transmute::<*const (dyn Fn(usize) + Sync + 'a), *const (dyn Fn(usize) + Sync)>(
                work,
            )
        };
        // SAFETY: this one has `calling`, and the last visit left the gate shut and nobody inside.
        unsafe { *self.call.get() = Some(Call { work, caller: thread::current() }) };
        let number = (self.gate.load(Ordering::Relaxed) >> 32).wrapping_add(1);
        // In one order with `sleeping`: a helper that does not see this is seen to sleep.
        self.gate.store(number << 32 | OPEN, Ordering::SeqCst);
        if self.sleeping.load(Ordering::SeqCst) > 0 {
            drop(lock(&self.over));
            self.bell.notify_all();
        }
        Visit { door: self, _calling: calling }
    }

    /// Helps whoever calls, until all is over.
    fn help(&self, index: usize) {
        let mut last = 0;
        while self.waited_for_a_call_after(last) {
            let Some(number) = self.entered_after(last) else { continue };
            last = number;
            // SAFETY: this helper is inside, so nobody writes.
            let call = unsafe { (*self.call.get()).clone() };
            let call = call.expect("there is a call as long as the gate is open");
            // SAFETY: the caller is there until this helper has left.
            let work = unsafe { &*call.work };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(index))) {
                lock(&self.panic).get_or_insert(panic);
            }
            let before = self.gate.fetch_sub(1, Ordering::AcqRel);
            if before & (OPEN | INSIDE) == 1 {
                call.caller.unpark();
            }
        }
    }

    fn is_called_after(&self, last: u64) -> bool {
        let gate = self.gate.load(Ordering::SeqCst);
        gate & OPEN != 0 && gate >> 32 != last
    }

    /// Waits for a call that is not the one of number `last`; `false` if there will be none.
    fn waited_for_a_call_after(&self, last: u64) -> bool {
        if looked_out_for(|| self.is_called_after(last)) {
            return true;
        }
        let mut over = lock(&self.over);
        self.sleeping.fetch_add(1, Ordering::SeqCst);
        while !*over && !self.is_called_after(last) {
            over = self.bell.wait(over).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleeping.fetch_sub(1, Ordering::SeqCst);
        !*over
    }

    /// Enters the gate, if it is open for a call that is not the one of number `last`; gives this call's number.
    fn entered_after(&self, last: u64) -> Option<u64> {
        let enter = |gate: u64| (gate & OPEN != 0 && gate >> 32 != last).then_some(gate + 1);
        let gate = self.gate.fetch_update(Ordering::AcqRel, Ordering::Acquire, enter);
        gate.ok().map(|gate| gate >> 32)
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").field("gate", &self.gate).finish_non_exhaustive()
    }
}

/// Whether something is so within the time that looking out for it is cheaper than sleeping.
fn looked_out_for(is_so: impl Fn() -> bool) -> bool {
    /// Looks between two looks at the clock, which are dearer.
    const LOOKS: u32 = 32;
    let mut until = None;
    loop {
        for _ in 0..LOOKS {
            if is_so() {
                return true;
            }
            std::hint::spin_loop();
        }
        let now = Instant::now();
        if now >= *until.get_or_insert(now + LOOKS_OUT) {
            return false;
        }
    }
}

/// What the locks guard has no invariant that a panic could break.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn all_who_begin_are_done_when_the_call_returns() {
        let helpers = Helpers::new(3, |_| ()).unwrap();
        let begun = AtomicUsize::new(0);
        let done = AtomicUsize::new(0);
        let mut rounds = 0;
        let mut round = |sleep: Duration| {
            helpers.with(&|_| {
                begun.fetch_add(1, Ordering::SeqCst);
                if !sleep.is_zero() {
                    thread::sleep(sleep);
                }
                done.fetch_add(1, Ordering::SeqCst);
            });
            rounds += 1;
            assert_eq!(begun.load(Ordering::SeqCst), done.load(Ordering::SeqCst));
            done.load(Ordering::SeqCst) > rounds
        };
        let mut helped = false;
        for at in 0..2000_u64 {
            let sleep = if at.is_multiple_of(100) { 200 } else { 0 };
            helped = round(Duration::from_micros(sleep));
        }
        // On a machine that is busy it takes helpers a while to come.
        let until = Instant::now() + Duration::from_secs(60);
        while !helped {
            assert!(Instant::now() < until, "nobody ever helped");
            helped = round(Duration::from_millis(1));
        }
    }

    #[test]
    fn each_helper_comes_once_to_a_call() {
        let helpers = Helpers::new(2, |_| ()).unwrap();
        for _ in 0..200 {
            let came = [const { AtomicUsize::new(0) }; 3];
            helpers.with(&|index| {
                came[index].fetch_add(1, Ordering::SeqCst);
                thread::sleep(Duration::from_micros(if index == 0 { 300 } else { 0 }));
            });
            let came = came.map(AtomicUsize::into_inner);
            assert!(came[0] == 1 && came.iter().all(|times| *times <= 1), "{came:?}");
        }
    }

    #[test]
    fn a_helper_that_has_not_begun_is_not_waited_for() {
        let (go, wait) = mpsc::channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        let held = Arc::clone(&wait);
        let helpers = Helpers::new(1, move |_| {
            let _gone = lock(&held).recv();
        })
        .unwrap();
        let came = Mutex::new(Vec::new());
        helpers.with(&|index| lock(&came).push(index));
        assert_eq!(*lock(&came), [0], "and it is done without");
        go.send(()).unwrap();
        // Now that it is there it helps again; the call before is not its own any more.
        while lock(&came).iter().all(|index| *index == 0) {
            helpers.with(&|index| {
                lock(&came).push(index);
                thread::sleep(Duration::from_micros(100));
            });
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_spoils_nothing() {
        let helpers = Helpers::new(1, |_| ()).unwrap();
        for bad in [0, 1] {
            let mut caught = None;
            while caught.is_none() {
                let call = || {
                    helpers.with(&|index| {
                        assert_ne!(index, bad, "this one panics");
                        thread::sleep(Duration::from_micros(200));
                    });
                };
                caught = catch_unwind(AssertUnwindSafe(call)).err();
            }
            let caught = caught.and_then(|it| it.downcast::<String>().ok());
            assert!(caught.is_some_and(|words| words.contains("this one panics")));
            let sum = AtomicUsize::new(0);
            helpers.with(&|_| {
                sum.fetch_add(1, Ordering::SeqCst);
            });
            assert!(sum.load(Ordering::SeqCst) >= 1);
        }
    }

    #[test]
    fn a_panic_of_all_does_not_come_back_in_the_next_call() {
        let helpers = Helpers::new(1, |_| ()).unwrap();
        let helped = AtomicUsize::new(0);
        while helped.load(Ordering::SeqCst) == 0 {
            let call = || {
                helpers.with(&|index| {
                    helped.fetch_add(index, Ordering::SeqCst);
                    thread::sleep(Duration::from_micros(200));
                    panic!("all panic");
                });
            };
            assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
        }
        helpers.with(&|_| ());
    }

    #[test]
    fn who_calls_while_others_are_helped_works_alone() {
        let helpers = Helpers::new(1, |_| ()).unwrap();
        helpers.with(&|index| {
            if index == 0 {
                let came = Mutex::new(Vec::new());
                helpers.with(&|index| lock(&came).push(index));
                assert_eq!(*lock(&came), [0]);
            }
        });
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..300 {
                        let sum = AtomicUsize::new(0);
                        helpers.with(&|index| {
                            sum.fetch_add(1 + index, Ordering::SeqCst);
                        });
                        assert!(matches!(sum.load(Ordering::SeqCst), 1 | 3));
                    }
                });
            }
        });
    }
}
