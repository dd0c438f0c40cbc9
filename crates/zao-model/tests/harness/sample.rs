//! The checkpoints that the goldens were made from.

use zao_backend::{Backend, Dtype, Form};
use zao_model::text::{TextEncoder, Tokenizer, TokenizerFiles};
use zao_model::transformer::Transformer;
use zao_model::{Checkpoint, Error, Result, TextConfig, TransformerConfig, VaeConfig};
use zao_weights::{ModelFolder, Part, PartName, Source};

use super::{Device, Golden};

/// A checkpoint and what diffusers computed with it.
pub(crate) struct Sample {
    folder: ModelFolder,
    pub(crate) golden: Golden,
}

/// A part's weights as the model asks for them; packed ones by their values in `f32`, which are the goldens' too.
pub(crate) struct Weights(pub(crate) Part);

impl Checkpoint for Weights {
    fn tensor(&self, name: &str, _shape: &[usize]) -> Result<Form> {
        let form = self.0.get(name).cloned().ok_or_else(|| Error::Weight {
            name: name.into(),
            detail: "the checkpoint has no such tensor".into(),
        })?;
        Ok(form.unpacked(Dtype::F32))
    }
}

impl Sample {
    pub(crate) fn tiny_a() -> Self {
        Self::open("tiny-a", "tiny-a")
    }

    pub(crate) fn tiny_b() -> Self {
        Self::open("tiny-b", "tiny-b")
    }

    pub(crate) fn demo() -> Self {
        Self::open("../../../../assets/demo-model", "demo")
    }

    /// The two with random weights, small enough for any backend.
    pub(crate) fn tiny() -> [Self; 2] {
        [Self::tiny_a(), Self::tiny_b()]
    }

    fn open(folder: &str, golden: &str) -> Self {
        let folder = Source::Folder(Golden::folder().join(folder));
        Self { folder: ModelFolder::open(folder).unwrap(), golden: Golden::open(golden) }
    }

    /// A file of the checkpoint.
    pub(crate) fn file(&self, path: &str) -> Vec<u8> {
        self.folder.read(path).unwrap().to_vec()
    }

    pub(crate) fn weights(&self, part: PartName) -> Weights {
        Weights(self.folder.part(part).unwrap())
    }

    pub(crate) fn text_config(&self) -> TextConfig {
        TextConfig::from_json(&self.file("text_encoder/config.json")).unwrap()
    }

    pub(crate) fn transformer_config(&self) -> TransformerConfig {
        TransformerConfig::from_json(&self.file("transformer/config.json")).unwrap()
    }

    pub(crate) fn vae_config(&self) -> VaeConfig {
        VaeConfig::from_json(&self.file("vae/config.json")).unwrap()
    }

    pub(crate) fn tokenizer(&self) -> Tokenizer {
        let template = "tokenizer/chat_template.jinja";
        let template = self.folder.contains(template).then(|| self.file(template));
        Tokenizer::new(TokenizerFiles {
            tokenizer: &self.file("tokenizer/tokenizer.json"),
            config: &self.file("tokenizer/tokenizer_config.json"),
            chat_template: template.as_deref(),
        })
        .unwrap()
    }

    pub(crate) fn text_encoder<B: Backend>(&self, device: &Device<B>) -> TextEncoder<B> {
        let weights = self.weights(PartName::TextEncoder);
        TextEncoder::load(&device.backend, &weights, &self.text_config()).unwrap()
    }

    pub(crate) fn transformer<B: Backend>(&self, device: &Device<B>) -> Transformer<B> {
        let weights = self.weights(PartName::Transformer);
        Transformer::load(&device.backend, &weights, &self.transformer_config()).unwrap()
    }
}
