//! The model's parts on a device: loaded when they are needed, dropped when memory is short or when
//! nobody will need them again.

mod reading;

use std::sync::Arc;

use zao_backend::Backend;
use zao_model::text::TextEncoder;
use zao_model::transformer::Transformer;
use zao_model::vae::Decoder;
use zao_model::{Adapter, Fill, Merged};
use zao_weights::PartName;

pub(crate) use self::reading::Reading;
use crate::adapters::Original;
use crate::devices::Target;
use crate::model::ModelFiles;
use crate::watch::Watch;
use crate::{AdapterId, Residency, Result, Stage};

/// Where a run gets the model's parts from.
pub(crate) trait Supply<B: Backend> {
    /// The text encoder.
    fn text_encoder(&mut self, watch: &mut Watch<'_>) -> Result<&TextEncoder<B>>;
    /// The transformer.
    fn transformer(&mut self, watch: &mut Watch<'_>) -> Result<&Transformer<B>>;
    /// The decoder.
    fn decoder(&mut self, watch: &mut Watch<'_>) -> Result<&Decoder<B>>;
    /// An adapter of the transformer.
    fn adapter(&mut self, id: AdapterId, watch: &mut Watch<'_>) -> Result<Arc<Adapter<B>>>;
    /// The run asks for this part no more.
    fn finished(&mut self, part: PartName);
}

/// The parts that are loaded now.
pub(crate) struct Parts<B: Backend> {
    text_encoder: Option<TextEncoder<B>>,
    transformer: Option<Transformer<B>>,
    decoder: Option<Decoder<B>>,
    adapters: Vec<(AdapterId, Arc<Adapter<B>>)>,
}

impl<B: Backend> Parts<B> {
    pub(crate) fn new() -> Self {
        Self { text_encoder: None, transformer: None, decoder: None, adapters: Vec::new() }
    }

    /// Bytes that the loaded parts and adapters take.
    pub(crate) fn bytes(&self, model: &ModelFiles, target: Target) -> u64 {
        let loaded = PartName::ALL.into_iter().filter(|&part| self.is_loaded(part));
        let adapters = self.adapters.iter().map(|(id, _)| model.adapters.bytes(*id, target));
        loaded.map(|part| model.loaded_bytes(part, target)).sum::<u64>() + adapters.sum::<u64>()
    }

    fn is_loaded(&self, part: PartName) -> bool {
        match part {
            PartName::TextEncoder => self.text_encoder.is_some(),
            PartName::Transformer => self.transformer.is_some(),
            PartName::Vae => self.decoder.is_some(),
        }
    }

    pub(crate) fn unload(&mut self, model: &ModelFiles, part: PartName) {
        match part {
            PartName::TextEncoder => self.text_encoder = None,
            PartName::Transformer => self.transformer = None,
            PartName::Vae => self.decoder = None,
        }
        // Tables and stored panels are pages of the files, which stay mapped.
        model.part(part).release_all();
    }

    /// Drops all parts and adapters.
    pub(crate) fn clear(&mut self, model: &ModelFiles) {
        self.adapters.clear();
        PartName::ALL.into_iter().for_each(|part| self.unload(model, part));
    }

    /// Drops adapters that are not `used`, then parts, until those that stay take at most `room` bytes.
    pub(crate) fn shrink(
        &mut self,
        model: &ModelFiles,
        target: Target,
        room: u64,
        used: &[AdapterId],
    ) {
        if self.bytes(model, target) > room {
            self.adapters.retain(|(id, _)| used.contains(id));
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
    /// Those that the run follows.
    pub(crate) adapters: Vec<AdapterId>,
    /// What becomes of parts that the run has used.
    pub(crate) residency: Residency,
}

impl<B: Backend> Loading<'_, B> {
    /// Drops what is in the way of `needed` bytes.
    fn make_room(&mut self, needed: u64) {
        let room = self.room.saturating_sub(needed);
        self.parts.shrink(self.model, self.target, room, &self.adapters);
    }

    /// Loads a part with `load`, in place of others if there is no room beside them.
    fn load<T>(
        &mut self,
        part: PartName,
        watch: &mut Watch<'_>,
        load: impl FnOnce(&B, &Reading<'_, '_>) -> zao_model::Result<T>,
    ) -> Result<T> {
        self.make_room(self.model.loaded_bytes(part, self.target));
        let before = watch.enter(Stage::Load);
        let reading = Reading::new(self.model.part(part), watch);
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
    fn text_encoder(&mut self, watch: &mut Watch<'_>) -> Result<&TextEncoder<B>> {
        if self.parts.text_encoder.is_none() {
            let config = self.model.text.clone();
            let load = |b: &B, files: &Reading<'_, '_>| TextEncoder::load(b, files, &config);
            self.parts.text_encoder = Some(self.load(PartName::TextEncoder, watch, load)?);
        }
        Ok(self.parts.text_encoder.as_ref().expect("it was just loaded"))
    }

    fn transformer(&mut self, watch: &mut Watch<'_>) -> Result<&Transformer<B>> {
        if self.parts.transformer.is_none() {
            let (config, model) = (self.model.transformer.clone(), self.model);
            let stack = model.adapters.merged();
            let load = |b: &B, files: &Reading<'_, '_>| match stack.as_slice() {
                [] => Transformer::load(b, files, &config),
                stack => {
                    let merged = Merged::new(files, model.adapters.layers(), stack);
                    Transformer::load(b, &merged, &config)
                }
            };
            self.parts.transformer = Some(self.load(PartName::Transformer, watch, load)?);
        }
        Ok(self.parts.transformer.as_ref().expect("it was just loaded"))
    }

    fn decoder(&mut self, watch: &mut Watch<'_>) -> Result<&Decoder<B>> {
        if self.parts.decoder.is_none() {
            let config = self.model.vae.clone();
            let load = |b: &B, files: &Reading<'_, '_>| Decoder::load(b, files, &config);
            self.parts.decoder = Some(self.load(PartName::Vae, watch, load)?);
        }
        Ok(self.parts.decoder.as_ref().expect("it was just loaded"))
    }

    fn adapter(&mut self, id: AdapterId, watch: &mut Watch<'_>) -> Result<Arc<Adapter<B>>> {
        if let Some((_, adapter)) = self.parts.adapters.iter().find(|(known, _)| *known == id) {
            return Ok(Arc::clone(adapter));
        }
        watch.check()?;
        self.make_room(self.model.adapters.bytes(id, self.target));
        let before = watch.enter(Stage::Load);
        let weights = self.model.part(PartName::Transformer);
        let original = Original(weights);
        let adapter = self.model.adapters.load(self.backend, id, Fill::Values(&original))?;
        weights.release_all();
        watch.resume(before);
        self.parts.adapters.push((id, Arc::clone(&adapter)));
        Ok(adapter)
    }

    fn finished(&mut self, part: PartName) {
        match self.residency {
            Residency::Keep => {}
            Residency::InTurn => {
                self.parts.unload(self.model, part);
                if part == PartName::Transformer {
                    self.parts.adapters.clear();
                }
            }
        }
    }
}
