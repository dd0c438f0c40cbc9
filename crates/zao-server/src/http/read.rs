//! What comes in, read into types, with an answer that says what was wrong and where.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Code, Refusal, Result, upload};
use crate::house::House;

/// The bytes of a body, within the limit that the router sets.
pub(crate) struct Body(pub(crate) Bytes);

impl FromRequest<Arc<House>> for Body {
    type Rejection = Refusal;

    async fn from_request(request: Request, house: &Arc<House>) -> Result<Self> {
        Ok(Self(upload::whole(request, house.haste).await?))
    }
}

/// The one name in a path.
pub(crate) struct Name(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        // What is no text names nothing.
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(name)) => Ok(Self(name)),
            Err(_) => Err(Refusal::not_found("such path")),
        }
    }
}

/// What stands behind the question mark.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Query::try_from_uri(&parts.uri).map(|Query(asked)| Self(asked)).map_err(|rejection| {
            let message = rejection.body_text();
            let query = parts.uri.query().unwrap_or_default();
            let names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
            let named = |name: &&str| !name.is_empty() && mentions(&message, name);
            let cause = names.into_iter().find(named);
            let refusal = Refusal::new(Code::InvalidRequest, message.clone());
            cause.map_or(refusal.clone(), |cause| refusal.at(cause))
        })
    }
}

/// Whether a message of the parser is about this name.
fn mentions(message: &str, name: &str) -> bool {
    message.contains(&format!("`{name}`")) || message.contains(&format!("{name}: "))
}

/// A JSON object.
pub(crate) struct Object(pub(crate) Map);

type Map = serde_json::Map<String, Value>;

impl FromRequest<Arc<House>> for Object {
    type Rejection = Refusal;

    async fn from_request(request: Request, house: &Arc<House>) -> Result<Self> {
        if !says_json(request.headers()) {
            let message = "this route takes JSON; send it with Content-Type: application/json";
            return Err(Refusal::new(Code::UnsupportedMediaType, message));
        }
        let Body(bytes) = Body::from_request(request, house).await?;
        let value = serde_json::from_slice(&bytes).map_err(|error| {
            Refusal::new(Code::InvalidRequest, format!("the body is no JSON: {error}"))
        })?;
        match value {
            Value::Object(object) => Ok(Self(object)),
            _ => Err(Refusal::new(Code::InvalidRequest, "the body is no JSON object")),
        }
    }
}

impl Object {
    /// The object as a type, which knows these fields and no others.
    pub(crate) fn only<T: DeserializeOwned>(self, fields: &[&str]) -> Result<T> {
        if let Some(unknown) = self.0.keys().find(|field| !fields.contains(&field.as_str())) {
            let message = format!("{unknown:?} is not known here; there are {}", fields.join(", "));
            return Err(Refusal::of(unknown, message));
        }
        self.parse()
    }

    /// The object as a type.
    pub(crate) fn parse<T: DeserializeOwned>(mut self) -> Result<T> {
        // A field that is null is one that is not there.
        self.0.retain(|_, value| !value.is_null());
        let parse = |object: &Map| serde_json::from_value::<T>(Value::Object(object.clone()));
        parse(&self.0).map_err(|error| {
            let message = error.to_string();
            match culprit(&self.0, &message, |object| parse(object).err()) {
                Some(field) if mentions(&message, field) => Refusal::of(field, message),
                Some(field) => Refusal::of(field, format!("{field}: {message}")),
                None => Refusal::new(Code::InvalidRequest, message),
            }
        })
    }
}

/// The field that a parser's `message` is about: without it there is another error, or none. Parsers say what is wrong, but not always where.
fn culprit<'a>(
    object: &'a Map,
    message: &str,
    error: impl Fn(&Map) -> Option<serde_json::Error>,
) -> Option<&'a str> {
    object.keys().map(String::as_str).find(|field| {
        let mut without = object.clone();
        without.remove(*field);
        error(&without).is_none_or(|other| other.to_string() != message)
    })
}

/// Whether the client says that it sends JSON, or says nothing.
fn says_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return true };
    let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
        || kind.rsplit_once('+').is_some_and(|(_, of)| of.eq_ignore_ascii_case("json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct Wish {
        steps: Option<u32>,
    }

    fn object(json: &str) -> Object {
        Object(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn unknown_fields_are_named_and_null_is_absent() {
        let refusal = object(r#"{"stepz": 1}"#).only::<Wish>(&["steps"]).unwrap_err();
        let body = serde_json::to_value(refusal.body(None)).unwrap();
        assert_eq!(body["error"]["param"], "stepz");
        let wish: Wish = object(r#"{"steps": null}"#).only(&["steps"]).unwrap();
        assert_eq!(wish, Wish { steps: None });
        assert!(object(r#"{"steps": -1}"#).only::<Wish>(&["steps"]).is_err());
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_refused_where_it_stands() {
        for (json, param) in [
            (r#"{"prompt": "a", "count": "2"}"#, "count"),
            (r#"{"prompt": ["a"]}"#, "prompt"),
            (r#"{"prompt": "a", "steps": -1, "width": 64}"#, "steps"),
            (r#"{"prompt": "a", "quality": "ultra"}"#, "quality"),
            (r#"{"prompt": "a", "loras": [{"name": 1}]}"#, "loras"),
            (r#"{"prompt": "a", "deadline_seconds": "soon"}"#, "deadline_seconds"),
        ] {
            let refusal = object(json).parse::<zao_api::JobRequest>().unwrap_err();
            let body = serde_json::to_value(refusal.body(None)).unwrap();
            assert_eq!(body["error"]["param"], param, "{json}: {body}");
            assert!(body["error"]["message"].as_str().unwrap().contains(param), "{body}");
        }
    }
}
