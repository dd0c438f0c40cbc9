//! Drawing on an NVIDIA card beside the processor. Without a card each test says so and passes.

use zao_engine::{Device, Engine, Error, Precision, ResolvedPrecision, Settings};

use crate::precisions::asks;
use crate::support::{Model, ask, draw, open, psnr};
use crate::{edits, golden, pictures};

/// The demo model on the first card in this precision, unless there is none.
fn on_card(precision: ResolvedPrecision, change: impl FnOnce(&mut Settings)) -> Option<Engine> {
    let opened = open(Model::Demo.folder(), |settings| {
        settings.device = Device::Cuda(0);
        settings.precision = Precision::Exactly(precision);
        change(settings);
    });
    match opened {
        Ok(engine) => Some(engine),
        Err(
            refusal @ (Error::NoDevice { .. } | Error::NotInPrecision { .. } | Error::Device(_)),
        ) => {
            println!("skipped: {refusal}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn pictures_of_a_card_are_near_those_of_the_processor() {
    let mut exact: Option<Vec<Vec<u8>>> = None;
    for (precision, floor) in [
        (ResolvedPrecision::F32, 60.0),
        (ResolvedPrecision::Bf16, 40.0),
        (ResolvedPrecision::Fp8, 25.0),
        (ResolvedPrecision::Int8, 25.0),
    ] {
        let Some(mut engine) = on_card(precision, |_| ()) else { continue };
        let exact = exact.get_or_insert_with(|| {
            let mut engine = Model::Demo.open(|_| ());
            asks().map(|ask| draw(&mut engine, &[ask]).remove(0).rgb).collect()
        });
        let mut distances: Vec<f64> = asks()
            .zip(exact)
            .map(|(ask, exact)| psnr(&draw(&mut engine, &[ask]).remove(0).rgb, exact))
            .collect();
        distances.sort_by(f64::total_cmp);
        let median = f64::midpoint(distances[11], distances[12]);
        let (worst, best) = (distances[0], distances[23]);
        println!(
            "a card in {precision:?} beside the processor in f32: median {median:.1} dB, {worst:.1} to \
             {best:.1}, n = 24"
        );
        assert!(median >= floor, "{precision:?}: median {median:.1} dB, expected {floor}");
    }
}

#[test]
fn pictures_that_diffusers_drew_come_out_on_a_card_too() {
    for (precision, floor) in [(ResolvedPrecision::F32, 45.0), (ResolvedPrecision::Bf16, 30.0)] {
        let Some(mut engine) = on_card(precision, |_| ()) else { continue };
        for goldens in [pictures::goldens(), edits::goldens()] {
            golden::compare_with(&mut engine, goldens, precision, floor);
        }
    }
}

#[test]
fn a_picture_in_a_batch_is_the_picture_alone() {
    for precision in [ResolvedPrecision::Bf16, ResolvedPrecision::Fp8, ResolvedPrecision::Int8] {
        let Some(mut engine) = on_card(precision, |_| ()) else { continue };
        let asks = [
            ask("a red apple on a blue background", (256, 256)),
            ask("a rocket", (192, 128)),
            ask("猫脸，粉色背景", (320, 256)),
        ];
        let together = draw(&mut engine, &asks);
        for (ask, together) in asks.iter().zip(together) {
            let alone = draw(&mut engine, std::slice::from_ref(ask)).remove(0);
            assert!(alone.rgb == together.rgb, "{precision:?}: {} differs", ask.prompt);
        }
    }
}

#[test]
fn a_picture_too_large_is_refused_and_the_next_one_drawn() {
    // What a card takes besides is half of it.
    let limit = 256 << 20;
    let Some(mut engine) = on_card(ResolvedPrecision::Bf16, |s| s.memory_limit = Some(limit))
    else {
        return;
    };
    let small = ask("a red apple on a blue background", (128, 128));
    let before = draw(&mut engine, std::slice::from_ref(&small)).remove(0);
    let jobs = crate::support::jobs(&engine, &[ask("a red apple", (1024, 1024))]);
    let refused = engine.draw(&jobs, &|_| (), &zao_engine::CancelToken::new());
    let message = refused.expect_err("a quarter of what it needs").to_string();
    assert!(message.contains("1024x1024") && message.contains("would fit"), "{message}");
    let after = draw(&mut engine, std::slice::from_ref(&small)).remove(0);
    assert!(before.rgb == after.rgb, "the engine goes on as before");
}
