//! Noise levels and model times against diffusers' scheduler, for every kind of shift.

use serde_json::Value;
use zao_model::SchedulerConfig;
use zao_model::schedule::Schedule;

use crate::harness::Golden;

/// From this many steps on torch's `linspace` works in vectors, whose length depends on the machine,
/// and rounds differently from one value at a time.
const VECTOR: usize = 16;

/// The largest distance between two series of numbers in [0, 1], in the spacing of numbers below 1.
fn distance(got: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(got.len(), expected.len());
    let distances = got.iter().zip(expected).map(|(g, e)| (g - e).abs() / (f32::EPSILON / 2.0));
    distances.fold(0.0, f32::max)
}

#[test]
fn every_variant_is_that_of_diffusers() {
    let golden = Golden::open("schedule");
    let Value::Object(variants) = golden.about("variants") else { panic!("no variants") };
    assert_eq!(variants.len(), 9);
    for (name, variant) in variants {
        let json = serde_json::to_vec(&variant["config"]).unwrap();
        let config = SchedulerConfig::from_json(&json).unwrap();
        let image_tokens = variant["image_tokens"].as_u64().unwrap() as usize;
        let steps: Vec<usize> = serde_json::from_value(variant["steps"].clone()).unwrap();
        for steps in steps {
            let schedule = Schedule::new(&config, steps, image_tokens);
            assert_eq!(schedule.steps(), steps);
            let case = format!("{name}/n{steps}");
            let sigmas = golden.array(&format!("{case}/sigmas")).values;
            let times = golden.array(&format!("{case}/t")).values;
            let off = [distance(schedule.sigmas(), &sigmas), distance(&schedule.times(), &times)];
            println!("{case}: sigmas and times are off by {off:?}");
            let allowed = if steps < VECTOR { 0.0 } else { 1.0 };
            assert!(off.iter().all(|&off| off <= allowed), "{case}: off by {off:?}");
        }
    }
}
