//! When everything will probably be done: the sittings as they are and the queue in front of them, played to the end at the pace that was
//! measured. Pictures that sit together step together, whoever leaves makes room for whoever is next, and everybody waits for a decoder.
//! What is known of jobs comes from the caller; nothing is learnt here.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use crate::pace::Pace;

/// A picture that is to be drawn, or to be drawn to its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Picture {
    pub(crate) job: u64,
    pub(crate) pixels: f64,
    /// Steps that it lacks, and shares of one.
    pub(crate) left: f64,
}

/// How things are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scene {
    /// The pictures that step together, for each worker.
    pub(crate) sittings: Vec<Vec<Picture>>,
    /// How many step together where enough wait.
    pub(crate) seats: usize,
    /// The pictures that have not begun, in the order in which they will.
    pub(crate) queue: VecDeque<Picture>,
}

/// Seconds from now.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Times {
    /// When each job begins that has not begun.
    pub(crate) begins: BTreeMap<u64, f64>,
    /// When each is done.
    pub(crate) done: BTreeMap<u64, f64>,
    /// When one that came now would begin.
    pub(crate) next: f64,
}

/// A worker as it will be.
struct Sitting {
    clock: f64,
    seated: Vec<Picture>,
    /// When it first has a seat that nobody waits for.
    free: Option<f64>,
}

/// Less than this of a step is none.
const DONE: f64 = 1e-6;

impl Scene {
    /// Plays it to the end; `None` where no step was ever measured.
    pub(crate) fn play(self, pace: &Pace) -> Option<Times> {
        let Self { sittings, seats, mut queue } = self;
        if pace.is_unknown() {
            return None;
        }
        let sitting = |seated| Sitting { clock: 0.0, seated, free: None };
        let mut sittings: Vec<Sitting> = sittings.into_iter().map(sitting).collect();
        let mut times = Times::default();
        loop {
            for sitting in &mut sittings {
                if queue.is_empty() && sitting.seated.len() < seats {
                    sitting.free.get_or_insert(sitting.clock);
                }
            }
            let busy = sittings.iter_mut().filter(|it| !it.seated.is_empty() || !queue.is_empty());
            let Some(sitting) = busy.min_by(|a, b| a.clock.total_cmp(&b.clock)) else { break };
            match queue.front() {
                Some(next) if sitting.seated.len() < seats.max(1) => {
                    if let Entry::Vacant(begins) = times.begins.entry(next.job) {
                        begins.insert(sitting.clock);
                        sitting.clock += pace.drag_after(sitting.clock) * pace.before();
                    }
                    sitting.seated.extend(queue.pop_front());
                }
                _ => sitting.step(pace, &mut times)?,
            }
        }
        let free = sittings.iter().filter_map(|sitting| sitting.free);
        times.next = free.min_by(f64::total_cmp).unwrap_or(0.0);
        Some(times)
    }
}

impl Sitting {
    /// All step until the first of them is done, which leaves.
    fn step(&mut self, pace: &Pace, times: &mut Times) -> Option<()> {
        let pixels: f64 = self.seated.iter().map(|picture| picture.pixels).sum();
        let steps = self.seated.iter().map(|picture| picture.left).min_by(f64::total_cmp)?;
        if steps > 0.0 {
            self.clock += steps * pace.drag_after(self.clock) * pace.step(pixels)?;
        }
        let Self { clock, seated, .. } = self;
        seated.retain_mut(|picture| {
            picture.left -= steps;
            if picture.left > DONE {
                return true;
            }
            let drag = pace.drag_after(*clock);
            *clock += drag * pace.decode(picture.pixels);
            let done = times.done.entry(picture.job).or_default();
            *done = done.max(*clock + drag * pace.file(picture.pixels));
            false
        });
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cost, Piece};

    /// A second for a step of each million pixels.
    fn pace() -> Pace {
        let mut pace = Pace::default();
        pace.learn(&Cost { piece: Piece::Step, pixels: 1_000_000, pictures: 1, seconds: 1.0 });
        pace
    }

    fn picture(job: u64, megapixels: f64, left: f64) -> Picture {
        Picture { job, pixels: 1e6 * megapixels, left }
    }

    fn rounded(times: &BTreeMap<u64, f64>) -> Vec<(u64, f64)> {
        times.iter().map(|(job, at)| (*job, (at * 1000.0).round() / 1000.0)).collect()
    }

    #[test]
    fn those_who_sit_together_share_their_steps_and_whoever_leaves_makes_room() {
        let scene = Scene {
            sittings: vec![vec![picture(1, 1.0, 2.0), picture(2, 2.0, 4.0)]],
            seats: 2,
            queue: [picture(3, 1.0, 1.0), picture(4, 1.0, 5.0)].into(),
        };
        let times = scene.play(&pace()).unwrap();
        // Two steps of 3, then one of 3 with the third; then one of 3 with the fourth, which has 4 alone.
        assert_eq!(rounded(&times.done), [(1, 6.0), (2, 12.0), (3, 9.0), (4, 16.0)]);
        assert_eq!(rounded(&times.begins), [(3, 6.0), (4, 9.0)]);
        assert!((times.next - 12.0).abs() < 1e-9);
    }

    #[test]
    fn a_job_is_done_with_its_last_picture_and_decoders_and_prompts_keep_all_waiting() {
        let mut pace = pace();
        pace.learn(&Cost { piece: Piece::Decode, pixels: 1_000_000, pictures: 1, seconds: 0.5 });
        pace.learn(&Cost { piece: Piece::File, pixels: 1_000_000, pictures: 1, seconds: 0.25 });
        pace.learn(&Cost { piece: Piece::Prompts, pixels: 9, pictures: 1, seconds: 0.125 });
        let queue = [picture(1, 1.0, 1.0), picture(1, 1.0, 1.0), picture(2, 1.0, 1.0)].into();
        let times = Scene { sittings: vec![Vec::new()], seats: 1, queue }.play(&pace).unwrap();
        assert_eq!(rounded(&times.begins), [(1, 0.0), (2, 3.125)]);
        assert_eq!(rounded(&times.done), [(1, 3.375), (2, 5.0)]);
    }

    #[test]
    fn two_workers_draw_in_half_the_time() {
        let queue: VecDeque<Picture> = (1..=4).map(|job| picture(job, 1.0, 2.0)).collect();
        let scene = Scene { sittings: vec![Vec::new(), Vec::new()], seats: 1, queue };
        let times = scene.play(&pace()).unwrap();
        assert_eq!(rounded(&times.done), [(1, 2.0), (2, 2.0), (3, 4.0), (4, 4.0)]);
        assert!((times.next - 4.0).abs() < 1e-9);
    }

    #[test]
    fn who_comes_to_an_empty_house_begins_at_once_and_nothing_is_told_before_the_first_step() {
        let empty = || Scene { sittings: vec![Vec::new()], seats: 1, queue: VecDeque::new() };
        assert_eq!(empty().play(&pace()), Some(Times::default()));
        assert_eq!(empty().play(&Pace::default()), None);
    }
}
