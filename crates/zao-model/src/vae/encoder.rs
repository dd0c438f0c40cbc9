//! Pictures to latents.

use zao_backend::Shape;
use zao_backend::prelude::*;

use super::layers::{Conv, GroupNorm};
use super::mid_block::MidBlock;
use super::resnet::Resnet;
use crate::{Checkpoint, Declared, Error, Loader, Manifest, Result, VaeConfig};

/// The encoder on a device.
pub struct Encoder<B: Backend> {
    conv_in: Conv<B>,
    down_blocks: Vec<DownBlock<B>>,
    mid_block: MidBlock<B>,
    conv_norm_out: GroupNorm<B>,
    conv_out: Conv<B>,
    quant_conv: Option<Conv<B>>,
    config: VaeConfig,
}

struct DownBlock<B: Backend> {
    resnets: Vec<Resnet<B>>,
    downsampler: Option<Conv<B>>,
}

/// The distribution that the encoder gives for each latent value, on the host, before scaling.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// `[latent_channels, cells]`.
    pub mean: Vec<f32>,
    /// Logarithm of the variance, `[latent_channels, cells]`, clamped to [-30, 20].
    pub logvar: Vec<f32>,
}

impl Moments {
    /// A latent drawn from the distribution with standard normal `noise` of the same size.
    ///
    /// # Panics
    /// When the noise is of another size.
    #[must_use]
    pub fn sample(&self, noise: &[f32]) -> Vec<f32> {
        assert_eq!(noise.len(), self.mean.len(), "each value of a latent gets its noise");
        // In f64 and rounded once, so that no machine's mathematical library shows.
        let deviation = |logvar: f32| (0.5 * f64::from(logvar)).exp() as f32;
        let values = self.mean.iter().zip(&self.logvar).zip(noise);
        values.map(|((mean, &logvar), noise)| mean + deviation(logvar) * noise).collect()
    }
}

impl<B: Backend> Encoder<B> {
    /// Loads the encoder's half of the autoencoder.
    ///
    /// # Errors
    /// A weight that is missing, unfit or damaged, or no memory.
    pub fn load(backend: &B, checkpoint: &dyn Checkpoint, config: &VaeConfig) -> Result<Self> {
        Self::load_below(&Loader::new(backend, checkpoint), config)
    }

    fn load_below(root: &Loader<'_, B>, config: &VaeConfig) -> Result<Self> {
        let loader = root.at("encoder");
        let widths = &config.block_out_channels;
        let (narrowest, widest) = (widths[0], widths[widths.len() - 1]);
        let moments = 2 * config.latent_channels;
        let down_blocks = widths.iter().enumerate().map(|(i, &out)| {
            let inner = if i == 0 { narrowest } else { widths[i - 1] };
            let last = i + 1 == widths.len();
            DownBlock::load(&loader.at(format_args!("down_blocks.{i}")), config, (out, inner), last)
        });
        let quant_conv = || Conv::load(&root.at("quant_conv"), (moments, moments), 1);
        Ok(Self {
            conv_in: Conv::load(&loader.at("conv_in"), (narrowest, config.in_channels), 3)?,
            down_blocks: down_blocks.collect::<Result<_>>()?,
            mid_block: MidBlock::load(&loader.at("mid_block"), config, widest)?,
            conv_norm_out: GroupNorm::load(&loader.at("conv_norm_out"), config, widest)?,
            conv_out: Conv::load(&loader.at("conv_out"), (moments, widest), 3)?,
            quant_conv: if config.use_quant_conv { Some(quant_conv()?) } else { None },
            config: config.clone(),
        })
    }

    /// The moments of a picture `[pixels, 3]` with values in [-1, 1] of extent `grid`, whose sides
    /// are multiples of the autoencoder's scale.
    ///
    /// # Errors
    /// A picture of another size, or no memory.
    pub fn encode(&self, b: &B, picture: &[f32], grid: Grid) -> Result<Moments> {
        let shape = Shape::new(grid.area(), self.config.in_channels);
        let x = b.upload(shape, picture, Region::Step)?;
        let mut x = self.conv_in.forward(b, View::whole(&x, grid))?;
        let mut grid = grid;
        for block in &self.down_blocks {
            (x, grid) = block.forward(b, x, grid)?;
        }
        let x = self.mid_block.forward(b, x, grid)?;
        let norm = self.conv_norm_out.factors(b, &x, grid)?;
        let h = self.conv_out.forward(b, View::whole(&x, grid).with(norm.silu()))?;
        let h = match &self.quant_conv {
            Some(conv) => conv.forward(b, View::whole(&h, grid))?,
            None => h,
        };
        let values = b.read(&h)?;
        if values.iter().any(|v| !v.is_finite()) {
            return Err(Error::NotANumber { stage: "the encoder" });
        }
        let channels = self.config.latent_channels;
        let plane = |first: usize| -> Vec<f32> {
            (first..first + channels)
                .flat_map(|c| values.iter().skip(c).step_by(2 * channels).copied())
                .collect()
        };
        let logvar = plane(channels).into_iter().map(|v| v.clamp(-30.0, 20.0)).collect();
        Ok(Moments { mean: plane(0), logvar })
    }

    /// The latent that the transformer works in, from the distribution's mean or a sample of it:
    /// `(value - shift) * scale`.
    pub fn to_latent(&self, values: &[f32]) -> Vec<f32> {
        let (scale, shift) = (self.config.scaling_factor, self.config.shift());
        values.iter().map(|v| (v - shift) * scale).collect()
    }
}

impl<B: Backend> DownBlock<B> {
    fn load(
        loader: &Loader<'_, B>,
        config: &VaeConfig,
        (out, inner): (usize, usize),
        last: bool,
    ) -> Result<Self> {
        let resnets = (0..config.layers_per_block).map(|i| {
            let inner = if i == 0 { inner } else { out };
            Resnet::load(&loader.at(format_args!("resnets.{i}")), config, (out, inner))
        });
        let downsampler = || Conv::load(&loader.at("downsamplers.0.conv"), (out, out), 3);
        Ok(Self {
            resnets: resnets.collect::<Result<_>>()?,
            downsampler: if last { None } else { Some(downsampler()?) },
        })
    }

    fn forward(&self, b: &B, mut x: Tensor<B>, grid: Grid) -> Result<(Tensor<B>, Grid)> {
        for resnet in &self.resnets {
            x = resnet.forward(b, x, grid)?;
        }
        match &self.downsampler {
            Some(conv) => Ok((conv.halve(b, &x, grid)?, grid.over(2))),
            None => Ok((x, grid)),
        }
    }
}

impl Encoder<zao_backend::Planner> {
    /// The encoder's tensors.
    ///
    /// # Errors
    /// Sizes that make no sense.
    pub fn manifest(config: &VaeConfig) -> Result<Vec<Declared>> {
        Manifest::of(|loader| Self::load_below(loader, config).map(drop))
    }
}
