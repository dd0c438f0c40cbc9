//! An engine that goes on working: pictures join and leave between steps, each as it is alone, and what fails or is not
//! wanted any more disturbs nobody.

use std::collections::{BTreeMap, VecDeque};

use zao_engine::{
    Ask, Desk, Error, Event, Generator, Guidance, Job, News, Notice, Picture, Precision,
    ResolvedPrecision, Rung, Stage, Ticket,
};

use crate::support::{Model, ask, draw, jobs, left_half, open, start, watched};

/// A desk that hands jobs in when so many steps were done by all, and gives up on some.
#[derive(Default)]
struct Script {
    /// When each comes.
    coming: VecDeque<(usize, Ticket, Job)>,
    /// After how many of its steps nobody wants it any more.
    given_up: BTreeMap<Ticket, usize>,
    /// After how many steps of all nobody wants it any more.
    leaving: BTreeMap<Ticket, usize>,
    previews: bool,
    steps: usize,
    under_way: BTreeMap<Ticket, usize>,
    delivered: BTreeMap<Ticket, Picture>,
    failed: BTreeMap<Ticket, String>,
    /// After how many steps of all.
    failed_after: BTreeMap<Ticket, usize>,
    warnings: BTreeMap<Ticket, Vec<String>>,
    smaller: BTreeMap<Ticket, (usize, usize)>,
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

    /// How many prompts were remembered, and how many were read together each time.
    fn prompts(&self) -> (u64, Vec<u64>) {
        let joined = self.notices.iter().filter_map(|notice| match notice {
            Notice::Joined { remembered, read, .. } => Some((*remembered, *read)),
            _ => None,
        });
        let (remembered, read): (Vec<u64>, Vec<u64>) = joined.unzip();
        (remembered.iter().sum(), read)
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
        let over = self.leaving.get(&ticket).is_some_and(|after| self.steps >= *after);
        let done = self.under_way[&ticket];
        over || self.given_up.get(&ticket).is_some_and(|after| done >= *after)
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
            News::Event(Event::Warning(line)) => {
                self.warnings.entry(ticket).or_default().push(line);
            }
            News::Event(_) => {}
            News::Smaller(size) => {
                self.smaller.insert(ticket, (size.width, size.height));
            }
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
        self.failed_after.insert(ticket, self.steps);
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

#[test]
fn a_prompt_that_was_read_is_not_read_again_and_changes_no_bit() {
    let guided = Guidance { scale: 2.0, normalization: 0.0, truncation: 1.0 };
    let asks = [
        ask("a cat", (64, 64)),
        Ask { seed: 7, ..ask("a cat", (96, 48)) },
        Ask { guidance: guided, negative: "a cat".into(), ..ask("an owl", (64, 64)) },
        Ask { guidance: guided, negative: "an owl".into(), ..ask("a cat", (48, 64)) },
    ];
    for precision in [ResolvedPrecision::F32, ResolvedPrecision::Bf16, ResolvedPrecision::Int8] {
        let open = || Model::Demo.open(|s| s.precision = Precision::Exactly(precision));
        // Every one by an engine that never read anything.
        let fresh = |one: &Ask| draw(&mut open(), std::slice::from_ref(one)).remove(0);
        let alone: Vec<Picture> = asks.iter().map(fresh).collect();
        let mut engine = open();
        let all = jobs(&engine, &asks).into_iter().enumerate();
        let mut desk = Script::of(all.map(|(i, job)| (100 * i, job)));
        engine.work_through(&mut desk).unwrap();
        for (i, picture) in alone.iter().enumerate() {
            assert!(desk.delivered[&Ticket(i as u64)] == *picture, "{precision:?} {i}");
        }
        assert_eq!(desk.prompts(), (4, vec![1, 0, 1, 0]), "{precision:?}");
        assert!(draw(&mut engine, &asks) == alone, "runs remember, too");
        engine.release();
        let mut again = Script::of(jobs(&engine, &asks[..1]).into_iter().map(|job| (0, job)));
        engine.work_through(&mut again).unwrap();
        assert_eq!(again.prompts(), (0, vec![1]), "with the memory everything is given back");
    }
}

#[test]
fn prompts_of_pictures_that_come_together_are_read_together() {
    let mut engine = Model::Demo.open(|_| ());
    let asks: Vec<Ask> = ["a cat", "a dog", "an owl", "a boat", "a dog"]
        .iter()
        .map(|prompt| Ask { steps: 6, ..ask(prompt, (64, 64)) })
        .collect();
    let all = jobs(&engine, &asks).into_iter().enumerate();
    let mut desk = Script::of(all.map(|(i, job)| (2 * i.min(1), job)));
    engine.work_through(&mut desk).unwrap();
    assert_eq!(desk.prompts(), (0, vec![1, 3]), "one begins, then four come with three prompts");
    assert!(desk.delivered[&Ticket(1)] == desk.delivered[&Ticket(4)]);
}

#[test]
fn a_text_encoder_that_gave_way_is_not_loaded_for_a_prompt_that_was_read() {
    let mut roomy = Model::Demo.open(|_| ());
    let (cat, dog) = (ask("a cat", (64, 64)), ask("a dog", (64, 64)));
    let alone = draw(&mut roomy, &[cat.clone(), dog.clone()]);
    let limit = roomy.held_bytes() * 3 / 4;
    let mut engine = Model::Demo.open(|s| s.memory_limit = Some(limit));
    let mut loads = |one: &Ask| {
        let (drawn, events) = watched(&mut engine, std::slice::from_ref(one), |_, _| ());
        let picture = drawn.unwrap().0.remove(0);
        assert!(engine.held_bytes() <= limit);
        (picture, events.iter().filter(|it| **it == Event::Stage(Stage::Load)).count())
    };
    let (first, again, other, back) = (loads(&cat), loads(&cat), loads(&dog), loads(&cat));
    assert!(first.0 == alone[0] && again.0 == alone[0] && other.0 == alone[1]);
    assert_eq!((first.1, again.1 < other.1), (3, true), "{} {}", again.1, other.1);
    assert!(back.0 == alone[0] && back.1 < other.1);
}

#[test]
fn a_prompt_that_the_model_has_no_room_for_fails_alone() {
    let model = Model::TinyA.copy();
    model.edit("transformer/config.json", |config| config["axes_lens"][0] = 98.into());
    let mut engine = open(model.folder(), |_| ()).unwrap();
    let long = "one two three four five six seven eight nine ten ".repeat(12);
    let asks = [
        Ask { steps: 5, ..ask("a cat", (16, 16)) },
        ask("a dog", (16, 16)),
        ask(&long, (16, 16)),
        ask("an owl", (16, 16)),
    ];
    let others = [0, 1, 3].map(|i| draw(&mut engine, &asks[i..=i]).remove(0));
    // At once, and while another is drawn.
    for pause in [0, 1] {
        let all = jobs(&engine, &asks).into_iter().enumerate();
        let mut desk = Script::of(all.map(|(i, job)| (pause * i.min(1), job)));
        engine.work_through(&mut desk).unwrap();
        assert_eq!(desk.failed.keys().collect::<Vec<_>>(), [&Ticket(2)], "{:?}", desk.failed);
        for (picture, ticket) in others.iter().zip([0, 1, 3]) {
            assert!(desk.delivered[&Ticket(ticket)] == *picture, "{pause} {ticket}");
        }
    }
}

#[test]
fn a_job_that_waits_for_a_seat_is_let_go_when_nobody_wants_it() {
    let large = Ask { steps: 6, ..ask("a cat", (192, 192)) };
    let alone = draw(&mut Model::Demo.open(|_| ()), std::slice::from_ref(&large));
    // Room for one picture at a time.
    let mut engine = Model::Demo.open(|s| s.memory_limit = Some(1));
    let refused = watched(&mut engine, std::slice::from_ref(&large), |_, _| ()).0;
    let Err(Error::OutOfMemory { needed, .. }) = refused else { panic!("it was drawn") };
    let mut engine = Model::Demo.open(|s| s.memory_limit = Some(needed));
    let asks: Vec<Ask> = vec![large; 3];
    let all = jobs(&engine, &asks);
    let mut desk = Script::of(all.into_iter().map(|job| (0, job)));
    desk.leaving = [(Ticket(1), 2)].into();
    engine.work_through(&mut desk).unwrap();
    assert_eq!((desk.most(), desk.failed_after.get(&Ticket(1))), (1, Some(&2)));
    assert!(desk.delivered[&Ticket(0)] == alone[0] && desk.delivered[&Ticket(2)] == alone[0]);
}

#[test]
fn a_job_that_may_be_smaller_is_drawn_as_large_as_memory_allows_and_says_so() {
    let limited = || Model::Demo.open(|s| s.memory_limit = Some(60_000_000));
    let mut engine = limited();
    let wall = Job::new(ask("a whole wall", (1024, 1024)), engine.model()).unwrap().or_smaller();
    let small = Job::new(ask("a cat", (64, 64)), engine.model()).unwrap().or_smaller();
    let mut desk = Script::of([(0, wall.clone()), (0, small)]);
    engine.work_through(&mut desk).unwrap();
    assert!(desk.failed.is_empty(), "{:?}", desk.failed);
    let picture = &desk.delivered[&Ticket(0)];
    let size = desk.smaller[&Ticket(0)];
    assert_eq!((picture.width, picture.height), size);
    assert!(size.0 < 1024 && size.0 >= 128, "{size:?}");
    assert!(*picture == draw(&mut limited(), &[ask("a whole wall", size)])[0]);
    let told = &desk.warnings[&Ticket(0)][0];
    let (width, height) = size;
    assert!(told.contains(&format!("{width}x{height}")) && told.contains("seed"), "{told}");
    assert!(!desk.smaller.contains_key(&Ticket(1)), "what fits is drawn as it was asked for");
    assert_eq!(desk.rungs().iter().filter(|rung| **rung == Rung::Size).count(), 1);

    let warnings = std::cell::RefCell::new(Vec::new());
    let events = |event| {
        if let Event::Warning(line) = event {
            warnings.borrow_mut().push(line);
        }
    };
    let run = limited().draw(&[wall], &events, &zao_engine::CancelToken::new());
    assert!(run.unwrap().0[0] == *picture, "a run does the same");
    assert!(warnings.borrow().contains(told));
}
