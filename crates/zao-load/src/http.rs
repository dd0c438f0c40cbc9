//! HTTP as a client that measures: connections that are kept, and the moment at which the first byte of an
//! answer arrives. What is asked and what an answer means is known in [`crate::drive`].

mod connection;
mod first_byte;
mod sse;
mod tls;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, StatusCode};

use crate::record::Trouble;
use crate::target::Target;
use connection::Connection;
pub(crate) use sse::{Event, Events};
use tls::Tls;

/// No picture or list of pictures is longer; a server that sends on for ever must not fill the memory.
const MOST_BYTES: usize = 512 << 20;

/// A client of one server.
pub(crate) struct Client {
    target: Target,
    tls: Option<Tls>,
    idle: Mutex<Vec<Connection>>,
    authorization: Option<HeaderValue>,
}

/// What is asked.
#[derive(Clone)]
pub(crate) struct Question {
    pub(crate) method: Method,
    /// From `/` on, the target's own prefix included.
    pub(crate) path: String,
    /// JSON, or nothing.
    pub(crate) body: Option<Bytes>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Question {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None, headers: Vec::new() }
    }

    pub(crate) fn post(path: impl Into<String>, json: &serde_json::Value) -> Self {
        let body = Some(json.to_string().into());
        Self { method: Method::POST, path: path.into(), body, headers: Vec::new() }
    }
}

/// An answer whose body is still on its way.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// When its first byte was there.
    pub(crate) first_byte: Instant,
    body: Incoming,
    /// Goes back to the others when the body has been read.
    connection: Option<Connection>,
}

impl Client {
    /// A client without connections yet.
    pub(crate) fn new(target: Target) -> crate::Result<Self> {
        let authorization = target.token.as_ref().map(|token| {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}"))?;
            value.set_sensitive(true);
            Ok::<_, header::InvalidHeaderValue>(value)
        });
        let authorization = authorization.transpose().map_err(|_| {
            crate::Error::Settings("the token has characters that no header may hold".into())
        })?;
        let tls = target.secure.then(|| Tls::new(&target.trust)).transpose()?;
        Ok(Self { target, tls, idle: Mutex::default(), authorization })
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// A path of the API, below the target's own prefix.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.target.prefix)
    }

    /// Asks, and waits for the head of the answer.
    pub(crate) async fn ask(&self, question: &Question) -> Result<Answer, Trouble> {
        let mut request = self.request(question)?;
        // A kept connection may have been closed by the server meanwhile; then the request comes back unsent.
        while let Some(mut connection) = self.take_idle() {
            match connection.send(request).await {
                Ok(answer) => return Ok(self.answer(answer, connection)),
                Err((_, Some(unsent))) => request = unsent,
                Err((trouble, None)) => return Err(trouble),
            }
        }
        let mut connection = Connection::open(&self.target, self.tls.as_ref()).await?;
        match connection.send(request).await {
            Ok(answer) => Ok(self.answer(answer, connection)),
            Err((trouble, _)) => Err(trouble),
        }
    }

    /// Asks, and waits for the whole answer.
    pub(crate) async fn fetch(&self, question: &Question) -> Result<(Answer, Bytes), Trouble> {
        let mut answer = self.ask(question).await?;
        let body = self.read(&mut answer).await?;
        Ok((answer, body))
    }

    /// What is left of a body. The connection is kept for the next question.
    pub(crate) async fn read(&self, answer: &mut Answer) -> Result<Bytes, Trouble> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = answer.chunk().await? {
            if whole.len() + chunk.len() > MOST_BYTES {
                return Err(Trouble::bad_answer(format!("more than {} MiB", MOST_BYTES >> 20)));
            }
            whole.extend_from_slice(&chunk);
        }
        self.keep(answer);
        Ok(whole.freeze())
    }

    /// Keeps the connection of an answer that has been read to its end.
    pub(crate) fn keep(&self, answer: &mut Answer) {
        if let Some(connection) = answer.connection.take() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }

    fn take_idle(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn request(&self, question: &Question) -> Result<Request<Full<Bytes>>, Trouble> {
        let mut request = Request::builder()
            .method(question.method.clone())
            .uri(&question.path)
            .header(header::HOST, self.target.authority())
            .header(header::USER_AGENT, concat!("zao-load/", env!("CARGO_PKG_VERSION")))
            .header(header::ACCEPT, "*/*");
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if question.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in &question.headers {
            request = request.header(*name, value);
        }
        let body = question.body.clone().unwrap_or_default();
        request.body(Full::new(body)).map_err(|error| {
            Trouble::bad_answer(format!("{:?} cannot be asked: {error}", question.path))
        })
    }

    fn answer(&self, answer: hyper::Response<Incoming>, connection: Connection) -> Answer {
        let (head, body) = answer.into_parts();
        let first_byte = connection.first_byte();
        let connection = Some(connection);
        Answer { status: head.status, headers: head.headers, first_byte, body, connection }
    }
}

impl Answer {
    /// The next bytes of the body.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Trouble> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|error| Trouble::lost(&error))?;
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A header that holds seconds.
    pub(crate) fn seconds(&self, name: &str) -> Option<f64> {
        let seconds: f64 = self.header(name)?.trim().parse().ok()?;
        (seconds.is_finite() && seconds >= 0.0).then_some(seconds)
    }

    /// What `Retry-After` asks for, where it is in seconds.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.seconds("retry-after").and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }
}
