//! Turns, priorities, ageing and patience, with costs and times that are easy to count. The ledger around them is tested elsewhere.

use super::*;

const SECOND: u64 = 1_000_000;

struct Line {
    queue: FairQueue,
    next: u64,
    now: Moment,
}

impl Line {
    fn new() -> Self {
        Self { queue: FairQueue::new(Duration::from_secs(60)), next: 1, now: Moment::default() }
    }

    fn add(&mut self, client: &str, priority: Priority, cost: f64) -> u64 {
        let number = self.next;
        self.next += 1;
        let demand = Demand { width: 16 * cost as u32, height: 16, steps: 1, pictures: 1 };
        let waiting = Waiting {
            job: JobId::of(u128::from(number)),
            client: client.into(),
            priority,
            alone: false,
            since: self.now,
            cost,
            demand,
        };
        self.queue.add(number, waiting);
        number
    }

    fn normal(&mut self, client: &str, cost: f64) -> u64 {
        self.add(client, Priority::Normal, cost)
    }

    fn take(&mut self) -> Option<String> {
        let order = self.queue.order(self.now).0;
        let number = self.queue.pick(&order, self.now, Duration::ZERO, &|_| true)?;
        Some(self.queue.take(number, self.now)?.0.client.to_string())
    }

    fn take_all(&mut self) -> String {
        std::iter::from_fn(|| self.take()).collect()
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }
}

#[test]
fn a_flood_lets_the_others_through() {
    let mut line = Line::new();
    for _ in 0..100 {
        line.normal("a", 1.0);
    }
    assert_eq!(line.take().unwrap(), "a");
    line.normal("b", 1.0);
    line.normal("c", 1.0);
    // Each waits for one job of the flood at most, and for each other.
    let next: String = (0..4).filter_map(|_| line.take()).collect();
    assert!(next.contains('b') && next.contains('c'), "{next}");
}

#[test]
fn turns_are_counted_by_cost_and_not_by_number() {
    let mut line = Line::new();
    for _ in 0..4 {
        line.normal("a", 4.0);
    }
    for _ in 0..16 {
        line.normal("b", 1.0);
    }
    let taken = line.take_all();
    // In every stretch in which both wait, both got the same within one large job.
    for end in 1..taken.len() {
        let a = 4.0 * taken[..end].matches('a').count() as f64;
        let b = taken[..end].matches('b').count() as f64;
        if a < 16.0 && b < 16.0 {
            assert!((a - b).abs() <= 4.0, "{taken} up to {end}");
        }
    }
    assert_eq!(taken.len(), 20);
}

#[test]
fn a_pause_is_worth_nothing() {
    let mut line = Line::new();
    for _ in 0..50 {
        line.normal("a", 1.0);
        line.normal("c", 1.0);
    }
    for _ in 0..50 {
        line.take();
    }
    for _ in 0..50 {
        line.normal("b", 1.0);
    }
    let next: String = (0..12).filter_map(|_| line.take()).collect();
    assert!(next.matches('b').count() <= 5, "{next}");
}

#[test]
fn the_order_that_is_told_is_the_order_that_is_kept() {
    let mut line = Line::new();
    for round in 0_u32..20 {
        for client in ["a", "b", "c"] {
            let priority = Priority::ALL[(round as usize + client.len()) % 3];
            line.add(client, priority, f64::from(1 + round % 4));
        }
    }
    line.take();
    let told = line.queue.order(line.now).0;
    let mut kept = Vec::new();
    while let Some(number) = line.queue.order(line.now).0.first().copied() {
        kept.push(number);
        line.queue.take(number, line.now);
    }
    assert_eq!(told, kept);
}

#[test]
fn high_goes_before_normal_and_normal_before_low() {
    let mut line = Line::new();
    line.add("l", Priority::Low, 1.0);
    line.add("n", Priority::Normal, 1.0);
    line.add("h", Priority::High, 1.0);
    line.add("h", Priority::High, 1.0);
    assert_eq!(line.take_all(), "hhnl");
}

#[test]
fn low_rises_and_is_drawn_although_high_never_ends() {
    let mut line = Line::new();
    line.add("l", Priority::Low, 1.0);
    let mut waited = 0;
    loop {
        line.add("h", Priority::High, 1.0);
        line.add("h", Priority::High, 1.0);
        if line.take().unwrap() == "l" {
            break;
        }
        line.wait(1);
        waited += 1;
        assert!(waited < 125, "a job of low priority starves");
    }
    assert!(waited >= 119, "it rose after {waited} s already");
}

#[test]
fn an_order_says_until_when_it_holds() {
    let mut line = Line::new();
    line.add("l", Priority::Low, 1.0);
    line.wait(30);
    line.normal("n", 1.0);
    let (order, until) = line.queue.order(line.now);
    assert_eq!((order, until), (vec![2, 1], Moment::of_micros(60 * SECOND)));
    line.wait(30);
    let (order, until) = line.queue.order(line.now);
    assert_eq!((order, until), (vec![1, 2], Moment::of_micros(90 * SECOND)));
    line.wait(200);
    assert_eq!(line.queue.order(line.now).1, Moment::of_micros(u64::MAX));
}

#[test]
fn what_is_cancelled_costs_its_client_nothing() {
    let mut line = Line::new();
    let flood: Vec<u64> = (0..100).map(|_| line.normal("a", 1.0)).collect();
    for number in flood {
        line.queue.remove(number);
    }
    line.normal("a", 1.0);
    line.normal("b", 1.0);
    assert_eq!(line.take_all(), "ab");
    assert_eq!(line.queue.of_client("a"), 0);
}

#[test]
fn a_job_that_comes_back_is_first_again() {
    let mut line = Line::new();
    let first = line.normal("a", 5.0);
    line.normal("a", 5.0);
    line.normal("b", 5.0);
    let (waiting, charge) = line.queue.take(first, line.now).unwrap();
    line.queue.add_again(first, waiting, charge);
    assert_eq!(line.queue.order(line.now).0[0], first);
    assert_eq!(line.take_all(), "aba");
}

#[test]
fn small_jobs_pass_a_large_one_only_for_a_while() {
    let mut line = Line::new();
    let patience = Duration::from_secs(10);
    let large = line.normal("a", 8.0);
    for _ in 0..20 {
        line.normal("b", 1.0);
    }
    let small_only = |it: &Waiting| it.demand.width < 100;
    let mut passed = 0;
    loop {
        let order = line.queue.order(line.now).0;
        assert_eq!(order[0], large);
        let Some(number) = line.queue.pick(&order, line.now, patience, &small_only) else { break };
        line.queue.take(number, line.now);
        line.wait(2);
        passed += 1;
    }
    assert_eq!(passed, 6);
    let order = line.queue.order(line.now).0;
    assert_eq!(line.queue.pick(&order, line.now, patience, &|_| true), Some(large));
}

#[test]
fn who_is_served_and_gone_takes_no_memory() {
    let mut line = Line::new();
    for client in 0..1000 {
        line.normal(&format!("client {client}"), 1.0);
        line.normal(&format!("client {client}"), 1.0);
    }
    for _ in 0..1500 {
        line.take();
    }
    let turns = &line.queue.classes[Priority::Normal as usize];
    assert!(turns.served.len() <= 1000 && line.queue.clients.len() <= 1000);
    line.take_all();
    assert!(line.queue.classes.iter().all(|turns| turns.served.is_empty()));
    assert!(line.queue.clients.is_empty());
}
