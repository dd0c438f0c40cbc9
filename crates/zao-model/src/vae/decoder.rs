//! Latents to pictures.

use zao_backend::prelude::*;

use super::bands::{Bands, Enlarged};
use super::layers::{Conv, GroupNorm};
use super::mid_block::MidBlock;
use super::resnet::Resnet;
use super::thrift::{Held, Thrift};
use crate::{Checkpoint, Declared, Loader, Manifest, Result, VaeConfig};

/// The decoder on a device.
pub struct Decoder<B: Backend> {
    post_quant_conv: Option<Conv<B>>,
    conv_in: Conv<B>,
    mid_block: MidBlock<B>,
    up_blocks: Vec<UpBlock<B>>,
    conv_norm_out: GroupNorm<B>,
    conv_out: Conv<B>,
    config: VaeConfig,
}

struct UpBlock<B: Backend> {
    resnets: Vec<Resnet<B>>,
    upsampler: Option<Conv<B>>,
}

impl<B: Backend> Decoder<B> {
    /// Loads the decoder's half of the autoencoder.
    ///
    /// # Errors
    /// A weight that is missing, unfit or damaged, or no memory.
    pub fn load(backend: &B, checkpoint: &dyn Checkpoint, config: &VaeConfig) -> Result<Self> {
        Self::load_below(&Loader::new(backend, checkpoint), config)
    }

    fn load_below(root: &Loader<'_, B>, config: &VaeConfig) -> Result<Self> {
        let loader = root.at("decoder");
        let latent = config.latent_channels;
        let widths: Vec<usize> = config.block_out_channels.iter().rev().copied().collect();
        let (widest, narrowest) = (widths[0], widths[widths.len() - 1]);
        let post_quant_conv = || Conv::load(&root.at("post_quant_conv"), (latent, latent), 1);
        let up_blocks = widths.iter().enumerate().map(|(i, &out)| {
            let inner = if i == 0 { widest } else { widths[i - 1] };
            let last = i + 1 == widths.len();
            UpBlock::load(&loader.at(format_args!("up_blocks.{i}")), config, (out, inner), last)
        });
        Ok(Self {
            post_quant_conv: if config.use_post_quant_conv {
                Some(post_quant_conv()?)
            } else {
                None
            },
            conv_in: Conv::load(&loader.at("conv_in"), (widest, latent), 3)?,
            mid_block: MidBlock::load(&loader.at("mid_block"), config, widest)?,
            up_blocks: up_blocks.collect::<Result<_>>()?,
            conv_norm_out: GroupNorm::load(&loader.at("conv_norm_out"), config, narrowest)?,
            conv_out: Conv::load(&loader.at("conv_out"), (config.out_channels, narrowest), 3)?,
            config: config.clone(),
        })
    }

    /// The picture of a latent `[latent_channels, cells]` as the transformer leaves it: values around
    /// [-1, 1], `[pixels, 3]`, of extent `grid * scale`. It is the same bit for bit with any `thrift`.
    ///
    /// # Errors
    /// A latent of another size, or no memory.
    pub fn decode(
        &self,
        b: &B,
        latent: &Tensor<B>,
        grid: Grid,
        thrift: Thrift,
    ) -> Result<Tensor<B>> {
        let (scale, shift) = (self.config.scaling_factor, self.config.shift());
        let z = b.latent_to_image(latent, scale, shift)?;
        let z = match &self.post_quant_conv {
            Some(conv) => conv.forward(b, View::whole(&z, grid))?,
            None => z,
        };
        let x = self.conv_in.forward(b, View::whole(&z, grid))?;
        drop(z);
        let mut x = self.mid_block.forward(b, x, grid)?;
        let (mut grid, mut upsampler) = (grid, None);
        for (block, after) in self.up_blocks.iter().zip((0..self.up_blocks.len()).rev()) {
            x = match upsampler {
                None => block.forward(b, x, grid)?,
                Some(conv) => {
                    let source = Enlarged { conv, x, grid };
                    grid = source.extent();
                    match thrift.held(after) {
                        Held::All => block.forward(b, source.all(b)?, grid)?,
                        held => block.in_bands(b, source, held, thrift.bands(grid))?,
                    }
                }
            };
            upsampler = block.upsampler.as_ref();
        }
        let norm = self.conv_norm_out.factors(b, &x, grid)?;
        self.conv_out.forward(b, View::whole(&x, grid).with(norm.silu()))
    }
}

impl<B: Backend> UpBlock<B> {
    fn load(
        loader: &Loader<'_, B>,
        config: &VaeConfig,
        (out, inner): (usize, usize),
        last: bool,
    ) -> Result<Self> {
        let resnets = (0..=config.layers_per_block).map(|i| {
            let inner = if i == 0 { inner } else { out };
            Resnet::load(&loader.at(format_args!("resnets.{i}")), config, (out, inner))
        });
        let upsampler = || Conv::load(&loader.at("upsamplers.0.conv"), (out, out), 3);
        Ok(Self {
            resnets: resnets.collect::<Result<_>>()?,
            upsampler: if last { None } else { Some(upsampler()?) },
        })
    }

    fn forward(&self, b: &B, mut x: Tensor<B>, grid: Grid) -> Result<Tensor<B>> {
        for resnet in &self.resnets {
            x = resnet.forward(b, x, grid)?;
        }
        Ok(x)
    }

    /// The same with less memory: the input is enlarged when it is read.
    fn in_bands(
        &self,
        b: &B,
        source: Enlarged<'_, B>,
        held: Held,
        bands: Bands,
    ) -> Result<Tensor<B>> {
        let grid = source.extent();
        let source = source.moved(b)?;
        let mut resnets = self.resnets.iter();
        let first = resnets.next().expect("a block has at least one residual block");
        let mut x = match held {
            Held::All | Held::Inside => first.of_bands(b, source, bands)?,
            Held::Stream => first.of_bands_in_bands(b, source, bands)?,
        };
        for resnet in resnets {
            x = match held {
                Held::All | Held::Inside => resnet.forward(b, x, grid)?,
                Held::Stream => resnet.in_bands(b, x, grid, bands)?,
            };
        }
        Ok(x)
    }
}

impl Decoder<zao_backend::Planner> {
    /// The decoder's tensors.
    ///
    /// # Errors
    /// Sizes that make no sense.
    pub fn manifest(config: &VaeConfig) -> Result<Vec<Declared>> {
        Manifest::of(|loader| Self::load_below(loader, config).map(drop))
    }
}
