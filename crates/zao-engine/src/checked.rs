//! A model folder, opened: its configurations parsed, and every tensor found to be what they ask for.
//! Which of them are loaded, and how, is decided elsewhere.

use bytes::Bytes;
use zao_model::text::{TextEncoder, Tokenizer, TokenizerFiles};
use zao_model::transformer::Transformer;
use zao_model::vae::{Decoder, Encoder};
use zao_model::{Declared, SchedulerConfig, TextConfig, TransformerConfig, VaeConfig};
use zao_weights::{Expected, ModelFolder, Part, PartName, Source};

use crate::fingerprint::fingerprint;
use crate::{Error, Result};

/// A model that is known to be whole and consistent.
pub(crate) struct Checked {
    pub(crate) folder: ModelFolder,
    files: SmallFiles,
    pub(crate) text: TextConfig,
    pub(crate) transformer: TransformerConfig,
    pub(crate) vae: VaeConfig,
    pub(crate) scheduler: SchedulerConfig,
    /// All tensors of each of [`PartName::ALL`].
    pub(crate) parts: [Part; 3],
    /// The tensors of each part that something reads: drawing, or the encoder of pictures.
    pub(crate) declared: [Vec<Declared>; 3],
    /// The tensors of the autoencoder that make latents of pictures.
    pub(crate) picture_encoder: Vec<Declared>,
    /// The tensors of the autoencoder that drawing reads.
    pub(crate) decoder: Vec<Declared>,
}

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

impl Checked {
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
        let unread: Vec<&str> = unread.iter().map(|tensor| tensor.name.as_str()).collect();
        let denoiser = Transformer::manifest(&transformer)?;
        let decoder = Decoder::manifest(&vae)?;
        let picture_encoder = Encoder::manifest(&vae)?;
        let both = [decoder.clone(), picture_encoder.clone()].concat();
        check(&parts[0], &encoder, &unread)?;
        check(&parts[1], &denoiser, &[])?;
        check(&parts[2], &both, &[])?;
        let declared = [encoder, denoiser, both];
        Ok(Self {
            folder,
            files,
            text,
            transformer,
            vae,
            scheduler,
            parts,
            declared,
            picture_encoder,
            decoder,
        })
    }

    /// Tells models apart by their content.
    pub(crate) fn fingerprint(&self) -> String {
        fingerprint(self.files.all(), &self.parts)
    }

    /// What turns prompts into token ids.
    pub(crate) fn tokenizer(&self) -> Result<Tokenizer> {
        Ok(Tokenizer::new(TokenizerFiles {
            tokenizer: &self.files.tokenizer,
            config: &self.files.tokenizer_config,
            chat_template: self.files.chat_template.as_deref(),
        })?)
    }
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
}

fn check(part: &Part, declared: &[Declared], ignored: &[&str]) -> Result<()> {
    let expected =
        declared.iter().map(|tensor| Expected::new(&tensor.name, tensor.shape.as_slice()));
    Ok(part.check(&expected.collect::<Vec<_>>(), ignored)?)
}

fn agree(name: &str, value: usize, other: &str, found: usize) -> Result<()> {
    if value == found {
        return Ok(());
    }
    let detail = format!("{name} {value}, but {other} of the part it works with is {found}");
    Err(Error::Model(zao_model::Error::Config { file: "transformer/config.json", detail }))
}
