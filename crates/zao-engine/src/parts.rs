//! The model's parts on a device: loaded when they are needed, dropped when memory is short or when
//! nobody will need them again.

mod reading;

use zao_backend::Backend;
use zao_model::text::TextEncoder;
use zao_model::transformer::Transformer;
use zao_model::vae::Decoder;
use zao_weights::PartName;

pub(crate) use self::reading::Reading;
use crate::devices::Target;
use crate::model::ModelFiles;
use crate::watch::Watch;
use crate::{Residency, Result, Stage};

/// Where a run gets the model's parts from.
pub(crate) trait Supply<B: Backend> {
    /// The text encoder.
    fn text_encoder(&mut self, watch: &mut Watch<'_>) -> Result<&TextEncoder<B>>;
    /// The transformer.
    fn transformer(&mut self, watch: &mut Watch<'_>) -> Result<&Transformer<B>>;
    /// The decoder.
    fn decoder(&mut self, watch: &mut Watch<'_>) -> Result<&Decoder<B>>;
    /// The run asks for this part no more.
    fn finished(&mut self, part: PartName);
}

/// Which parts are in memory, and what each takes there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Present {
    /// Indexed by the part's number, as `there` is.
    sizes: [u64; PartName::ALL.len()],
    there: [bool; PartName::ALL.len()],
}

impl Present {
    /// No part is there yet; each takes as much as `size` says.
    pub(crate) fn none(size: impl Fn(PartName) -> u64) -> Self {
        let mut present = Self::default();
        PartName::ALL.into_iter().for_each(|part| present.sizes[part as usize] = size(part));
        present
    }

    /// Bytes that a part takes when it is there.
    pub(crate) fn bytes_of(&self, part: PartName) -> u64 {
        self.sizes[part as usize]
    }

    /// Bytes of those that are there.
    pub(crate) fn bytes(&self) -> u64 {
        PartName::ALL
            .into_iter()
            .filter(|&part| self.has(part))
            .map(|part| self.bytes_of(part))
            .sum()
    }

    pub(crate) fn has(&self, part: PartName) -> bool {
        self.there[part as usize]
    }

    pub(crate) fn add(&mut self, part: PartName) {
        self.there[part as usize] = true;
    }

    pub(crate) fn remove(&mut self, part: PartName) {
        self.there[part as usize] = false;
    }

    /// Without as many as have to go so that the others take at most `room` bytes.
    #[must_use]
    pub(crate) fn shrunk(mut self, room: u64) -> Self {
        for part in PartName::ALL {
            if self.bytes() <= room {
                break;
            }
            self.remove(part);
        }
        self
    }
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

    /// Which are loaded.
    pub(crate) fn present(&self, model: &ModelFiles, target: Target) -> Present {
        let mut present = Present::none(|part| model.loaded_bytes(part, target));
        PartName::ALL
            .into_iter()
            .filter(|&part| self.is_loaded(part))
            .for_each(|part| present.add(part));
        present
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

    /// Drops all parts.
    pub(crate) fn clear(&mut self, model: &ModelFiles) {
        PartName::ALL.into_iter().for_each(|part| self.unload(model, part));
    }

    /// Drops parts until those that stay take at most `room` bytes.
    pub(crate) fn shrink(&mut self, model: &ModelFiles, target: Target, room: u64) {
        let stay = self.present(model, target).shrunk(room);
        for part in PartName::ALL {
            if self.is_loaded(part) && !stay.has(part) {
                self.unload(model, part);
            }
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
        part: PartName,
        watch: &mut Watch<'_>,
        load: impl FnOnce(&B, &Reading<'_, '_>) -> zao_model::Result<T>,
    ) -> Result<T> {
        let needed = self.model.loaded_bytes(part, self.target);
        self.parts.shrink(self.model, self.target, self.room.saturating_sub(needed));
        let before = watch.enter(Stage::Load);
        self.backend.expect_weights(needed)?;
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
            let config = self.model.transformer.clone();
            let load = |b: &B, files: &Reading<'_, '_>| Transformer::load(b, files, &config);
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

    fn finished(&mut self, part: PartName) {
        match self.residency {
            Residency::Keep => {}
            Residency::InTurn => self.parts.unload(self.model, part),
        }
    }
}
