//! What is said of times, against a worker that is only played: it draws several pictures at a time, of several sizes, and the
//! clock says afterwards when each job was done. How a forecast is made is tested beside `forecast.rs`.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use zao_api::{JobEvent, JobStatus, Progress, Stage};
use zao_queue::{Claimed, Cost, Demand, JobId, Limits, Piece, Submission};

use crate::support::{Desk, png, wish, wishes};

/// Seconds for a pixel and step, for a pixel that is decoded, and for the prompts of whoever joins.
const STEP: f64 = 1e-6;
const DECODE: f64 = 2e-6;
const PROMPTS: f64 = 0.05;

/// A worker that draws up to so many pictures together.
struct Played {
    seats: usize,
    machine: Machine,
    waiting: VecDeque<Seat>,
    seated: Vec<Seat>,
}

/// What else a machine does.
enum Machine {
    Steady,
    /// Each piece of work takes from 0.6 to 1.4 times as long, each fortieth three times; by the last number drawn.
    Shared(u64),
    /// From some moment on all takes so many times as long.
    Slower(SystemTime, f64),
}

impl Machine {
    fn drag(&mut self, now: SystemTime) -> f64 {
        match self {
            Self::Steady => 1.0,
            Self::Shared(last) => {
                *last = last.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let drawn = (*last >> 40) as f64 / (1_u64 << 24) as f64;
                if drawn < 0.025 { 3.0 } else { 0.6 + 0.8 * (drawn - 0.025) / 0.975 }
            }
            Self::Slower(since, times) => {
                if now < *since {
                    1.0
                } else {
                    *times
                }
            }
        }
    }
}

/// Draws these jobs to the end; gives what was said of them: when, in how many seconds it would be done, and in how many it was.
fn said(desk: &mut Desk, worker: &mut Played, ids: &[JobId]) -> Vec<(SystemTime, f64, f64)> {
    let mut said = Vec::new();
    loop {
        for id in ids {
            let job = desk.job(id);
            if job.status == JobStatus::Queued || job.status == JobStatus::Running {
                said.push((id, desk.now, job.eta_seconds.unwrap()));
            }
        }
        if !worker.step(desk) {
            break;
        }
    }
    let left = |(id, at, eta): (&JobId, SystemTime, f64)| {
        let at_seconds = at.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        (at, eta, desk.job(id).finished_at.unwrap() - at_seconds)
    };
    said.into_iter().map(left).collect()
}

/// Errors as shares of the time that was left, or of a quarter of a second; the least first.
fn errors(said: impl IntoIterator<Item = (SystemTime, f64, f64)>) -> Vec<f64> {
    let mut errors: Vec<f64> =
        said.into_iter().map(|(_, eta, left)| (eta - left).abs() / left.max(0.25)).collect();
    errors.sort_unstable_by(f64::total_cmp);
    errors
}

struct Seat {
    claimed: Claimed,
    index: u32,
    seed: u64,
    done: u32,
}

impl Played {
    fn new(seats: usize) -> Self {
        Self { seats, machine: Machine::Steady, waiting: VecDeque::new(), seated: Vec::new() }
    }

    fn spent(&mut self, desk: &mut Desk, piece: Piece, pixels: u64, pictures: usize, usual: f64) {
        let seconds = usual * self.machine.drag(desk.now);
        desk.wait(seconds);
        desk.ledger.spent(&Cost { piece, pixels, pictures, seconds });
    }

    /// Lets jobs in, steps once, and hands out what is done. Says whether there was anything to do.
    fn step(&mut self, desk: &mut Desk) -> bool {
        while self.seated.len() < self.seats {
            if let Some(seat) = self.waiting.pop_front() {
                self.seated.push(seat);
                continue;
            }
            let Some(claimed) = desk.hand_out(self.seated.is_empty()) else { break };
            desk.ledger.started(&claimed.claim, desk.now).unwrap();
            for (index, seed) in claimed.missing.clone() {
                self.waiting.push_back(Seat { claimed: claimed.clone(), index, seed, done: 0 });
            }
            self.spent(desk, Piece::Prompts, 1, 1, PROMPTS);
        }
        let of = |seat: &Seat| u64::from(seat.claimed.demand.width).pow(2);
        let pixels: u64 = self.seated.iter().map(of).sum();
        let pictures = self.seated.len();
        self.spent(desk, Piece::Step, pixels, pictures, STEP * pixels as f64);
        for seat in &mut self.seated {
            seat.done += 1;
            let steps = seat.claimed.demand.steps;
            let fraction = f64::from(seat.done) / f64::from(steps);
            let progress = Progress { stage: Stage::Denoise, step: seat.done, steps, fraction };
            let picture = Some((seat.index, seat.done));
            desk.ledger.progress(&seat.claimed.claim, progress, picture, desk.now).unwrap();
        }
        let seated = std::mem::take(&mut self.seated);
        let (done, left): (Vec<Seat>, Vec<Seat>) =
            seated.into_iter().partition(|seat| seat.done == seat.claimed.demand.steps);
        self.seated = left;
        for seat in done {
            self.spent(desk, Piece::Decode, of(&seat), 1, DECODE * of(&seat) as f64);
            let claim = &seat.claimed.claim;
            desk.ledger.finished_picture(claim, seat.index, &png(seat.seed), desk.now).unwrap();
            if desk.job(claim.job()).images.len() == desk.job(claim.job()).seeds.len() {
                desk.ledger.completed(claim, desk.now).unwrap();
            }
        }
        pixels > 0
    }
}

fn sized(client: &str, side: u32, steps: u32, count: u64) -> Submission {
    Submission { width: side, height: side, steps, ..wishes(client, count) }
}

/// Sizes, steps and numbers of pictures as they come, mixed.
fn mixed(number: usize) -> Submission {
    let (sides, steps, counts) = ([256, 512, 384], [8, 4], [1, 1, 2]);
    sized(["ann", "bob"][number % 2], sides[number % 3], steps[number % 2], counts[number % 3])
}

#[test]
fn of_mixed_sizes_in_shared_sittings_the_time_is_told_to_a_third() {
    for seats in [1, 2, 4] {
        let mut desk = Desk::new(Limits::default());
        let mut worker = Played::new(seats);
        (0..3).for_each(|number| drop(desk.accept(mixed(number))));
        while worker.step(&mut desk) {}
        let ids: Vec<JobId> = (0..12).map(|number| desk.accept(mixed(number))).collect();
        let said = said(&mut desk, &mut worker, &ids);
        let mut far_off = 0;
        for &(_, eta, took) in &said {
            let error = (eta - took).abs();
            // What is almost done is told to a fraction of a step.
            let words = format!("{seats} at a time: {eta:.2} s told, {took:.2} s taken");
            assert!(error < 0.5 * took || error < 0.6, "{words}");
            far_off += usize::from(error >= 0.3 * took && error >= 0.6);
        }
        // Whose turn it is may turn out otherwise when it comes to it.
        assert!(far_off * 50 < said.len(), "{seats} at a time: {far_off} of {}", said.len());
    }
}

#[test]
fn beside_other_programs_the_time_is_told_to_a_fifth_and_nine_times_of_ten_to_a_half() {
    for seats in [1, 2, 4] {
        let mut desk = Desk::new(Limits::default());
        let mut worker = Played { machine: Machine::Shared(7), ..Played::new(seats) };
        (0..3).for_each(|number| drop(desk.accept(mixed(number))));
        while worker.step(&mut desk) {}
        let ids: Vec<JobId> = (0..24).map(|number| desk.accept(mixed(number))).collect();
        let errors = errors(said(&mut desk, &mut worker, &ids));
        let at = |share: usize| errors[share * errors.len() / 100];
        assert!(at(50) < 0.2 && at(90) < 0.5, "{seats} at a time: {:.2} {:.2}", at(50), at(90));
    }
}

#[test]
fn a_machine_that_becomes_three_times_slower_is_noticed_in_seconds() {
    let mut desk = Desk::new(Limits::default());
    let mut worker = Played::new(2);
    (0..12).for_each(|number| drop(desk.accept(mixed(number))));
    while worker.step(&mut desk) {}
    let slower = desk.now + Duration::from_secs(4);
    worker.machine = Machine::Slower(slower, 3.0);
    let ids: Vec<JobId> = (0..12).map(|number| desk.accept(mixed(number))).collect();
    let said = said(&mut desk, &mut worker, &ids);
    let of = |from: u64, to: u64| {
        let (from, to) = (slower + Duration::from_secs(from), slower + Duration::from_secs(to));
        let of = said.iter().copied().filter(|(at, ..)| (from..to).contains(at));
        let errors = errors(of);
        errors[errors.len() / 2]
    };
    // Before, nobody could know. What lasts for minutes may be over soon, so that of a long queue less is told at first.
    assert!(of(12, 20) < 0.35, "{}", of(12, 20));
    assert!(of(30, 60) < 0.2, "{}", of(30, 60));
}

#[test]
fn pictures_of_a_job_are_told_the_same_time_after_the_same_step() {
    let mut desk = Desk::new(Limits::default());
    let mut worker = Played::new(2);
    desk.accept(sized("ann", 256, 4, 1));
    while worker.step(&mut desk) {}
    let id = desk.accept(sized("ann", 256, 8, 2));
    while worker.step(&mut desk) {}
    let told = desk.ledger.events().since(&id, Some(0)).unwrap().events;
    let steps: Vec<(u32, Option<u32>, f64)> = told
        .iter()
        .filter_map(|event| match event.what {
            JobEvent::Step { step, picture, eta_seconds, .. } => {
                Some((step, picture, eta_seconds?))
            }
            _ => None,
        })
        .collect();
    assert_eq!(steps.len(), 16);
    let of = |picture| steps.iter().filter(move |step| step.1 == Some(picture));
    for (first, second) in of(0).zip(of(1)) {
        assert_eq!(first.0, second.0);
        assert!((first.2 - second.2).abs() < 0.15, "{first:?} {second:?}");
    }
    let falling = of(0).zip(of(0).skip(1)).all(|(before, after)| after.2 < before.2);
    assert!(falling, "{steps:?}");
}

#[test]
fn nothing_is_told_before_the_first_step_and_what_was_learnt_outlives_the_process() {
    let mut desk = Desk::new(Limits::default());
    let demand = Demand { width: 256, height: 256, steps: 8, pictures: 1 };
    let first = desk.accept(wish("ann"));
    assert_eq!(desk.job(&first).eta_seconds, None);
    assert_eq!(desk.ledger.measured(&demand), None);
    let mut worker = Played::new(1);
    while worker.step(&mut desk) {}
    let alone = PROMPTS + 65_536.0 * (8.0 * STEP + DECODE);
    let close = |found: Option<f64>, expected: f64| {
        assert!(found.is_some_and(|found| (found - expected).abs() < 1e-3), "{found:?} {expected}");
    };
    let measured = |desk: &Desk| desk.ledger.measured(&demand).map(|it| it.as_secs_f64());
    close(measured(&desk), alone);
    let desk = desk.reopen();
    close(measured(&desk), alone);
    let waiting = [desk.accept(wish("bob")), desk.accept(wishes("cid", 3))];
    close(desk.job(&waiting[0]).eta_seconds, alone);
    close(desk.job(&waiting[1]).eta_seconds, 2.0 * alone + 2.0 * (alone - PROMPTS));
    let outlook = desk.ledger.outlook(desk.now);
    assert_eq!((outlook.queued, outlook.running), (2, 0));
    close(outlook.eta.map(|it| it.as_secs_f64()), 4.0 * alone - 2.0 * PROMPTS);
}

#[test]
fn several_workers_have_a_queue_done_sooner() {
    let desk = Desk::new(Limits { at_once: 2, ..Limits::default() });
    desk.stepped(1, 65_536, 0.5);
    let ids: Vec<JobId> = (0..4).map(|_| desk.accept(wish("ann"))).collect();
    let eta = desk.job(&ids[3]).eta_seconds.unwrap();
    assert!((eta - 8.0).abs() < 1e-6, "{eta}");
}
