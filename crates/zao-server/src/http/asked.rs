//! A request's name, the job that it turns out to be about, and the line that the log has of it. Who may ask is NOT known here.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, Method};
use zao_queue::JobId;

use crate::story::milliseconds;

/// Routes that machines ask all day, which would hide what people ask.
const QUIET: [&str; 4] = ["/health", "/health/live", "/health/ready", "/metrics"];

/// A request that is being answered. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    id: String,
    client: String,
    method: Method,
    route: String,
    job: OnceLock<String>,
}

impl Asked {
    /// A request by its name, who asks, its method, and its path with the template that it matched.
    pub(crate) fn new(id: &str, client: &str, method: &Method, route: &str, path: &str) -> Self {
        let (id, client, route) = (id.to_owned(), client.to_owned(), route.to_owned());
        let job = named(&route, path).map_or_else(OnceLock::new, OnceLock::from);
        Self(Arc::new(Inner { id, client, method: method.clone(), route, job }))
    }

    pub(crate) fn id(&self) -> &str {
        &self.0.id
    }

    /// It is about this job. Only the first one counts.
    pub(crate) fn is_about(&self, job: &JobId) {
        // Whoever comes second says nothing, as is said above.
        let _ = self.0.job.set(job.to_string());
    }

    /// Says that it was answered: with which status and, of a refusal, code; after how long. A stream of events goes on from there.
    pub(crate) fn answered(&self, status: u16, after: Duration, code: Option<&str>) {
        let Inner { id: request, client, method, route, job } = &*self.0;
        let (method, job) = (method.as_str(), job.get());
        let ms = milliseconds(after.as_secs_f64() * 1000.0);
        if QUIET.contains(&route.as_str()) {
            tracing::debug!(method, route, status, ms, client, request, job, code, "answered");
        } else {
            tracing::info!(method, route, status, ms, client, request, job, code, "answered");
        }
    }
}

/// The job that a path names, where it is sure to be an id: what a client makes up does not belong into the log.
fn named(route: &str, path: &str) -> Option<String> {
    route.starts_with("/v1/jobs/{id}").then_some(())?;
    let id = path.strip_prefix("/v1/jobs/")?.split('/').next()?;
    id.parse::<JobId>().ok().map(|id| id.to_string())
}

/// The name of a request: the client's own if it is sensible, or a new one.
pub(crate) fn request_id(headers: &HeaderMap) -> String {
    let own = headers.get("x-request-id").and_then(|value| value.to_str().ok());
    let sensible = |text: &&str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        (1..=128).contains(&text.len()) && text.chars().all(plain)
    };
    own.filter(sensible).map_or_else(|| format!("req_{:016x}", random()), str::to_owned)
}

/// A number that nobody has seen yet. The standard library's hasher draws its keys from the system.
fn random() -> u64 {
    use std::collections::hash_map::RandomState;
    use std::hash::BuildHasher;
    RandomState::new().hash_one(Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sensible_name_of_a_request_is_kept() {
        let named = |value: &str| {
            let headers = [("x-request-id".parse().unwrap(), value.parse().unwrap())];
            request_id(&headers.into_iter().collect())
        };
        assert_eq!(named("trace-1:a"), "trace-1:a");
        assert!(named("a b").starts_with("req_") && named(&"x".repeat(200)).starts_with("req_"));
        assert!(request_id(&HeaderMap::new()).starts_with("req_"));
    }

    #[test]
    fn a_path_names_a_job_only_by_an_id() {
        let id = format!("job_{:026}", 7);
        assert_eq!(named("/v1/jobs/{id}", &format!("/v1/jobs/{id}")), Some(id.clone()));
        let events = named("/v1/jobs/{id}/events", &format!("/v1/jobs/{id}/events"));
        assert_eq!(events, Some(id.clone()));
        assert_eq!(named("/v1/jobs/{id}", "/v1/jobs/a%20red%20apple"), None);
        assert_eq!(named("/v1/images/{id}", &format!("/v1/images/{id}")), None);
    }
}
