//! A rehearsal on the planner tells exactly the memory that a device needs.

use std::sync::Arc;

use zao_backend::prelude::*;
use zao_backend::{Error as BackendError, Plan, Planner, Shape};
use zao_cpu::CpuPrecision;
use zao_model::text::TextEncoder;
use zao_model::transformer::{BatchItem, Transformer};
use zao_model::vae::{Decoder, Encoder, Thrift};
use zao_model::{Error, Result};
use zao_weights::PartName;

use crate::harness::{Device, Sample};

/// Everything a job does: two pictures of different size and prompt, one of them edited.
fn job<B: Backend>(b: &B, sample: &Sample) -> Result<()> {
    let text = sample.weights(PartName::TextEncoder);
    let text = TextEncoder::load(b, &text, &sample.text_config())?;
    let features = text.encode(b, &[&[1; 5], &[2; 40]])?;
    drop(text);

    let weights = sample.weights(PartName::Transformer);
    let transformer = Transformer::load(b, &weights, &sample.transformer_config())?;
    let captions = transformer.refine(b, &features.iter().collect::<Vec<_>>())?;
    drop(features);
    let grids = [Grid::new(16, 12), Grid::new(4, 4)];
    let items = captions.into_iter().zip(grids);
    let items = items.map(|(caption, latent)| BatchItem { caption: Arc::new(caption), latent });
    let batch = transformer.batch(b, items.collect())?;
    let modulations = transformer.modulations(b, &[0.0, 0.25, 0.5])?;

    let vae = sample.weights(PartName::Vae);
    let encoder = Encoder::load(b, &vae, &sample.vae_config())?;
    let picture = grids[1].times(sample.vae_config().scale());
    let moments = encoder.encode(b, &vec![0.5; 3 * picture.area()], picture)?;
    let channels = sample.transformer_config().in_channels;
    let upload = |grid: Grid, values: &[f32]| {
        b.upload(Shape::new(channels, grid.area()), values, Region::Job)
    };
    let mut latents = [
        upload(grids[0], &vec![1.0; channels * grids[0].area()])?,
        upload(grids[1], &encoder.to_latent(&moments.mean))?,
    ];
    for step in 0..3 {
        let times = [(&modulations, step), (&modulations, 2 - step)];
        let outputs = transformer.forward(b, &batch, &latents.each_ref(), &times)?;
        for (latent, velocity) in latents.iter_mut().zip(&outputs) {
            b.euler_step(latent, velocity, 0.3)?;
        }
    }
    let decoder = Decoder::load(b, &vae, &sample.vae_config())?;
    for (latent, grid) in latents.iter().zip(grids) {
        let picture = decoder.decode(b, latent, grid, Thrift::NONE)?;
        b.read_bytes(&b.to_rgb8(&picture)?)?;
    }
    Ok(())
}

const PRECISIONS: [CpuPrecision; 2] = [CpuPrecision::F32, CpuPrecision::Bf16];

fn plan(sample: &Sample, precision: CpuPrecision) -> Plan {
    let planner = Planner::new(Device::bare(precision).policy());
    job(&planner, sample).unwrap();
    planner.plan()
}

#[test]
fn what_is_planned_is_enough() {
    for sample in Sample::tiny() {
        for precision in PRECISIONS {
            let cpu = Device::bare(precision);
            cpu.reserve(plan(&sample, precision)).unwrap();
            // Twice: a finished job leaves nothing behind.
            job(&cpu, &sample).unwrap();
            job(&cpu, &sample).unwrap();
        }
    }
}

#[test]
fn nothing_is_planned_in_vain() {
    for sample in Sample::tiny() {
        for precision in PRECISIONS {
            let plan = plan(&sample, precision);
            let less = [
                (Plan { step: plan.step - 1, ..plan }, Region::Step),
                (Plan { job: plan.job - 1, ..plan }, Region::Job),
            ];
            for (less, short) in less {
                let cpu = Device::bare(precision);
                cpu.reserve(less).unwrap();
                match job(&cpu, &sample).unwrap_err() {
                    Error::Backend(BackendError::OutOfMemory { region, asked, free, .. }) => {
                        assert_eq!(region, short);
                        assert!(asked > 0 && free < less.bytes());
                    }
                    other => panic!("{other}"),
                }
            }
        }
    }
}

#[test]
fn narrower_inputs_never_need_more() {
    for sample in Sample::tiny() {
        let [wide, narrow] = PRECISIONS.map(|precision| plan(&sample, precision));
        assert!(narrow.step <= wide.step && narrow.job == wide.job, "{narrow:?} {wide:?}");
    }
}
