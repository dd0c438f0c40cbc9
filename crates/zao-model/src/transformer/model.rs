//! `ZImageTransformer2DModel`: loading it, and one packed forward.

use zao_backend::Shape;
use zao_backend::prelude::*;

use super::block::{Block, Layout};
use super::caption::CaptionFeatures;
use super::embedders::{CaptionEmbedder, TimestepEmbedder, load_patch_embedder};
use super::final_layer::FinalLayer;
use super::positions::Positions;
use super::stack::{self, AdalnTable};
use super::{Batch, BatchItem, Caption, Modulations, padded};
use crate::adapter::{AdapterStack, Following};
use crate::layers::{Bias, Linear};
use crate::{Checkpoint, Declared, Error, Layer, Loader, Manifest, Result, TransformerConfig};
use zao_backend::Care;

/// The transformer on a device.
pub struct Transformer<B: Backend> {
    t_embedder: TimestepEmbedder<B>,
    cap_embedder: CaptionEmbedder<B>,
    cap_pad_token: Tensor<B>,
    x_embedder: Linear<B>,
    x_pad_token: Tensor<B>,
    context_refiner: Vec<Block<B>>,
    noise_refiner: Vec<Block<B>>,
    layers: Vec<Block<B>>,
    /// The `adaLN_modulation` of all modulated blocks as one layer: noise refiner, then layers.
    adaln_modulation: Linear<B>,
    final_layer: FinalLayer<B>,
    config: TransformerConfig,
}

impl<B: Backend> Transformer<B> {
    /// Loads all of it.
    ///
    /// # Errors
    /// A weight that is missing, unfit or damaged, or no memory.
    pub fn load(
        backend: &B,
        checkpoint: &dyn Checkpoint,
        config: &TransformerConfig,
    ) -> Result<Self> {
        Self::load_below(&Loader::new(backend, checkpoint), config)
    }

    fn load_below(loader: &Loader<'_, B>, config: &TransformerConfig) -> Result<Self> {
        let dim = config.dim;
        let blocks = |kind: &str, count: usize| {
            (0..count)
                .map(|i| Block::load(&loader.at(format_args!("{kind}.{i}")), config))
                .collect::<Result<Vec<_>>>()
        };
        let refiners = (0..config.n_refiner_layers).map(|i| format!("noise_refiner.{i}"));
        let layers = (0..config.n_layers).map(|i| format!("layers.{i}"));
        let modulated: Vec<_> =
            refiners.chain(layers).map(|block| format!("{block}.adaLN_modulation.0")).collect();
        let modulated: Vec<_> = modulated.iter().map(|name| (name.as_str(), 4 * dim)).collect();
        let pad_token = |name| loader.row(&[(name, &[1, dim])]);
        Ok(Self {
            t_embedder: TimestepEmbedder::load(&loader.at("t_embedder"), config)?,
            cap_embedder: CaptionEmbedder::load(&loader.at("cap_embedder"), config)?,
            cap_pad_token: pad_token("cap_pad_token")?,
            x_embedder: load_patch_embedder(loader, config)?,
            x_pad_token: pad_token("x_pad_token")?,
            context_refiner: blocks("context_refiner", config.n_refiner_layers)?,
            noise_refiner: blocks("noise_refiner", config.n_refiner_layers)?,
            layers: blocks("layers", config.n_layers)?,
            adaln_modulation: Linear::load_stacked(
                loader,
                &modulated,
                config.adaln_dim(),
                Bias::Yes,
                Care::Unrounded,
            )?,
            final_layer: FinalLayer::load(loader, config)?,
            config: config.clone(),
        })
    }

    /// The sizes.
    pub fn config(&self) -> &TransformerConfig {
        &self.config
    }

    /// Pads, embeds and refines captions `[tokens, cap_feat_dim]`, all in one packed run.
    ///
    /// # Errors
    /// Those of [`Self::refine_following`].
    pub fn refine(&self, b: &B, features: &[&Tensor<B>]) -> Result<Vec<Caption<B>>> {
        let captions: Vec<_> = features.iter().map(|&features| (features, None)).collect();
        self.refine_following(b, &captions)
    }

    /// [`Self::refine`], where each caption follows the adapters beside it, if there are any. So will the
    /// pictures of that caption.
    ///
    /// # Errors
    /// A caption of another width or beyond the model's position tables, or no memory.
    pub fn refine_following(
        &self,
        b: &B,
        captions: &[CaptionFeatures<'_, B>],
    ) -> Result<Vec<Caption<B>>> {
        let features: Vec<_> = captions.iter().map(|(features, _)| *features).collect();
        let segments = Segments::new(features.iter().map(|f| padded(f.rows())));
        let following =
            Following::new(&segments, captions.iter().map(|(_, stack)| stack.as_deref()));
        let max = self.config.max_caption();
        if let Some(rows) = segments.iter().find(|rows| rows.len() > max) {
            return Err(Error::CaptionTooLong { tokens: rows.len(), max });
        }
        // The rows of pads are overwritten after the embedding; any row serves until then.
        let pieces: Vec<_> = features
            .iter()
            .flat_map(|&f| {
                let pads = padded(f.rows()) - f.rows();
                let last = f.rows().saturating_sub(1)..f.rows();
                std::iter::once((f, 0..f.rows())).chain(std::iter::repeat_n((f, last), pads))
            })
            .collect();
        let mut x = self.cap_embedder.forward(b, &b.pack(&pieces)?, &following)?;
        for (rows, features) in segments.iter().zip(&features) {
            let pads = rows.start + features.rows()..rows.end;
            b.fill_rows(&mut x, pads, &self.cap_pad_token)?;
        }
        let longest = segments.iter().map(|rows| rows.len()).max().unwrap_or(0);
        let positions = Positions::new(&self.config, [longest + 1, 1, 1]);
        let rope: Vec<f32> =
            segments.iter().flat_map(|rows| positions.caption(rows.len())).collect();
        let shape = Shape::new(segments.rows(), self.config.heads().dim);
        let rope = b.upload(shape, &rope, Region::Step)?;
        let layout = Layout { segments: &segments, rope: &rope, following: &following };
        stack::pass(b, &self.context_refiner, &mut x, &layout, None)?;
        let refined = segments.iter().zip(captions).map(|(rows, (_, stack))| {
            Ok(Caption::new(b.keep(&b.pack(&[(&x, rows)])?)?, stack.clone()))
        });
        refined.collect()
    }

    /// The vectors that modulate the model at each of `times` (0 at noise, towards 1 at the picture).
    ///
    /// # Errors
    /// No memory.
    pub fn modulations(&self, b: &B, times: &[f32]) -> Result<Modulations<B>> {
        self.modulations_following(b, times, None)
    }

    /// [`Self::modulations`] for pictures that follow `adapters`.
    ///
    /// # Errors
    /// No memory.
    pub fn modulations_following(
        &self,
        b: &B,
        times: &[f32],
        adapters: Option<&AdapterStack<B>>,
    ) -> Result<Modulations<B>> {
        let following = &Following::all(times.len(), adapters);
        let t_emb = self.t_embedder.forward(b, times, following)?;
        Ok(Modulations {
            blocks: b.keep(&self.adaln_modulation.follow(b, &t_emb, following)?)?,
            final_scale: b.keep(&self.final_layer.scales(b, &t_emb, following)?)?,
        })
    }

    /// The row layout for pictures that will step together.
    ///
    /// # Errors
    /// A picture beyond the model's position tables, or no memory.
    pub fn batch(&self, b: &B, items: Vec<BatchItem<B>>) -> Result<Batch<B>> {
        let max = self.config.max_latent();
        for BatchItem { latent, .. } in &items {
            if latent.height > max.height || latent.width > max.width {
                return Err(Error::TooLarge { asked: *latent, max });
            }
        }
        Batch::new(b, &self.config, items)
    }

    /// One evaluation for every picture of `batch`: `latents[i]`, `[in_channels, cells]`, at the time
    /// `times[i]` (a row of some [`Modulations`]). Returns the raw prediction of each, shaped like
    /// its latent; it points from noise to picture with the opposite sign (see
    /// [`crate::schedule::Schedule::delta`]).
    ///
    /// # Errors
    /// No memory, or latents that are not those of the batch.
    pub fn forward(
        &self,
        b: &B,
        batch: &Batch<B>,
        latents: &[&Tensor<B>],
        times: &[(&Modulations<B>, usize)],
    ) -> Result<Vec<Tensor<B>>> {
        let pictures = batch.len();
        if latents.len() != pictures || times.len() != pictures {
            let (latents, times) = (latents.len(), times.len());
            let detail = format!("{latents} latents and {times} times for {pictures} pictures");
            return Err(zao_backend::Error::shape("transformer", detail).into());
        }
        let row = |tensor, index| (tensor, index..index + 1);
        let blocks: Vec<_> = times.iter().map(|(m, i)| row(&m.blocks, *i)).collect();
        let adaln = b.pack(&blocks)?;
        let scales: Vec<_> = times.iter().map(|(m, i)| row(&m.final_scale, *i)).collect();
        let final_scale = b.pack(&scales)?;

        let mut x = self.embed_patches(b, batch, latents)?;
        let following = &batch.following(&batch.image);
        let layout = Layout { segments: &batch.image, rope: &batch.image_rope, following };
        let table = AdalnTable { table: &adaln, first: 0 };
        stack::pass(b, &self.noise_refiner, &mut x, &layout, Some(&table))?;

        let pieces: Vec<_> = batch
            .image
            .iter()
            .zip(&batch.items)
            .flat_map(|(rows, item)| {
                let caption = item.caption.tokens();
                [(&x, rows), (caption, 0..caption.rows())]
            })
            .collect();
        let mut unified = b.pack(&pieces)?;
        drop(x);
        let following = &batch.following(&batch.unified);
        let layout = Layout { segments: &batch.unified, rope: &batch.unified_rope, following };
        let table = AdalnTable { table: &adaln, first: self.noise_refiner.len() };
        stack::pass(b, &self.layers, &mut unified, &layout, Some(&table))?;

        let starts = batch.unified.iter().map(|rows| rows.start);
        let pieces: Vec<_> =
            starts.zip(&batch.patches).map(|(start, &n)| (&unified, start..start + n)).collect();
        let images = b.pack(&pieces)?;
        let segments = Segments::new(batch.patches.iter().copied());
        let scale = Modulation { table: &final_scale, column: 0, segments: &segments };
        let following = &batch.following(&segments);
        let patches = self.final_layer.forward(b, &images, scale, following)?;
        let patch = self.config.patch();
        let outputs = segments
            .iter()
            .zip(&batch.items)
            .map(|(rows, item)| Ok(b.unpatchify(&patches, rows.start, item.latent, patch)?));
        outputs.collect()
    }

    /// Patches of all latents as packed tokens, the pad token after each picture.
    fn embed_patches(&self, b: &B, batch: &Batch<B>, latents: &[&Tensor<B>]) -> Result<Tensor<B>> {
        let patch = self.config.patch();
        let next = Some(&self.x_embedder.weight);
        let patches = latents
            .iter()
            .zip(&batch.items)
            .zip(batch.image.iter())
            .map(|((latent, item), rows)| {
                Ok(b.patchify(latent, item.latent, patch, rows.len(), next)?)
            })
            .collect::<Result<Vec<_>>>()?;
        let pieces: Vec<_> = patches.iter().map(|p| (p, 0..p.rows())).collect();
        let following = &batch.following(&batch.image);
        let mut x = self.x_embedder.follow(b, &b.pack(&pieces)?, following)?;
        for (rows, patches) in batch.image.iter().zip(&batch.patches) {
            b.fill_rows(&mut x, rows.start + patches..rows.end, &self.x_pad_token)?;
        }
        Ok(x)
    }
}

impl Transformer<zao_backend::Planner> {
    /// The tensors of a checkpoint of these sizes.
    ///
    /// # Errors
    /// Sizes that make no sense.
    pub fn manifest(config: &TransformerConfig) -> Result<Vec<Declared>> {
        Manifest::of(|loader| Self::load_below(loader, config).map(drop))
    }

    /// The linear weights of a model of these sizes, which adapters may change.
    ///
    /// # Errors
    /// Sizes that make no sense.
    pub fn layers(config: &TransformerConfig) -> Result<Vec<Layer>> {
        Manifest::layers_of(|loader| Self::load_below(loader, config).map(drop))
    }
}
