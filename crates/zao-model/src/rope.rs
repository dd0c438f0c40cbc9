//! Rotation tables: for every token, cosines then sines of its pairs' angles.

/// Appends the cosines, then the sines, of one token's angles to `table`.
///
/// Angles are rounded to `f32` first, as both reference implementations hold them, and their sine
/// and cosine are then exact to the last bit.
pub(crate) fn push_row(table: &mut Vec<f32>, angles: impl Iterator<Item = f32> + Clone) {
    table.extend(angles.clone().map(|angle| f64::from(angle).cos() as f32));
    table.extend(angles.map(|angle| f64::from(angle).sin() as f32));
}
