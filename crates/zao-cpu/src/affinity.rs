//! Which processors the threads stay on. Linux only; elsewhere the system decides.
//!
//! A thread that moves leaves its caches behind. But a process that has been given some time on many
//! processors (a container's quota) must not choose among them: its neighbour would choose the same.
//! So threads are kept in place only where there is one for each processor that the process may use.

/// The processors of a process that has a thread for each.
#[derive(Clone, Debug)]
pub(crate) struct Places(Vec<usize>);

impl Places {
    /// The processors this process may use, if they are `count` and more than one.
    pub(crate) fn for_each_of(count: usize) -> Option<Self> {
        let places = allowed();
        (count > 1 && places.len() == count).then_some(Self(places))
    }

    /// Keeps the calling thread on the processor of this number. A system that refuses leaves it free.
    pub(crate) fn keep(&self, index: usize) {
        #[cfg(target_os = "linux")]
        if let Some(&place) = self.0.get(index) {
            let mut only = rustix::thread::CpuSet::new();
            only.set(place);
            let _ = rustix::thread::sched_setaffinity(None, &only);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = index;
    }
}

/// The numbers of the processors this process may use; none if they are not known.
fn allowed() -> Vec<usize> {
    #[cfg(target_os = "linux")]
    if let Ok(set) = rustix::thread::sched_getaffinity(None) {
        return (0..rustix::thread::CpuSet::MAX_CPU).filter(|&place| set.is_set(place)).collect();
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_stay_only_where_there_is_one_for_each_processor() {
        let count = allowed().len();
        assert_eq!(Places::for_each_of(count).is_some(), count > 1);
        assert!(Places::for_each_of(count + 1).is_none() && Places::for_each_of(1).is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_stays_where_it_is_kept() {
        let Some(places) = Places::for_each_of(allowed().len()) else { return };
        let last = places.0.len() - 1;
        let kept = std::thread::spawn({
            let places = places.clone();
            move || {
                places.keep(last);
                allowed()
            }
        });
        assert_eq!(kept.join().unwrap(), [places.0[last]]);
        assert_eq!(allowed().len(), places.0.len(), "others are free");
    }
}
