//! The line through points: what grows how fast. Which points, and whether there are enough, is decided by the caller.

/// The slope of the line through points, by least squares; `None` where all have one place.
pub(crate) fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let n = points.len() as f64;
    let x_mean = points.iter().map(|(x, _)| x).sum::<f64>() / n;
    let y_mean = points.iter().map(|(_, y)| y).sum::<f64>() / n;
    let above: f64 = points.iter().map(|(x, y)| (x - x_mean) * (y - y_mean)).sum();
    let below: f64 = points.iter().map(|(x, _)| (x - x_mean).powi(2)).sum();
    (below > 0.0).then(|| above / below)
}

#[cfg(test)]
mod tests {
    use super::slope;

    #[test]
    fn the_line_is_as_near_to_all_points_as_it_can_be() {
        assert_eq!(slope(&[(0.0, 1.0), (2.0, 5.0)]), Some(2.0));
        assert_eq!(slope(&[(0.0, 0.0), (1.0, 3.0), (2.0, 2.0)]), Some(1.0));
        assert_eq!((slope(&[]), slope(&[(1.0, 1.0), (1.0, 2.0)])), (None, None));
    }
}
