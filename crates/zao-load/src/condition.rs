//! Conditions on what was measured, as one types them: `p95<2500ms,errors<1%,goodput>=3/s`. A program that asserts them
//! decides by [`hold`] how it ends; the same words without a percentile say what a single request has to keep.

mod device;
mod parse;

use std::fmt;

use crate::record::Spread;
use crate::report::{Report, Row};
use device::OfCards;

/// A condition, with the text that it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    text: String,
    subject: Subject,
    relation: Relation,
    /// In seconds, bytes, watts, joules, hertz, degrees, a second, or as a share or count.
    bound: f64,
}

/// What a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// A time of requests; of a single one without a statistic.
    Time(Time, Option<Statistic>),
    /// Requests of a kind, as a share of all or as a number.
    Share(Kind),
    Count(Kind),
    /// How far off a time was that the server foresaw.
    EtaError(Statistic),
    Rate(Rate),
    /// The greatest gauge of memory.
    Memory,
    /// How far from Little's law, either way.
    Residual,
    /// A number of the cards.
    Cards(OfCards),
    /// Share of its machine's processors that the client took.
    Client,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Time {
    E2e,
    Ttfb,
    Ttfp,
    Queue,
    Inference,
    Overhead,
    News,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Statistic {
    Mean,
    P50,
    P90,
    P95,
    P99,
    Max,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Without the right picture, refused ones aside.
    Errors,
    Wrong,
    Refused,
    Dropped,
    Requests,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rate {
    Goodput,
    Throughput,
    Pictures,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Below,
    AtMost,
    Above,
    AtLeast,
    Equal,
}

/// What became of a condition in one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The condition as it was given.
    pub condition: String,
    /// Place of the row in its report.
    pub row: usize,
    /// Whether it is met. What cannot be told is not.
    pub met: bool,
    /// One line: what was asked for, and what was found instead.
    pub said: String,
}

impl Condition {
    /// Reads conditions on rows, separated by commas.
    ///
    /// # Errors
    /// [`crate::Error::Condition`], which says where, and what would have been understood there.
    pub fn on_rows(text: &str) -> crate::Result<Vec<Self>> {
        parse::conditions(text, parse::About::Rows)
    }

    /// Reads conditions on single requests, such as `e2e<2500ms,ttfp<800ms`.
    ///
    /// # Errors
    /// As [`Condition::on_rows`].
    pub fn on_requests(text: &str) -> crate::Result<Vec<Self>> {
        parse::conditions(text, parse::About::Requests)
    }

    /// Whether a request keeps it; `value` gives its times by name. A time that there is not keeps nothing.
    pub(crate) fn is_met_by_request(&self, value: impl Fn(&str) -> Option<f64>) -> bool {
        let Subject::Time(time, None) = self.subject else { return false };
        value(time.as_str()).is_some_and(|value| self.relation.holds(value, self.bound))
    }

    fn judge(&self, place: usize, row: &Row) -> Verdict {
        let found = self.value(row);
        let met = found.as_ref().is_ok_and(|&value| self.relation.holds(value, self.bound));
        let found = match found {
            Ok(value) => self.write(value),
            Err(reason) => reason.to_owned(),
        };
        let is = if met { "is met" } else { "is NOT met" };
        let said = format!("{} {is}: {found}", self.text);
        Verdict { condition: self.text.clone(), row: place, met, said }
    }

    /// What a row says of the subject, or why it says nothing.
    fn value(&self, row: &Row) -> Result<f64, &'static str> {
        let share = |count: u64, all: u64| {
            if all == 0 { Err("there were no requests") } else { Ok(count as f64 / all as f64) }
        };
        match self.subject {
            Subject::Time(_, None) => Err("it is about single requests"),
            Subject::Time(time, Some(statistic)) => {
                let spread = time.of(row).ok_or("there is no such time")?;
                statistic.of(&spread).ok_or("n too small, 100 are needed")
            }
            Subject::EtaError(statistic) => {
                let spread = row.eta_error.ok_or("the server foresees nothing")?;
                statistic.of(&spread).ok_or("n too small, 100 are needed")
            }
            Subject::Share(kind) => {
                let sent = row.requests;
                share(kind.of(row), if kind == Kind::Dropped { sent + row.dropped } else { sent })
            }
            Subject::Count(kind) => Ok(kind.of(row) as f64),
            Subject::Rate(Rate::Goodput) => Ok(row.goodput),
            Subject::Rate(Rate::Throughput) => Ok(row.throughput),
            Subject::Rate(Rate::Pictures) => Ok(row.pictures_per_second),
            Subject::Memory => row.memory_bytes().ok_or("the server does not tell"),
            Subject::Residual => {
                row.littles_law_residual.map(f64::abs).ok_or("no request ended in the row")
            }
            Subject::Cards(number) => number.of(row),
            Subject::Client => row.client.cpu.ok_or("the system does not tell"),
        }
    }

    fn write(&self, value: f64) -> String {
        match self.subject {
            Subject::Time(..) if value < 1.0 => format!("{:.1} ms", 1e3 * value),
            Subject::Time(..) => format!("{value:.3} s"),
            Subject::Share(_) | Subject::EtaError(_) | Subject::Residual | Subject::Client => {
                format!("{:.2} %", 100.0 * value)
            }
            Subject::Count(_) => format!("{value:.0}"),
            Subject::Rate(_) => format!("{value:.3}/s"),
            Subject::Memory => format!("{:.2} GB", value / 1e9),
            Subject::Cards(number) => number.write(value),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Holds every row of a report against every condition. A report without rows meets none.
#[must_use]
pub fn hold(report: &Report, conditions: &[Condition]) -> Vec<Verdict> {
    if report.rows.is_empty() {
        let nothing = |condition: &Condition| Verdict {
            condition: condition.text.clone(),
            row: 0,
            met: false,
            said: format!("{condition} is NOT met: nothing was measured"),
        };
        return conditions.iter().map(nothing).collect();
    }
    let rows = report.rows.iter().enumerate();
    rows.flat_map(|(place, row)| conditions.iter().map(move |it| it.judge(place, row))).collect()
}

impl Time {
    const ALL: [Self; 7] = [
        Self::E2e,
        Self::Ttfb,
        Self::Ttfp,
        Self::Queue,
        Self::Inference,
        Self::Overhead,
        Self::News,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::E2e => "e2e",
            Self::Ttfb => "ttfb",
            Self::Ttfp => "ttfp",
            Self::Queue => "queue",
            Self::Inference => "inference",
            Self::Overhead => "overhead",
            Self::News => "news",
        }
    }

    fn of(self, row: &Row) -> Option<Spread> {
        match self {
            Self::E2e => row.e2e,
            Self::Ttfb => row.ttfb,
            Self::Ttfp => row.ttfp,
            Self::Queue => row.queue,
            Self::Inference => row.inference,
            Self::Overhead => row.overhead,
            Self::News => row.news,
        }
    }
}

impl Statistic {
    const ALL: [Self; 6] = [Self::Mean, Self::P50, Self::P90, Self::P95, Self::P99, Self::Max];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Max => "max",
        }
    }

    fn of(self, spread: &Spread) -> Option<f64> {
        match self {
            Self::Mean => Some(spread.mean),
            Self::P50 => Some(spread.p50),
            Self::P90 => Some(spread.p90),
            Self::P95 => Some(spread.p95),
            Self::P99 => spread.p99,
            Self::Max => Some(spread.max),
        }
    }
}

impl Kind {
    const ALL: [Self; 5] =
        [Self::Errors, Self::Wrong, Self::Refused, Self::Dropped, Self::Requests];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Wrong => "wrong",
            Self::Refused => "refused",
            Self::Dropped => "dropped",
            Self::Requests => "requests",
        }
    }

    fn of(self, row: &Row) -> u64 {
        match self {
            Self::Errors => row.failed(),
            Self::Wrong => row.wrong.values().sum(),
            Self::Refused => row.refused,
            Self::Dropped => row.dropped,
            Self::Requests => row.requests,
        }
    }
}

impl Relation {
    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Below => value < bound,
            Self::AtMost => value <= bound,
            Self::Above => value > bound,
            Self::AtLeast => value >= bound,
            // Of counts, which are exact, and of what is computed from them.
            Self::Equal => (value - bound).abs() <= f64::EPSILON * bound.abs(),
        }
    }
}
