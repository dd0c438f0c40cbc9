//! An engine that goes on working: pictures join and leave between steps, each as it is alone, and what fails or is not
//! wanted any more disturbs nobody.

use std::collections::{BTreeMap, VecDeque};

use zao_engine::{
    Ask, Desk, Error, Event, Generator, Guidance, Job, News, Notice, Picture, Precision,
    ResolvedPrecision, Rung, Stage, Ticket,
};

use crate::support::{Model, ask, draw, jobs, left_half, start};

/// A desk that hands jobs in when so many steps were done by all, and gives up on some.
#[derive(Default)]
struct Script {
    /// When each comes.
    coming: VecDeque<(usize, Ticket, Job)>,
    /// After how many of its steps nobody wants it any more.
    given_up: BTreeMap<Ticket, usize>,
    previews: bool,
    steps: usize,
    under_way: BTreeMap<Ticket, usize>,
    delivered: BTreeMap<Ticket, Picture>,
    failed: BTreeMap<Ticket, String>,
    notices: Vec<Notice>,
    shown: BTreeMap<Ticket, Vec<Picture>>,
    again: usize,
    stages: BTreeMap<Ticket, Vec<Stage>>,
}

impl Script {
    fn of(jobs: impl IntoIterator<Item = (usize, Job)>) -> Self {
        let coming = jobs.into_iter().enumerate();
        let coming = coming.map(|(i, (when, job))| (when, Ticket(i as u64), job)).collect();
        Self { coming, ..Self::default() }
    }

    /// The most pictures that stepped together.
    fn most(&self) -> usize {
        let stepped = |notice: &Notice| match notice {
            Notice::Stepped(pictures, _) => *pictures,
            _ => 0,
        };
        self.notices.iter().map(stepped).max().unwrap_or(0)
    }

    fn rungs(&self) -> Vec<Rung> {
        let rung = |notice: &Notice| match notice {
            Notice::Relieved(rung) => Some(*rung),
            _ => None,
        };
        self.notices.iter().filter_map(rung).collect()
    }
}

impl Desk for Script {
    fn next(&mut self) -> Option<(Ticket, Job)> {
        // With nobody under way time would stand still.
        let due =
            |(when, ..): &&(usize, Ticket, Job)| *when <= self.steps || self.under_way.is_empty();
        self.coming.front().filter(due)?;
        let (_, ticket, job) = self.coming.pop_front()?;
        self.under_way.insert(ticket, 0);
        Some((ticket, job))
    }

    fn is_given_up(&mut self, ticket: Ticket) -> bool {
        self.given_up.get(&ticket).is_some_and(|after| self.under_way[&ticket] >= *after)
    }

    fn wants_preview(&mut self, ticket: Ticket, done: usize, of: usize) -> bool {
        assert!(self.under_way.contains_key(&ticket) && done < of);
        self.previews
    }

    fn tell(&mut self, ticket: Ticket, news: News) {
        match news {
            News::Event(Event::Step { done, of }) => {
                assert!(done <= of);
                self.under_way.insert(ticket, done).expect("it is under way");
            }
            News::Event(Event::Stage(stage)) => self.stages.entry(ticket).or_default().push(stage),
            News::Event(_) => {}
            News::Preview(picture) => self.shown.entry(ticket).or_default().push(picture),
            News::Again => {
                self.again += 1;
                self.under_way.insert(ticket, 0).expect("it is under way");
            }
        }
    }

    fn notice(&mut self, notice: Notice) {
        self.steps += usize::from(matches!(notice, Notice::Stepped(..)));
        self.notices.push(notice);
    }

    fn deliver(&mut self, ticket: Ticket, picture: Picture) {
        self.under_way.remove(&ticket).expect("it is under way");
        assert!(self.delivered.insert(ticket, picture).is_none());
    }

    fn fail(&mut self, ticket: Ticket, error: &Error) {
        self.under_way.remove(&ticket).expect("it is under way");
        assert!(self.failed.insert(ticket, error.to_string()).is_none());
    }
}

/// Jobs that differ in everything.
fn mixed() -> Vec<Ask> {
    let guided = Guidance { scale: 2.0, normalization: 0.0, truncation: 1.0 };
    let limited = Guidance { scale: 4.0, normalization: 0.9, truncation: 0.4 };
    let prompt = "a red apple on a blue background";
    vec![
        Ask { steps: 4, seed: 1, ..ask(prompt, (96, 96)) },
        Ask { steps: 3, guidance: guided, negative: "a dog".into(), ..ask("猫", (96, 64)) },
        Ask { steps: 5, ..ask(prompt, (64, 64)) },
        Ask { steps: 4, guidance: limited, negative: prompt.into(), ..ask("an owl", (80, 48)) },
        Ask { steps: 5, start: Some(start(7, (64, 96), 0.5)), ..ask("a boat", (64, 96)) },
        Ask {
            steps: 3,
            guidance: guided,
            start: Some(left_half(start(7, (96, 64), 1.0))),
            ..ask("a cat", (96, 64))
        },
        Ask { steps: 1, seed: u64::MAX, generator: Generator::Nv, ..ask(prompt, (16, 16)) },
        Ask { steps: 2, ..ask("a large picture", (160, 144)) },
    ]
}

#[test]
fn pictures_that_join_and_leave_are_those_drawn_alone() {
    for precision in [ResolvedPrecision::F32, ResolvedPrecision::Bf16, ResolvedPrecision::Int8] {
        let open = || Model::Demo.open(|s| s.precision = Precision::Exactly(precision));
        let mut engine = open();
        let asks = mixed();
        let alone: Vec<Picture> =
            asks.iter().flat_map(|one| draw(&mut engine, std::slice::from_ref(one))).collect();
        for pause in [0, 1, 3] {
            let mut engine = open();
            let all = jobs(&engine, &asks).into_iter().enumerate();
            let mut desk = Script::of(all.map(|(i, job)| (i * pause, job)));
            desk.previews = pause == 1;
            engine.work_through(&mut desk).unwrap();
            assert!(desk.under_way.is_empty() && desk.failed.is_empty(), "{:?}", desk.failed);
            for (i, picture) in alone.iter().enumerate() {
                let joined = &desk.delivered[&Ticket(i as u64)];
                assert!(*joined == *picture, "{precision:?}, {pause} steps apart: picture {i}");
            }
            assert!(desk.most() > 1, "some were drawn together");
            assert_eq!(desk.again, 0);
        }
    }
}

#[test]
fn a_job_hears_its_own_stages_and_steps_and_is_shown_small() {
    let mut engine = Model::Demo.open(|_| ());
    let large = Ask { steps: 3, ..ask("a cat", (320, 192)) };
    let small = Ask { steps: 2, ..ask("a dog", (64, 64)) };
    let all = jobs(&engine, &[large, small]);
    let mut desk = Script { previews: true, ..Script::of(all.into_iter().map(|job| (0, job))) };
    engine.work_through(&mut desk).unwrap();
    for ticket in [Ticket(0), Ticket(1)] {
        let stages: Vec<_> =
            desk.stages[&ticket].iter().filter(|stage| **stage != Stage::Load).collect();
        assert_eq!(stages, [&Stage::Text, &Stage::Denoise, &Stage::Decode]);
    }
    let sizes = |ticket| -> Vec<(usize, usize)> {
        desk.shown[&ticket].iter().map(|p| (p.width, p.height)).collect()
    };
    assert_eq!(sizes(Ticket(0)), [(160, 96); 2], "after each step but the last");
    assert_eq!(sizes(Ticket(1)), [(64, 64)]);
    for shown in desk.shown.values().flatten() {
        assert_eq!(shown.rgb.len(), 3 * shown.width * shown.height);
    }
    // The guess after the last but one step is close to the picture.
    let (shown, picture) = (&desk.shown[&Ticket(1)][0], &desk.delivered[&Ticket(1)]);
    let likeness = crate::support::psnr(&shown.rgb, &picture.rgb);
    assert!(likeness > 12.0, "{likeness}");
}

#[test]
fn who_is_not_wanted_any_more_leaves_and_the_others_go_on() {
    let mut engine = Model::Demo.open(|_| ());
    let asks: Vec<Ask> =
        (0..4).map(|seed| Ask { seed, steps: 6, ..ask("a cat", (64, 64)) }).collect();
    let alone = draw(&mut engine, &asks);
    let all = jobs(&engine, &asks);
    let mut desk = Script::of(all.into_iter().map(|job| (0, job)));
    desk.given_up = [(Ticket(0), 0), (Ticket(2), 3)].into();
    engine.work_through(&mut desk).unwrap();
    let failed: Vec<_> = desk.failed.iter().collect();
    let cancelled = "cancelled".to_owned();
    assert_eq!(failed, [(&Ticket(0), &cancelled), (&Ticket(2), &cancelled)]);
    assert!(!desk.stages.contains_key(&Ticket(0)), "nothing was computed for it");
    assert!(desk.delivered[&Ticket(1)] == alone[1] && desk.delivered[&Ticket(3)] == alone[3]);
}

#[test]
fn a_job_that_memory_has_no_room_for_fails_alone_and_says_what_would_fit() {
    let mut engine = Model::Demo.open(|s| s.memory_limit = Some(60_000_000));
    let asks = [
        ask("a cat", (64, 64)),
        ask("a whole wall", (1024, 1024)),
        Ask { seed: 3, ..ask("a cat", (64, 64)) },
    ];
    let all = jobs(&engine, &asks);
    let mut desk = Script::of(all.into_iter().map(|job| (0, job)));
    engine.work_through(&mut desk).unwrap();
    assert_eq!(desk.delivered.len(), 2);
    let why = &desk.failed[&Ticket(1)];
    assert!(why.contains("1024x1024") && why.contains("would fit"), "{why}");
}

#[test]
fn where_parts_take_turns_pictures_are_drawn_in_sittings_and_are_the_same() {
    let mut roomy = Model::Demo.open(|_| ());
    let asks: Vec<Ask> = (0..5).map(|seed| Ask { seed, ..ask("a cat", (64, 64)) }).collect();
    let alone = draw(&mut roomy, &asks);
    let whole = roomy.held_bytes();
    let mut engine = Model::Demo.open(|s| s.memory_limit = Some(whole * 3 / 4));
    let all = jobs(&engine, &asks).into_iter().enumerate();
    let mut desk = Script::of(all.map(|(i, job)| (i / 3, job)));
    engine.work_through(&mut desk).unwrap();
    assert!(engine.held_bytes() <= whole * 3 / 4);
    assert!(desk.failed.is_empty(), "{:?}", desk.failed);
    for (i, picture) in alone.iter().enumerate() {
        assert!(desk.delivered[&Ticket(i as u64)] == *picture, "{i}");
    }
    assert!(!desk.rungs().contains(&Rung::Batch), "it was planned, not tried");
}

#[test]
fn an_engine_that_worked_draws_a_run_and_works_again() {
    let mut engine = Model::Demo.open(|_| ());
    let asks = [ask("a cat", (64, 64))];
    let alone = draw(&mut engine, &asks);
    for _ in 0..2 {
        let mut desk = Script::of(jobs(&engine, &asks).into_iter().map(|job| (0, job)));
        engine.work_through(&mut desk).unwrap();
        assert!(desk.delivered[&Ticket(0)] == alone[0]);
        assert!(draw(&mut engine, &asks)[0] == alone[0]);
        engine.release();
    }
    let mut nothing = Script::default();
    engine.work_through(&mut nothing).unwrap();
    assert!(nothing.notices.is_empty());
}
