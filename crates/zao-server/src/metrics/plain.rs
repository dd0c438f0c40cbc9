//! Metrics in Prometheus's own text form (0.0.4), for whoever does not ask for OpenMetrics: the same samples, with counters under their
//! whole names.

use std::fmt::Write;

/// The form that a client takes, by its `Accept`. OpenMetrics has to be asked for by name, as scrapers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    OpenMetrics,
    Plain,
}

impl Form {
    /// What `accept` asks for; a client that names neither gets the form that everybody reads.
    pub(crate) fn of(accept: Option<&str>) -> Self {
        let wants = |part: &str| {
            let mut pieces = part.split(';').map(str::trim);
            let kind = pieces.next().unwrap_or_default();
            let refuses = |piece: &str| {
                let quality = piece.strip_prefix("q=").and_then(|q| q.trim().parse::<f64>().ok());
                quality == Some(0.0)
            };
            kind.eq_ignore_ascii_case("application/openmetrics-text") && !pieces.any(refuses)
        };
        if accept.is_some_and(|accept| accept.split(',').any(wants)) {
            Self::OpenMetrics
        } else {
            Self::Plain
        }
    }

    /// The type of the answer.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// OpenMetrics text in the plain form.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Help stands before or behind the type, so counters are known from the beginning.
    let counters: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    for line in text.lines().filter(|line| *line != "# EOF" && !line.starts_with("# UNIT ")) {
        let comment = ["# TYPE ", "# HELP "].into_iter().find(|start| line.starts_with(start));
        let renamed = comment.and_then(|start| {
            let (name, rest) = line.strip_prefix(start)?.split_once(' ')?;
            counters.contains(&name).then_some((start, name, rest))
        });
        // Writing to a string cannot fail.
        let _ = match renamed {
            Some((start, name, rest)) => writeln!(out, "{start}{name}_total {rest}"),
            None => writeln!(out, "{line}"),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_is_given_to_those_who_name_it() {
        for accept in [
            "application/openmetrics-text",
            "text/plain;q=0.2, application/openmetrics-text; version=1.0.0; q=0.5",
            "Application/OpenMetrics-Text;version=1.0.0",
        ] {
            assert_eq!(Form::of(Some(accept)), Form::OpenMetrics, "{accept}");
        }
        for accept in ["*/*", "text/plain", "", "application/openmetrics-text;q=0", "text/html"] {
            assert_eq!(Form::of(Some(accept)), Form::Plain, "{accept}");
        }
        assert_eq!(Form::of(None), Form::Plain);
    }

    #[test]
    fn counters_have_their_whole_names_and_the_rest_stays() {
        let text = "# HELP zao_oom What.\n# TYPE zao_oom counter\nzao_oom_total{rung=\"size\"} 1\n# HELP zao_step_seconds Time.\n\
                    # TYPE zao_step_seconds histogram\n# UNIT zao_step_seconds seconds\nzao_step_seconds_sum 2.0\n# EOF\n";
        let expected = "# HELP zao_oom_total What.\n# TYPE zao_oom_total counter\nzao_oom_total{rung=\"size\"} 1\n\
                        # HELP zao_step_seconds Time.\n# TYPE zao_step_seconds histogram\nzao_step_seconds_sum 2.0\n";
        assert_eq!(plain(text), expected);
    }
}
