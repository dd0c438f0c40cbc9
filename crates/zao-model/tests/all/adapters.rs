//! Adapters of every kind: pictures that follow them are those of weights that they were merged into, and
//! stand in a batch with others.

use std::sync::Arc;

use zao_backend::prelude::*;
use zao_backend::{Factors, Half, Planner, Role, Shape, Stored, StoredDelta};
use zao_cpu::CpuPrecision;
use zao_model::transformer::{BatchItem, Transformer};
use zao_model::{Adapter, AdapterStack, Fill, Layer, Manifest, Merged, Result};
use zao_weights::PartName;

use crate::harness::{Device, Sample, on_every_device};
use crate::random::noise;

on_every_device!(following_is_having_merged, scales_and_stacks, packed_pictures_are_single_ones);

/// Sides of factors that multiply to `side`, the first as small as can be but for 1.
fn divided(side: usize) -> [usize; 2] {
    let first = (2..=side).find(|first| side.is_multiple_of(*first)).unwrap_or(1);
    [first, side / first]
}

fn stored(name: &str, [rows, columns]: [usize; 2], deviation: f32) -> Stored {
    let values = noise(name, rows * columns).into_iter().map(|value| deviation * value);
    Stored::from_f32(&[rows, columns], &values.collect::<Vec<_>>())
}

fn half(name: &str, [out, inner]: [usize; 2], rank: usize) -> Half {
    Half::Product {
        up: stored(&format!("{name} up"), [out, rank], 0.7),
        down: stored(&format!("{name} down"), [rank, inner], 0.7),
    }
}

/// What an adapter of this kind has for `out` outputs of some layers.
fn delta(kind: &str, layers: &[&str], [out, inner]: [usize; 2]) -> StoredDelta {
    let name = &format!("{kind} {}", layers[0]);
    let factors = match kind {
        "lora" | "dora" => {
            let Half::Product { up, down } = half(name, [out, inner], 3) else { unreachable!() };
            Factors::LowRank { up, down }
        }
        "loha" => Factors::Hadamard([1, 2].map(|i| half(&format!("{name}{i}"), [out, inner], 2))),
        "loha of large rank" => {
            Factors::Hadamard([1, 2].map(|i| half(&format!("{name}{i}"), [out, inner], 40)))
        }
        "lokr" | "lokr dora" => {
            let ([o1, o2], [i1, i2]) = (divided(out), divided(inner));
            let left = Half::Whole(stored(name, [o1, i1], 0.7));
            Factors::Kronecker([left, half(name, [o2, i2], 2)])
        }
        "dense" => Factors::Dense(stored(name, [out, inner], 1.0)),
        other => unreachable!("{other}"),
    };
    let magnitude = kind.contains("dora").then(|| {
        let values: Vec<f32> = noise(name, out).iter().map(|v| 1.0 + 0.2 * v.abs()).collect();
        Stored::from_f32(&[out, 1], &values)
    });
    let layers = layers.iter().map(|&name| name.to_owned()).collect();
    StoredDelta { layers, factors, scale: 0.2 / (inner as f32).sqrt(), magnitude }
}

/// An adapter of this kind for every layer; where layers are stacked, for each of them or for all together.
pub(crate) fn adapter(kind: &str, layers: &[Layer], fused: bool) -> Vec<StoredDelta> {
    let of_layer = |layer: &Layer| -> Vec<StoredDelta> {
        if fused && layer.role == Role::Linear {
            let names: Vec<_> = layer.parts.iter().map(|(name, _)| name.as_str()).collect();
            return vec![delta(kind, &names, [layer.sums(), layer.inputs])];
        }
        let part = |(name, rows): &(String, usize)| delta(kind, &[name], [*rows, layer.inputs]);
        layer.parts.iter().map(part).collect()
    };
    layers.iter().flat_map(of_layer).collect()
}

const KINDS: [&str; 7] =
    ["lora", "dora", "loha", "loha of large rank", "lokr", "lokr dora", "dense"];

/// Stacks that pictures follow, `None` for none.
pub(crate) type Stacks<B> = Vec<Option<Arc<AdapterStack<B>>>>;

fn latent(index: usize) -> Grid {
    [Grid::new(6, 10), Grid::new(8, 4), Grid::new(4, 4), Grid::new(10, 10)][index % 4]
}

/// One forward of a picture for each of the stacks, with the numbers `numbers`.
pub(crate) fn run<B: Backend>(
    b: &B,
    transformer: &Transformer<B>,
    stacks: &Stacks<B>,
    numbers: &[usize],
) -> Result<Vec<Vec<f32>>> {
    let config = transformer.config();
    let upload = |name: String, rows: usize, width: usize| {
        b.upload(Shape::new(rows, width), &noise(&name, rows * width), Region::Job)
    };
    let features =
        numbers.iter().map(|i| upload(format!("caption {i}"), 9 + 7 * i, config.cap_feat_dim));
    let features = features.collect::<Result<Vec<_>, _>>()?;
    let captions: Vec<_> = features.iter().zip(stacks.iter().cloned()).collect();
    let captions = transformer.refine_following(b, &captions)?;
    let items = captions.into_iter().zip(numbers);
    let items =
        items.map(|(caption, i)| BatchItem { caption: Arc::new(caption), latent: latent(*i) });
    let batch = transformer.batch(b, items.collect())?;
    let times = stacks.iter().zip(numbers).map(|(stack, i)| {
        transformer.modulations_following(b, &[0.1 + 0.2 * *i as f32], stack.as_deref())
    });
    let times = times.collect::<Result<Vec<_>>>()?;
    let times: Vec<_> = times.iter().map(|times| (times, 0)).collect();
    let latents = numbers
        .iter()
        .map(|i| upload(format!("latent {i}"), config.in_channels, latent(*i).area()))
        .collect::<Result<Vec<_>, _>>()?;
    let outputs = transformer.forward(b, &batch, &latents.iter().collect::<Vec<_>>(), &times)?;
    outputs.iter().map(|output| Ok(b.read(output)?)).collect()
}

/// A model with its layers, and adapters on a device.
struct Scene<'a, B: Backend> {
    device: &'a Device<B>,
    sample: Sample,
    layers: Vec<Layer>,
}

impl<'a, B: Backend> Scene<'a, B> {
    fn both(device: &'a Device<B>) -> [Self; 2] {
        Sample::tiny().map(|sample| {
            let layers = Transformer::layers(&sample.transformer_config()).unwrap();
            Self { device, sample, layers }
        })
    }

    fn load(&self, deltas: &[StoredDelta]) -> Arc<Adapter<B>> {
        let weights = self.sample.weights(PartName::Transformer);
        let fill = Fill::Values(&weights);
        Arc::new(Adapter::load(&self.device.backend, &self.layers, deltas, fill).unwrap())
    }

    fn stack(&self, adapters: &[(Arc<Adapter<B>>, f32)]) -> Option<Arc<AdapterStack<B>>> {
        Some(Arc::new(AdapterStack::new(&self.device.backend, adapters).unwrap()))
    }

    /// One picture of a model with merged weights.
    fn merged(&self, stack: &[(&[StoredDelta], f32)]) -> Vec<f32> {
        let weights = self.sample.weights(PartName::Transformer);
        let merged = Merged::new(&weights, &self.layers, stack);
        let b = &self.device.backend;
        let transformer = Transformer::load(b, &merged, &self.sample.transformer_config()).unwrap();
        run(b, &transformer, &vec![None], &[0]).unwrap().remove(0)
    }

    fn one(&self, stack: Option<Arc<AdapterStack<B>>>) -> Vec<f32> {
        let transformer = self.sample.transformer(self.device);
        run(&self.device.backend, &transformer, &vec![stack], &[0]).unwrap().remove(0)
    }
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    let square = |values: &mut dyn Iterator<Item = f32>| -> f64 {
        values.map(|value| f64::from(value).powi(2)).sum()
    };
    let difference = square(&mut a.iter().zip(b).map(|(a, b)| a - b));
    (difference / square(&mut b.iter().copied())).sqrt()
}

fn following_is_having_merged<B: Backend>(device: &Device<B>) {
    for scene in Scene::both(device) {
        let without = scene.one(None);
        for kind in KINDS {
            for fused in [false, true] {
                let deltas = adapter(kind, &scene.layers, fused);
                let followed = scene.one(scene.stack(&[(scene.load(&deltas), 1.0)]));
                let merged = scene.merged(&[(&deltas, 1.0)]);
                assert!(distance(&merged, &without) > 0.05, "{kind} changes something");
                device.assert_amplified(kind, &followed, &merged, 2.0);
            }
        }
    }
}

fn scales_and_stacks<B: Backend>(device: &Device<B>) {
    for scene in Scene::both(device) {
        let [lora, dora, lokr] =
            ["lora", "dora", "lokr"].map(|kind| adapter(kind, &scene.layers, false));
        let scales = [0.5, 0.8, -1.0];
        let all = [&lora, &dora, &lokr].map(|deltas| scene.load(deltas));
        let stack: Vec<_> = all.iter().cloned().zip(scales).collect();
        let deltas: Vec<_> =
            [&lora, &dora, &lokr].into_iter().map(Vec::as_slice).zip(scales).collect();
        let followed = scene.one(scene.stack(&stack));
        device.assert_amplified("a stack", &followed, &scene.merged(&deltas), 2.0);
        let off = scene.one(scene.stack(&[(all[0].clone(), 0.0)]));
        device.assert_amplified("a scale of zero", &off, &scene.one(None), 1.0);
    }
}

fn packed_pictures_are_single_ones<B: Backend>(device: &Device<B>) {
    for scene in Scene::both(device) {
        let b = &device.backend;
        let [lora, dora, lokr] =
            ["lora", "dora", "lokr"].map(|kind| scene.load(&adapter(kind, &scene.layers, false)));
        let shared = scene.stack(&[(lora.clone(), 1.0), (dora.clone(), 0.5)]);
        let stacks = [
            None,
            shared.clone(),
            shared,
            scene.stack(&[(lokr, 0.7)]),
            scene.stack(&[(lora, -0.5)]),
            None,
        ];
        let transformer = scene.sample.transformer(device);
        let numbers: Vec<_> = (0..stacks.len()).collect();
        let packed = run(b, &transformer, &stacks.to_vec(), &numbers).unwrap();
        for (i, (stack, packed)) in stacks.iter().zip(&packed).enumerate() {
            let single = run(b, &transformer, &vec![stack.clone()], &[i]).unwrap().remove(0);
            assert!(*packed == single, "picture {i}: packing changes a bit");
        }
    }
}

/// A forward of pictures that follow adapters, loaded with `fill`.
fn rehearsed<B: Backend>(b: &B, sample: &Sample, fill: Fill<'_>) -> Result<()> {
    let config = sample.transformer_config();
    let layers = Transformer::layers(&config)?;
    let load = |kind| Adapter::load(b, &layers, &adapter(kind, &layers, false), fill).map(Arc::new);
    let [dora, lokr] = [load("dora")?, load("lokr")?];
    let stack = Some(Arc::new(AdapterStack::new(b, &[(dora, 1.0), (lokr, 0.5)])?));
    let weights = sample.weights(PartName::Transformer);
    let transformer = Transformer::load(b, &weights, &config)?;
    run(b, &transformer, &vec![None, stack.clone(), stack], &[0, 1, 2]).map(drop)
}

#[test]
fn the_rehearsal_tells_what_adapters_need() {
    for sample in Sample::tiny() {
        let weights = sample.weights(PartName::Transformer);
        for precision in [CpuPrecision::F32, CpuPrecision::Bf16, CpuPrecision::Int8] {
            let cpu = Device::bare(precision);
            let planner = Planner::new(cpu.policy());
            rehearsed(&planner, &sample, Fill::Shapes(&Manifest::default())).unwrap();
            let plan = planner.plan();
            cpu.reserve(plan).unwrap();
            rehearsed(&cpu, &sample, Fill::Values(&weights)).unwrap();
            let less = Device::bare(precision);
            less.reserve(zao_backend::Plan { step: plan.step - 1024, ..plan }).unwrap();
            assert!(rehearsed(&less, &sample, Fill::Values(&weights)).is_err());
        }
    }
}

#[test]
fn what_belongs_to_no_layer_is_refused() {
    let sample = Sample::tiny_a();
    let layers = Transformer::layers(&sample.transformer_config()).unwrap();
    let (b, weights) = (zao_backend::Scalar, sample.weights(PartName::Transformer));
    let load = |delta| Adapter::load(&b, &layers, &[delta], Fill::Values(&weights)).map(drop);
    assert!(load(delta("lora", &["layers.0.attention.to_q"], [32, 32])).is_ok());
    for wrong in [
        delta("lora", &["layers.9.attention.to_q"], [32, 32]),
        delta("lora", &["layers.0.attention.to_q"], [32, 33]),
        delta("lora", &["layers.0.attention.to_q", "layers.0.attention.to_v"], [64, 32]),
    ] {
        assert!(load(wrong).is_err());
    }
}
