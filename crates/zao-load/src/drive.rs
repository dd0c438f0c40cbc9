//! One request from its sending to the last byte of its pictures, in the protocol of the server. Whether the pictures are
//! right is judged in [`crate::picture`], when requests are sent is decided in [`mod@crate::run`].

mod a1111;
mod native;
mod openai;
mod refusal;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::http::Client;
use crate::plan::Wish;
use crate::record::{Moments, Told, Trouble};

/// What the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// `native`: zao's jobs, with events.
    #[default]
    Native,
    /// `openai`: `POST /v1/images/generations`, as many servers offer it.
    Openai,
    /// `a1111`: `POST /sdapi/v1/txt2img`.
    A1111,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Self; 3] = [Self::Native, Self::Openai, Self::A1111];

    /// Its name on the command line and in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Openai => "openai",
            Self::A1111 => "a1111",
        }
    }
}

impl std::str::FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|protocol| protocol.as_str() == text);
        found.ok_or_else(|| "use native, openai or a1111".into())
    }
}

/// How requests are written and waited for.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    pub(crate) protocol: Protocol,
    /// Fields that go into every body, over those of the protocol.
    pub(crate) extra: Map<String, Value>,
    /// How long a request may take in all.
    pub(crate) timeout: Duration,
    /// Whether to come again when the server refuses for having too much to do.
    pub(crate) retry: bool,
}

/// Pictures that came, unchecked.
#[derive(Debug, Default)]
pub(crate) struct Drawn {
    pub(crate) pictures: Vec<Bytes>,
    /// The size that the server says they have.
    pub(crate) size: Option<(u32, u32)>,
    pub(crate) told: Told,
}

/// A request that is over.
pub(crate) struct Done {
    pub(crate) moments: Moments,
    pub(crate) refusals: u32,
    pub(crate) drawn: Result<Drawn, Trouble>,
}

/// Sends a wish and waits for what comes of it. `start` is the moment from which times count.
pub(crate) async fn send(
    client: &Arc<Client>,
    manner: &Manner,
    wish: &Wish,
    start: Instant,
) -> Done {
    let mut moments = Moments::from(start);
    let mut refusals = 0;
    let deadline = tokio::time::Instant::from_std(start.max(Instant::now()) + manner.timeout);
    let work = patiently(client, manner, wish, &mut moments, &mut refusals);
    let drawn = tokio::time::timeout_at(deadline, work).await.unwrap_or_else(|_| {
        let detail = format!("no picture within {:.1} s", manner.timeout.as_secs_f64());
        Err(Trouble::failed("timeout", detail))
    });
    // Drivers set the end where the last byte of a picture arrives.
    moments.end.get_or_insert_with(Instant::now);
    Done { moments, refusals, drawn }
}

/// Sends a wish, again after each refusal if that is wanted.
async fn patiently(
    client: &Arc<Client>,
    manner: &Manner,
    wish: &Wish,
    moments: &mut Moments,
    refusals: &mut u32,
) -> Result<Drawn, Trouble> {
    loop {
        let drawn = match manner.protocol {
            Protocol::Native => native::draw(client, manner, wish, moments).await,
            Protocol::Openai => openai::draw(client, manner, wish, moments).await,
            Protocol::A1111 => a1111::draw(client, manner, wish, moments).await,
        };
        match drawn {
            Err(Trouble::Refused { retry_after, .. }) if manner.retry => {
                *refusals += 1;
                tokio::time::sleep(retry_after.unwrap_or(Duration::from_secs(1))).await;
                // Whoever comes again is answered again.
                *moments = Moments::from(moments.start);
            }
            Err(trouble) => {
                if matches!(trouble, Trouble::Refused { .. }) {
                    *refusals += 1;
                }
                return Err(trouble);
            }
            drawn => return drawn,
        }
    }
}

/// A body with the fields that the caller adds to every one.
fn with_extra(mut body: Value, extra: &Map<String, Value>) -> Value {
    if let Value::Object(fields) = &mut body {
        fields.extend(extra.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    body
}

/// Puts a field where there is a value for it.
fn put(body: &mut Value, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        body[name] = value.into();
    }
}

/// Base64, also as a data URL.
fn from_base64(text: &str) -> Result<Bytes, Trouble> {
    use base64::Engine as _;
    let data = match text.split_once("base64,") {
        Some((head, data)) if head.starts_with("data:") => data,
        _ => text,
    };
    let decoded = base64::engine::general_purpose::STANDARD.decode(data.trim());
    decoded
        .map(Bytes::from)
        .map_err(|error| Trouble::bad_answer(format!("a picture that is no Base64: {error}")))
}

/// JSON of an answer.
fn json<T: serde::de::DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, Trouble> {
    serde_json::from_slice(bytes).map_err(|error| {
        let begin: String = String::from_utf8_lossy(bytes).chars().take(80).collect();
        Trouble::bad_answer(format!("{what} cannot be read: {error}; it begins with {begin:?}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_come_bare_or_as_data_urls() {
        assert_eq!(from_base64("aGk=").unwrap(), "hi");
        assert_eq!(from_base64("data:image/png;base64,aGk=").unwrap(), "hi");
        assert!(from_base64("data:image/png").is_err());
    }

    #[test]
    fn what_the_caller_adds_wins() {
        let extra = Map::from_iter([("size".to_owned(), "64x64".into())]);
        let body = with_extra(serde_json::json!({"size": "1x1", "n": 1}), &extra);
        assert_eq!(body, serde_json::json!({"size": "64x64", "n": 1}));
    }
}
