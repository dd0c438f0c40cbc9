//! A report as CSV, a line for each row: numbers in full, times in seconds, shares from 0 to 1, for programs that draw charts.

use super::{DeviceUse, Load, Report, Row};
use crate::record::Spread;

type Value = fn(&Row) -> String;

const PLAIN: [(&str, Value); 29] = [
    ("load", |row| match row.load {
        Load::Closed { .. } => "closed".into(),
        Load::Open { .. } => "open".into(),
        Load::Replayed => "replayed".into(),
    }),
    ("clients", |row| match row.load {
        Load::Closed { clients } => clients.to_string(),
        Load::Open { .. } | Load::Replayed => String::new(),
    }),
    ("offered_per_second", |row| match row.load {
        Load::Open { per_second, .. } => per_second.to_string(),
        Load::Closed { .. } | Load::Replayed => String::new(),
    }),
    ("from_seconds", |row| row.from_seconds.to_string()),
    ("seconds", |row| row.seconds.to_string()),
    ("requests", |row| row.requests.to_string()),
    ("correct", |row| row.correct.to_string()),
    ("pictures", |row| row.pictures.to_string()),
    ("throughput", |row| row.throughput.to_string()),
    ("pictures_per_second", |row| row.pictures_per_second.to_string()),
    ("goodput", |row| row.goodput.to_string()),
    ("errors", |row| row.errors.values().sum::<u64>().to_string()),
    ("wrong", |row| row.wrong.values().sum::<u64>().to_string()),
    ("refusals", |row| row.refusals.to_string()),
    ("refused", |row| row.refused.to_string()),
    ("dropped", |row| row.dropped.to_string()),
    ("in_flight", |row| row.in_flight.to_string()),
    ("littles_law_residual", |row| some(row.littles_law_residual)),
    ("memory_bytes", |row| some(row.memory_bytes())),
    ("queue_depth", |row| some(row.queue_depth)),
    ("gpu_utilization", |row| of_cards(row, |it| it.utilization)),
    ("gpu_power_watts", |row| of_cards(row, |it| it.power_watts)),
    ("gpu_energy_joules", |row| of_cards(row, |it| it.energy_joules)),
    ("gpu_joules_per_picture", |row| {
        some(row.devices.as_ref().and_then(|it| it.joules_per_picture))
    }),
    ("gpu_memory_peak_bytes", |row| of_cards(row, |it| it.memory_peak_bytes)),
    ("gpu_temperature_celsius", |row| of_cards(row, |it| it.temperature_celsius)),
    ("gpu_sm_clock_hertz", |row| of_cards(row, |it| it.sm_clock_hertz)),
    ("client_cpu", |row| some(row.client.cpu)),
    ("client_lag_seconds", |row| row.client.lag_seconds.to_string()),
];

type Times = fn(&Row) -> Option<Spread>;

const TIMES: [(&str, Times); 8] = [
    ("ttfb", |row| row.ttfb),
    ("ttfp", |row| row.ttfp),
    ("e2e", |row| row.e2e),
    ("queue", |row| row.queue),
    ("inference", |row| row.inference),
    ("overhead", |row| row.overhead),
    ("news", |row| row.news),
    ("eta_error", |row| row.eta_error),
];

type Statistic = fn(&Spread) -> Option<f64>;

const STATISTICS: [(&str, Statistic); 6] = [
    ("mean", |it| Some(it.mean)),
    ("p50", |it| Some(it.p50)),
    ("p90", |it| Some(it.p90)),
    ("p95", |it| Some(it.p95)),
    ("p99", |it| it.p99),
    ("max", |it| Some(it.max)),
];

/// A head and a line for each row, each ended by a line break. No cell needs quotes: all are numbers or names of ours.
#[must_use]
pub fn csv(report: &Report) -> String {
    let mut head: Vec<String> = PLAIN.iter().map(|(name, _)| (*name).to_owned()).collect();
    for (time, _) in TIMES {
        head.extend(STATISTICS.iter().map(|(statistic, _)| format!("{time}_{statistic}")));
    }
    let line = |row: &Row| {
        let mut cells: Vec<String> = PLAIN.iter().map(|(_, value)| value(row)).collect();
        for (_, spread) in TIMES {
            let spread = spread(row);
            cells.extend(STATISTICS.iter().map(|(_, of)| some(spread.as_ref().and_then(of))));
        }
        cells.join(",") + "\n"
    };
    let lines: String = report.rows.iter().map(line).collect();
    head.join(",") + "\n" + &lines
}

/// A number of all cards together.
fn of_cards(row: &Row, number: fn(&DeviceUse) -> Option<f64>) -> String {
    some(row.devices.as_ref().and_then(|devices| number(&devices.total)))
}

fn some(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
