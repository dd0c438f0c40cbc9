//! The stages of a drawing as things to measure: what is loaded, what is made ready once, and what is
//! done again and again. Each is the same code on the planner, which counts, and on a device.

use std::sync::Arc;

use zao_backend::prelude::*;
use zao_backend::{Planner, Policy, Shape};
use zao_model::Checkpoint;
use zao_model::noise::{Generator, normal};
use zao_model::text::TextEncoder;
use zao_model::transformer::{Batch, BatchItem, Modulations, Transformer};
use zao_model::vae::{Decoder, Thrift};
use zao_weights::PartName;

use crate::Result;
use crate::model::ModelFiles;

/// The time, from noise at 0 to the picture at 1, that a forward is made at.
const TIME: f32 = 0.5;

/// Something to measure.
pub(super) trait Workload {
    /// What stays on the device.
    type Loaded<B: Backend>;
    /// What a repetition reads and does not make.
    type Ready<B: Backend>;

    /// The part whose weights are loaded.
    const PART: PartName;

    /// Bytes of the weights when they are loaded, if that is less than the whole part.
    fn weight_bytes(&self) -> Option<u64> {
        None
    }

    /// Takes the weights in.
    fn load<B: Backend>(
        &self,
        b: &B,
        checkpoint: &dyn Checkpoint,
        model: &ModelFiles,
    ) -> Result<Self::Loaded<B>>;

    /// Makes the inputs.
    fn prepare<B: Backend>(
        &self,
        b: &B,
        model: &ModelFiles,
        loaded: &Self::Loaded<B>,
    ) -> Result<Self::Ready<B>>;

    /// One repetition.
    fn run<B: Backend>(
        &self,
        b: &B,
        loaded: &Self::Loaded<B>,
        ready: &Self::Ready<B>,
    ) -> Result<Vec<Tensor<B>>>;
}

/// One forward of the transformer.
pub(super) struct Forward {
    /// Extent of each latent, in cells.
    pub(super) latent: Grid,
    /// Number of pictures.
    pub(super) batch: usize,
}

/// Rows, latents and modulations of a forward.
pub(super) struct Scene<B: Backend> {
    batch: Batch<B>,
    latents: Vec<Tensor<B>>,
    modulations: Modulations<B>,
}

impl Workload for Forward {
    type Loaded<B: Backend> = Transformer<B>;
    type Ready<B: Backend> = Scene<B>;

    const PART: PartName = PartName::Transformer;

    fn load<B: Backend>(
        &self,
        b: &B,
        checkpoint: &dyn Checkpoint,
        model: &ModelFiles,
    ) -> Result<Transformer<B>> {
        Ok(Transformer::load(b, checkpoint, &model.transformer)?)
    }

    fn prepare<B: Backend>(
        &self,
        b: &B,
        model: &ModelFiles,
        transformer: &Transformer<B>,
    ) -> Result<Scene<B>> {
        let tokens = model.prompts.encode("")?.ids.len();
        let features = activation(b, Shape::new(tokens, model.transformer.cap_feat_dim), 0)?;
        let mut captions = transformer.refine(b, &[&features])?;
        drop(features);
        let caption = Arc::new(captions.remove(0));
        let item = |_| BatchItem { caption: Arc::clone(&caption), latent: self.latent };
        let batch = transformer.batch(b, (0..self.batch).map(item).collect())?;
        let modulations = transformer.modulations(b, &[TIME])?;
        let shape = Shape::new(model.transformer.in_channels, self.latent.area());
        let latents = (0..self.batch as u64).map(|picture| noise(b, shape, 1 + picture));
        let latents = latents.collect::<Result<_>>()?;
        Ok(Scene { batch, latents, modulations })
    }

    fn run<B: Backend>(
        &self,
        b: &B,
        transformer: &Transformer<B>,
        scene: &Scene<B>,
    ) -> Result<Vec<Tensor<B>>> {
        let latents: Vec<_> = scene.latents.iter().collect();
        let times = vec![(&scene.modulations, 0); self.batch];
        Ok(transformer.forward(b, &scene.batch, &latents, &times)?)
    }
}

/// One caption through the text encoder.
pub(super) struct Encode;

impl Workload for Encode {
    type Loaded<B: Backend> = TextEncoder<B>;
    type Ready<B: Backend> = Vec<u32>;

    const PART: PartName = PartName::TextEncoder;

    fn load<B: Backend>(
        &self,
        b: &B,
        checkpoint: &dyn Checkpoint,
        model: &ModelFiles,
    ) -> Result<TextEncoder<B>> {
        Ok(TextEncoder::load(b, checkpoint, &model.text)?)
    }

    fn prepare<B: Backend>(
        &self,
        _: &B,
        model: &ModelFiles,
        _: &TextEncoder<B>,
    ) -> Result<Vec<u32>> {
        Ok(model.prompts.encode("")?.ids)
    }

    fn run<B: Backend>(
        &self,
        b: &B,
        encoder: &TextEncoder<B>,
        ids: &Vec<u32>,
    ) -> Result<Vec<Tensor<B>>> {
        Ok(encoder.encode(b, &[ids])?)
    }
}

/// One latent to pixels.
pub(super) struct Decode {
    /// Extent of the latent, in cells.
    pub(super) latent: Grid,
}

impl Workload for Decode {
    type Loaded<B: Backend> = Decoder<B>;
    type Ready<B: Backend> = Tensor<B>;

    const PART: PartName = PartName::Vae;

    fn load<B: Backend>(
        &self,
        b: &B,
        checkpoint: &dyn Checkpoint,
        model: &ModelFiles,
    ) -> Result<Decoder<B>> {
        Ok(Decoder::load(b, checkpoint, &model.vae)?)
    }

    fn prepare<B: Backend>(&self, b: &B, model: &ModelFiles, _: &Decoder<B>) -> Result<Tensor<B>> {
        noise(b, Shape::new(model.vae.latent_channels, self.latent.area()), 1)
    }

    fn run<B: Backend>(
        &self,
        b: &B,
        decoder: &Decoder<B>,
        latent: &Tensor<B>,
    ) -> Result<Vec<Tensor<B>>> {
        Ok(vec![decoder.decode(b, latent, self.latent, Thrift::NONE)?])
    }
}

/// Normal values that stay while something is measured.
pub(super) fn noise<B: Backend>(b: &B, shape: Shape, seed: u64) -> Result<Tensor<B>> {
    let values = normal(Generator::TorchCpu, seed, shape.len());
    Ok(b.upload(shape, &values, Region::Job)?)
}

/// The same as an activation, of the type that the device gives those.
pub(super) fn activation<B: Backend>(b: &B, shape: Shape, seed: u64) -> Result<Tensor<B>> {
    let values = noise(b, shape, seed)?;
    let mut activation = b.no_rows(shape)?;
    b.copy_rows(&mut activation, 0, &values, 0..shape.rows)?;
    Ok(activation)
}

/// Rows of one picture of this latent extent in the transformer's layers, as its batch lays them out.
pub(super) fn tokens(model: &ModelFiles, policy: Policy, latent: Grid) -> Result<usize> {
    let planner = Planner::new(policy);
    let forward = Forward { latent, batch: 1 };
    let transformer = forward.load(&planner, &model.outline(Forward::PART), model)?;
    Ok(forward.prepare(&planner, model, &transformer)?.batch.rows())
}

#[cfg(test)]
mod tests {
    use zao_backend::Scalar;

    use super::super::station::rehearse;
    use super::*;
    use crate::{Architecture, Synthetic, WeightForm};

    /// By hand from the published sizes: 30 layers over 1024 patches and 64 caption tokens, two noise
    /// refiners over the patches, and the layers into and out of them.
    #[test]
    fn a_forward_of_the_published_model_counts_what_it_computes() {
        let (dim, hidden, patches, all) = (3840_u64, 10_240, 1024, 1088);
        let weights = 4 * dim * dim + 3 * dim * hidden;
        let block = |tokens: u64| 2 * tokens * weights + 4 * tokens * tokens * dim;
        let ends = 2 * 2 * patches * dim * 64;
        let expected = 30 * block(all) + 2 * block(patches) + ends;

        let (architecture, weights) = (Architecture::ZImageTurbo, WeightForm::Bf16);
        let synthetic = Synthetic { architecture, tokens: 64, weights };
        let model = ModelFiles::synthetic(synthetic).unwrap();
        let latent = Grid::new(64, 64);
        let forward = Forward { latent, batch: 1 };
        let counted = rehearse(&forward, &model, Scalar.policy()).unwrap();
        assert_eq!(counted.flops, expected);
        assert!((12.8e12..12.9e12).contains(&(counted.flops as f64)));
        assert_eq!(tokens(&model, Scalar.policy(), latent).unwrap(), 1088);

        let pictures = Forward { latent, batch: 3 };
        let counted = rehearse(&pictures, &model, Scalar.policy()).unwrap();
        assert_eq!(counted.flops, 3 * expected);
    }
}
