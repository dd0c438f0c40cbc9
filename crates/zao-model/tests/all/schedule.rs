//! Noise levels and model times against diffusers' scheduler, bit for bit, for every kind of shift.

use serde_json::Value;
use zao_model::SchedulerConfig;
use zao_model::schedule::Schedule;

use crate::harness::Golden;

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
            assert_eq!(schedule.sigmas(), sigmas, "{case}/sigmas");
            assert_eq!(schedule.times(), times, "{case}/t");
        }
    }
}
