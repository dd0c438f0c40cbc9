//! What a server foresaw of a job, held against what came of it: each `queued` and `step` event of zao says in how many seconds the job will
//! be done. Both moments are by the server's clock. How many requests together did is counted in [`crate::record`].

use serde::Deserialize;

/// Less time than this is not worth foreseeing: an error of a few milliseconds would be a multiple of it.
const SHORTEST: f64 = 0.25;

/// The times that were foreseen of one job.
#[derive(Debug, Default)]
pub(crate) struct Foreseen {
    /// When it was said, and in how many seconds the job would be done.
    said: Vec<(f64, f64)>,
    done: Option<f64>,
}

/// What matters here of an event.
#[derive(Deserialize)]
struct Said {
    at: f64,
    eta_seconds: Option<f64>,
}

impl Foreseen {
    /// Takes an event in.
    pub(crate) fn hear(&mut self, event: &str, data: &str) {
        let is_told = matches!(event, "queued" | "step");
        if !is_told && event != "completed" {
            return;
        }
        // Other servers may tell less.
        let Ok(Said { at, eta_seconds }) = serde_json::from_str(data) else { return };
        if is_told {
            self.said.extend(eta_seconds.map(|eta| (at, eta)));
        } else {
            self.done = Some(at);
        }
    }

    /// How far off each of them was, as a share of the time that was left, or of a quarter of a second where that is more; nothing of a
    /// job that was not completed.
    pub(crate) fn errors(&self) -> Vec<f64> {
        let of = |done: f64| {
            let error = move |&(at, eta): &(f64, f64)| {
                let left = (done - at).max(0.0);
                (eta - left).abs() / left.max(SHORTEST)
            };
            self.said.iter().map(error).collect()
        };
        self.done.map_or_else(Vec::new, of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_held_against_the_end() {
        let mut foreseen = Foreseen::default();
        for (event, data) in [
            ("queued", r#"{"at": 100.0, "position": 1, "eta_seconds": 3.0}"#),
            ("queued", r#"{"at": 100.0, "position": 1}"#),
            ("stage", r#"{"at": 100.5, "eta_seconds": 9.0}"#),
            ("step", r#"{"at": 103.0, "eta_seconds": 1.5}"#),
            ("step", r#"{"at": 103.875, "eta_seconds": 0.25}"#),
            ("step", "nothing that is understood"),
        ] {
            foreseen.hear(event, data);
        }
        assert_eq!(foreseen.errors(), [] as [f64; 0], "it is not done");
        foreseen.hear("completed", r#"{"at": 104.0, "state": {}}"#);
        assert_eq!(foreseen.errors(), [0.25, 0.5, 0.5]);
    }
}
