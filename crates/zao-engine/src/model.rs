//! A model's files: opened, parsed, and every tensor checked before anything runs. A model of random
//! weights looks the same from here on.

use std::collections::BTreeSet;

use bytes::Bytes;
use zao_backend::{Dtype, Grid};
use zao_model::text::{TextEncoder, Tokenizer, TokenizerFiles};
use zao_model::transformer::Transformer;
use zao_model::vae::{Decoder, Encoder};
use zao_model::{Declared, SchedulerConfig, TextConfig, TransformerConfig, VaeConfig};
use zao_weights::{Expected, ModelFolder, Part, PartName, Source};

use crate::fingerprint::fingerprint;
use crate::prompts::Prompts;
use crate::synthetic::{Configs, RandomPart, RandomWeights, Synthetic};
use crate::weights::Weights;
use crate::{Error, ResolvedPrecision, Result};

/// The files besides the weights that decide what a picture looks like.
struct SmallFiles {
    text_encoder: Bytes,
    transformer: Bytes,
    vae: Bytes,
    scheduler: Bytes,
    tokenizer: Bytes,
    tokenizer_config: Bytes,
    chat_template: Option<Bytes>,
}

impl SmallFiles {
    fn read(folder: &ModelFolder) -> Result<Self> {
        let template = "tokenizer/chat_template.jinja";
        Ok(Self {
            text_encoder: folder.read("text_encoder/config.json")?,
            transformer: folder.read("transformer/config.json")?,
            vae: folder.read("vae/config.json")?,
            scheduler: folder.read("scheduler/scheduler_config.json")?,
            tokenizer: folder.read("tokenizer/tokenizer.json")?,
            tokenizer_config: folder.read("tokenizer/tokenizer_config.json")?,
            chat_template: if folder.contains(template) {
                Some(folder.read(template)?)
            } else {
                None
            },
        })
    }

    fn all(&self) -> impl Iterator<Item = &[u8]> {
        let always = [
            &self.text_encoder,
            &self.transformer,
            &self.vae,
            &self.scheduler,
            &self.tokenizer,
            &self.tokenizer_config,
        ];
        always.into_iter().chain(&self.chat_template).map(|content| &content[..])
    }

    fn tokenizer(&self) -> Result<Tokenizer> {
        Ok(Tokenizer::new(TokenizerFiles {
            tokenizer: &self.tokenizer,
            config: &self.tokenizer_config,
            chat_template: self.chat_template.as_deref(),
        })?)
    }
}

/// A model that is known to be whole and consistent; its weights are mapped or yet to be made, not
/// loaded.
pub(crate) struct ModelFiles {
    pub(crate) text: TextConfig,
    pub(crate) transformer: TransformerConfig,
    pub(crate) vae: VaeConfig,
    pub(crate) scheduler: SchedulerConfig,
    pub(crate) prompts: Prompts,
    pub(crate) fingerprint: String,
    /// Only the tensors that drawing reads.
    parts: [Weights; 3],
}

impl ModelFiles {
    /// Opens a model in diffusers' folder layout.
    pub(crate) fn open(source: Source) -> Result<Self> {
        let folder = ModelFolder::open(source)?;
        let files = SmallFiles::read(&folder)?;
        let text = TextConfig::from_json(&files.text_encoder)?;
        let transformer = TransformerConfig::from_json(&files.transformer)?;
        let vae = VaeConfig::from_json(&files.vae)?;
        let scheduler = SchedulerConfig::from_json(&files.scheduler)?;
        agree("cap_feat_dim", transformer.cap_feat_dim, "hidden_size", text.hidden_size)?;
        agree("in_channels", transformer.in_channels, "latent_channels", vae.latent_channels)?;

        let [text_part, transformer_part, vae_part] = PartName::ALL.map(|name| folder.part(name));
        let parts = [text_part?, transformer_part?, vae_part?];
        let (encoder, unread) = TextEncoder::manifest(&text)?;
        let unread: Vec<&str> = unread.iter().map(|(name, _)| name.as_str()).collect();
        let denoiser = Transformer::manifest(&transformer)?;
        let decoder = Decoder::manifest(&vae)?;
        let both = [decoder.clone(), Encoder::manifest(&vae)?].concat();
        check(&parts[0], &encoder, &unread)?;
        check(&parts[1], &denoiser, &[])?;
        check(&parts[2], &both, &[])?;

        let fingerprint = fingerprint(files.all(), &parts);
        let [text_part, transformer_part, vae_part] = parts;
        let parts = [
            only(text_part, &encoder),
            only(transformer_part, &denoiser),
            only(vae_part, &decoder),
        ];
        let parts = parts.map(Weights::Files);
        let prompts = Prompts::Tokenizer(Box::new(files.tokenizer()?));
        Ok(Self { text, transformer, vae, scheduler, prompts, fingerprint, parts })
    }

    /// A model of random weights.
    pub(crate) fn synthetic(synthetic: Synthetic) -> Result<Self> {
        let Configs { text, transformer, vae, scheduler } = synthetic.architecture.configs()?;
        let [encoder, denoiser, decoder] = RandomWeights::parts();
        let parts = [
            RandomPart::new(encoder, TextEncoder::manifest(&text)?.0),
            RandomPart::new(denoiser, Transformer::manifest(&transformer)?),
            RandomPart::new(decoder, Decoder::manifest(&vae)?),
        ];
        let parts = parts.map(Weights::Random);
        let prompts = Prompts::Fixed(synthetic.token_ids(text.vocab_size));
        let fingerprint = "random weights".into();
        Ok(Self { text, transformer, vae, scheduler, prompts, fingerprint, parts })
    }

    /// The tensors of one part that drawing reads.
    pub(crate) fn part(&self, name: PartName) -> &Weights {
        let index = PartName::ALL.iter().position(|&part| part == name);
        &self.parts[index.expect("every part is in the list of all parts")]
    }

    /// Bytes that a part takes in main memory once it is loaded.
    pub(crate) fn loaded_bytes(&self, part: PartName, precision: ResolvedPrecision) -> u64 {
        let bytes = |(dtype, count)| {
            let kept = match (dtype, precision) {
                (Dtype::Bf16, _) | (_, ResolvedPrecision::Bf16 | ResolvedPrecision::Int8) => 2,
                (Dtype::F32 | Dtype::F16, ResolvedPrecision::F32) => 4,
            };
            count * kept
        };
        self.part(part).dtypes().into_iter().map(bytes).sum()
    }

    /// Bytes of the part that takes most; parts can be loaded in turn, but none in pieces.
    pub(crate) fn largest_part(&self, precision: ResolvedPrecision) -> u64 {
        let bytes = PartName::ALL.map(|part| self.loaded_bytes(part, precision));
        bytes.into_iter().max().unwrap_or(0)
    }

    /// Pixels of a latent cell's side.
    pub(crate) fn pixels_per_cell(&self) -> usize {
        self.vae.scale()
    }

    /// What sides of pictures are multiples of: a patch of latent cells.
    pub(crate) fn size_multiple(&self) -> usize {
        self.pixels_per_cell() * self.transformer.patch()
    }

    /// The largest picture.
    pub(crate) fn max_size(&self) -> Grid {
        let positions = self.transformer.max_latent().times(self.pixels_per_cell());
        let most = crate::MAX_SIDE / self.size_multiple() * self.size_multiple();
        Grid::new(positions.height.min(most), positions.width.min(most))
    }

    /// The size that is drawn when nobody asks for another.
    pub(crate) fn default_size(&self) -> Grid {
        let max = self.max_size();
        let multiple = self.size_multiple();
        let side = (self.vae.sample_size / multiple * multiple).max(multiple);
        Grid::new(side.min(max.height), side.min(max.width))
    }
}

fn check(part: &Part, declared: &[Declared], ignored: &[&str]) -> Result<()> {
    let expected = declared.iter().map(|(name, shape)| Expected::new(name, shape.as_slice()));
    Ok(part.check(&expected.collect::<Vec<_>>(), ignored)?)
}

/// The part without the tensors that are not `declared`.
fn only(mut part: Part, declared: &[Declared]) -> Part {
    let names: BTreeSet<&str> = declared.iter().map(|(name, _)| name.as_str()).collect();
    part.retain(|name| names.contains(name));
    part
}

fn agree(name: &str, value: usize, other: &str, found: usize) -> Result<()> {
    if value == found {
        return Ok(());
    }
    let detail = format!("{name} {value}, but {other} of the part it works with is {found}");
    Err(Error::Model(zao_model::Error::Config { file: "transformer/config.json", detail }))
}
