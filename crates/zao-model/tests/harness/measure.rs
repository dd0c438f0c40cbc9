//! How far a result is from what is expected.

/// The norm of the difference over the norm of what is expected; NaN if a value is NaN.
fn relative_error(got: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(got.len(), expected.len(), "number of values");
    let pairs = got.iter().zip(expected).map(|(&g, &e)| (f64::from(g), f64::from(e)));
    let (difference, norm) = pairs.fold((0.0, 0.0), |(difference, norm), (g, e)| {
        (difference + (g - e).powi(2), norm + e.powi(2))
    });
    (difference / norm).sqrt()
}

/// Fails unless the relative error is a number up to `tolerance`; shows it with `--nocapture`.
pub(crate) fn assert_within(what: &str, got: &[f32], expected: &[f32], tolerance: f64) {
    let error = relative_error(got, expected);
    println!("{what}: relative error {error:.1e}");
    assert!(error <= tolerance, "{what}: relative error {error:.3e} is above {tolerance:.0e}");
}
