//! The model's parts on a device: loaded when they are needed, dropped when memory is short or when
//! nobody will need them again.

mod reading;

use zao_backend::Backend;
use zao_model::text::TextEncoder;
use zao_model::transformer::Transformer;
use zao_model::vae::{Decoder, Encoder};
use zao_weights::PartName;

pub(crate) use self::reading::Reading;
use crate::devices::Target;
use crate::model::ModelFiles;
use crate::watch::Watch;
use crate::weights::Weights;
use crate::{Residency, Result, Stage};

/// Where a run gets the model's parts from.
pub(crate) trait Supply<B: Backend> {
    /// The encoder of pictures.
    fn encoder(&mut self, watch: &mut Watch<'_>) -> Result<&Encoder<B>>;
    /// The run asks for the encoder of pictures no more.
    fn encoded(&mut self);
    /// The text encoder.
    fn text_encoder(&mut self, watch: &mut Watch<'_>) -> Result<&TextEncoder<B>>;
    /// The transformer.
    fn transformer(&mut self, watch: &mut Watch<'_>) -> Result<&Transformer<B>>;
    /// The decoder.
    fn decoder(&mut self, watch: &mut Watch<'_>) -> Result<&Decoder<B>>;
    /// The run asks for this part no more.
    fn finished(&mut self, part: PartName);
}

/// The parts that are loaded now.
pub(crate) struct Parts<B: Backend> {
    encoder: Option<Encoder<B>>,
    text_encoder: Option<TextEncoder<B>>,
    transformer: Option<Transformer<B>>,
    decoder: Option<Decoder<B>>,
}

impl<B: Backend> Parts<B> {
    pub(crate) fn new() -> Self {
        Self { encoder: None, text_encoder: None, transformer: None, decoder: None }
    }

    /// Bytes that the loaded parts take.
    pub(crate) fn bytes(&self, model: &ModelFiles, target: Target) -> u64 {
        let loaded = PartName::ALL.into_iter().filter(|&part| self.is_loaded(part));
        let weights = loaded.map(|part| model.part(part));
        let encoder = self.encoder.is_some().then(|| model.encoder());
        weights.chain(encoder).map(|weights| weights.loaded_bytes(target)).sum()
    }

    fn is_loaded(&self, part: PartName) -> bool {
        match part {
            PartName::TextEncoder => self.text_encoder.is_some(),
            PartName::Transformer => self.transformer.is_some(),
            PartName::Vae => self.decoder.is_some(),
        }
    }

    fn unload(&mut self, model: &ModelFiles, part: PartName) {
        match part {
            PartName::TextEncoder => self.text_encoder = None,
            PartName::Transformer => self.transformer = None,
            PartName::Vae => self.decoder = None,
        }
        // Tables and stored panels are pages of the files, which stay mapped.
        model.part(part).release_all();
    }

    fn unload_encoder(&mut self, model: &ModelFiles) {
        self.encoder = None;
        model.encoder().release_all();
    }

    /// Drops all parts.
    pub(crate) fn clear(&mut self, model: &ModelFiles) {
        self.unload_encoder(model);
        PartName::ALL.into_iter().for_each(|part| self.unload(model, part));
    }

    /// Drops parts until those that stay take at most `room` bytes, first what fewest jobs need.
    pub(crate) fn shrink(&mut self, model: &ModelFiles, target: Target, room: u64) {
        if self.bytes(model, target) > room {
            self.unload_encoder(model);
        }
        for part in PartName::ALL {
            if self.bytes(model, target) <= room {
                return;
            }
            self.unload(model, part);
        }
    }
}

/// Parts of `model` for `backend`, as many at a time as `room` bytes hold.
pub(crate) struct Loading<'a, B: Backend> {
    pub(crate) backend: &'a B,
    pub(crate) model: &'a ModelFiles,
    pub(crate) parts: &'a mut Parts<B>,
    pub(crate) target: Target,
    /// Room for the largest part at least.
    pub(crate) room: u64,
    /// What becomes of parts that the run has used.
    pub(crate) residency: Residency,
}

impl<B: Backend> Loading<'_, B> {
    /// Loads a part with `load`, in place of others if there is no room beside them.
    fn load<T>(
        &mut self,
        weights: &Weights,
        watch: &mut Watch<'_>,
        load: impl FnOnce(&B, &Reading<'_, '_>) -> zao_model::Result<T>,
    ) -> Result<T> {
        let needed = weights.loaded_bytes(self.target);
        self.parts.shrink(self.model, self.target, self.room.saturating_sub(needed));
        let before = watch.enter(Stage::Load);
        let reading = Reading::new(weights, watch);
        let loaded = load(self.backend, &reading);
        drop(reading);
        let loaded = loaded.map_err(|error| match watch.check() {
            Err(cancelled) => cancelled,
            Ok(()) => error.into(),
        })?;
        watch.resume(before);
        Ok(loaded)
    }
}

impl<B: Backend> Supply<B> for Loading<'_, B> {
    fn encoder(&mut self, watch: &mut Watch<'_>) -> Result<&Encoder<B>> {
        if self.parts.encoder.is_none() {
            let model = self.model;
            let load = |b: &B, files: &Reading<'_, '_>| Encoder::load(b, files, &model.vae);
            self.parts.encoder = Some(self.load(model.encoder(), watch, load)?);
        }
        Ok(self.parts.encoder.as_ref().expect("it was just loaded"))
    }

    fn encoded(&mut self) {
        match self.residency {
            Residency::Keep => {}
            Residency::InTurn => self.parts.unload_encoder(self.model),
        }
    }

    fn text_encoder(&mut self, watch: &mut Watch<'_>) -> Result<&TextEncoder<B>> {
        if self.parts.text_encoder.is_none() {
            let model = self.model;
            let load = |b: &B, files: &Reading<'_, '_>| TextEncoder::load(b, files, &model.text);
            self.parts.text_encoder =
                Some(self.load(model.part(PartName::TextEncoder), watch, load)?);
        }
        Ok(self.parts.text_encoder.as_ref().expect("it was just loaded"))
    }

    fn transformer(&mut self, watch: &mut Watch<'_>) -> Result<&Transformer<B>> {
        if self.parts.transformer.is_none() {
            let model = self.model;
            let load =
                |b: &B, files: &Reading<'_, '_>| Transformer::load(b, files, &model.transformer);
            self.parts.transformer =
                Some(self.load(model.part(PartName::Transformer), watch, load)?);
        }
        Ok(self.parts.transformer.as_ref().expect("it was just loaded"))
    }

    fn decoder(&mut self, watch: &mut Watch<'_>) -> Result<&Decoder<B>> {
        if self.parts.decoder.is_none() {
            let model = self.model;
            let load = |b: &B, files: &Reading<'_, '_>| Decoder::load(b, files, &model.vae);
            self.parts.decoder = Some(self.load(model.part(PartName::Vae), watch, load)?);
        }
        Ok(self.parts.decoder.as_ref().expect("it was just loaded"))
    }

    fn finished(&mut self, part: PartName) {
        match self.residency {
            Residency::Keep => {}
            Residency::InTurn => self.parts.unload(self.model, part),
        }
    }
}
