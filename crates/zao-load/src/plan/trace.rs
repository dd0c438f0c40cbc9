//! A recording of what was asked for when, one JSON object a line: `at` in seconds, and beside it the fields of a
//! [`zao_api::JobRequest`]. Recording one is the business of whoever runs the server.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use zao_api::JobRequest;

use super::{Moment, Wish};
use crate::{Error, Result};

/// A recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    pub(crate) moments: Vec<Moment>,
}

#[derive(Deserialize)]
struct Line {
    at: f64,
    #[serde(flatten)]
    request: JobRequest,
}

impl Trace {
    /// Reads a recording. Moments count from the first; `speed` 2 plays it in half the time.
    ///
    /// # Errors
    /// [`Error::Read`], or [`Error::File`] with the line that is not understood.
    pub fn from_file(path: &Path, speed: f64) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Self::parse(&text, speed).map_err(|reason| Error::File { path: path.to_owned(), reason })
    }

    fn parse(text: &str, speed: f64) -> Result<Self, String> {
        let mut moments = Vec::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = |reason: String| format!("line {}: {reason}", number + 1);
            let line: Line =
                serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
            let at = Duration::try_from_secs_f64(line.at / speed)
                .map_err(|_| wrong(format!("`at` is {}; give seconds from 0 on", line.at)))?;
            moments.push(Moment { at, wish: Wish::new(line.request) });
        }
        moments.sort_by_key(|moment| moment.at);
        let first = moments.first().map(|moment| moment.at);
        let first =
            first.ok_or(r#"no request is in it; a line is {"at": 0.5, "prompt": "a cat"}"#)?;
        moments.iter_mut().for_each(|moment| moment.at -= first);
        Ok(Self { moments })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_count_from_the_first_and_keep_their_order() {
        let text =
            "{\"at\": 12, \"prompt\": \"b\"}\n\n{\"at\": 10, \"prompt\": \"a\", \"seed\": 3}\n";
        let trace = Trace::parse(text, 2.0).unwrap();
        let asked: Vec<_> = trace
            .moments
            .iter()
            .map(|it| (it.at.as_millis(), it.wish.request.request.prompt.as_str()))
            .collect();
        assert_eq!(asked, [(0, "a"), (1000, "b")]);
        assert_eq!(trace.moments[0].wish.request.request.seed, Some(3));
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        for (text, words) in [
            ("{\"at\": 0, \"prompt\": \"a\"}\n{\"at\": 1}", "line 2: missing field `prompt`"),
            ("{\"prompt\": \"a\"}", "line 1: missing field `at`"),
            ("{\"at\": -1, \"prompt\": \"a\"}", "line 1: `at` is -1"),
            ("\n", "no request is in it"),
        ] {
            let error = Trace::parse(text, 1.0).unwrap_err();
            assert!(error.starts_with(words), "{error}");
        }
    }
}
