//! A checkpoint with adapters in its weights: what a model is loaded from when one stack stays. It costs
//! nothing while drawing, and the stack cannot be changed any more.

use zao_backend::{Care, Dtype, Form, Role, Stored, StoredDelta};

use super::{Fill, norms};
use crate::{Checkpoint, Error, Layer, Result};

/// `checkpoint`, to whose weights a stack of adapters is added in `f32` as they are handed out, before a device
/// rounds or quantises them.
pub struct Merged<'a> {
    checkpoint: &'a dyn Checkpoint,
    layers: &'a [Layer],
    stack: &'a [(&'a [StoredDelta], f32)],
}

impl<'a> Merged<'a> {
    /// The weights of `checkpoint`, whose linear ones are `layers`, with each adapter times its scale.
    #[must_use]
    pub fn new(
        checkpoint: &'a dyn Checkpoint,
        layers: &'a [Layer],
        stack: &'a [(&'a [StoredDelta], f32)],
    ) -> Self {
        Self { checkpoint, layers, stack }
    }

    /// Adds the stack to `values`, the rows of the part `part` of `layer`.
    fn add(&self, layer: &Layer, part: &str, stored: &Stored, values: &mut [f32]) -> Result<bool> {
        let (own, inner) = (layer.rows_of(part).unwrap_or_default(), layer.inputs);
        let mut is_changed = false;
        let (mut row, mut base) = (vec![0.0; inner], vec![0.0; inner]);
        for (delta, scale) in
            self.stack.iter().flat_map(|(deltas, scale)| deltas.iter().map(move |d| (d, scale)))
        {
            let Some(placed) = layer.place(delta) else { continue };
            delta.check(placed.rows, inner)?;
            let stretch = norms::stretch(layer, &placed, Fill::Values(self.checkpoint))?;
            let rows = delta.rows();
            let changed = placed.first..placed.first + placed.rows;
            for sum in own.start.max(changed.start)..own.end.min(changed.end) {
                is_changed = true;
                let index = sum - changed.start;
                rows.row(index, &mut row);
                let values = &mut values[(sum - own.start) * inner..][..inner];
                if let Some(stretch) = &stretch {
                    // What it adds is the stretched row less the old one.
                    let stretch = stretch[index];
                    stored.widen((sum - own.start) * inner, &mut base);
                    for (delta, base) in row.iter_mut().zip(&base) {
                        *delta = stretch * *delta + (stretch - 1.0) * base;
                    }
                }
                values.iter_mut().zip(&row).for_each(|(value, delta)| *value += scale * delta);
            }
        }
        Ok(is_changed)
    }
}

impl Checkpoint for Merged<'_> {
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Form> {
        self.checkpoint.tensor(name, shape)
    }

    fn matrix(&self, name: &str, shape: &[usize], role: Role, care: Care) -> Result<Form> {
        let form = self.checkpoint.matrix(name, shape, role, care)?;
        let part = name.strip_suffix(".weight").unwrap_or(name);
        let Some(layer) = self.layers.iter().find(|layer| layer.rows_of(part).is_some()) else {
            return Ok(form);
        };
        let deltas = self.stack.iter().flat_map(|(deltas, _)| *deltas);
        if !deltas.into_iter().any(|delta| delta.layers.iter().any(|layer| layer == part)) {
            return Ok(form);
        }
        let form = form.unpacked(Dtype::F32);
        let Form::Dense(stored) = &form else {
            let detail = "adapters cannot be merged into a weight that is stored quantised; draw with them \
                          unmerged, or use the model that it was converted from";
            return Err(Error::Weight { name: name.into(), detail: detail.into() });
        };
        let mut values = stored.to_f32();
        Ok(if self.add(layer, part, stored, &mut values)? {
            Form::Dense(Stored::from_f32(shape, &values))
        } else {
            form
        })
    }
}
