//! Denoising runs against `ZImagePipeline`: prompt to final latent, with and without guidance.

use std::sync::Arc;

use serde::Deserialize;
use zao_backend::prelude::*;
use zao_model::SchedulerConfig;
use zao_model::guidance::Guidance;
use zao_model::noise::{Generator, normal};
use zao_model::schedule::Schedule;
use zao_model::text::MAX_TOKENS;
use zao_model::transformer::{BatchItem, Caption, Transformer};

use crate::harness::{Device, Sample, assert_within, on_every_device};

on_every_device!(final_latents);

/// The arguments of a pipeline call, as the golden's description has them.
#[derive(Deserialize)]
struct Run {
    prompt: String,
    negative_prompt: Option<String>,
    seed: u64,
    steps: usize,
    guidance_scale: f32,
    cfg_normalization: f32,
    cfg_truncation: f32,
}

fn final_latents<B: Backend>(device: &Device<B>) {
    for sample in Sample::tiny() {
        for name in sample.golden.cases("pipeline") {
            let run = sample.golden.about("runs")[&name].clone();
            let run: Run = serde_json::from_value(run).unwrap();
            let noise = sample.golden.array(&format!("pipeline/{name}/noise"));
            let drawn = normal(Generator::TorchCpu, run.seed, noise.values.len());
            assert_within("noise", &drawn, &noise.values, 4e-7);
            let mut latent = device.upload_rows(noise.as_matrix(), &drawn);
            denoise(device, &sample, &run, (&mut latent, noise.grid()));
            let name = format!("pipeline/{name}/latents");
            let (got, expected) = (device.read(&latent), sample.golden.array(&name).values);
            // Guidance takes the difference of two predictions several times.
            let amplified = if run.guidance_scale > 0.0 { 2.0 } else { 1.0 };
            device.assert_amplified(&name, &got, &expected, amplified);
        }
    }
}

/// The pipeline's loop over the steps.
fn denoise<B: Backend>(
    device: &Device<B>,
    sample: &Sample,
    run: &Run,
    (latent, grid): (&mut Tensor<B>, Grid),
) {
    let b = &device.backend;
    let transformer = sample.transformer(device);
    let guidance = Guidance {
        scale: run.guidance_scale,
        normalization: run.cfg_normalization,
        truncation: run.cfg_truncation,
    };
    let config = sample.file("scheduler/scheduler_config.json");
    let config = SchedulerConfig::from_json(&config).unwrap();
    let patches = grid.over(transformer.config().patch()).area();
    let schedule = Schedule::new(&config, run.steps, patches);
    let times = schedule.times();
    let modulations = transformer.modulations(b, &times).unwrap();
    let captions = captions(device, sample, run, &transformer);
    let batch = |sides: &[Arc<Caption<B>>]| {
        let item = |caption: &Arc<Caption<B>>| BatchItem { caption: caption.clone(), latent: grid };
        transformer.batch(b, sides.iter().map(item).collect()).unwrap()
    };
    let (one, both) = (batch(&captions[..1]), batch(&captions));
    for (step, &time) in times.iter().enumerate() {
        let batch = if guidance.applies_at(time) { &both } else { &one };
        let latents = vec![&*latent; batch.len()];
        let at = vec![(&modulations, step); batch.len()];
        let outputs = transformer.forward(b, batch, &latents, &at).unwrap();
        let velocity = match &outputs[..] {
            [positive, negative] => {
                &b.cfg_combine(positive, negative, guidance.scale, guidance.normalization).unwrap()
            }
            outputs => &outputs[0],
        };
        b.euler_step(latent, velocity, schedule.delta(step)).unwrap();
    }
}

/// The refined captions: of the prompt, then, if guided, of the negative prompt.
fn captions<B: Backend>(
    device: &Device<B>,
    sample: &Sample,
    run: &Run,
    transformer: &Transformer<B>,
) -> Vec<Arc<Caption<B>>> {
    let b = &device.backend;
    let tokenizer = sample.tokenizer();
    let prompts = std::iter::once(&run.prompt).chain(&run.negative_prompt);
    let ids: Vec<_> =
        prompts.map(|prompt| tokenizer.encode(prompt, MAX_TOKENS).unwrap().ids).collect();
    let ids: Vec<_> = ids.iter().map(Vec::as_slice).collect();
    let features = sample.text_encoder(device).encode(b, &ids).unwrap();
    let captions = transformer.refine(b, &features.iter().collect::<Vec<_>>()).unwrap();
    captions.into_iter().map(Arc::new).collect()
}
