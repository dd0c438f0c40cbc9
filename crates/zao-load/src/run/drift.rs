//! What changes in the course of a soak: times that grow, memory that is not given back. What a row holds is known in [`crate::report`].

use std::collections::BTreeSet;

use crate::report::Row;
use crate::slope::slope;

/// What has changed between the first and the last third of a soak: times that grow, memory that is not given back.
pub(super) fn drift(rows: &[Row]) -> Vec<String> {
    let third = rows.len() / 3;
    if third == 0 {
        return Vec::new();
    }
    let mean = |rows: &[Row], value: &dyn Fn(&Row) -> Option<f64>| {
        let values: Vec<f64> = rows.iter().filter_map(value).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let of = |what: &str, value: &dyn Fn(&Row) -> Option<f64>| {
        let first = mean(&rows[..third], value)?;
        let last = mean(&rows[rows.len() - third..], value)?;
        let change = 100.0 * (last / first - 1.0);
        (change.is_finite() && change.abs() > 5.0)
            .then(|| format!("{what} changed by {change:+.1} % from the first third to the last"))
    };
    let changes = [
        of("the median of E2E", &|row| row.e2e.map(|spread| spread.p50)),
        of("throughput", &|row| Some(row.throughput)),
        of("memory", &Row::memory_bytes),
    ];
    changes.into_iter().flatten().collect()
}

/// By how much each gauge of memory grew, as the line through its rows has it; nothing of fewer than three rows.
pub(super) fn growth(rows: &[Row]) -> Vec<String> {
    let gauges: BTreeSet<&String> = rows.iter().flat_map(|row| row.memory.keys()).collect();
    let told = gauges.into_iter().filter_map(|gauge| {
        let point = |row: &Row| {
            Some(((row.from_seconds + row.seconds / 2.0) / 60.0, *row.memory.get(gauge)?))
        };
        let points: Vec<(f64, f64)> = rows.iter().filter_map(point).collect();
        let slope = slope(&points).filter(|_| points.len() >= 3)?;
        Some(format!("{gauge}: {:+.2} MB a minute", slope / 1e6))
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Load;
    use crate::record::{Surroundings, Tally};

    #[test]
    fn memory_that_is_not_given_back_is_noticed() {
        let rows = |growth: f64| -> Vec<Row> {
            let row = |at: u32| {
                let memory =
                    [("vram_bytes".to_owned(), 1e9 * (1.0 + growth * f64::from(at)))].into();
                let around = Surroundings { memory, ..Surroundings::default() };
                Tally::new(Load::Closed { clients: 1 }, &[]).row(0.0, 1.0, 1.0, around)
            };
            (0..9).map(row).collect()
        };
        assert_eq!(
            drift(&rows(0.05)),
            ["memory changed by +28.6 % from the first third to the last"]
        );
        assert_eq!(drift(&rows(0.001)), Vec::<String>::new());
        assert_eq!(drift(&rows(0.05)[..2]), Vec::<String>::new());
    }

    #[test]
    fn growth_is_told_of_each_gauge_a_minute() {
        let rows: Vec<Row> = (0..5)
            .map(|at| {
                let memory = [
                    ("server_memory_bytes".to_owned(), 5e7 + 2e6 * f64::from(at)),
                    ("worker_memory_bytes".to_owned(), 1e8 - 1e6 * f64::from(at)),
                ];
                let around = Surroundings { memory: memory.into(), ..Surroundings::default() };
                let tally = Tally::new(Load::Closed { clients: 1 }, &[]);
                tally.row(120.0 * f64::from(at), 120.0, 1.0, around)
            })
            .collect();
        let told =
            ["server_memory_bytes: +1.00 MB a minute", "worker_memory_bytes: -0.50 MB a minute"];
        assert_eq!(growth(&rows), told);
        assert_eq!(growth(&rows[..2]), Vec::<String>::new(), "two rows are no line");
    }
}
