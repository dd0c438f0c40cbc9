//! The adapters (LoRA and its kin) that an engine knows: opened and checked against the model once, taken to the
//! device when a run needs them, and the stacks in which pictures follow them.

use std::path::Path;
use std::sync::Arc;

use zao_backend::{Backend, Dtype, Form, StoredDelta};
use zao_model::transformer::Transformer;
use zao_model::{AdapterStack, Checkpoint, Fill, Layer, TransformerConfig, adapter_tensors};
use zao_weights::{AdapterFile, LayerShape};

use crate::Result;
use crate::devices::Target;
use crate::parts::Supply;
use crate::watch::Watch;
use crate::weights::Weights;
use crate::work::Work;

/// An adapter that an engine has opened; other engines know nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AdapterId(usize);

#[cfg(test)]
impl AdapterId {
    /// The one that was opened after `index` others.
    pub(crate) fn nth(index: usize) -> Self {
        Self(index)
    }
}

/// What an adapter is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterInfo {
    /// The checksum of its file, in hexadecimal.
    pub sha256: String,
    /// `LoRA`, `LoHa`, `LoKr` or `DoRA`.
    pub kind: &'static str,
    /// How many changes it makes.
    pub layers: usize,
    /// The size of its file.
    pub bytes: u64,
}

/// The adapters of an engine.
pub(crate) struct Adapters {
    layers: Vec<Layer>,
    opened: Vec<AdapterFile>,
    /// Those that are in the weights.
    merged: Vec<(AdapterId, f32)>,
}

impl Adapters {
    /// None yet, for a model of these sizes.
    pub(crate) fn new(config: &TransformerConfig) -> Result<Self> {
        let (opened, merged) = (Vec::new(), Vec::new());
        Ok(Self { layers: Transformer::layers(config)?, opened, merged })
    }

    /// Opens the file at `path`. A file of the same content is opened once.
    pub(crate) fn open(&mut self, path: &Path) -> Result<AdapterId> {
        let shape = |layer: &Layer| {
            let inner = layer.inputs;
            let shape = move |(name, out): &(String, usize)| LayerShape {
                name: name.clone(),
                out: *out,
                inner,
            };
            layer.parts.iter().map(shape).collect::<Vec<_>>()
        };
        let shapes: Vec<_> = self.layers.iter().flat_map(shape).collect();
        let file = AdapterFile::open(path, &shapes)?;
        let known = self.opened.iter().position(|opened| opened.sha256() == file.sha256());
        Ok(AdapterId(known.unwrap_or_else(|| {
            self.opened.push(file);
            self.opened.len() - 1
        })))
    }

    /// What an adapter is.
    pub(crate) fn info(&self, id: AdapterId) -> AdapterInfo {
        let file = &self.opened[id.0];
        AdapterInfo {
            sha256: file.sha256().into(),
            kind: file.kind(),
            layers: file.deltas().len(),
            bytes: file.bytes(),
        }
    }

    /// Has the weights loaded with this stack in them.
    pub(crate) fn merge(&mut self, stack: Vec<(AdapterId, f32)>) {
        self.merged = stack;
    }

    /// The layers that adapters may change.
    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// What an adapter changes.
    pub(crate) fn deltas(&self, id: AdapterId) -> &[StoredDelta] {
        self.opened[id.0].deltas()
    }

    /// What is merged into the weights.
    pub(crate) fn merged(&self) -> Vec<(&[StoredDelta], f32)> {
        self.merged.iter().map(|&(id, scale)| (self.deltas(id), scale)).collect()
    }

    /// Whether the layer called `name` has something merged into it.
    pub(crate) fn merges_into(&self, name: &str) -> bool {
        let mut deltas = self.merged.iter().flat_map(|&(id, _)| self.deltas(id));
        deltas.any(|delta| delta.layers.iter().any(|layer| layer == name))
    }

    /// Bytes that an adapter takes in the memory of a device, beside weights like those of `outline`.
    pub(crate) fn bytes(&self, id: AdapterId, outline: &dyn Checkpoint, target: Target) -> u64 {
        let tensors = adapter_tensors(&self.layers, self.deltas(id), outline);
        let bytes = tensors.iter().map(|tensor| target.loaded_bytes(tensor, Dtype::F32));
        bytes.sum()
    }

    /// An adapter without its values, or with them.
    pub(crate) fn load<B: Backend>(
        &self,
        b: &B,
        id: AdapterId,
        fill: Fill<'_>,
    ) -> Result<Arc<zao_model::Adapter<B>>> {
        let loaded = zao_model::Adapter::load(b, &self.layers, self.deltas(id), fill)?;
        Ok(Arc::new(loaded))
    }
}

/// The adapters that `work` follows, each once.
pub(crate) fn used<'w>(work: impl IntoIterator<Item = &'w Work<'w>>) -> Vec<AdapterId> {
    let mut used = Vec::new();
    for &(id, _) in work.into_iter().flat_map(|work| work.job.adapters()) {
        if !used.contains(&id) {
            used.push(id);
        }
    }
    used
}

/// The transformer's weights as files have them, for adapters that measure them.
pub(crate) struct Original<'a>(pub(crate) &'a Weights);

impl Checkpoint for Original<'_> {
    fn tensor(&self, name: &str, _shape: &[usize]) -> zao_model::Result<Form> {
        let missing = || zao_model::Error::Weight {
            name: name.into(),
            detail: "the model has no such tensor".into(),
        };
        self.0.get(name).ok_or_else(missing)
    }
}

/// Adapters with their scales, as a job has them.
pub(crate) type Stack<'a> = &'a [(AdapterId, f32)];

/// A stack on a device, if it has any adapter.
type Loaded<B> = Option<Arc<AdapterStack<B>>>;

/// The stacks of a run, each distinct one once.
pub(crate) struct Stacks<'a, B: Backend> {
    of: Vec<(Stack<'a>, Loaded<B>)>,
}

impl<'a, B: Backend> Stacks<'a, B> {
    /// What `work` follows; adapters come from `supply`.
    pub(crate) fn new(
        b: &B,
        supply: &mut dyn Supply<B>,
        work: &'a [Work<'a>],
        watch: &mut Watch<'_>,
    ) -> Result<Self> {
        let mut of: Vec<(Stack<'a>, _)> = Vec::new();
        for work in work {
            let stack = work.job.adapters();
            if of.iter().any(|(known, _)| *known == stack) {
                continue;
            }
            let adapters = stack
                .iter()
                .map(|&(id, scale)| Ok((supply.adapter(id, watch)?, scale)))
                .collect::<Result<Vec<_>>>()?;
            let loaded = match adapters.as_slice() {
                [] => None,
                adapters => Some(Arc::new(AdapterStack::new(b, adapters)?)),
            };
            of.push((stack, loaded));
        }
        Ok(Self { of })
    }

    /// The stack of a job, if it follows any adapter.
    pub(crate) fn of(&self, stack: Stack<'_>) -> Loaded<B> {
        self.of.iter().find(|(known, _)| *known == stack).and_then(|(_, stack)| stack.clone())
    }
}
