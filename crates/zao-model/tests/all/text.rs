//! Caption features against `hidden_states[-2]` of transformers.

use zao_backend::prelude::*;

use crate::harness::{Array, Device, Sample, on_every_device};

on_every_device!(features, features_of_a_cut_prompt, packed_prompts_are_single_ones);

fn ids(sample: &Sample, name: &str) -> Vec<u32> {
    sample.golden.integers(&format!("text/{name}/ids"))
}

/// The features of each prompt, all encoded in one run.
fn encode<B: Backend>(device: &Device<B>, sample: &Sample, names: &[&str]) -> Vec<Vec<f32>> {
    let prompts: Vec<_> = names.iter().map(|name| ids(sample, name)).collect();
    let prompts: Vec<_> = prompts.iter().map(Vec::as_slice).collect();
    let encoder = sample.text_encoder(device);
    let features = encoder.encode(&device.backend, &prompts).unwrap();
    features.iter().map(|features| device.read(features)).collect()
}

fn features<B: Backend>(device: &Device<B>) {
    for sample in [Sample::tiny_a(), Sample::tiny_b(), Sample::demo()] {
        for name in sample.golden.cases("text").iter().filter(|name| *name != "long") {
            let got = encode(device, &sample, &[name]);
            let name = format!("text/{name}/states");
            device.assert_close(&name, &got[0], &sample.golden.array(&name).values);
        }
    }
}

fn features_of_a_cut_prompt<B: Backend>(device: &Device<B>) {
    for sample in Sample::tiny() {
        let name = "text/long/states_tail";
        let Array { shape, values } = sample.golden.array(name);
        let got = encode(device, &sample, &["long"]).remove(0);
        assert_eq!(got.len(), 512 * shape[1]);
        device.assert_close(name, &got[got.len() - values.len()..], &values);
    }
}

fn packed_prompts_are_single_ones<B: Backend>(device: &Device<B>) {
    for sample in Sample::tiny() {
        let names = ["en", "empty", "emoji", "zh"];
        let single: Vec<_> =
            names.iter().flat_map(|name| encode(device, &sample, &[name])).collect();
        assert!(encode(device, &sample, &names) == single, "packing changes a bit");
    }
}
