//! Packed parts that take no less memory than what is multiplied: they are converted while they are loaded
//! (`kernels/load_packed.cu`).

use std::borrow::Cow;

use zao_backend::{Error, Form, Matrix, Result, Scaled, ScaledKind};

use super::Fate;
use super::names::Layout;
use crate::address::int;
use crate::device::Cuda;
use crate::loader::{Packed, Part, Values, Way};
use crate::weight::Place;

/// How part `number` of `matrix`, which is not dense, gets to `place`; `None` for one that cannot be converted.
pub(crate) fn convert<'a>(
    cuda: &Cuda,
    matrix: &Matrix,
    number: usize,
    form: &'a Form,
    place: &Place,
) -> Result<Option<Part<'a>>> {
    let usage = (matrix.role(), matrix.care());
    let (Some(_), &[rows, width]) = (Fate::of(place.kept, usage, form), form.shape()) else {
        return Ok(None);
    };
    let (layout, values, bytes, groups) = match form {
        Form::Blocks(it) => {
            (Layout::Blocks(it.kind()), Values::Blocks(it.kind()), it.bytes(), rows)
        }
        Form::Scaled(it) => {
            (Layout::Scaled(it.kind()), Values::Scaled(it.kind()), it.bytes(), rows)
        }
        Form::Int8Panels(it) => {
            (Layout::Panels, Values::Numbers, it.words(), rows.div_ceil(Layout::PANEL))
        }
        _ => return Ok(None),
    };
    let Some(name) = layout.conversion(place.kept) else { return Ok(None) };
    let from_scales = match form {
        Form::Scaled(scaled) => scales_of(number, scaled)?,
        Form::Int8Panels(panels) => panels.scales().to_f32(),
        _ => Vec::new(),
    };
    let way = Way::Packed(Packed {
        kernel: cuda.kernel("load_packed", name)?,
        from_scales,
        to: place.values,
        scales: place.scales,
        width: int(width)?,
        rotated: int(layout.rotated())?,
        first: int(place.first)?,
        step: int(place.step)?,
        rows,
        group: if layout == Layout::Panels { Layout::PANEL } else { 1 },
        shared: if name == Layout::SAME {
            0
        } else {
            int(width * size_of::<f32>())?.cast_unsigned()
        },
    });
    Ok(Some(Part { number, values, bytes: Cow::Borrowed(bytes), rows: groups, way }))
}

/// The scale of each row, which has to be finite with all that it is multiplied with.
pub(super) fn scales_of(part: usize, scaled: &Scaled) -> Result<Vec<f32>> {
    let &[rows, width] = scaled.shape() else { return Ok(Vec::new()) };
    let largest = match scaled.kind() {
        ScaledKind::E4m3 => 448.0,
        ScaledKind::E5m2 => 57_344.0,
        ScaledKind::Int8 { .. } => 128.0,
    };
    if let Some(row) = scaled.scales().iter().position(|scale| !(scale * largest).is_finite()) {
        return Err(Error::NotFinite { part, index: row * width });
    }
    Ok(match scaled.scales() {
        [one] => vec![*one; rows],
        each => each.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_that_are_no_numbers_are_found_with_their_row() {
        let scaled = |kind, scales| Scaled::new(kind, [2, 16], vec![0; 32].into(), scales).unwrap();
        assert_eq!(scales_of(3, &scaled(ScaledKind::E4m3, vec![0.5])).unwrap(), [0.5, 0.5]);
        for bad in [f32::NAN, f32::INFINITY, 1e38] {
            let error = scales_of(3, &scaled(ScaledKind::E4m3, vec![1.0, bad])).unwrap_err();
            assert_eq!(error, Error::NotFinite { part: 3, index: 16 });
        }
    }
}
