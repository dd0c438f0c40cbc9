//! A picture's bits depend on its job, the model and the precision, and on nothing else.

use std::num::NonZeroUsize;

use zao_engine::{Ask, Engine, Generator, Guidance, Picture, Precision, ResolvedPrecision};

use crate::support::{Model, ask, draw, left_half, start};

const BOTH: [ResolvedPrecision; 2] = [ResolvedPrecision::F32, ResolvedPrecision::Bf16];

/// Jobs that differ in everything, two of which begin with a picture; two share a prompt, and they end at
/// different steps.
fn mixed() -> Vec<Ask> {
    let guided = Guidance { scale: 2.0, normalization: 0.0, truncation: 1.0 };
    let limited = Guidance { scale: 4.0, normalization: 0.9, truncation: 0.4 };
    let prompt = "a red apple on a blue background";
    vec![
        Ask { seed: 1, ..ask(prompt, (64, 64)) },
        Ask { steps: 3, guidance: guided, negative: "a dog".into(), ..ask("猫", (192, 128)) },
        Ask { steps: 4, guidance: limited, negative: prompt.into(), ..ask("an owl", (80, 48)) },
        Ask { steps: 5, start: Some(start(7, (64, 96), 0.5)), ..ask("a boat", (64, 96)) },
        Ask {
            steps: 3,
            guidance: guided,
            start: Some(left_half(start(7, (96, 64), 1.0))),
            ..ask("a cat", (96, 64))
        },
        Ask { steps: 1, seed: u64::MAX, generator: Generator::Nv, ..ask(prompt, (16, 16)) },
    ]
}

fn engine(precision: ResolvedPrecision, threads: usize) -> Engine {
    Model::Demo.open(|settings| {
        settings.precision = Precision::Exactly(precision);
        settings.threads = NonZeroUsize::new(threads);
    })
}

fn one_by_one(engine: &mut Engine, asks: &[Ask]) -> Vec<Picture> {
    asks.iter().flat_map(|one| draw(engine, std::slice::from_ref(one))).collect()
}

/// Not `assert_eq`, which would print the pictures' sizes only.
fn assert_same(a: &[Picture], b: &[Picture], what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert_eq!((a.width, a.height), (b.width, b.height), "{what}, picture {i}");
        let differ = a.rgb.iter().zip(&b.rgb).filter(|(a, b)| a != b).count();
        assert_eq!(differ, 0, "{what}: {differ} of {} bytes differ, picture {i}", a.rgb.len());
    }
}

#[test]
fn a_packed_picture_is_the_one_drawn_alone_whatever_the_threads() {
    let asks = mixed();
    for precision in BOTH {
        let mut alone = None;
        for threads in [2, 1, 3] {
            let mut engine = engine(precision, threads);
            let what = format!("{precision:?} on {threads} threads");
            let packed = draw(&mut engine, &asks);
            let alone = alone.get_or_insert_with(|| one_by_one(&mut engine, &asks));
            assert_same(&packed, alone, &what);
        }
        let distinct: std::collections::HashSet<_> =
            alone.iter().flatten().map(|p| &p.rgb).collect();
        assert_eq!(distinct.len(), asks.len());
    }
}

#[test]
fn the_order_in_a_batch_does_not_matter() {
    let asks = mixed();
    let mut engine = engine(ResolvedPrecision::F32, 2);
    let forward = draw(&mut engine, &asks);
    let reversed: Vec<_> = asks.iter().rev().cloned().collect();
    let mut backward = draw(&mut engine, &reversed);
    backward.reverse();
    assert_same(&forward, &backward, "reversed");
}

#[test]
fn the_same_job_gives_the_same_bits_whatever_was_drawn_before() {
    let asks = mixed();
    let (wide, tall) = (&asks[1..2], &[ask("a boat", (32, 112))]);
    for precision in BOTH {
        let mut engine = engine(precision, 2);
        let first = draw(&mut engine, tall);
        assert_same(&first, &draw(&mut engine, tall), "again");
        let other = draw(&mut engine, wide);
        assert_same(&first, &draw(&mut engine, tall), "after a larger one");
        assert_same(&other, &draw(&mut engine, wide), "the larger one again");
    }
}

#[test]
fn no_job_is_no_picture() {
    let mut engine = Model::TinyA.open(|_| ());
    assert_eq!(draw(&mut engine, &[]), []);
}
