//! A model's files: opened, parsed, and every tensor checked before anything runs.

use zao_backend::{Form, Grid};
use zao_model::text::{TextEncoder, Tokenizer, TokenizerFiles};
use zao_model::transformer::Transformer;
use zao_model::vae::{Decoder, Encoder};
use zao_model::{Checkpoint, Declared, SchedulerConfig, TextConfig, TransformerConfig, VaeConfig};
use zao_weights::{Expected, ModelFolder, Part, PartName, Source};

use crate::{Error, Result};

/// A model that is known to be whole and consistent; its weights are mapped, not loaded.
pub(crate) struct ModelFiles {
    pub(crate) text: TextConfig,
    pub(crate) transformer: TransformerConfig,
    pub(crate) vae: VaeConfig,
    pub(crate) scheduler: SchedulerConfig,
    pub(crate) tokenizer: Tokenizer,
    parts: [Part; 3],
}

impl ModelFiles {
    /// Opens a model in diffusers' folder layout.
    pub(crate) fn open(source: Source) -> Result<Self> {
        let folder = ModelFolder::open(source)?;
        let text = TextConfig::from_json(&folder.read("text_encoder/config.json")?)?;
        let transformer = TransformerConfig::from_json(&folder.read("transformer/config.json")?)?;
        let vae = VaeConfig::from_json(&folder.read("vae/config.json")?)?;
        let scheduler = folder.read("scheduler/scheduler_config.json")?;
        let scheduler = SchedulerConfig::from_json(&scheduler)?;
        agree("cap_feat_dim", transformer.cap_feat_dim, "hidden_size", text.hidden_size)?;
        agree("in_channels", transformer.in_channels, "latent_channels", vae.latent_channels)?;

        let [text_part, transformer_part, vae_part] = PartName::ALL.map(|name| folder.part(name));
        let parts = [text_part?, transformer_part?, vae_part?];
        let (read, unread) = TextEncoder::manifest(&text)?;
        let unread: Vec<&str> = unread.iter().map(|(name, _)| name.as_str()).collect();
        check(&parts[0], read, &unread)?;
        check(&parts[1], Transformer::manifest(&transformer)?, &[])?;
        let mut both = Decoder::manifest(&vae)?;
        both.extend(Encoder::manifest(&vae)?);
        check(&parts[2], both, &[])?;

        let tokenizer = Self::tokenizer(&folder)?;
        Ok(Self { text, transformer, vae, scheduler, tokenizer, parts })
    }

    fn tokenizer(folder: &ModelFolder) -> Result<Tokenizer> {
        let template = "tokenizer/chat_template.jinja";
        let template = if folder.contains(template) { Some(folder.read(template)?) } else { None };
        Ok(Tokenizer::new(TokenizerFiles {
            tokenizer: &folder.read("tokenizer/tokenizer.json")?,
            config: &folder.read("tokenizer/tokenizer_config.json")?,
            chat_template: template.as_deref(),
        })?)
    }

    /// The tensors of one part.
    pub(crate) fn part(&self, name: PartName) -> &Part {
        let index = PartName::ALL.iter().position(|&part| part == name);
        &self.parts[index.expect("every part is in the list of all parts")]
    }

    /// All parts, in the order in which a picture needs them.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
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

/// A part as the model asks for it; `loaded` hears of each tensor's bytes.
pub(crate) struct PartCheckpoint<'a> {
    pub(crate) part: &'a Part,
    pub(crate) loaded: &'a dyn Fn(u64),
}

impl Checkpoint for PartCheckpoint<'_> {
    fn tensor(&self, name: &str, _shape: &[usize]) -> zao_model::Result<Form> {
        let Some(stored) = self.part.get(name) else {
            let detail = format!("the {} has no such tensor", self.part.name());
            return Err(zao_model::Error::Weight { name: name.into(), detail });
        };
        (self.loaded)(stored.bytes().len() as u64);
        Ok(Form::Dense(stored.clone()))
    }
}

fn check(part: &Part, declared: Vec<Declared>, ignored: &[&str]) -> Result<()> {
    let expected: Vec<Expected> =
        declared.into_iter().map(|(name, shape)| Expected::new(name, shape)).collect();
    Ok(part.check(&expected, ignored)?)
}

fn agree(name: &str, value: usize, other: &str, found: usize) -> Result<()> {
    if value == found {
        return Ok(());
    }
    let detail = format!("{name} {value}, but {other} of the part it works with is {found}");
    Err(Error::Model(zao_model::Error::Config { file: "transformer/config.json", detail }))
}
