//! Conditions out of their text. What they mean is known in [`super`].

use super::{Condition, Kind, OfCards, Rate, Relation, Statistic, Subject, Time};
use crate::{Error, Result};

/// Whether conditions are on rows or on single requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Rows,
    Requests,
}

const UNITS: [(&str, Unit); 19] = [
    ("ms", Unit::Seconds(1e-3)),
    ("min", Unit::Seconds(60.0)),
    ("s", Unit::Seconds(1.0)),
    ("%", Unit::Percent),
    ("/s", Unit::PerSecond),
    ("kB", Unit::Bytes(1e3)),
    ("MB", Unit::Bytes(1e6)),
    ("GB", Unit::Bytes(1e9)),
    ("MiB", Unit::Bytes(1_048_576.0)),
    ("GiB", Unit::Bytes(1_073_741_824.0)),
    ("B", Unit::Bytes(1.0)),
    ("W", Unit::Watts(1.0)),
    ("kW", Unit::Watts(1e3)),
    ("J", Unit::Joules(1.0)),
    ("kJ", Unit::Joules(1e3)),
    ("C", Unit::Celsius),
    ("MHz", Unit::Hertz(1e6)),
    ("GHz", Unit::Hertz(1e9)),
    ("", Unit::None),
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    Seconds(f64),
    Percent,
    PerSecond,
    Bytes(f64),
    Watts(f64),
    Joules(f64),
    Celsius,
    Hertz(f64),
    None,
}

/// Reads conditions that commas separate.
pub(super) fn conditions(text: &str, about: About) -> Result<Vec<Condition>> {
    let mut conditions = Vec::new();
    let mut begin = 0;
    for part in text.split(',') {
        let condition = condition(part, about).map_err(|(at, expected)| Error::Condition {
            text: text.to_owned(),
            at: text[..begin + at].chars().count() + 1,
            expected,
        })?;
        conditions.push(condition);
        begin += part.len() + 1;
    }
    Ok(conditions)
}

/// Reads one; a failure has the byte at which it was noticed.
fn condition(part: &str, about: About) -> Result<Condition, (usize, String)> {
    let is_relation = |c: char| matches!(c, '<' | '>' | '=');
    let start = part.len() - part.trim_start().len();
    let at = part.find(is_relation).ok_or_else(|| {
        (start, "expected a condition, as in p95<2500ms, with <, <=, >, >= or =".to_owned())
    })?;
    let name = part[..at].trim();
    let after = part[at..].find(|c| !is_relation(c)).map_or(part.len(), |length| at + length);
    let relation = match &part[at..after] {
        "<" => Relation::Below,
        "<=" => Relation::AtMost,
        ">" => Relation::Above,
        ">=" => Relation::AtLeast,
        "=" | "==" => Relation::Equal,
        other => return Err((at, format!("{other} is no relation; use <, <=, >, >= or ="))),
    };
    let value = part[after..].trim();
    let value_at = after + (part[after..].len() - part[after..].trim_start().len());
    let (number, unit) = quantity(value).ok_or_else(|| {
        (
            value_at,
            format!("expected a number with a unit such as 2500ms, 1% or 3/s, not {value:?}"),
        )
    })?;
    let subject = subject(name, unit, about).ok_or_else(|| (start, known(about)))?;
    let bound = bound(subject, number, unit).map_err(|expected| (value_at, expected))?;
    Ok(Condition { text: part.trim().to_owned(), subject, relation, bound })
}

/// A number and its unit.
fn quantity(text: &str) -> Option<(f64, Unit)> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let unit = text[end..].trim();
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.is_finite().then_some((number, *unit))
}

fn subject(name: &str, unit: Unit, about: About) -> Option<Subject> {
    let time = |name: &str| Time::ALL.into_iter().find(|time| time.as_str() == name);
    if about == About::Requests {
        let of_requests = |it: &Time| !matches!(it, Time::Overhead | Time::News);
        return time(name).filter(of_requests).map(|it| Subject::Time(it, None));
    }
    let statistic = |name: &str| Statistic::ALL.into_iter().find(|it| it.as_str() == name);
    if let Some(statistic) = statistic(name) {
        return Some(Subject::Time(Time::E2e, Some(statistic)));
    }
    if let Some((family, name)) = name.split_once('.') {
        if family == "eta_error" {
            return Some(Subject::EtaError(statistic(name)?));
        }
        return Some(Subject::Time(time(family)?, Some(statistic(name)?)));
    }
    if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == name) {
        let share = unit == Unit::Percent && kind != Kind::Requests;
        return Some(if share { Subject::Share(kind) } else { Subject::Count(kind) });
    }
    if let Some(number) = OfCards::ALL.into_iter().find(|number| number.as_str() == name) {
        return Some(Subject::Cards(number));
    }
    Some(match name {
        "client" => Subject::Client,
        "goodput" => Subject::Rate(Rate::Goodput),
        "throughput" => Subject::Rate(Rate::Throughput),
        "pictures" => Subject::Rate(Rate::Pictures),
        "memory" => Subject::Memory,
        "residual" => Subject::Residual,
        _ => return None,
    })
}

/// The bound in the subject's own unit.
fn bound(subject: Subject, number: f64, unit: Unit) -> Result<f64, String> {
    let bound = match (subject, unit) {
        (Subject::Time(..), Unit::Seconds(seconds)) => Some(number * seconds),
        (
            Subject::Share(_)
            | Subject::EtaError(_)
            | Subject::Residual
            | Subject::Client
            | Subject::Cards(OfCards::Utilization),
            Unit::Percent,
        ) => Some(number / 100.0),
        (Subject::Count(_) | Subject::Rate(_), Unit::None)
        | (Subject::Rate(_), Unit::PerSecond) => Some(number),
        (Subject::Memory | Subject::Cards(OfCards::Memory), Unit::Bytes(bytes)) => {
            Some(number * bytes)
        }
        (Subject::Cards(OfCards::Power), Unit::Watts(watts)) => Some(number * watts),
        (Subject::Cards(OfCards::Energy), Unit::Joules(joules)) => Some(number * joules),
        (Subject::Cards(OfCards::Temperature), Unit::Celsius) => Some(number),
        (Subject::Cards(OfCards::Clock), Unit::Hertz(hertz)) => Some(number * hertz),
        _ => None,
    };
    bound.ok_or_else(|| {
        let units = match subject {
            Subject::Time(..) => "a time, in ms, s or min",
            Subject::Share(_) | Subject::EtaError(_) | Subject::Residual | Subject::Client => {
                "a share, in %"
            }
            Subject::Count(_) => "a number, or a share in %",
            Subject::Rate(_) => "a number a second, as in 3/s",
            Subject::Memory => "an amount of memory, in MB, GB, MiB or GiB",
            Subject::Cards(number) => number.units(),
        };
        format!("expected {units}")
    })
}

fn known(about: About) -> String {
    match about {
        About::Requests => "expected e2e, ttfb, ttfp, queue or inference".into(),
        About::Rows => "expected mean, p50, p90, p95, p99 or max, also as in ttfp.p95 (e2e, ttfb, ttfp, queue, inference, \
                        overhead, news, eta_error); errors, wrong, refused, dropped, requests; goodput, throughput, pictures; memory, residual or client; of the cards power, energy, utilization, gpu_memory, \
                        temperature or clock"
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn conditions_are_read_as_they_are_meant() {
        use Relation::{Above, AtLeast, AtMost, Below, Equal};
        let e2e = |statistic| Subject::Time(Time::E2e, Some(statistic));
        for (text, subject, relation, bound) in [
            ("p95<2500ms", e2e(Statistic::P95), Below, 2.5),
            (" max <= 1.5 min ", e2e(Statistic::Max), AtMost, 90.0),
            ("ttfp.p50<0.8s", Subject::Time(Time::Ttfp, Some(Statistic::P50)), Below, 0.8),
            ("errors<1%", Subject::Share(Kind::Errors), Below, 0.01),
            ("wrong=0", Subject::Count(Kind::Wrong), Equal, 0.0),
            ("goodput>=3/s", Subject::Rate(Rate::Goodput), AtLeast, 3.0),
            ("throughput>3", Subject::Rate(Rate::Throughput), Above, 3.0),
            ("memory<20GiB", Subject::Memory, Below, 21_474_836_480.0),
            ("residual<5%", Subject::Residual, Below, 0.05),
            ("requests>=100", Subject::Count(Kind::Requests), AtLeast, 100.0),
            ("power<0.7kW", Subject::Cards(OfCards::Power), Below, 700.0),
            ("energy<=300J", Subject::Cards(OfCards::Energy), AtMost, 300.0),
            ("utilization>80%", Subject::Cards(OfCards::Utilization), Above, 0.8),
            ("gpu_memory<40GB", Subject::Cards(OfCards::Memory), Below, 4e10),
            ("temperature<85C", Subject::Cards(OfCards::Temperature), Below, 85.0),
            ("clock>=1.5GHz", Subject::Cards(OfCards::Clock), AtLeast, 1.5e9),
            ("client<50%", Subject::Client, Below, 0.5),
            ("eta_error.p90<50%", Subject::EtaError(Statistic::P90), Below, 0.5),
        ] {
            let read = Condition::on_rows(text).unwrap();
            let expected = Condition { text: text.trim().into(), subject, relation, bound };
            assert_eq!(read, [expected], "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_pointed_at() {
        for (text, at, words) in [
            ("p95<2500ms,p96<1s", 12, "expected mean, p50"),
            ("p95", 1, "expected a condition"),
            ("", 1, "expected a condition"),
            ("p95<1s,", 8, "expected a condition"),
            ("p95<fast", 5, "expected a number"),
            ("p95<<1s", 4, "<< is no relation"),
            ("p95<5", 5, "expected a time"),
            ("p95<5%", 5, "expected a time"),
            ("errors<5ms", 8, "expected a number, or a share"),
            ("memory<5", 8, "expected an amount"),
            ("eta_error.p90<5s", 15, "expected a share"),
            ("eta_error<5%", 1, "expected mean"),
            ("power<5", 7, "expected a power, in W or kW"),
            ("energy<5W", 8, "expected the energy of a picture"),
            ("clock>5C", 7, "expected a clock"),
            ("快<1s", 1, "expected mean"),
            ("p50<1s,快<1s", 8, "expected mean"),
            ("e2e<1s", 1, "expected mean"),
        ] {
            let Err(Error::Condition { at: found, expected, .. }) = Condition::on_rows(text) else {
                panic!("{text} was understood");
            };
            assert_eq!(found, at, "{text}: {expected}");
            assert!(expected.starts_with(words), "{text}: {expected}");
        }
    }

    #[test]
    fn a_request_has_no_percentile() {
        assert!(Condition::on_requests("e2e<2500ms,ttfp<=800ms").is_ok());
        for text in ["p95<1s", "e2e.p95<1s", "errors<1%"] {
            assert!(Condition::on_requests(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in ".{0,40}") {
            if let Err(Error::Condition { at, .. }) = Condition::on_rows(&text) {
                prop_assert!(at <= text.chars().count() + 1);
            }
        }

        #[test]
        fn what_is_written_is_read(
            statistic in 0..6_usize, relation in 0..4_usize, ms in 0..1_000_000_u32, blank in " ?"
        ) {
            let name = Statistic::ALL[statistic].as_str();
            let relation = ["<", "<=", ">", ">="][relation];
            let text = format!("{name}{blank}{relation}{blank}{ms}ms");
            let read = Condition::on_rows(&text).unwrap();
            prop_assert_eq!(read[0].bound, f64::from(ms) * 1e-3);
            prop_assert_eq!(read[0].to_string(), text);
        }
    }
}
