//! The model's parts on a device: loaded when they are needed, dropped when memory is short or when
//! nobody will need them again.

mod present;
mod reading;

use zao_backend::Backend;
use zao_model::text::TextEncoder;
use zao_model::transformer::Transformer;
use zao_model::vae::{Decoder, Encoder};

pub(crate) use self::present::{Piece, Present};
pub(crate) use self::reading::Reading;
use crate::devices::Target;
use crate::model::ModelFiles;
use crate::watch::Watch;
use crate::{Residency, Result, Stage};

/// Where a run gets the model's parts from.
pub(crate) trait Supply<B: Backend> {
    /// The encoder of pictures.
    fn encoder(&mut self, watch: &mut Watch<'_>) -> Result<&Encoder<B>>;
    /// The text encoder.
    fn text_encoder(&mut self, watch: &mut Watch<'_>) -> Result<&TextEncoder<B>>;
    /// The transformer.
    fn transformer(&mut self, watch: &mut Watch<'_>) -> Result<&Transformer<B>>;
    /// The decoder.
    fn decoder(&mut self, watch: &mut Watch<'_>) -> Result<&Decoder<B>>;
    /// The run asks for this piece no more.
    fn finished(&mut self, piece: Piece);
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

    /// Which are loaded.
    pub(crate) fn present(&self, model: &ModelFiles, target: Target) -> Present {
        Present::new(|piece| model.piece(piece).loaded_bytes(target), |piece| self.is_loaded(piece))
    }

    fn is_loaded(&self, piece: Piece) -> bool {
        match piece {
            Piece::Encoder => self.encoder.is_some(),
            Piece::TextEncoder => self.text_encoder.is_some(),
            Piece::Transformer => self.transformer.is_some(),
            Piece::Decoder => self.decoder.is_some(),
        }
    }

    fn unload(&mut self, model: &ModelFiles, piece: Piece) {
        match piece {
            Piece::Encoder => self.encoder = None,
            Piece::TextEncoder => self.text_encoder = None,
            Piece::Transformer => self.transformer = None,
            Piece::Decoder => self.decoder = None,
        }
        // Tables and stored panels are pages of the files, which stay mapped.
        model.piece(piece).release_all();
    }

    /// Drops all parts.
    pub(crate) fn clear(&mut self, model: &ModelFiles) {
        Piece::ALL.into_iter().for_each(|piece| self.unload(model, piece));
    }

    /// Drops parts until those that stay take at most `room` bytes.
    pub(crate) fn shrink(&mut self, model: &ModelFiles, target: Target, room: u64) {
        let stay = self.present(model, target).shrunk(room);
        for piece in Piece::ALL {
            if self.is_loaded(piece) && !stay.has(piece) {
                self.unload(model, piece);
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
    /// Loads a piece with `load`, in place of others if there is no room beside them.
    fn load<T>(
        &mut self,
        piece: Piece,
        watch: &mut Watch<'_>,
        load: impl FnOnce(&B, &Reading<'_, '_>) -> zao_model::Result<T>,
    ) -> Result<T> {
        let weights = self.model.piece(piece);
        let needed = weights.loaded_bytes(self.target);
        self.parts.shrink(self.model, self.target, self.room.saturating_sub(needed));
        let before = watch.enter(Stage::Load);
        self.backend.expect_weights(needed)?;
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
            self.parts.encoder = Some(self.load(Piece::Encoder, watch, load)?);
        }
        Ok(self.parts.encoder.as_ref().expect("it was just loaded"))
    }

    fn text_encoder(&mut self, watch: &mut Watch<'_>) -> Result<&TextEncoder<B>> {
        if self.parts.text_encoder.is_none() {
            let model = self.model;
            let load = |b: &B, files: &Reading<'_, '_>| TextEncoder::load(b, files, &model.text);
            self.parts.text_encoder = Some(self.load(Piece::TextEncoder, watch, load)?);
        }
        Ok(self.parts.text_encoder.as_ref().expect("it was just loaded"))
    }

    fn transformer(&mut self, watch: &mut Watch<'_>) -> Result<&Transformer<B>> {
        if self.parts.transformer.is_none() {
            let model = self.model;
            let load =
                |b: &B, files: &Reading<'_, '_>| Transformer::load(b, files, &model.transformer);
            self.parts.transformer = Some(self.load(Piece::Transformer, watch, load)?);
        }
        Ok(self.parts.transformer.as_ref().expect("it was just loaded"))
    }

    fn decoder(&mut self, watch: &mut Watch<'_>) -> Result<&Decoder<B>> {
        if self.parts.decoder.is_none() {
            let model = self.model;
            let load = |b: &B, files: &Reading<'_, '_>| Decoder::load(b, files, &model.vae);
            self.parts.decoder = Some(self.load(Piece::Decoder, watch, load)?);
        }
        Ok(self.parts.decoder.as_ref().expect("it was just loaded"))
    }

    fn finished(&mut self, piece: Piece) {
        match self.residency {
            Residency::Keep => {}
            Residency::InTurn => self.parts.unload(self.model, piece),
        }
    }
}
