//! The model's parts on a device: loaded when they are needed, dropped when memory is short or when
//! nobody will need them again.

mod present;
mod reading;
mod recall;

use std::sync::Arc;

use zao_backend::{Backend, Expected, Tensor};
use zao_model::text::TextEncoder;
use zao_model::transformer::Transformer;
use zao_model::vae::{Decoder, Encoder};
use zao_model::{Adapter, Fill, Merged};

pub(crate) use self::present::{Piece, Present};
pub(crate) use self::reading::Reading;
pub(crate) use self::recall::Recall;
use self::recall::bytes_of;
use crate::adapters::Original;
use crate::aside::{Aside, Reader, States};
use crate::devices::Target;
use crate::model::ModelFiles;
use crate::placement::{Place, Placed, Placement};
use crate::watch::Watch;
use crate::weights::Weights;
use crate::{AdapterId, Residency, Result, Stage};

/// Where a run gets the model's parts from.
pub(crate) trait Supply<B: Backend> {
    /// The encoder of pictures.
    fn encoder(&mut self, watch: &mut Watch<'_>) -> Result<&Encoder<B>>;
    /// Who reads prompts.
    fn reader(&mut self, watch: &mut Watch<'_>) -> Result<Reader<'_, B>>;
    /// Caption features of each of these distinct prompts on `b`: `[tokens, hidden_size]` each.
    fn features(
        &mut self,
        b: &B,
        prompts: &[&[u32]],
        watch: &mut Watch<'_>,
    ) -> Result<Vec<Tensor<B>>> {
        let reader = self.reader(watch)?;
        watch.enter(Stage::Text);
        reader.features(b, prompts)
    }
    /// The transformer.
    fn transformer(&mut self, watch: &mut Watch<'_>) -> Result<&Transformer<B>>;
    /// The decoder.
    fn decoder(&mut self, watch: &mut Watch<'_>) -> Result<&Decoder<B>>;
    /// An adapter of the transformer.
    fn adapter(&mut self, id: AdapterId, watch: &mut Watch<'_>) -> Result<Arc<Adapter<B>>>;
    /// The run asks for this piece no more.
    fn finished(&mut self, piece: Piece);
}

/// How many prompts were asked for, and how many of these had been read before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prompts {
    pub(crate) remembered: u64,
    pub(crate) read: u64,
}

/// The parts that are loaded now.
pub(crate) struct Parts<B: Backend> {
    encoder: Option<Encoder<B>>,
    text_encoder: Option<TextEncoder<B>>,
    /// Whoever reads prompts in place of the device.
    aside: Option<Box<dyn Aside>>,
    transformer: Option<Transformer<B>>,
    decoder: Option<Decoder<B>>,
    adapters: Vec<(AdapterId, Arc<Adapter<B>>)>,
    /// What the text encoder said of prompts. The weights and the precision that it said so with are the engine's for
    /// as long as it lives, and adapters do not touch it, so that the ids are all that it depends on.
    recall: Recall<Arc<States>>,
    prompts: Prompts,
    /// Where the weights of loaded pieces are, in the order of [`Piece::ALL`].
    placed: [Placed; Piece::ALL.len()],
}

impl<B: Backend> Parts<B> {
    pub(crate) fn new() -> Self {
        Self {
            encoder: None,
            text_encoder: None,
            aside: None,
            transformer: None,
            decoder: None,
            adapters: Vec::new(),
            recall: Recall::default(),
            prompts: Prompts::default(),
            placed: Default::default(),
        }
    }

    /// The same with prompts read by `aside`.
    pub(crate) fn with_reader(self, aside: Box<dyn Aside>) -> Self {
        Self { aside: Some(aside), ..self }
    }

    /// Which are loaded.
    pub(crate) fn present(&self, model: &ModelFiles, target: Target) -> Present {
        let bytes = |id| (id, model.adapter_bytes(id, target));
        let present = Present::new(
            Piece::ALL.map(|piece| self.is_loaded(piece).then_some(self.placed[piece as usize])),
            self.adapters.iter().map(|(id, _)| bytes(*id)).collect(),
        );
        // Prompts are remembered in main memory, which only the processor computes in.
        match target {
            Target::Cpu(_) => present.remembering(self.recall.outline()),
            Target::Cuda(_) => present,
        }
    }

    /// How many adapters are loaded.
    pub(crate) fn adapters(&self) -> usize {
        self.adapters.len()
    }

    /// How many prompts were asked for so far.
    pub(crate) fn prompts(&self) -> Prompts {
        self.prompts
    }

    /// Whoever reads prompts in place of the device.
    pub(crate) fn aside(&mut self) -> Option<&mut dyn Aside> {
        self.aside.as_mut().map(|aside| &mut **aside as &mut dyn Aside)
    }

    fn is_loaded(&self, piece: Piece) -> bool {
        match piece {
            Piece::Encoder => self.encoder.is_some(),
            Piece::TextEncoder => {
                let aside = self.aside.as_ref().is_some_and(|aside| aside.is_loaded());
                aside || self.text_encoder.is_some()
            }
            Piece::Transformer => self.transformer.is_some(),
            Piece::Decoder => self.decoder.is_some(),
        }
    }

    pub(crate) fn unload(&mut self, model: &ModelFiles, piece: Piece) {
        match piece {
            Piece::Encoder => self.encoder = None,
            Piece::TextEncoder => {
                self.text_encoder = None;
                if let Some(aside) = &mut self.aside {
                    aside.unload();
                }
            }
            Piece::Transformer => self.transformer = None,
            Piece::Decoder => self.decoder = None,
        }
        // Tables and stored panels are pages of the files, which stay mapped.
        model.piece(piece).release_all();
    }

    /// Drops an adapter.
    pub(crate) fn unload_adapter(&mut self, id: AdapterId) {
        self.adapters.retain(|(known, _)| *known != id);
    }

    /// Drops all parts and adapters, and forgets all prompts.
    pub(crate) fn clear(&mut self, model: &ModelFiles) {
        self.adapters.clear();
        self.recall.clear();
        Piece::ALL.into_iter().for_each(|piece| self.unload(model, piece));
    }

    /// Drops parts, and adapters that are not `used` before them, until those that stay take at most `room` bytes.
    pub(crate) fn shrink(
        &mut self,
        model: &ModelFiles,
        target: Target,
        room: u64,
        used: &[AdapterId],
    ) {
        let mut stay = self.present(model, target);
        stay.shrink(room, used);
        self.drop_all_but(model, &stay);
    }

    /// Drops parts that take more than is `planned` for them, and returns where each is then, or will be.
    pub(crate) fn settle(
        &mut self,
        model: &ModelFiles,
        target: Target,
        planned: &Placement,
    ) -> Placement {
        let mut stay = self.present(model, target);
        let placement = stay.settle(planned);
        self.drop_all_but(model, &stay);
        placement
    }

    fn drop_all_but(&mut self, model: &ModelFiles, stay: &Present) {
        self.adapters.retain(|(id, _)| stay.has_adapter(*id));
        if stay.forgets() {
            self.recall.clear();
        }
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
    /// Where weights are to be.
    pub(crate) placement: Placement,
    /// Room for the largest part at least, as it is placed.
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

    /// Remembers the `features` of a prompt, where there is room for that beside what is there.
    fn remember(&mut self, b: &B, ids: &[u32], features: &Tensor<B>) -> Result<()> {
        let bytes = bytes_of(ids.len(), self.model.text.hidden_size);
        if self.parts.present(self.model, self.target).has_room_to_remember(bytes, self.room) {
            let states = States::of(b, features)?;
            self.parts.recall.add(ids, bytes, Arc::new(states));
        }
        Ok(())
    }

    /// Loads a piece with `load`, in place of others if there is no room beside them.
    fn load<T>(
        &mut self,
        piece: Piece,
        watch: &mut Watch<'_>,
        load: impl FnOnce(&B, &Reading<'_, '_>) -> zao_model::Result<T>,
    ) -> Result<T> {
        let placed = self.placement.of(piece);
        self.make_room(placed.device_bytes());
        let weights = self.model.piece(piece);
        let load = |b: &B, files: &Reading<'_, '_>| {
            b.expect_weights(placed.expected())?;
            load(b, files)
        };
        let loaded = take_in(self.backend, weights, self.target, watch, load)?;
        self.parts.placed[piece as usize] = placed;
        Ok(loaded)
    }
}

/// Has `load` take `weights` to a device of the kind of `target`.
pub(crate) fn take_in<B, T>(
    backend: &B,
    weights: &Weights,
    target: Target,
    watch: &mut Watch<'_>,
    load: impl FnOnce(&B, &Reading<'_, '_>) -> zao_model::Result<T>,
) -> Result<T> {
    let before = watch.enter(Stage::Load);
    let reading = Reading::new(weights, target, watch);
    let loaded = load(backend, &reading);
    drop(reading);
    let loaded = loaded.map_err(|error| match watch.check() {
        Err(cancelled) => cancelled,
        Ok(()) => error.into(),
    })?;
    watch.resume(before);
    Ok(loaded)
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

    fn reader(&mut self, watch: &mut Watch<'_>) -> Result<Reader<'_, B>> {
        let (model, placed) = (self.model, self.placement.of(Piece::TextEncoder));
        if placed.place == Place::Processor {
            let aside = self.parts.aside.as_mut().expect("a plan without the device has another");
            aside.load(model, watch)?;
            self.parts.placed[Piece::TextEncoder as usize] = placed;
            return Ok(Reader::Aside(&**aside));
        }
        if self.parts.text_encoder.is_none() {
            let load = |b: &B, files: &Reading<'_, '_>| TextEncoder::load(b, files, &model.text);
            self.parts.text_encoder = Some(self.load(Piece::TextEncoder, watch, load)?);
        }
        Ok(Reader::Own(self.parts.text_encoder.as_ref().expect("it was just loaded")))
    }

    /// Reads only what is not remembered: without that, the text encoder need not be there at all.
    fn features(
        &mut self,
        b: &B,
        prompts: &[&[u32]],
        watch: &mut Watch<'_>,
    ) -> Result<Vec<Tensor<B>>> {
        let known = prompts.iter().map(|ids| self.parts.recall.get(ids)).collect::<Vec<_>>();
        let asked = prompts.iter().zip(&known);
        let unread: Vec<&[u32]> =
            asked.filter(|(_, known)| known.is_none()).map(|(ids, _)| *ids).collect();
        self.parts.prompts.read += unread.len() as u64;
        self.parts.prompts.remembered += (prompts.len() - unread.len()) as u64;
        // What is read comes first, as if nothing else were asked for, so that it fits wherever all of it would.
        let read = if unread.is_empty() {
            watch.enter(Stage::Text);
            Vec::new()
        } else {
            let reader = self.reader(watch)?;
            watch.enter(Stage::Text);
            reader.features(b, &unread)?
        };
        if self.residency == Residency::Keep {
            for (ids, features) in unread.iter().zip(&read) {
                self.remember(b, ids, features)?;
            }
        }
        let mut read = read.into_iter();
        let features = known.into_iter().map(|known| match known {
            Some(states) => states.upload(b),
            None => Ok(read.next().expect("what is not remembered was read")),
        });
        features.collect()
    }

    fn transformer(&mut self, watch: &mut Watch<'_>) -> Result<&Transformer<B>> {
        if self.parts.transformer.is_none() {
            let model = self.model;
            let stack = model.adapters.merged();
            let load = |b: &B, files: &Reading<'_, '_>| match stack.as_slice() {
                [] => Transformer::load(b, files, &model.transformer),
                stack => {
                    let merged = Merged::new(files, model.adapters.layers(), stack);
                    Transformer::load(b, &merged, &model.transformer)
                }
            };
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

    fn adapter(&mut self, id: AdapterId, watch: &mut Watch<'_>) -> Result<Arc<Adapter<B>>> {
        if let Some((_, adapter)) = self.parts.adapters.iter().find(|(known, _)| *known == id) {
            return Ok(Arc::clone(adapter));
        }
        watch.check()?;
        let needed = self.model.adapter_bytes(id, self.target);
        self.make_room(needed);
        let before = watch.enter(Stage::Load);
        self.backend.expect_weights(Expected::resident(needed))?;
        let weights = self.model.piece(Piece::Transformer);
        let original = Original(weights);
        let adapter = self.model.adapters.load(self.backend, id, Fill::Values(&original))?;
        weights.release_all();
        watch.resume(before);
        self.parts.adapters.push((id, Arc::clone(&adapter)));
        Ok(adapter)
    }

    fn finished(&mut self, piece: Piece) {
        match self.residency {
            Residency::Keep => {}
            Residency::InTurn => {
                self.parts.unload(self.model, piece);
                match piece {
                    Piece::TextEncoder => self.parts.recall.clear(),
                    Piece::Transformer => self.parts.adapters.clear(),
                    Piece::Encoder | Piece::Decoder => {}
                }
            }
        }
    }
}
