//! The transformer's parts one by one against diffusers, which tells where a difference begins.
//! Whole forwards are tested from outside.

use zao_backend::Shape;
use zao_backend::prelude::*;
use zao_weights::PartName;

use super::block::{Block, Layout};
use super::embedders::{CaptionEmbedder, TimestepEmbedder, load_patch_embedder};
use super::final_layer::FinalLayer;
use super::padded;
use super::positions::Positions;
use super::stack::{self, AdalnTable};
use crate::adapter::Following;
use crate::harness::{Array, Device, Golden, Sample, Weights, assert_within, on_every_device};
use crate::layers::{Bias, Linear};
use crate::{Loader, TransformerConfig};
use zao_backend::Care;

on_every_device!(time_embedding, blocks, stages);

/// A sample's parts on a device.
struct Parts<'a, B: Backend> {
    device: &'a Device<B>,
    sample: Sample,
    weights: Weights,
    config: TransformerConfig,
}

impl<'a, B: Backend> Parts<'a, B> {
    fn tiny(device: &'a Device<B>) -> [Self; 2] {
        Sample::tiny().map(|sample| Self {
            device,
            weights: sample.weights(PartName::Transformer),
            config: sample.transformer_config(),
            sample,
        })
    }

    fn loader(&self) -> Loader<'_, B> {
        Loader::new(&self.device.backend, &self.weights)
    }

    fn golden(&self, name: &str) -> Array {
        self.sample.golden.array(name)
    }

    fn block(&self, name: &str) -> Block<B> {
        Block::load(&self.loader().at(name), &self.config).unwrap()
    }

    /// The adaLN vectors of one block for an embedded time.
    fn adaln(&self, block: &str, t_emb: &Tensor<B>) -> Tensor<B> {
        let loader = self.loader().at(block).at("adaLN_modulation.0");
        let sizes = (4 * self.config.dim, self.config.adaln_dim());
        let linear = Linear::load(&loader, sizes, Bias::Yes, Care::Unrounded).unwrap();
        linear.forward(&self.device.backend, t_emb).unwrap()
    }

    fn embedded_time(&self, times: &[f32]) -> Tensor<B> {
        let loader = self.loader().at("t_embedder");
        let embedder = TimestepEmbedder::load(&loader, &self.config).unwrap();
        embedder.forward(&self.device.backend, times, &Following::all(0, None)).unwrap()
    }

    /// `x` after a block that sees it all, at positions given by their rotations.
    fn through(&self, name: &str, x: &Array, rope: &[f32], t_emb: Option<&Tensor<B>>) -> Tensor<B> {
        let b = &self.device.backend;
        let shape = Shape::new(x.shape[0], self.config.heads().dim);
        let rope = self.device.upload_rows(shape, rope);
        let segments = Segments::new([x.shape[0]]);
        let layout =
            Layout { segments: &segments, rope: &rope, following: &Following::all(0, None) };
        let table = t_emb.map(|t_emb| self.adaln(name, t_emb));
        let adaln = table.as_ref().map(|table| AdalnTable { table, first: 0 });
        let mut x = self.device.upload(x);
        stack::pass(b, &[self.block(name)], &mut x, &layout, adaln.as_ref()).unwrap();
        x
    }

    fn assert_golden(&self, got: &Tensor<B>, name: &str) {
        let expected = self.golden(name).values;
        self.device.assert_close(name, &self.device.read(got), &expected);
    }
}

fn time_embedding<B: Backend>(device: &Device<B>) {
    for parts in Parts::tiny(device) {
        let times = parts.golden("t_embedder/t").values;
        let scaled: Vec<f32> = times.iter().map(|t| t * parts.config.t_scale).collect();
        let sinusoids = device.backend.timestep_embedding(&scaled, 256).unwrap();
        parts.assert_golden(&sinusoids, "t_embedder/sinusoids");
        parts.assert_golden(&parts.embedded_time(&times), "t_embedder/output");
    }
}

/// The rotations of the tokens of a golden: `[tokens, 3]` positions.
fn rotations(golden: &Golden, name: &str, config: &TransformerConfig) -> Vec<f32> {
    let positions = Positions::new(config, config.axes_lens);
    let mut table = Vec::new();
    for position in golden.integers(name).as_chunks().0 {
        positions.push(&mut table, position.map(|at: u32| at as usize));
    }
    table
}

#[test]
fn rotation_tables() {
    for sample in Sample::tiny() {
        let (golden, config) = (&sample.golden, sample.transformer_config());
        let table = rotations(golden, "rope/positions", &config);
        let (cos, sin) = (golden.array("rope/cos"), golden.array("rope/sin"));
        let pairs = cos.shape[1];
        let rows = cos.values.chunks(pairs).zip(sin.values.chunks(pairs));
        let expected: Vec<f32> = rows.flat_map(|(cos, sin)| [cos, sin].concat()).collect();
        assert_within("rope", &table, &expected, 1e-7);
    }
}

fn blocks<B: Backend>(device: &Device<B>) {
    for parts in Parts::tiny(device) {
        for name in parts.sample.golden.cases("block") {
            let golden = |what: &str| parts.golden(&format!("block/{name}/{what}"));
            let positions = format!("block/{name}/positions");
            let rope = rotations(&parts.sample.golden, &positions, &parts.config);
            // Blocks of the context refiner are not modulated.
            let modulated = !name.starts_with("context_refiner");
            let t_emb = modulated.then(|| {
                let vector = golden("adaln_input").values;
                device.upload_rows(Shape::new(1, vector.len()), &vector)
            });
            let got = parts.through(&name, &golden("x"), &rope, t_emb.as_ref());
            parts.assert_golden(&got, &format!("block/{name}/output"));
        }
    }
}

/// Every stage of one forward, each from what diffusers handed to it.
fn stages<B: Backend>(device: &Device<B>) {
    for parts in Parts::tiny(device) {
        embedding_stages(&parts);
        block_stages(&parts);
        final_stage(&parts);
    }
}

fn embedding_stages<B: Backend>(parts: &Parts<'_, B>) {
    let b = &parts.device.backend;
    let loader = parts.loader().at("cap_embedder");
    let embedder = CaptionEmbedder::load(&loader, &parts.config).unwrap();
    let features = parts.device.upload(&parts.golden("stages/caption"));
    parts.assert_golden(
        &embedder.forward(b, &features, &Following::all(0, None)).unwrap(),
        "stages/cap_embedder",
    );

    let embedder = load_patch_embedder(&parts.loader(), &parts.config).unwrap();
    let latents = parts.golden("stages/latents");
    let (grid, patch) = (latents.grid(), parts.config.patch());
    let latents = parts.device.upload(&latents);
    let rows = grid.over(patch).area();
    let patches = b.patchify(&latents, grid, patch, rows, Some(&embedder.weight)).unwrap();
    parts.assert_golden(&embedder.forward(b, &patches).unwrap(), "stages/x_embedder");
}

/// The rows of `tokens`, then pad tokens `name`.
fn with_pads<B: Backend>(parts: &Parts<'_, B>, mut tokens: Array, name: &str) -> Array {
    let dim = parts.config.dim;
    let pad = parts.loader().row(&[(name, &[1, dim])]).unwrap();
    let pad = parts.device.read(&pad);
    for _ in tokens.shape[0]..padded(tokens.shape[0]) {
        tokens.values.extend(&pad);
    }
    Array { shape: vec![tokens.values.len() / dim, dim], values: tokens.values }
}

fn block_stages<B: Backend>(parts: &Parts<'_, B>) {
    let (config, positions) =
        (&parts.config, Positions::new(&parts.config, parts.config.axes_lens));
    let t_emb = parts.embedded_time(&parts.golden("stages/t").values);
    let caption = parts.golden("stages/cap_embedder");
    let grid = parts.golden("stages/latents").grid().over(config.patch());
    let caption_rope = positions.caption(padded(caption.shape[0]));
    let image_rope = positions.image(grid, padded(caption.shape[0]));

    let run = |kind: &str, count: usize, mut x: Array, rope: &[f32], t_emb: Option<&Tensor<B>>| {
        for i in 0..count {
            let stage = format!("stages/{kind}.{i}");
            parts.assert_golden(&parts.through(&format!("{kind}.{i}"), &x, rope, t_emb), &stage);
            x = parts.golden(&stage);
        }
        x
    };
    let refiners = config.n_refiner_layers;
    let caption = with_pads(parts, caption, "cap_pad_token");
    let caption = run("context_refiner", refiners, caption, &caption_rope, None);
    let image = with_pads(parts, parts.golden("stages/x_embedder"), "x_pad_token");
    let image = run("noise_refiner", refiners, image, &image_rope, Some(&t_emb));
    let unified = Array {
        shape: vec![image.shape[0] + caption.shape[0], config.dim],
        values: [image.values, caption.values].concat(),
    };
    let rope = [image_rope, caption_rope].concat();
    run("layers", config.n_layers, unified, &rope, Some(&t_emb));
}

fn final_stage<B: Backend>(parts: &Parts<'_, B>) {
    let b = &parts.device.backend;
    let layer = FinalLayer::load(&parts.loader(), &parts.config).unwrap();
    let t_emb = parts.embedded_time(&parts.golden("stages/t").values);
    let scales = layer.scales(b, &t_emb, &Following::all(0, None)).unwrap();
    let last = format!("stages/layers.{}", parts.config.n_layers - 1);
    let x = parts.device.upload(&parts.golden(&last));
    let segments = Segments::new([x.rows()]);
    let scale = Modulation { table: &scales, column: 0, segments: &segments };
    parts.assert_golden(
        &layer.forward(b, &x, scale, &Following::all(0, None)).unwrap(),
        "stages/final_layer",
    );
}
