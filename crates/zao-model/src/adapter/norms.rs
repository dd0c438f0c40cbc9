//! DoRA: by how much each row of a weight has to be stretched, once the delta is in it, to be as long as its
//! magnitude says. Measured once, when the adapter is loaded, from the weights as they are stored.

use zao_backend::{Dtype, Form};

use super::Fill;
use crate::layer::Placed;
use crate::{Error, Layer, Result};

/// The factor of each row, or nothing without a magnitude.
pub(super) fn stretch(
    layer: &Layer,
    placed: &Placed<'_>,
    fill: Fill<'_>,
) -> Result<Option<Vec<f32>>> {
    let Some(magnitude) = &placed.delta.magnitude else { return Ok(None) };
    let Fill::Values(checkpoint) = fill else { return Ok(Some(vec![1.0; placed.rows])) };
    let mut stretch = magnitude.to_f32();
    let deltas = placed.delta.rows();
    let (mut row, mut delta) = (vec![0.0; layer.inputs], vec![0.0; layer.inputs]);
    let mut index = 0;
    for name in &placed.delta.layers {
        let rows = layer.rows_of(name).unwrap_or_default();
        let (name, shape) = (format!("{name}.weight"), [rows.len(), layer.inputs]);
        let form = checkpoint.matrix(&name, &shape, layer.role, layer.care)?;
        let Form::Dense(stored) = form.unpacked(Dtype::F32) else {
            let detail = "DoRA needs the weight as numbers to measure its rows, and this one is quantised; use \
                          the model that it was converted from";
            return Err(Error::Weight { name, detail: detail.into() });
        };
        for own in 0..rows.len() {
            stored.widen(own * layer.inputs, &mut row);
            deltas.row(index, &mut delta);
            let square = |(w, d): (&f32, &f32)| f64::from(w + d).powi(2);
            let norm = row.iter().zip(&delta).map(square).sum::<f64>().sqrt();
            // A row of zeros has no direction to be stretched in.
            stretch[index] =
                if norm > 0.0 { (f64::from(stretch[index]) / norm) as f32 } else { 1.0 };
            index += 1;
        }
    }
    Ok(Some(stretch))
}
