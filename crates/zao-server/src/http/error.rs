//! The one table of what can go wrong with a request, and how a client is told. The same envelope as OpenAI's, with more codes.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use zao_queue::Error as LedgerError;

/// What a client can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidRequest,
    InvalidSize,
    PromptTooLong,
    InvalidImage,
    Unauthorized,
    ForbiddenOrigin,
    NotFound,
    UnknownLora,
    UnknownModel,
    MethodNotAllowed,
    RequestTimeout,
    AlreadyOver,
    IdempotencyConflict,
    Cancelled,
    Expired,
    BodyTooLarge,
    UnsupportedMediaType,
    QueueFull,
    RateLimited,
    Internal,
    Draining,
    WorkerLost,
    OutOfMemory,
    StorageFull,
    StorageLocked,
    DeadlineExceeded,
}

impl Code {
    /// Every code.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 26] = [
        Self::InvalidRequest,
        Self::InvalidSize,
        Self::PromptTooLong,
        Self::InvalidImage,
        Self::Unauthorized,
        Self::ForbiddenOrigin,
        Self::NotFound,
        Self::UnknownLora,
        Self::UnknownModel,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::AlreadyOver,
        Self::IdempotencyConflict,
        Self::Cancelled,
        Self::Expired,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::QueueFull,
        Self::RateLimited,
        Self::Internal,
        Self::Draining,
        Self::WorkerLost,
        Self::OutOfMemory,
        Self::StorageFull,
        Self::StorageLocked,
        Self::DeadlineExceeded,
    ];

    /// The code on the wire.
    #[cfg(test)]
    pub(crate) const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// Code, status and type on the wire.
    const fn row(self) -> (&'static str, u16, &'static str) {
        const INVALID: &str = "invalid_request_error";
        const LIMIT: &str = "rate_limit_error";
        const SERVER: &str = "server_error";
        match self {
            Self::InvalidRequest => ("invalid_request", 400, INVALID),
            Self::InvalidSize => ("invalid_size", 400, INVALID),
            Self::PromptTooLong => ("prompt_too_long", 400, INVALID),
            Self::InvalidImage => ("invalid_image", 400, INVALID),
            Self::Unauthorized => ("unauthorized", 401, "authentication_error"),
            Self::ForbiddenOrigin => ("forbidden_origin", 403, "permission_error"),
            Self::NotFound => ("not_found", 404, INVALID),
            Self::UnknownLora => ("unknown_lora", 404, INVALID),
            Self::UnknownModel => ("unknown_model", 404, INVALID),
            Self::MethodNotAllowed => ("method_not_allowed", 405, INVALID),
            Self::RequestTimeout => ("request_timeout", 408, INVALID),
            Self::AlreadyOver => ("already_over", 409, INVALID),
            Self::IdempotencyConflict => ("idempotency_conflict", 409, INVALID),
            Self::Cancelled => ("cancelled", 409, INVALID),
            Self::Expired => ("expired", 410, INVALID),
            Self::BodyTooLarge => ("body_too_large", 413, INVALID),
            Self::UnsupportedMediaType => ("unsupported_media_type", 415, INVALID),
            Self::QueueFull => ("queue_full", 429, LIMIT),
            Self::RateLimited => ("rate_limited", 429, LIMIT),
            Self::Internal => ("internal", 500, SERVER),
            Self::Draining => ("draining", 503, SERVER),
            Self::WorkerLost => ("worker_lost", 503, SERVER),
            Self::OutOfMemory => ("out_of_memory", 503, SERVER),
            Self::StorageFull => ("storage_full", 503, SERVER),
            Self::StorageLocked => ("storage_locked", 503, SERVER),
            Self::DeadlineExceeded => ("deadline_exceeded", 504, SERVER),
        }
    }

    pub(crate) fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().1).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// A request that is not met, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    message: String,
    param: Option<String>,
    retry_after: Option<Duration>,
}

pub(crate) type Result<T, E = Refusal> = std::result::Result<T, E>;

impl Refusal {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), param: None, retry_after: None }
    }

    /// A field that cannot be met as written.
    pub(crate) fn of(param: &str, message: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, message).at(param)
    }

    /// The same, naming the field that is the cause.
    pub(crate) fn at(self, param: &str) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    /// The same, saying when to try again.
    pub(crate) fn after(self, time: Duration) -> Self {
        Self { retry_after: Some(time), ..self }
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no {what}"))
    }

    /// The object under `error`, for streams that have begun when something goes wrong.
    pub(crate) fn body(&self, request: Option<&str>) -> serde_json::Value {
        let (code, _, kind) = self.code.row();
        json!({"error": {
            "message": self.message, "type": kind, "code": code, "param": self.param,
            "docs": "/docs#errors", "request_id": request,
        }})
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.code.status(), Json(self.body(None))).into_response();
        if let Some(after) = self.retry_after {
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            let value = HeaderValue::from(seconds.max(1));
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        if self.code == Code::Unauthorized {
            let bearer = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        // The layer that knows the request's id puts it into the body.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Self {
        let code = match &error {
            LedgerError::NoJob(_) | LedgerError::NoImage(_) | LedgerError::BadId { .. } => {
                Code::NotFound
            }
            LedgerError::Expired(_) => Code::Expired,
            LedgerError::AlreadyOver { .. } => Code::AlreadyOver,
            LedgerError::StorageFull { .. } => Code::StorageFull,
            LedgerError::Locked { .. } => Code::StorageLocked,
            _ => Code::Internal,
        };
        let refusal = Self::new(code, error.to_string());
        if error.is_passing() { refusal.after(Duration::from_secs(5)) } else { refusal }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_openais_envelope_with_the_cause_and_when_to_try_again() {
        let refusal = Refusal::of("steps", "too many").after(Duration::from_millis(1500));
        let body = refusal.body(Some("req_1"));
        assert_eq!(body["error"]["code"], "invalid_request");
        assert_eq!(body["error"]["param"], "steps");
        assert_eq!(body["error"]["request_id"], "req_1");
        let response = refusal.into_response();
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
    }
}
