//! Whole forwards of the transformer against diffusers, and packed forwards against single ones.

use std::sync::Arc;

use zao_backend::prelude::*;
use zao_model::transformer::{BatchItem, Transformer};

use crate::harness::{Array, Device, Sample, on_every_device, on_fast_devices};

on_every_device!(tiny, mixed_batch, packed_pictures_are_single_ones);
on_fast_devices!(demo);

/// One picture's inputs and diffusers' output.
struct Case {
    name: String,
    latents: Array,
    caption: Array,
    t: f32,
    output: Array,
}

fn cases(sample: &Sample, group: &str) -> Vec<Case> {
    let load = |case: String| {
        let name = format!("{group}/{case}");
        let array = |what: &str| sample.golden.array(&format!("{name}/{what}"));
        Case {
            latents: array("latents"),
            caption: array("caption"),
            t: array("t").values[0],
            output: array("output"),
            name,
        }
    };
    sample.golden.cases(group).into_iter().map(load).collect()
}

/// The outputs of one forward over all `cases`.
fn run<B: Backend>(
    device: &Device<B>,
    transformer: &Transformer<B>,
    cases: &[&Case],
) -> Vec<Vec<f32>> {
    let b = &device.backend;
    let features: Vec<_> = cases.iter().map(|case| device.upload(&case.caption)).collect();
    let captions = transformer.refine(b, &features.iter().collect::<Vec<_>>()).unwrap();
    let items = captions.into_iter().zip(cases).map(|(caption, case)| BatchItem {
        caption: Arc::new(caption),
        latent: case.latents.grid(),
    });
    let batch = transformer.batch(b, items.collect()).unwrap();
    let times: Vec<f32> = cases.iter().map(|case| case.t).collect();
    let modulations = transformer.modulations(b, &times).unwrap();
    let times: Vec<_> = (0..cases.len()).map(|i| (&modulations, i)).collect();
    let latents: Vec<_> = cases.iter().map(|case| device.upload(&case.latents)).collect();
    let latents: Vec<_> = latents.iter().collect();
    let outputs = transformer.forward(b, &batch, &latents, &times).unwrap();
    outputs.iter().map(|output| device.read(output)).collect()
}

fn tiny<B: Backend>(device: &Device<B>) {
    for sample in Sample::tiny() {
        assert_forwards(device, &sample);
    }
}

fn demo<B: Backend>(device: &Device<B>) {
    assert_forwards(device, &Sample::demo());
}

fn assert_forwards<B: Backend>(device: &Device<B>, sample: &Sample) {
    let transformer = sample.transformer(device);
    for case in cases(sample, "forward") {
        let got = run(device, &transformer, &[&case]);
        device.assert_close(&case.name, &got[0], &case.output.values);
    }
}

fn mixed_batch<B: Backend>(device: &Device<B>) {
    for sample in Sample::tiny() {
        let cases = cases(&sample, "batch");
        assert!(cases.len() > 1);
        let all = run(device, &sample.transformer(device), &cases.iter().collect::<Vec<_>>());
        for (case, got) in cases.iter().zip(all) {
            device.assert_close(&case.name, &got, &case.output.values);
        }
    }
}

fn packed_pictures_are_single_ones<B: Backend>(device: &Device<B>) {
    for sample in Sample::tiny() {
        let transformer = sample.transformer(device);
        let mut all = cases(&sample, "forward");
        all.extend(cases(&sample, "batch"));
        let single: Vec<_> =
            all.iter().flat_map(|case| run(device, &transformer, &[case])).collect();
        let packed = run(device, &transformer, &all.iter().collect::<Vec<_>>());
        for (case, (packed, single)) in all.iter().zip(packed.iter().zip(&single)) {
            assert!(packed == single, "{}: packing changes a bit", case.name);
        }
    }
}
