//! The one table of what can go wrong with a request, and how a client is told. The same envelope as OpenAI's, with more codes.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
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
    Forbidden,
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
    ClientQueueFull,
    RateLimited,
    Internal,
    Draining,
    NoWorker,
    WorkerLost,
    OutOfMemory,
    StorageFull,
    StorageLocked,
    DeadlineExceeded,
}

impl Code {
    /// Every code.
    pub(crate) const ALL: [Self; 29] = [
        Self::InvalidRequest,
        Self::InvalidSize,
        Self::PromptTooLong,
        Self::InvalidImage,
        Self::Unauthorized,
        Self::ForbiddenOrigin,
        Self::Forbidden,
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
        Self::ClientQueueFull,
        Self::RateLimited,
        Self::Internal,
        Self::Draining,
        Self::NoWorker,
        Self::WorkerLost,
        Self::OutOfMemory,
        Self::StorageFull,
        Self::StorageLocked,
        Self::DeadlineExceeded,
    ];

    /// The code on the wire.
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
            Self::Forbidden => ("forbidden", 403, "permission_error"),
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
            Self::ClientQueueFull => ("client_queue_full", 429, LIMIT),
            Self::RateLimited => ("rate_limited", 429, LIMIT),
            Self::Internal => ("internal", 500, SERVER),
            Self::Draining => ("draining", 503, SERVER),
            Self::NoWorker => ("no_worker", 503, SERVER),
            Self::WorkerLost => ("worker_lost", 503, SERVER),
            Self::OutOfMemory => ("out_of_memory", 503, SERVER),
            Self::StorageFull => ("storage_full", 503, SERVER),
            Self::StorageLocked => ("storage_locked", 503, SERVER),
            Self::DeadlineExceeded => ("deadline_exceeded", 504, SERVER),
        }
    }

    /// What it means and what to do, for the documents.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::InvalidRequest => "A field cannot be met as written; `param` names it.",
            Self::InvalidSize => "The model or this server does not draw that size.",
            Self::PromptTooLong => "A text has more characters than this server takes.",
            Self::InvalidImage => "A picture that was sent is none, or is damaged.",
            Self::Unauthorized => "This server wants its token: `Authorization: Bearer TOKEN`.",
            Self::ForbiddenOrigin => {
                "The page comes from another server and was not allowed to use this one, or this one is asked for by a name that it was not told of."
            }
            Self::Forbidden => {
                "It is somebody else's, or only for whoever runs the server; the message says what to send."
            }
            Self::NotFound => "There is no such path, job or picture.",
            Self::UnknownLora => "There is no LoRA of that name.",
            Self::UnknownModel => "This server draws with another model.",
            Self::MethodNotAllowed => "The path is there, but not for this method.",
            Self::RequestTimeout => "The request did not come whole in time; send it again.",
            Self::AlreadyOver => "The job ended before it could be cancelled.",
            Self::IdempotencyConflict => "The key was used for another request.",
            Self::Cancelled => "Somebody cancelled the job.",
            Self::Expired => "The job was there and was removed since.",
            Self::BodyTooLarge => "The body is larger than this server takes.",
            Self::UnsupportedMediaType => "The body has to be JSON.",
            Self::QueueFull => "As many jobs wait as may; try again after `Retry-After`.",
            Self::ClientQueueFull => {
                "As many of this client's jobs wait as may; try again after `Retry-After`."
            }
            Self::RateLimited => "Too many requests in a minute; try again after `Retry-After`.",
            Self::Internal => "A fault of zao; report it with the request's id.",
            Self::Draining => "The server is about to stop; try again after `Retry-After`.",
            Self::NoWorker => {
                "Every worker failed so often that none is started again. Trying again is of no use until somebody has seen to the server."
            }
            Self::WorkerLost => "Workers were lost again and again while they drew this.",
            Self::OutOfMemory => {
                "There is too little memory for this picture; a smaller one may fit."
            }
            Self::StorageFull => "There is no room left on the server's disk.",
            Self::StorageLocked => {
                "Another program holds the server's database; try again after `Retry-After`."
            }
            Self::DeadlineExceeded => "It took longer than it may.",
        }
    }

    /// What happened in the words of OpenAI's `type`.
    pub(crate) const fn kind(self) -> &'static str {
        self.row().2
    }

    pub(crate) fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().1).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let kind = SchemaType::Type(Type::String);
        let values = Self::ALL.map(Self::as_str);
        let text = "What happened; programs decide by this.";
        ObjectBuilder::new()
            .schema_type(kind)
            .enum_values(Some(values))
            .description(Some(text))
            .into()
    }
}

impl ToSchema for Code {
    fn name() -> std::borrow::Cow<'static, str> {
        "Code".into()
    }
}

/// What a client gets in place of an answer, as OpenAI has it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Error {
    error: Cause,
    /// Of the routes below `/sdapi/v1`: the message once more, where clients of A1111's own server look for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl Error {
    /// As the clients of this route read it.
    pub(crate) fn told_by(self, route: &str) -> Self {
        let is_theirs = route.starts_with("/sdapi/");
        Self { detail: is_theirs.then(|| self.error.message.clone()), ..self }
    }
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Cause {
    /// One line for people: what went wrong and what to do next. Its wording may change.
    message: String,
    /// OpenAI's coarser word for it.
    #[serde(rename = "type")]
    kind: &'static str,
    code: Code,
    /// The field or header that is the cause, where it is one.
    #[schema(required)]
    param: Option<String>,
    /// Where to read about errors.
    docs: &'static str,
    /// The id of the request, which the server's log has too; null in the middle of a stream.
    #[schema(required)]
    request_id: Option<String>,
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
    pub(crate) fn body(&self, request: Option<&str>) -> Error {
        let (code, kind, docs) = (self.code, self.code.kind(), "/docs#errors");
        let (message, param) = (self.message.clone(), self.param.clone());
        let request_id = request.map(str::to_owned);
        let error = Cause { message, kind, code, param, docs, request_id };
        Error { error, detail: None }
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
            LedgerError::KeptFull { .. } => Code::InvalidRequest,
            LedgerError::StorageFull { .. } => Code::StorageFull,
            LedgerError::Locked { .. } => Code::StorageLocked,
            _ => Code::Internal,
        };
        let mut refusal = Self::new(code, error.to_string());
        if let LedgerError::KeptFull { .. } = error {
            refusal = refusal.at("kept");
        }
        if error.is_passing() { refusal.after(Duration::from_secs(5)) } else { refusal }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_openais_envelope_with_the_cause_and_when_to_try_again() {
        let refusal = Refusal::of("steps", "too many").after(Duration::from_millis(1500));
        let body = serde_json::to_value(refusal.body(Some("req_1"))).unwrap();
        assert_eq!(body["error"]["code"], "invalid_request");
        assert_eq!(body["error"]["param"], "steps");
        assert_eq!(body["error"]["request_id"], "req_1");
        let response = refusal.into_response();
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
    }
}
