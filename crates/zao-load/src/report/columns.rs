//! The cells of a report, shared by all forms that people read. How they are put together is the business of each form.

use super::words::{Column, Language, load, too_few};
use super::{Devices, Report, Row, Teller};
use crate::littles_law;
use crate::record::Spread;

/// What stands where there is nothing to say.
const NOTHING: &str = "-";

/// A head and a line for each row; columns in which no row has anything are left out.
pub(super) fn cells(report: &Report, language: Language) -> Vec<Vec<String>> {
    let rows: Vec<Vec<String>> = report
        .rows
        .iter()
        .enumerate()
        .map(|(place, row)| {
            let knee = report.knee == Some(place);
            Column::ALL.map(|column| cell(row, column, knee, language)).to_vec()
        })
        .collect();
    let optional = |column: Column| {
        use Column::{
            CardMemory, Dropped, Energy, EtaError, Inference, Memory, News, Power, Queue, Refused,
            Utilization, Wrong,
        };
        let of_cards = matches!(column, CardMemory | Utilization | Power | Energy);
        of_cards
            || matches!(
                column,
                Queue | Inference | News | EtaError | Wrong | Refused | Dropped | Memory
            )
    };
    let is_shown = |at: usize| {
        let empty = |row: &Vec<String>| row[at] == NOTHING || row[at] == "0";
        !(optional(Column::ALL[at]) && rows.iter().all(empty))
    };
    let head = Column::ALL.map(|column| column.word(language).to_owned()).to_vec();
    let lines = std::iter::once(head).chain(rows.iter().cloned());
    let shown = |line: Vec<String>| {
        line.into_iter().enumerate().filter(|(at, _)| is_shown(*at)).map(|(_, cell)| cell).collect()
    };
    lines.map(shown).collect()
}

/// What is said of the measurement above its rows.
pub(super) fn title(report: &Report) -> String {
    let asked = &report.settings;
    let size = asked.size.map_or("auto".into(), |(width, height)| format!("{width}x{height}"));
    let steps = asked.steps.map(|steps| format!(", {steps} steps")).unwrap_or_default();
    let count =
        if asked.count > 1 { format!(", {} pictures each", asked.count) } else { String::new() };
    let protocol = report.protocol.as_str();
    format!("{} of {} ({protocol}): {size}{steps}{count}", report.mode, report.target)
}

/// What readers have to know: of the whole, then of each row.
pub(super) fn remarks(report: &Report) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(warm) = report.warm_up {
        let failed =
            if warm.failed > 0 { format!(", {} failed", warm.failed) } else { String::new() };
        remarks.push(format!(
            "warm-up, not in the rows: {} requests{failed}, the slowest {}",
            warm.requests,
            seconds(warm.longest_seconds)
        ));
    }
    if !report.settings.objectives.is_empty() {
        remarks.push(format!("good: {}", report.settings.objectives.join(", ")));
    }
    if let Some(row) = report.knee.and_then(|place| report.rows.get(place)) {
        remarks.push(format!("* knee: goodput rose by more than 5 % up to {}", row.load));
    }
    let by_meter = |row: &Row| row.devices.as_ref().is_some_and(|it| it.told_by == Teller::Meter);
    if report.rows.iter().any(by_meter) {
        remarks.push(
            "numbers of cards are those of this machine's driver, with all that runs on them"
                .into(),
        );
    }
    remarks.extend(report.remarks.iter().cloned());
    for row in &report.rows {
        let name = row.load;
        let codes = row.errors.iter().chain(&row.wrong);
        remarks.extend(codes.map(|(code, count)| {
            let detail = row.details.get(code).map(|it| format!(": {it}")).unwrap_or_default();
            format!("{name}: {count} x {code}{detail}")
        }));
        if row.refusals > 0 {
            let came_again = row.refusals - row.refused.min(row.refusals);
            remarks.push(format!(
                "{name}: refused {} times (429); {came_again} came again after Retry-After, {} did not",
                row.refusals, row.refused
            ));
        }
        remarks.extend(row.remarks.iter().map(|remark| format!("{name}: {remark}")));
    }
    remarks
}

fn cell(row: &Row, column: Column, knee: bool, language: Language) -> String {
    let time = |spread: Option<Spread>, of: fn(&Spread) -> f64| {
        spread.map_or(NOTHING.into(), |spread| seconds(of(&spread)))
    };
    let of_cards = |number: fn(&Devices) -> Option<f64>, write: fn(f64) -> String| {
        row.devices.as_ref().and_then(number).map_or(NOTHING.into(), write)
    };
    match column {
        Column::Load => load(row.load, language) + if knee { " *" } else { "" },
        Column::Requests => row.requests.to_string(),
        Column::Throughput => rate(row.throughput),
        Column::Goodput => rate(row.goodput),
        Column::Ttfb => time(row.ttfb, |it| it.p50),
        Column::Ttfp => time(row.ttfp, |it| it.p50),
        Column::E2e50 => time(row.e2e, |it| it.p50),
        Column::E2e90 => time(row.e2e, |it| it.p90),
        Column::E2e95 => time(row.e2e, |it| it.p95),
        Column::E2e99 => {
            row.e2e.map_or(NOTHING.into(), |it| it.p99.map_or_else(|| too_few(language), seconds))
        }
        Column::Max => time(row.e2e, |it| it.max),
        Column::Queue => time(row.queue, |it| it.p50),
        Column::Inference => time(row.inference, |it| it.p50),
        Column::News => {
            row.news.map_or(NOTHING.into(), |it| it.p99.map_or_else(|| too_few(language), seconds))
        }
        Column::EtaError => row.eta_error.map_or(NOTHING.into(), |it| {
            format!("{:.0} %, {:.0} %", 100.0 * it.p50, 100.0 * it.p90)
        }),
        Column::Errors => counted(&row.errors),
        Column::Wrong => counted(&row.wrong),
        Column::Refused => row.refusals.to_string(),
        Column::Dropped => row.dropped.to_string(),
        Column::Memory => {
            row.memory_bytes().map_or(NOTHING.into(), |it| format!("{:.2} GB", it / 1e9))
        }
        Column::CardMemory => {
            of_cards(|it| it.total.memory_peak_bytes, |bytes| format!("{:.2} GB", bytes / 1e9))
        }
        Column::Utilization => {
            of_cards(|it| it.total.utilization, |share| format!("{:.0} %", 100.0 * share))
        }
        Column::Power => of_cards(|it| it.total.power_watts, |watts| format!("{watts:.0} W")),
        Column::Energy => of_cards(|it| it.joules_per_picture, rate),
        Column::Residual => row.littles_law_residual.map_or(NOTHING.into(), |residual| {
            let mark = if littles_law::is_broken(residual) { " !" } else { "" };
            format!("{:+.1} %{mark}", 100.0 * residual)
        }),
    }
}

fn counted(codes: &std::collections::BTreeMap<String, u64>) -> String {
    codes.values().sum::<u64>().to_string()
}

fn rate(per_second: f64) -> String {
    if per_second < 10.0 { format!("{per_second:.3}") } else { format!("{per_second:.1}") }
}

/// Seconds with three digits that matter.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 0.0995 => format!("{:.1} ms", 1e3 * s),
        s if s < 0.9995 => format!("{:.0} ms", 1e3 * s),
        s if s < 9.995 => format!("{s:.2} s"),
        s => format!("{s:.1} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_keep_three_digits() {
        for (given, written) in [
            (0.00123, "1.2 ms"),
            (0.0996, "100 ms"),
            (0.5, "500 ms"),
            (1.234, "1.23 s"),
            (65.43, "65.4 s"),
        ] {
            assert_eq!(seconds(given), written);
        }
    }
}
