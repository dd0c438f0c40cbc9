//! Little's law: requests in flight = requests a second x mean seconds of a request. It holds for every queue whatever
//! happens inside, so a row that breaks it was measured wrongly, or not long enough. Why is NOT found out here.

/// More than this is not noise.
pub const TOLERANCE: f64 = 0.05;

/// How far a row is from the law: 0 when it keeps it, 1 when it claims twice the throughput that its latency allows, 9 for ten
/// times. `None` where nothing was in flight.
#[must_use]
pub fn residual(in_flight: f64, per_second: f64, mean_seconds: f64) -> Option<f64> {
    (in_flight > 0.0).then(|| per_second * mean_seconds / in_flight - 1.0)
}

/// Whether a residual is more than noise.
#[must_use]
pub fn is_broken(residual: f64) -> bool {
    residual.is_nan() || residual.abs() > TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_table_that_is_ten_times_too_fast_is_found_out() {
        // Clients, claimed requests a second, requests a second that its own latencies allow.
        for (clients, claimed, possible) in [
            (1.0, 5.4, 0.546),
            (4.0, 19.1, 1.909),
            (8.0, 37.6, 3.742),
            (16.0, 62.3, 6.248),
            (32.0, 78.9, 7.830),
        ] {
            let mean_seconds = clients / possible;
            let residual = residual(clients, claimed, mean_seconds).unwrap();
            assert!((8.8..9.2).contains(&residual), "{clients}: {residual}");
            assert!(is_broken(residual));
        }
    }

    #[test]
    fn its_headline_is_right_once_it_is_corrected() {
        let residual = residual(32.0, 8.2, 32.0 / 7.830).unwrap();
        assert!(!is_broken(residual), "{residual}");
    }

    #[test]
    fn what_is_no_number_is_broken() {
        assert!(is_broken(f64::NAN));
        assert_eq!(residual(0.0, 1.0, 1.0), None);
    }
}
