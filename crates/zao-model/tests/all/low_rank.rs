//! Weights that are stored as a rest and a low-rank part: a model of them is that of the whole weights, with adapters on
//! top, too, and a rehearsal knows what it takes.

use std::sync::Arc;

use zao_backend::prelude::*;
use zao_backend::{Form, LowRank, Plan, Planner, Role, Stored};
use zao_cpu::CpuPrecision;
use zao_model::text::TextEncoder;
use zao_model::transformer::Transformer;
use zao_model::{Adapter, AdapterStack, Checkpoint, Fill, Merged, Result};
use zao_weights::PartName;

use crate::adapters::{adapter, run};
use crate::harness::{Device, Sample, Weights, on_every_device};
use crate::random::noise;

on_every_device!(parts_are_the_whole, adapters_come_on_top, packed_pictures_are_single_ones);

/// The linear weights of a checkpoint apart: what a low-rank matrix that is as large leaves of them, and that.
struct Apart<'a> {
    whole: &'a Weights,
    hollow: bool,
}

/// Rank of the parts.
const RANK: usize = 3;

impl Checkpoint for Apart<'_> {
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Form> {
        match self.hollow {
            true => Ok(Form::Hollow(shape.to_vec())),
            false => self.whole.tensor(name, shape),
        }
    }

    fn matrix(
        &self,
        name: &str,
        shape: &[usize],
        role: Role,
        care: zao_backend::Care,
    ) -> Result<Form> {
        let whole = self.whole.tensor(name, shape)?;
        // One of the stacked ones has none, so that parts of a weight differ.
        let has_part = matches!(role, Role::Linear | Role::SwiGlu)
            && care == zao_backend::Care::Usual
            && !name.contains("to_k");
        let (&[out, inner], true, Form::Dense(stored)) = (shape, has_part, &whole) else {
            return self.tensor(name, shape);
        };
        let factor = |what: &str, shape: [usize; 2], deviation: f32| {
            let values = noise(&format!("{what} {name}"), shape[0] * shape[1]);
            let values: Vec<f32> = values.iter().map(|value| deviation * value).collect();
            Stored::from_f32(&shape, &values)
        };
        let up = factor("up", [out, RANK], 1.0 / (RANK as f32).sqrt());
        let down = factor("down", [RANK, inner], 1.0 / (inner as f32).sqrt());
        let (ups, downs, mut rest) = (up.to_f32(), down.to_f32(), stored.to_f32());
        for (row, ups) in rest.chunks_mut(inner).zip(ups.chunks(RANK)) {
            for (up, downs) in ups.iter().zip(downs.chunks(inner)) {
                row.iter_mut().zip(downs).for_each(|(value, down)| *value -= up * down);
            }
        }
        let rest = match self.hollow {
            true => Form::Hollow(shape.to_vec()),
            false => Form::Dense(Stored::from_f32(shape, &rest)),
        };
        Ok(Form::LowRank(LowRank::new(rest, up, down)?))
    }
}

fn apart(whole: &Weights) -> Apart<'_> {
    Apart { whole, hollow: false }
}

fn transformer<B: Backend>(
    b: &B,
    sample: &Sample,
    weights: &dyn Checkpoint,
) -> Result<Transformer<B>> {
    Transformer::load(b, weights, &sample.transformer_config())
}

fn parts_are_the_whole<B: Backend>(device: &Device<B>) {
    let b = &device.backend;
    for sample in Sample::tiny() {
        let whole = sample.weights(PartName::Transformer);
        let forward = |weights: &dyn Checkpoint| {
            let transformer = transformer(b, &sample, weights).unwrap();
            run(b, &transformer, &vec![None, None], &[0, 1]).unwrap()
        };
        for (got, expected) in forward(&apart(&whole)).iter().zip(&forward(&whole)) {
            device.assert_amplified("a forward", got, expected, 4.0);
        }
        let whole = sample.weights(PartName::TextEncoder);
        let encode = |weights: &dyn Checkpoint| {
            let encoder = TextEncoder::load(b, weights, &sample.text_config()).unwrap();
            let features = encoder.encode(b, &[&[5, 6, 7, 8, 9]]).unwrap();
            device.read(&features[0])
        };
        device.assert_amplified("a caption", &encode(&apart(&whole)), &encode(&whole), 4.0);
    }
}

fn adapters_come_on_top<B: Backend>(device: &Device<B>) {
    let b = &device.backend;
    for sample in Sample::tiny() {
        let layers = Transformer::layers(&sample.transformer_config()).unwrap();
        let whole = sample.weights(PartName::Transformer);
        let weights = apart(&whole);
        let model = transformer(b, &sample, &weights).unwrap();
        for kind in ["lora", "dora", "lokr dora"] {
            for fused in [false, true] {
                let deltas = adapter(kind, &layers, fused);
                let loaded = Adapter::load(b, &layers, &deltas, Fill::Values(&weights)).unwrap();
                let stack = AdapterStack::new(b, &[(Arc::new(loaded), 0.7)]).unwrap();
                let followed = run(b, &model, &vec![Some(Arc::new(stack))], &[0]).unwrap();
                let stack = [(deltas.as_slice(), 0.7)];
                let merged = Merged::new(&weights, &layers, &stack);
                let merged = transformer(b, &sample, &merged).unwrap();
                let merged = run(b, &merged, &vec![None], &[0]).unwrap();
                device.assert_amplified(kind, &followed[0], &merged[0], 4.0);
            }
        }
    }
}

fn packed_pictures_are_single_ones<B: Backend>(device: &Device<B>) {
    let b = &device.backend;
    for sample in Sample::tiny() {
        let layers = Transformer::layers(&sample.transformer_config()).unwrap();
        let whole = sample.weights(PartName::Transformer);
        let weights = apart(&whole);
        let model = transformer(b, &sample, &weights).unwrap();
        let deltas = adapter("dora", &layers, false);
        let dora = Adapter::load(b, &layers, &deltas, Fill::Values(&weights)).unwrap();
        let dora = Some(Arc::new(AdapterStack::new(b, &[(Arc::new(dora), 0.7)]).unwrap()));
        let stacks = [None, dora.clone(), None, dora];
        let packed = run(b, &model, &stacks.to_vec(), &[0, 1, 2, 3]).unwrap();
        for (i, (stack, packed)) in stacks.iter().zip(&packed).enumerate() {
            let single = run(b, &model, &vec![stack.clone()], &[i]).unwrap().remove(0);
            assert!(*packed == single, "picture {i}: packing changes a bit");
        }
    }
}

#[test]
fn the_rehearsal_tells_what_parts_need() {
    fn rehearsed<B: Backend>(b: &B, sample: &Sample, weights: &Apart<'_>) -> Result<()> {
        let layers = Transformer::layers(&sample.transformer_config())?;
        let fill = if weights.hollow { Fill::Shapes(weights) } else { Fill::Values(weights) };
        let deltas = adapter("dora", &layers, false);
        let dora = Arc::new(Adapter::load(b, &layers, &deltas, fill)?);
        let stack = Some(Arc::new(AdapterStack::new(b, &[(dora, 1.0)])?));
        let transformer = transformer(b, sample, weights)?;
        run(b, &transformer, &vec![None, stack], &[0, 1]).map(drop)
    }
    for sample in Sample::tiny() {
        let whole = sample.weights(PartName::Transformer);
        for precision in [CpuPrecision::F32, CpuPrecision::Bf16, CpuPrecision::Int8] {
            let cpu = Device::bare(precision);
            let planner = Planner::new(cpu.policy());
            rehearsed(&planner, &sample, &Apart { whole: &whole, hollow: true }).unwrap();
            let plan = planner.plan();
            cpu.reserve(plan).unwrap();
            rehearsed(&cpu, &sample, &apart(&whole)).unwrap();
            let less = Device::bare(precision);
            less.reserve(Plan { step: plan.step - 1024, ..plan }).unwrap();
            assert!(rehearsed(&less, &sample, &apart(&whole)).is_err());
        }
    }
}

#[test]
fn the_tensors_of_parts_are_told_from_their_shapes() {
    let sample = Sample::tiny_b();
    let whole = sample.weights(PartName::Transformer);
    let layers = Transformer::layers(&sample.transformer_config()).unwrap();
    let layer = layers.iter().find(|layer| layer.name().ends_with("layers.0.attention.to_q"));
    let (layer, weights) = (layer.unwrap(), apart(&whole));
    let parts = layer.parts.iter().filter_map(|(name, rows)| {
        let shape = [*rows, layer.inputs];
        let form = weights.matrix(&format!("{name}.weight"), &shape, layer.role, layer.care);
        let Form::LowRank(both) = form.unwrap() else { return None };
        Some(both.delta(name))
    });
    let parts: Vec<_> = parts.collect();
    assert_eq!(parts.len(), 2, "q and v");
    let tensors = zao_model::low_rank_tensors(&layers, &parts);
    let shapes: Vec<_> = tensors.iter().map(|tensor| tensor.shape.clone()).collect();
    assert_eq!(shapes, [vec![32, layer.inputs], vec![layer.sums(), 32]]);
}
