//! A model as runs see it: its sizes, and where the weights of its parts come from. A model of random
//! weights looks the same from here on.

use std::collections::{BTreeSet, HashMap};

use zao_backend::{Dtype, Form, Grid, StoredDelta};
use zao_model::text::TextEncoder;
use zao_model::transformer::Transformer;
use zao_model::vae::{Decoder, Encoder};
use zao_model::{
    Checkpoint, Declared, Layer, SchedulerConfig, TextConfig, TransformerConfig, VaeConfig,
    low_rank_tensors,
};
use zao_weights::{Part, PartName};

use crate::adapters::{AdapterId, Adapters, used};
use crate::checked::Checked;
use crate::devices::Target;
use crate::estimate::StoredBytes;
use crate::parts::Piece;
use crate::placement::Footprint;
use crate::prompts::Prompts;
use crate::synthetic::{Configs, RandomPart, RandomWeights, Synthetic};
use crate::weights::{Loaded, Weights};
use crate::work::Work;
use crate::{ModelSource, Result};

/// A model that is known to be whole and consistent; its weights are mapped or yet to be made, not
/// loaded.
pub(crate) struct ModelFiles {
    pub(crate) text: TextConfig,
    pub(crate) transformer: TransformerConfig,
    pub(crate) vae: VaeConfig,
    pub(crate) scheduler: SchedulerConfig,
    pub(crate) prompts: Prompts,
    pub(crate) fingerprint: String,
    pub(crate) adapters: Adapters,
    /// The linear weights of the text encoder.
    text_layers: Vec<Layer>,
    /// Only the tensors that drawing reads.
    parts: [Weights; 3],
    /// The half of the autoencoder that makes latents of pictures.
    encoder: Weights,
}

impl ModelFiles {
    /// Opens the model that lies at `source`.
    pub(crate) fn open(source: &ModelSource) -> Result<Self> {
        let checked = Checked::open(source)?;
        let fingerprint = checked.fingerprint();
        let prompts = Prompts::Tokenizer(Box::new(checked.tokenizer()?));
        let Checked {
            text,
            transformer,
            vae,
            scheduler,
            parts,
            declared,
            picture_encoder,
            decoder,
            ..
        } = checked;
        let [text_part, transformer_part, vae_part] = parts;
        let [text_encoder, denoiser, _] = declared;
        let encoder = only(vae_part.clone(), picture_encoder);
        let parts = [
            only(text_part, text_encoder),
            only(transformer_part, denoiser),
            only(vae_part, decoder),
        ];
        let adapters = Adapters::new(&transformer)?;
        let text_layers = TextEncoder::layers(&text)?;
        Ok(Self {
            text,
            transformer,
            vae,
            scheduler,
            prompts,
            fingerprint,
            adapters,
            text_layers,
            parts,
            encoder,
        })
    }

    /// A model of random weights.
    pub(crate) fn synthetic(synthetic: Synthetic) -> Result<Self> {
        let Configs { text, transformer, vae, scheduler } = synthetic.architecture.configs()?;
        let [text_encoder, denoiser, vae_weights] = RandomWeights::parts();
        let random = |weights, declared| {
            Weights::Random(RandomPart::new(weights, declared, synthetic.weights))
        };
        let parts = [
            random(text_encoder, TextEncoder::manifest(&text)?.0),
            random(denoiser, Transformer::manifest(&transformer)?),
            random(vae_weights.clone(), Decoder::manifest(&vae)?),
        ];
        let encoder = random(vae_weights, Encoder::manifest(&vae)?);
        let prompts = Prompts::Fixed(synthetic.token_ids(text.vocab_size));
        let fingerprint = "random weights".into();
        let adapters = Adapters::new(&transformer)?;
        let text_layers = TextEncoder::layers(&text)?;
        Ok(Self {
            text,
            transformer,
            vae,
            scheduler,
            prompts,
            fingerprint,
            adapters,
            text_layers,
            parts,
            encoder,
        })
    }

    /// The tensors of one part that drawing reads.
    pub(crate) fn part(&self, name: PartName) -> &Weights {
        let index = PartName::ALL.iter().position(|&part| part == name);
        &self.parts[index.expect("every part is in the list of all parts")]
    }

    /// The tensors of what is loaded as one.
    pub(crate) fn piece(&self, piece: Piece) -> &Weights {
        match piece {
            Piece::Encoder => &self.encoder,
            Piece::TextEncoder => self.part(PartName::TextEncoder),
            Piece::Transformer => self.part(PartName::Transformer),
            Piece::Decoder => self.part(PartName::Vae),
        }
    }

    /// Whether weights are stored in int8, so that no other precision is possible.
    pub(crate) fn is_int8(&self) -> bool {
        self.parts.iter().any(Weights::has_int8)
    }

    /// Bytes that a piece takes in the memory of a device once it is loaded.
    pub(crate) fn loaded_bytes(&self, piece: impl Into<Piece>, target: Target) -> u64 {
        let piece = piece.into();
        let tensors: u64 = self.loaded(piece, target).map(|loaded| loaded.bytes).sum();
        let low_rank = low_rank_tensors(self.layers(piece), &self.low_rank_parts(piece));
        let low_rank = low_rank.iter().map(|tensor| target.loaded_bytes(tensor, Dtype::F32));
        tensors
            + low_rank.sum::<u64>()
            + self.piece(piece).unpacking_bytes(target, |name| self.is_merged(piece, name))
    }

    /// Each tensor of a piece as it is once a device has loaded it.
    fn loaded(&self, piece: Piece, target: Target) -> impl Iterator<Item = Loaded<'_>> {
        self.piece(piece).loaded(target, move |name| self.is_merged(piece, name))
    }

    /// Whether adapters are merged into the tensor called `name`.
    fn is_merged(&self, piece: Piece, name: &str) -> bool {
        let layer = name.strip_suffix(".weight");
        piece == Piece::Transformer && layer.is_some_and(|layer| self.adapters.merges_into(layer))
    }

    /// The linear weights of a piece, where any of them may have a low-rank part or pass through a window.
    fn layers(&self, piece: Piece) -> &[Layer] {
        match piece {
            Piece::Encoder | Piece::Decoder => &[],
            Piece::TextEncoder => &self.text_layers,
            Piece::Transformer => self.adapters.layers(),
        }
    }

    /// The low-rank parts of a piece's weights that a device adds; those of merged weights are in them.
    fn low_rank_parts(&self, piece: Piece) -> Vec<StoredDelta> {
        self.piece(piece).low_rank_parts(|name| self.is_merged(piece, name))
    }

    /// The shapes of a piece's weights, as a rehearsal loads them.
    pub(crate) fn outline(&self, piece: impl Into<Piece>) -> Outline<'_> {
        Outline { model: self, piece: piece.into() }
    }

    /// Bytes that an adapter takes in the memory of a device.
    pub(crate) fn adapter_bytes(&self, id: AdapterId, target: Target) -> u64 {
        self.adapters.bytes(id, &self.outline(Piece::Transformer), target)
    }

    /// The adapters that `work` follows, each with the bytes that it takes.
    pub(crate) fn adapter_sizes(&self, work: &[Work<'_>], target: Target) -> Vec<(AdapterId, u64)> {
        used(work).into_iter().map(|id| (id, self.adapter_bytes(id, target))).collect()
    }

    /// What each piece takes on a device, in the order of [`Piece::ALL`].
    pub(crate) fn footprints(&self, target: Target) -> [Footprint; Piece::ALL.len()] {
        Piece::ALL.map(|piece| self.footprint(piece, target))
    }

    fn footprint(&self, piece: Piece, target: Target) -> Footprint {
        let mut footprint = Footprint::default();
        let mut streamable = HashMap::new();
        footprint.bytes = self.loaded_bytes(piece, target);
        for Loaded { tensor, bytes } in self.loaded(piece, target) {
            if target.streams(tensor.usage) {
                streamable.insert(tensor.name.as_str(), bytes);
            }
        }
        // A weight passes as a whole or not at all.
        let part = |(name, _): &(String, usize)| {
            streamable.get(format!("{name}.weight").as_str()).copied()
        };
        let layers = self.layers(piece).iter();
        let weights = layers.map(|layer| layer.parts.iter().map(part).sum());
        let weights: Vec<u64> = weights.map(|bytes: Option<u64>| bytes.unwrap_or(0)).collect();
        footprint.streamable = weights.iter().sum();
        footprint.largest = weights.into_iter().max().unwrap_or(0);
        footprint.staging = target.staging_bytes();
        let merged = piece == Piece::Transformer && !self.adapters.merged().is_empty();
        footprint.in_files = !merged && self.piece(piece).are_read_again(target);
        footprint
    }

    /// Bytes of the part that takes most; parts can be loaded in turn, but none in pieces.
    pub(crate) fn largest_part(&self, target: Target) -> u64 {
        let bytes = Piece::ALL.map(|piece| self.loaded_bytes(piece, target));
        bytes.into_iter().max().unwrap_or(0)
    }

    /// Bytes of all weights in the model's files.
    pub(crate) fn stored(&self) -> StoredBytes {
        let of = |name| self.part(name).bytes();
        let text_encoder = of(PartName::TextEncoder);
        StoredBytes { text_encoder, others: of(PartName::Transformer) + of(PartName::Vae) }
    }

    /// Number of values in all weights.
    pub(crate) fn values(&self) -> u64 {
        let declared = self.parts.iter().flat_map(Weights::declared);
        declared.map(|tensor| tensor.values() as u64).sum()
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

/// A piece of a model without its values: shapes, and which weights have a low-rank part of which rank.
pub(crate) struct Outline<'a> {
    model: &'a ModelFiles,
    piece: Piece,
}

impl Checkpoint for Outline<'_> {
    fn tensor(&self, name: &str, shape: &[usize]) -> zao_model::Result<Form> {
        let rest = Form::Hollow(shape.to_vec());
        let low_rank = self.model.piece(self.piece).low_rank(name);
        match low_rank.filter(|_| !self.model.is_merged(self.piece, name)) {
            Some(both) => Ok(Form::LowRank(both.beside(rest)?)),
            None => Ok(rest),
        }
    }
}

/// The part without the tensors that are not `declared`.
fn only(mut part: Part, declared: Vec<Declared>) -> Weights {
    let names: BTreeSet<&str> = declared.iter().map(|tensor| tensor.name.as_str()).collect();
    part.retain(|name| names.contains(name));
    Weights::Files { part, declared }
}
