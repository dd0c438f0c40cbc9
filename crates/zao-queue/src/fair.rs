//! Whose turn it is. High before normal before low; within a priority clients take turns by the time that their jobs cost, not by their
//! number; the jobs of one client keep their order. What waits long rises. Nothing is stored here, and no clock is read.
//!
//! The turns are those of start-time fair queueing: each client has a time up to which it was served, and the one that is furthest
//! behind is next. Whoever comes after a pause begins at the time of those that wait, so that a pause is worth nothing. What a job
//! costs is only counted when it is taken, so that jobs which are cancelled in the queue cost their client nothing.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use zao_api::Priority;

use crate::clocks::Jump;
use crate::moment::Moment;
use crate::{Demand, JobId};

/// A job that waits.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) job: JobId,
    pub(crate) client: Arc<str>,
    pub(crate) priority: Priority,
    /// Since when it waits.
    pub(crate) since: Moment,
    /// Seconds, or something proportional to them; above 0.
    pub(crate) cost: f64,
    pub(crate) demand: Demand,
    /// Whether nothing may be drawn beside it.
    pub(crate) alone: bool,
}

/// What a client was charged for a job; given back if the job is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Charge {
    class: usize,
    cost: f64,
}

/// The jobs that wait, by the number in which they came.
#[derive(Debug)]
pub(crate) struct FairQueue {
    waiting: BTreeMap<u64, Waiting>,
    clients: HashMap<Arc<str>, usize>,
    classes: [Turns; Priority::ALL.len()],
    ageing: Duration,
    passed_over: Option<(u64, Moment)>,
}

/// The turns of one priority.
#[derive(Debug, Default)]
struct Turns {
    /// The time of whoever was furthest behind when a job was taken last.
    clock: f64,
    /// Up to which time each client was served, where that is ahead of the clock.
    served: HashMap<Arc<str>, f64>,
}

/// A client's place among those of its priority: whoever was served least, then whose job came first.
#[derive(Debug, PartialEq)]
struct Turn {
    served: f64,
    number: u64,
}

impl FairQueue {
    pub(crate) fn new(ageing: Duration) -> Self {
        Self {
            waiting: BTreeMap::new(),
            clients: HashMap::new(),
            classes: Default::default(),
            ageing,
            passed_over: None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn of_client(&self, client: &str) -> usize {
        self.clients.get(client).copied().unwrap_or(0)
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Waiting> {
        self.waiting.get(&number)
    }

    pub(crate) fn add(&mut self, number: u64, waiting: Waiting) {
        *self.clients.entry(waiting.client.clone()).or_default() += 1;
        self.waiting.insert(number, waiting);
    }

    /// A job that comes back from a worker; what its client was charged for it is given back.
    pub(crate) fn add_again(&mut self, number: u64, waiting: Waiting, charge: Charge) {
        if let Some(served) = self.classes[charge.class].served.get_mut(&waiting.client) {
            *served -= charge.cost;
        }
        self.add(number, waiting);
    }

    /// Lets each job have waited as long as it had before the wall clock jumped.
    pub(crate) fn shift(&mut self, jump: Jump) {
        for waiting in self.waiting.values_mut() {
            waiting.since = waiting.since.shifted(jump);
        }
        self.passed_over = self.passed_over.map(|(number, since)| (number, since.shifted(jump)));
    }

    /// Says anew what each job costs.
    pub(crate) fn price(&mut self, cost: impl Fn(&Demand) -> f64) {
        for waiting in self.waiting.values_mut() {
            waiting.cost = cost(&waiting.demand);
        }
    }

    /// Lets everybody begin at the same time again.
    pub(crate) fn forget_turns(&mut self) {
        self.classes = Default::default();
    }

    /// Takes a job out that nobody wants any more.
    pub(crate) fn remove(&mut self, number: u64) -> Option<Waiting> {
        let waiting = self.waiting.remove(&number)?;
        if let Some(count) = self.clients.get_mut(&waiting.client) {
            *count -= 1;
            if *count == 0 {
                self.clients.remove(&waiting.client);
            }
        }
        self.passed_over = self.passed_over.filter(|(passed, _)| *passed != number);
        Some(waiting)
    }

    /// All that wait in the order in which they would be taken now, and until when this order holds if nothing comes or goes.
    pub(crate) fn order(&self, now: Moment) -> (Vec<u64>, Moment) {
        let mut order = Vec::with_capacity(self.waiting.len());
        let mut until = Moment::of_micros(u64::MAX);
        let mut classes: [BTreeMap<&str, VecDeque<u64>>; Priority::ALL.len()] = Default::default();
        for (number, waiting) in &self.waiting {
            let class = self.class(waiting, now);
            classes[class].entry(&waiting.client).or_default().push_back(*number);
            let rises = class - waiting.priority as usize + 1;
            if class + 1 < Priority::ALL.len() {
                until = until.min(waiting.since.plus(self.ageing * rises as u32));
            }
        }
        for (turns, mut clients) in self.classes.iter().zip(classes).rev() {
            let mut heap: BinaryHeap<Reverse<(Turn, &str)>> = clients
                .iter()
                .map(|(client, jobs)| {
                    Reverse((Turn { served: turns.served(client), number: jobs[0] }, *client))
                })
                .collect();
            while let Some(Reverse((turn, client))) = heap.pop() {
                order.push(turn.number);
                let jobs = clients.entry(client).or_default();
                jobs.pop_front();
                if let Some(next) = jobs.front() {
                    let served = turn.served + self.waiting[&turn.number].cost;
                    heap.push(Reverse((Turn { served, number: *next }, client)));
                }
            }
        }
        (order, until)
    }

    /// The first of `order` that fits. A job that smaller ones passed for longer than `patience` is waited for: nothing is picked then
    /// until it fits.
    pub(crate) fn pick(
        &mut self,
        order: &[u64],
        now: Moment,
        patience: Duration,
        fits: &dyn Fn(&Waiting) -> bool,
    ) -> Option<u64> {
        let first = *order.first()?;
        let does_fit = |number: &u64| self.get(*number).is_some_and(fits);
        if does_fit(&first) {
            return Some(first);
        }
        let since = self.passed_over.filter(|(passed, _)| *passed == first).map(|(_, since)| since);
        if since.is_some_and(|since| now.since(since) > patience) {
            return None;
        }
        let picked = order.iter().find(|number| does_fit(number)).copied()?;
        self.passed_over = Some((first, since.unwrap_or(now)));
        Some(picked)
    }

    /// Takes a job out for a worker, and charges its client.
    pub(crate) fn take(&mut self, number: u64, now: Moment) -> Option<(Waiting, Charge)> {
        let class = self.class(self.waiting.get(&number)?, now);
        let others = self.waiting.values().filter(|waiting| self.class(waiting, now) == class);
        let turns = &self.classes[class];
        let behind = others.map(|waiting| turns.served(&waiting.client)).min_by(f64::total_cmp);
        let waiting = self.remove(number)?;
        let goes_on = self.waiting.values().any(|waiting| self.class(waiting, now) == class);
        let turns = &mut self.classes[class];
        turns.clock = behind.unwrap_or(turns.clock);
        let served = turns.served(&waiting.client) + waiting.cost;
        let charge = Charge { class, cost: waiting.cost };
        if goes_on {
            turns.served.insert(waiting.client.clone(), served);
            let clock = turns.clock;
            turns.served.retain(|_, served| *served > clock);
        } else {
            // Nobody waits: what was before is forgotten, as whoever comes next found the queue empty.
            *turns = Turns::default();
        }
        Some((waiting, charge))
    }

    /// The priority that a job has by now, as a place in `classes`.
    fn class(&self, waiting: &Waiting, now: Moment) -> usize {
        let waited = now.since(waiting.since).as_micros();
        let risen = waited.checked_div(self.ageing.as_micros()).unwrap_or(0);
        let highest = Priority::ALL.len() - 1;
        highest.min(waiting.priority as usize + usize::try_from(risen).unwrap_or(highest))
    }
}

impl Turns {
    fn served(&self, client: &str) -> f64 {
        self.served.get(client).copied().unwrap_or(self.clock).max(self.clock)
    }
}

impl Eq for Turn {}

impl Ord for Turn {
    fn cmp(&self, other: &Self) -> Ordering {
        self.served.total_cmp(&other.served).then(self.number.cmp(&other.number))
    }
}

impl PartialOrd for Turn {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests;
