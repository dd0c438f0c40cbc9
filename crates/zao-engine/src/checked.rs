//! A model, opened: its configurations parsed, and every tensor found to be what they ask for. Which of
//! them are loaded, and how, is decided elsewhere.

mod small;

use std::path::Path;

use bytes::Bytes;
use zao_model::text::{TextEncoder, Tokenizer};
use zao_model::transformer::Transformer;
use zao_model::vae::{Decoder, Encoder};
use zao_model::{Declared, SchedulerConfig, TextConfig, TransformerConfig, VaeConfig};
use zao_weights::{Expected, ModelFolder, Part, PartName, WeightFile};

use self::small::TokenizerBytes;
use crate::fingerprint::fingerprint;
use crate::{Error, ModelSource, Result};

/// The file that says what the transformer expects of the other parts.
const CONFIG: &str = "transformer/config.json";

/// Where the small files lie in a folder, in the order in which they make the fingerprint.
const FILES: [&str; 7] = [
    "text_encoder/config.json",
    CONFIG,
    "vae/config.json",
    "scheduler/scheduler_config.json",
    "tokenizer/tokenizer.json",
    "tokenizer/tokenizer_config.json",
    "tokenizer/chat_template.jinja",
];

/// What makes a folder a model.
const MODEL_INDEX: &str = r#"{
  "_class_name": "ZImagePipeline",
  "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
  "text_encoder": ["transformers", "Qwen3Model"],
  "tokenizer": ["transformers", "Qwen2Tokenizer"],
  "transformer": ["diffusers", "ZImageTransformer2DModel"],
  "vae": ["diffusers", "AutoencoderKL"]
}
"#;

/// A model that is known to be whole and consistent.
pub(crate) struct Checked {
    /// The small files, as [`FILES`] names them.
    files: Vec<Bytes>,
    tokenizer: TokenizerBytes,
    /// Whether the tokenizer is known to belong to the text encoder: they are of one folder.
    is_paired: bool,
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

impl Checked {
    /// Opens the model that lies at `source`.
    pub(crate) fn open(source: &ModelSource) -> Result<Self> {
        let base = source.base.clone().map(ModelFolder::open).transpose()?;
        let base = base.as_ref();
        let scheduler_file = small::scheduler(base)?;
        let scheduler = SchedulerConfig::from_json(&scheduler_file)?;
        let tokenizer = TokenizerBytes::read(source.tokenizer.as_deref(), base)?;

        if let (Some(folder), true) = (base, source.is_base_only()) {
            // What is wrong with configurations is told before what is wrong with weights.
            let read = |part| small::configuration(folder, part);
            let text = TextConfig::from_json(&read(PartName::TextEncoder)?)?;
            let transformer = TransformerConfig::from_json(&read(PartName::Transformer)?)?;
            let vae = VaeConfig::from_json(&read(PartName::Vae)?)?;
            agree(&text, &transformer, &vae).map_err(|detail| {
                Error::Model(zao_model::Error::Config { file: CONFIG, detail })
            })?;
        }
        let text = Opened::new(source, base, PartName::TextEncoder, of_text_encoder)?;
        let transformer = Opened::new(source, base, PartName::Transformer, of_transformer)?;
        let vae = Opened::new(source, base, PartName::Vae, of_vae)?;
        agree(&text.config, &transformer.config, &vae.config)
            .map_err(|detail| Error::Strangers { detail })?;

        let mut files = vec![text.file, transformer.file, vae.file, scheduler_file];
        files.extend([&tokenizer.tokenizer, &tokenizer.config].map(Bytes::clone));
        files.extend(tokenizer.chat_template.clone());
        Ok(Self {
            files,
            tokenizer,
            is_paired: source.tokenizer.is_none() && source.text_encoder.is_none(),
            picture_encoder: Encoder::manifest(&vae.config)?,
            decoder: Decoder::manifest(&vae.config)?,
            text: text.config,
            transformer: transformer.config,
            vae: vae.config,
            scheduler,
            parts: [text.part, transformer.part, vae.part],
            declared: [text.declared, transformer.declared, vae.declared],
        })
    }

    /// What a folder of this model has besides weights: path and content.
    pub(crate) fn small_files(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let files = FILES.into_iter().zip(self.files.iter().map(|file| &file[..]));
        [("model_index.json", MODEL_INDEX.as_bytes())].into_iter().chain(files)
    }

    /// Tells models apart by their content.
    pub(crate) fn fingerprint(&self) -> String {
        fingerprint(self.files.iter().map(|file| &file[..]), &self.parts)
    }

    /// What turns prompts into token ids.
    pub(crate) fn tokenizer(&self) -> Result<Tokenizer> {
        let tokenizer = self.tokenizer.open()?;
        let (tokens, rows) = (tokenizer.tokens(), self.text.vocab_size);
        // Published text encoders have some rows more than there are tokens, for good round sizes.
        let fits = tokens <= rows && tokens >= rows - rows / 100;
        if !self.is_paired && !fits {
            return Err(Error::OtherTokenizer { tokens, rows });
        }
        Ok(tokenizer)
    }
}

/// What a configuration asks for.
struct Asked<C> {
    config: C,
    declared: Vec<Declared>,
    /// Names that may be there and that nothing reads.
    unread: Vec<String>,
}

/// A part with the configuration that it fits.
struct Opened<C> {
    part: Part,
    file: Bytes,
    config: C,
    declared: Vec<Declared>,
}

impl<C> Opened<C> {
    fn new(
        source: &ModelSource,
        base: Option<&ModelFolder>,
        name: PartName,
        asked: impl Fn(&[u8]) -> Result<Asked<C>>,
    ) -> Result<Self> {
        match (source.file(name), base) {
            (Some(path), _) => {
                let files = small::configurations(Some(path), base, name)?;
                fitting(WeightFile::open(path)?.part(name)?, files, asked)
            }
            (None, Some(base)) => {
                let files = vec![small::configuration(base, name)?];
                fitting(base.part(name)?, files, asked)
            }
            (None, None) => Err(Error::NoPart { part: name }),
        }
    }
}

/// The part with the first of some configurations that it fits; else what keeps it from the nearest.
fn fitting<C>(
    part: Part,
    files: Vec<Bytes>,
    asked: impl Fn(&[u8]) -> Result<Asked<C>>,
) -> Result<Opened<C>> {
    let (mut nearest, last) = (None::<zao_weights::Error>, files.len().saturating_sub(1));
    for (index, file) in files.into_iter().enumerate() {
        let Asked { config, declared, unread } = match asked(&file) {
            Ok(asked) => asked,
            // Only where there is no choice it matters what is wrong with a configuration.
            Err(_) if index < last => continue,
            Err(error) => return Err(error),
        };
        match check(&part, &declared, &unread) {
            Ok(()) => return Ok(Opened { part, file, config, declared }),
            Err(error) if nearest.as_ref().is_none_or(|it| distance(&error) < distance(it)) => {
                nearest = Some(error);
            }
            Err(_) => {}
        }
    }
    Err(nearest.map_or(Error::NoPart { part: part.name() }, Error::Weights))
}

/// How far a part is from what it should be.
fn distance(error: &zao_weights::Error) -> usize {
    match error {
        zao_weights::Error::Mismatch(mismatch) => mismatch.count(),
        _ => usize::MAX,
    }
}

fn check(part: &Part, declared: &[Declared], unread: &[String]) -> Result<(), zao_weights::Error> {
    let expected =
        declared.iter().map(|tensor| Expected::new(&tensor.name, tensor.shape.as_slice()));
    let unread: Vec<&str> = unread.iter().map(String::as_str).collect();
    part.check(&expected.collect::<Vec<_>>(), &unread)
}

fn of_text_encoder(json: &[u8]) -> Result<Asked<TextConfig>> {
    let config = TextConfig::from_json(json)?;
    let (declared, unread) = TextEncoder::manifest(&config)?;
    let unread = unread.into_iter().map(|tensor| tensor.name).collect();
    Ok(Asked { config, declared, unread })
}

fn of_transformer(json: &[u8]) -> Result<Asked<TransformerConfig>> {
    let config = TransformerConfig::from_json(json)?;
    Ok(Asked { declared: Transformer::manifest(&config)?, config, unread: Vec::new() })
}

fn of_vae(json: &[u8]) -> Result<Asked<VaeConfig>> {
    let config = VaeConfig::from_json(json)?;
    let declared = [Decoder::manifest(&config)?, Encoder::manifest(&config)?].concat();
    Ok(Asked { declared, config, unread: Vec::new() })
}

/// What keeps `part` from being that of the model in `base`, or, `or_published`, the published one; `None`
/// when nothing does.
pub(crate) fn misfit(
    part: &Part,
    base: Option<&ModelFolder>,
    or_published: bool,
) -> Result<Option<String>> {
    let name = part.name();
    let files = match base {
        Some(folder) if !or_published => vec![small::configuration(folder, name)?],
        _ => small::configurations(part.origin().map(Path::new), base, name)?,
    };
    let part = part.clone();
    let fitted = match name {
        PartName::TextEncoder => fitting(part, files, of_text_encoder).map(drop),
        PartName::Transformer => fitting(part, files, of_transformer).map(drop),
        PartName::Vae => fitting(part, files, of_vae).map(drop),
    };
    match fitted {
        Ok(()) => Ok(None),
        Err(Error::Weights(mismatch)) => Ok(Some(mismatch.to_string())),
        Err(other) => Err(other),
    }
}

/// Whether parts of these sizes can work together; else which sizes cannot.
fn agree(
    text: &TextConfig,
    transformer: &TransformerConfig,
    vae: &VaeConfig,
) -> Result<(), String> {
    let caption = ("cap_feat_dim", transformer.cap_feat_dim, "hidden_size", text.hidden_size);
    let latent = ("in_channels", transformer.in_channels, "latent_channels", vae.latent_channels);
    match [caption, latent].into_iter().find(|(_, ours, _, theirs)| ours != theirs) {
        None => Ok(()),
        Some((name, value, other, found)) => {
            Err(format!("{name} {value}, but {other} of the part it works with is {found}"))
        }
    }
}
