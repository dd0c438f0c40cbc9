//! Two reports side by side: what changed, and whether that is more than chance. Whether a change is welcome is judged by who
//! asks.

use crate::Spread;
use crate::report::{Devices, Load, Report, Row};

/// Standard errors to either side that hold 95 of 100 means.
const CONFIDENCE: f64 = 1.96;

/// Beyond so many standard errors a difference of means is no chance.
const STANDARD_ERRORS: f64 = 3.0;

/// Two reports, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What changed in rows of the same load.
    pub changes: Vec<Change>,
    /// Why the two may not be comparable, and loads that only one of them has.
    pub remarks: Vec<String>,
}

/// One number in both.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The load of the row.
    pub load: Load,
    /// Which number.
    pub what: &'static str,
    /// In the first report.
    pub before: f64,
    /// In the second.
    pub after: f64,
    /// Whether it is more than chance; `None` where that cannot be told.
    pub certain: Option<bool>,
    /// Half the width of the interval that holds the change with 95 % confidence, as a share of what was before; `None` where that cannot
    /// be told.
    pub error: Option<f64>,
    /// Whether more of it is worse.
    pub more_is_worse: bool,
}

impl Change {
    /// By how much it is worse, as a share; negative when it is better.
    #[must_use]
    pub fn worse_by(&self) -> f64 {
        let change = match (self.before, self.after) {
            (before, after) if before == after => 0.0,
            (before, after) => after / before - 1.0,
        };
        if self.more_is_worse { change } else { -change }
    }
}

/// Compares rows of the same load. Where a load comes several times, as in a soak, they are compared in their order.
#[must_use]
pub fn compare(before: &Report, after: &Report) -> Comparison {
    let mut remarks = Vec::new();
    let mut differs = |what: &str, a: String, b: String| {
        if a != b {
            remarks.push(format!("{what} differs: {a} before, {b} after"));
        }
    };
    differs("the mode", before.mode.clone(), after.mode.clone());
    let protocol = |it: &Report| it.protocol.as_str().to_owned();
    differs("the protocol", protocol(before), protocol(after));
    let asked = |it: &Report| {
        let asked = &it.settings;
        format!(
            "{:?}, {:?} steps, {} pictures, {} previews",
            asked.size, asked.steps, asked.count, asked.previews
        )
    };
    differs("what was asked for", asked(before), asked(after));
    let mut left: Vec<&Row> = after.rows.iter().collect();
    let mut changes = Vec::new();
    for row in &before.rows {
        match left.iter().position(|other| other.load == row.load) {
            Some(at) => changes.extend(row_changes(row, left.remove(at))),
            None => remarks.push(format!("only before: {}", row.load)),
        }
    }
    remarks.extend(left.iter().map(|row| format!("only after: {}", row.load)));
    Comparison { changes, remarks }
}

impl Comparison {
    /// Lines for people.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let changes = self.changes.iter().map(|change| {
            let &Change { load, what, before, after, certain, error, .. } = change;
            let percent = 100.0 * change.worse_by();
            let verdict = match (certain, percent) {
                (Some(false), _) => "chance".to_owned(),
                (_, 0.0) => "same".to_owned(),
                (_, percent) if percent.is_infinite() => "there was none before".to_owned(),
                (_, percent) if percent > 0.0 => format!("{percent:.1} % worse"),
                (_, percent) => format!("{:.1} % better", -percent),
            };
            let error = error.map(|it| format!(" (+-{:.1} %)", 100.0 * it)).unwrap_or_default();
            format!(
                "{:<12}  {what:<22}  {before:>10.4}  {after:>10.4}  {verdict}{error}",
                load.to_string()
            )
        });
        let head = format!("{:<12}  {:<22}  {:>10}  {:>10}", "load", "", "before", "after");
        std::iter::once(head).chain(changes).chain(self.remarks.iter().cloned()).collect()
    }
}

fn row_changes(before: &Row, after: &Row) -> Vec<Change> {
    let load = after.load;
    let plain = |what, before: f64, after: f64, more_is_worse| Change {
        load,
        what,
        before,
        after,
        certain: None,
        error: None,
        more_is_worse,
    };
    let mut changes = vec![
        plain("throughput, req/s", before.throughput, after.throughput, false),
        plain("goodput, req/s", before.goodput, after.goodput, false),
        plain("failed, share", before.failed_share(), after.failed_share(), true),
    ];
    let times = [
        ("TTFP mean, s", before.ttfp.zip(after.ttfp)),
        ("E2E mean, s", before.e2e.zip(after.e2e)),
        ("inference mean, s", before.inference.zip(after.inference)),
    ];
    for (what, pair) in times {
        let Some((a, b)) = pair else { continue };
        let certain = Some(is_certain(&a, &b));
        let error = Some(CONFIDENCE * standard_error(&a, &b) / a.mean).filter(|it| it.is_finite());
        changes.push(Change { certain, error, ..plain(what, a.mean, b.mean, true) });
    }
    if let Some((a, b)) = before.e2e.zip(after.e2e) {
        changes.push(plain("E2E p95, s", a.p95, b.p95, true));
    }
    if let Some((a, b)) = before.memory_bytes().zip(after.memory_bytes()) {
        changes.push(plain("memory, GB", a / 1e9, b / 1e9, true));
    }
    let of_cards = |number: fn(&Devices) -> Option<f64>| {
        let number = |row: &Row| row.devices.as_ref().and_then(number);
        number(before).zip(number(after))
    };
    if let Some((a, b)) = of_cards(|it| it.total.memory_peak_bytes) {
        changes.push(plain("GPU memory, GB", a / 1e9, b / 1e9, true));
    }
    if let Some((a, b)) = of_cards(|it| it.joules_per_picture) {
        changes.push(plain("energy, J/picture", a, b, true));
    }
    changes
}

/// Welch's test: whether means differ by more than their errors explain.
fn is_certain(a: &Spread, b: &Spread) -> bool {
    (a.mean - b.mean).abs() > STANDARD_ERRORS * standard_error(a, b)
}

/// The standard error of the difference of two means.
fn standard_error(a: &Spread, b: &Spread) -> f64 {
    let error = |spread: &Spread| spread.deviation.powi(2) / spread.n as f64;
    (error(a) + error(b)).sqrt()
}
