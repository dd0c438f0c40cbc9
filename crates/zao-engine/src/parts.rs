//! The model's parts on a device: loaded when they are needed, dropped when memory is short.

use std::cell::Cell;

use zao_backend::Backend;
use zao_model::text::TextEncoder;
use zao_model::transformer::Transformer;
use zao_model::vae::Decoder;
use zao_weights::PartName;

use crate::memory::available_bytes;
use crate::model::{ModelFiles, PartCheckpoint};
use crate::run::Watch;
use crate::{Error, Event, ResolvedPrecision, Result, Stage};

/// Where a run gets the model's parts from.
pub(crate) trait Supply<B: Backend> {
    /// The text encoder.
    fn text_encoder(&mut self, watch: &mut Watch<'_>) -> Result<&TextEncoder<B>>;
    /// The transformer.
    fn transformer(&mut self, watch: &mut Watch<'_>) -> Result<&Transformer<B>>;
    /// The decoder.
    fn decoder(&mut self, watch: &mut Watch<'_>) -> Result<&Decoder<B>>;
}

/// The parts that are loaded now.
pub(crate) struct Parts<B: Backend> {
    text_encoder: Option<TextEncoder<B>>,
    transformer: Option<Transformer<B>>,
    decoder: Option<Decoder<B>>,
}

impl<B: Backend> Parts<B> {
    pub(crate) fn new() -> Self {
        Self { text_encoder: None, transformer: None, decoder: None }
    }

    /// Bytes that loading a part takes in main memory.
    pub(crate) fn bytes(model: &ModelFiles, part: PartName, precision: ResolvedPrecision) -> u64 {
        let dtypes = model.part(part).dtypes();
        let bytes = |&(dtype, count): &(zao_backend::Dtype, u64)| {
            let kept = match (dtype, precision) {
                (zao_backend::Dtype::Bf16, _) | (_, ResolvedPrecision::Bf16) => 2,
                (zao_backend::Dtype::F32 | zao_backend::Dtype::F16, ResolvedPrecision::F32) => 4,
            };
            count * kept
        };
        dtypes.iter().map(bytes).sum()
    }

    pub(crate) fn is_loaded(&self, part: PartName) -> bool {
        match part {
            PartName::TextEncoder => self.text_encoder.is_some(),
            PartName::Transformer => self.transformer.is_some(),
            PartName::Vae => self.decoder.is_some(),
        }
    }

    fn unload(&mut self, part: PartName) {
        match part {
            PartName::TextEncoder => self.text_encoder = None,
            PartName::Transformer => self.transformer = None,
            PartName::Vae => self.decoder = None,
        }
    }
}

/// Parts of `model` for `backend`, keeping `reserved` bytes free for the run itself.
pub(crate) struct Loading<'a, B: Backend> {
    pub(crate) backend: &'a B,
    pub(crate) model: &'a ModelFiles,
    pub(crate) parts: &'a mut Parts<B>,
    pub(crate) precision: ResolvedPrecision,
    pub(crate) reserved: u64,
}

impl<B: Backend> Loading<'_, B> {
    /// Drops other parts until `part` has room beside what the run needs.
    fn make_room(&mut self, part: PartName) -> Result<()> {
        let needed = Parts::<B>::bytes(self.model, part, self.precision) + self.reserved;
        let others = PartName::ALL.into_iter().filter(|&other| other != part);
        for other in others.map(Some).chain([None]) {
            let Some(free) = available_bytes() else { return Ok(()) };
            if free >= needed {
                return Ok(());
            }
            let Some(other) = other else {
                return Err(Error::OutOfMemory {
                    what: format!("the {part}"),
                    needed,
                    free,
                    advice: "close other programs, use a smaller size, or --precision bf16 if the \
                             weights are stored in f32"
                        .into(),
                });
            };
            if self.parts.is_loaded(other) {
                self.parts.unload(other);
            }
        }
        Ok(())
    }

    /// Loads a part with `load`, telling how far it is.
    fn load<T>(
        &mut self,
        part: PartName,
        watch: &mut Watch<'_>,
        load: impl FnOnce(&B, &PartCheckpoint<'_>) -> zao_model::Result<T>,
    ) -> Result<T> {
        self.make_room(part)?;
        let before = watch.enter(Stage::Load);
        let files = self.model.part(part);
        let (done, of) = (Cell::new(0), files.bytes());
        let tell = watch.teller();
        let loaded = |bytes: u64| {
            done.set(done.get() + bytes);
            tell(Event::Loaded { done: done.get(), of });
        };
        let result = load(self.backend, &PartCheckpoint { part: files, loaded: &loaded })?;
        watch.resume(before);
        Ok(result)
    }
}

impl<B: Backend> Supply<B> for Loading<'_, B> {
    fn text_encoder(&mut self, watch: &mut Watch<'_>) -> Result<&TextEncoder<B>> {
        if self.parts.text_encoder.is_none() {
            let config = self.model.text.clone();
            let load = |b: &B, files: &PartCheckpoint<'_>| TextEncoder::load(b, files, &config);
            self.parts.text_encoder = Some(self.load(PartName::TextEncoder, watch, load)?);
        }
        Ok(self.parts.text_encoder.as_ref().expect("it was just loaded"))
    }

    fn transformer(&mut self, watch: &mut Watch<'_>) -> Result<&Transformer<B>> {
        if self.parts.transformer.is_none() {
            let config = self.model.transformer.clone();
            let load = |b: &B, files: &PartCheckpoint<'_>| Transformer::load(b, files, &config);
            self.parts.transformer = Some(self.load(PartName::Transformer, watch, load)?);
        }
        Ok(self.parts.transformer.as_ref().expect("it was just loaded"))
    }

    fn decoder(&mut self, watch: &mut Watch<'_>) -> Result<&Decoder<B>> {
        if self.parts.decoder.is_none() {
            let config = self.model.vae.clone();
            let load = |b: &B, files: &PartCheckpoint<'_>| Decoder::load(b, files, &config);
            self.parts.decoder = Some(self.load(PartName::Vae, watch, load)?);
        }
        Ok(self.parts.decoder.as_ref().expect("it was just loaded"))
    }
}
