//! Adapters (LoRA and its kin) on a device: what each layer of the transformer adds for the pictures that
//! follow them. Files are not known here; their factors come as [`StoredDelta`].

mod layer;
mod merged;
mod norms;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use zao_backend::prelude::*;
use zao_backend::{Adaptation, Delta, StoredDelta};

pub use self::merged::Merged;
use crate::{Checkpoint, Declared, Layer, Manifest, Result};

/// What the factors of an adapter are made of.
#[derive(Clone, Copy)]
pub enum Fill<'a> {
    /// Their values. Rows that are stretched to a magnitude (DoRA) are measured with the weights of the model,
    /// which are read from here.
    Values(&'a dyn Checkpoint),
    /// Shapes alone, for a rehearsal; those of the weights are here.
    Shapes(&'a dyn Checkpoint),
}

/// One adapter on a device.
pub struct Adapter<B: Backend> {
    /// By the name of the weight that is changed, [`Layer::name`].
    layers: HashMap<String, Arc<Delta<B>>>,
}

impl<B: Backend> Adapter<B> {
    /// Takes an adapter to the device: all that `deltas` change about `layers`.
    ///
    /// # Errors
    /// A delta that does not fit its layer or belongs to none, weights that cannot be measured, or no
    /// memory.
    pub fn load(
        backend: &B,
        layers: &[Layer],
        deltas: &[StoredDelta],
        fill: Fill<'_>,
    ) -> Result<Self> {
        let mut adapter = HashMap::new();
        let mut left = deltas.len();
        for layer in layers {
            let placed: Vec<_> = deltas.iter().filter_map(|delta| layer.place(delta)).collect();
            if placed.is_empty() {
                continue;
            }
            left -= placed.len();
            let delta = layer::delta(backend, layer, &placed, fill)?;
            adapter.insert(layer.name().to_owned(), Arc::new(delta));
        }
        if left > 0 {
            let detail = format!("{left} of {} changes belong to no layer", deltas.len());
            return Err(zao_backend::Error::shape("adapter", detail).into());
        }
        Ok(Self { layers: adapter })
    }
}

/// The tensors that an adapter has on a device, as [`Adapter::load`] makes them beside the weights of `checkpoint`, of
/// which only shapes are read.
#[must_use]
pub fn adapter_tensors(
    layers: &[Layer],
    deltas: &[StoredDelta],
    checkpoint: &dyn Checkpoint,
) -> Vec<Declared> {
    let of_layer = |layer: &Layer| {
        let placed: Vec<_> = deltas.iter().filter_map(|delta| layer.place(delta)).collect();
        layer::tensors(layer, &placed, checkpoint)
    };
    layers.iter().flat_map(of_layer).collect()
}

/// The low-rank parts that a linear weight is stored with, as one term that every row gets; nothing without any.
pub(crate) fn own_term<B: Backend>(
    backend: &B,
    layer: &Layer,
    parts: &[StoredDelta],
    fill: Fill<'_>,
) -> Result<Option<Delta<B>>> {
    let placed: Vec<_> = parts.iter().filter_map(|part| layer.place(part)).collect();
    if placed.is_empty() {
        return Ok(None);
    }
    layer::delta(backend, layer, &placed, fill).map(Some)
}

/// The tensors that the low-rank `parts` of weights are on a device, beside the weights themselves.
#[must_use]
pub fn low_rank_tensors(layers: &[Layer], parts: &[StoredDelta]) -> Vec<Declared> {
    adapter_tensors(layers, parts, &Manifest::default())
}

/// Adapters with their scales, as one picture follows them.
pub struct AdapterStack<B: Backend> {
    layers: HashMap<String, Adaptation<B>>,
}

impl<B: Backend> AdapterStack<B> {
    /// The stack of `adapters`, each with its scale. A scale of two adds twice as much; it also stretches the
    /// difference that a magnitude makes, in proportion.
    ///
    /// # Errors
    /// No memory.
    pub fn new(backend: &B, adapters: &[(Arc<Adapter<B>>, f32)]) -> Result<Self> {
        let mut names: Vec<_> =
            adapters.iter().flat_map(|(adapter, _)| adapter.layers.keys()).collect();
        // In order, so that memory is taken in the same order as in the rehearsal.
        names.sort_unstable();
        names.dedup();
        let layers = names.into_iter().map(|name| {
            let of = |(adapter, scale): &(Arc<Adapter<B>>, f32)| {
                Some((Arc::clone(adapter.layers.get(name)?), *scale))
            };
            let deltas = adapters.iter().filter_map(of).collect();
            Ok((name.clone(), Adaptation::new(backend, deltas)?))
        });
        Ok(Self { layers: layers.collect::<Result<_>>()? })
    }
}

/// The stacks that the segments of a packed sequence follow.
pub(crate) struct Following<'a, B: Backend> {
    /// Consecutive rows and their stack, in order; rows without one are left out.
    rows: Vec<(Range<usize>, &'a AdapterStack<B>)>,
}

impl<'a, B: Backend> Following<'a, B> {
    /// The segments of `segments`, each of which follows the stack of the same number, if it has one.
    pub(crate) fn new(
        segments: &Segments,
        stacks: impl IntoIterator<Item = Option<&'a AdapterStack<B>>>,
    ) -> Self {
        let mut following = Self { rows: Vec::new() };
        for (rows, stack) in segments.iter().zip(stacks) {
            let (Some(stack), false) = (stack, rows.is_empty()) else { continue };
            match following.rows.last_mut() {
                Some((before, same)) if before.end == rows.start && std::ptr::eq(*same, stack) => {
                    before.end = rows.end;
                }
                _ => following.rows.push((rows, stack)),
            }
        }
        following
    }

    /// No row follows any.
    pub(crate) fn none() -> Self {
        Self { rows: Vec::new() }
    }

    /// All of `rows` rows follow `stack`, if there is one.
    pub(crate) fn all(rows: usize, stack: Option<&'a AdapterStack<B>>) -> Self {
        Self { rows: stack.map(|stack| (0..rows, stack)).into_iter().collect() }
    }

    /// What changes about which of `rows` rows at the weight called `name`, whose `own` part every row gets.
    pub(crate) fn at<'s>(
        &self,
        name: &str,
        own: Option<&'s Delta<B>>,
        rows: usize,
    ) -> Vec<Adapted<'s, B>>
    where
        'a: 's,
    {
        let followed = self.rows.iter().filter_map(|(rows, stack)| {
            let stack: &'a AdapterStack<B> = stack;
            Some((rows.clone(), stack.layers.get(name)?))
        });
        let mut adapted: Vec<Adapted<'s, B>> = Vec::new();
        let mut end = 0;
        let alone = |rows: Range<usize>| {
            let is_there = own.is_some() && !rows.is_empty();
            is_there.then_some(Adapted { rows, own, by: None })
        };
        for (rows, by) in followed {
            adapted.extend(alone(end..rows.start));
            end = rows.end;
            adapted.push(Adapted { rows, own, by: Some(by) });
        }
        adapted.extend(alone(end..rows));
        adapted
    }
}
