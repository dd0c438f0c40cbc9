//! The Qwen3 encoder: token ids to caption features.
//!
//! Z-Image reads `hidden_states[-2]`, so the last layer and the final norm are never loaded nor
//! computed.

use zao_backend::prelude::*;
use zao_backend::{Role, Shape};

use crate::layers::{Bias, FeedForward, Linear};
use crate::{Checkpoint, Declared, Loader, Manifest, Result, TextConfig, rope};
use zao_backend::Care;

/// What the pipeline lets through of a prompt, template included.
pub const MAX_TOKENS: usize = 512;

/// The text encoder on a device.
pub struct TextEncoder<B: Backend> {
    embed_tokens: Weight<B>,
    layers: Vec<Layer<B>>,
    config: TextConfig,
}

struct Layer<B: Backend> {
    input_layernorm: Tensor<B>,
    qkv_proj: Linear<B>,
    q_norm: Tensor<B>,
    k_norm: Tensor<B>,
    o_proj: Linear<B>,
    post_attention_layernorm: Tensor<B>,
    mlp: FeedForward<B>,
}

impl<B: Backend> TextEncoder<B> {
    /// Loads what is computed: the embedding and all layers but the last.
    ///
    /// # Errors
    /// A weight that is missing, unfit or damaged, or no memory.
    pub fn load(backend: &B, checkpoint: &dyn Checkpoint, config: &TextConfig) -> Result<Self> {
        Self::load_below(&Loader::new(backend, checkpoint), config)
    }

    fn load_below(loader: &Loader<'_, B>, config: &TextConfig) -> Result<Self> {
        let table: (&str, &[usize]) =
            ("embed_tokens.weight", &[config.vocab_size, config.hidden_size]);
        let layers = (0..config.num_hidden_layers - 1)
            .map(|i| Layer::load(&loader.at(format_args!("layers.{i}")), config));
        Ok(Self {
            embed_tokens: loader.matrix(Role::Table, table, Care::Usual)?,
            layers: layers.collect::<Result<_>>()?,
            config: config.clone(),
        })
    }

    /// Caption features of each prompt, all in one packed run: `[tokens, hidden_size]` each.
    ///
    /// # Errors
    /// A token id outside the vocabulary, or no memory.
    pub fn encode(&self, b: &B, prompts: &[&[u32]]) -> Result<Vec<Tensor<B>>> {
        let segments = Segments::new(prompts.iter().map(|ids| ids.len()));
        let rope = self.rope(b, &segments)?;
        let mut x = b.embed(&prompts.concat(), &self.embed_tokens)?;
        for layer in &self.layers {
            layer.forward(b, &mut x, &self.config, &segments, &rope)?;
        }
        let features = segments.iter().map(|rows| Ok(b.pack(&[(&x, rows)])?));
        features.collect()
    }

    /// Every prompt counts its positions from 0.
    fn rope(&self, b: &B, segments: &Segments) -> Result<Tensor<B>> {
        let dim = self.config.head_dim;
        let exponent = |i: usize| (2 * i) as f32 / dim as f32;
        let inv_freq: Vec<f32> = (0..dim / 2)
            .map(|i| 1.0 / self.config.rope_theta.powf(f64::from(exponent(i))) as f32)
            .collect();
        let mut table = Vec::with_capacity(segments.rows() * dim);
        for position in segments.iter().flat_map(|rows| 0..rows.len()) {
            rope::push_row(&mut table, inv_freq.iter().map(|f| f * position as f32));
        }
        Ok(b.upload(Shape::new(segments.rows(), dim), &table, Region::Step)?)
    }
}

impl<B: Backend> Layer<B> {
    fn load(loader: &Loader<'_, B>, config: &TextConfig) -> Result<Self> {
        let (width, heads) = (config.hidden_size, config.heads());
        let attention = loader.at("self_attn");
        let kv = heads.kv * heads.dim;
        let bias = if config.attention_bias { Bias::Yes } else { Bias::No };
        Ok(Self {
            input_layernorm: loader.vector("input_layernorm.weight", width)?,
            qkv_proj: Linear::load_stacked(
                &attention,
                &[("q_proj", heads.out_width()), ("k_proj", kv), ("v_proj", kv)],
                width,
                bias,
                Care::Usual,
            )?,
            q_norm: attention.vector("q_norm.weight", heads.dim)?,
            k_norm: attention.vector("k_norm.weight", heads.dim)?,
            o_proj: Linear::load(
                &attention.at("o_proj"),
                (width, heads.out_width()),
                bias,
                Care::Usual,
            )?,
            post_attention_layernorm: loader.vector("post_attention_layernorm.weight", width)?,
            mlp: FeedForward::load(
                &loader.at("mlp"),
                ["gate_proj", "up_proj", "down_proj"],
                width,
                config.intermediate_size,
            )?,
        })
    }

    fn forward(
        &self,
        b: &B,
        x: &mut Tensor<B>,
        config: &TextConfig,
        segments: &Segments,
        rope: &Tensor<B>,
    ) -> Result<()> {
        let (heads, eps) = (config.heads(), config.rms_norm_eps);
        let qkv = &self.qkv_proj.weight;
        let h = b.rms_norm(x, &self.input_layernorm, eps, None, Some(qkv))?;
        let mut qkv = self.qkv_proj.forward(b, &h)?;
        let norms = Some((&self.q_norm, &self.k_norm));
        b.qk_norm_rope(&mut qkv, heads, norms, eps, (rope, Pairing::Halves))?;
        let h = b.attention(&qkv, heads, segments, Mask::Causal, Some(&self.o_proj.weight))?;
        self.o_proj.add_to(b, x, &h)?;

        let up = self.mlp.input();
        let h = b.rms_norm(x, &self.post_attention_layernorm, eps, None, Some(up))?;
        self.mlp.add_to(b, x, &h)
    }
}

impl TextEncoder<zao_backend::Planner> {
    /// The tensors that are loaded, and those that a checkpoint has besides them and nothing reads:
    /// the last layer, the final norm and an output head.
    ///
    /// # Errors
    /// Sizes that make no sense.
    pub fn manifest(config: &TextConfig) -> Result<(Vec<Declared>, Vec<Declared>)> {
        let loaded = Manifest::of(|loader| Self::load_below(loader, config).map(drop))?;
        let unread = Manifest::of(|loader| {
            let last = config.num_hidden_layers - 1;
            Layer::load(&loader.at(format_args!("layers.{last}")), config)?;
            loader.vector("norm.weight", config.hidden_size)?;
            let head: [(&str, &[usize]); 1] =
                [("lm_head.weight", &[config.vocab_size, config.hidden_size])];
            loader.linear(Role::Linear, &head, config.hidden_size, Care::Usual).map(drop)
        })?;
        Ok((loaded, unread))
    }

    /// The linear weights that are loaded.
    ///
    /// # Errors
    /// Sizes that make no sense.
    pub fn layers(config: &TextConfig) -> Result<Vec<crate::Layer>> {
        Manifest::layers_of(|loader| Self::load_below(loader, config).map(drop))
    }
}
