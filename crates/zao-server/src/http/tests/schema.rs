//! The document held against what the server answers: as much of JSON Schema as it uses. Every answer that a test gets goes
//! through here.

use std::sync::LazyLock;

use axum::http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::super::document::JSON;

pub(super) const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "PATCH"];

/// The document as JSON.
pub(super) struct Document(&'static Value);

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&JSON).expect("the document is JSON"));

/// What does not fit, and where.
pub(super) type Fits = Result<(), String>;

impl Document {
    pub(super) fn new() -> Self {
        Self(&DOCUMENT)
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &'static str> {
        let paths = self.0["paths"].as_object().expect("there are paths");
        paths.keys().map(String::as_str)
    }

    pub(super) fn has(&self, path: &str, method: &str) -> bool {
        self.0["paths"][path][method.to_lowercase()].is_object()
    }

    pub(super) fn responses(
        &self,
        path: &str,
        method: &str,
    ) -> impl Iterator<Item = (&'static str, &'static Value)> {
        let responses = &self.0["paths"][path][method.to_lowercase()]["responses"];
        responses.as_object().into_iter().flatten().map(|(status, it)| (status.as_str(), it))
    }

    /// The path of the document that `path` is; the one with more said out loud if two are.
    fn template(&self, path: &str) -> Option<&'static str> {
        let path = path.split('?').next().unwrap_or_default();
        let is_it = |template: &&str| {
            let (mut given, mut parts) = (path.split('/'), template.split('/'));
            let same = |(given, part): (&str, &str)| {
                part.starts_with('{') && !given.is_empty() || given == part
            };
            given.by_ref().zip(parts.by_ref()).all(same)
                && path.split('/').count() == template.split('/').count()
        };
        self.paths().filter(is_it).min_by_key(|template| template.matches('{').count())
    }

    /// Whether an answer is one that the document tells of. Paths that it does not have are the page's.
    pub(super) fn tells_of(
        &self,
        (method, path): (&str, &str),
        (status, headers, body): (StatusCode, &HeaderMap, &[u8]),
    ) -> Fits {
        let Some(template) = self.template(path) else { return Ok(()) };
        if status == StatusCode::METHOD_NOT_ALLOWED {
            return if self.has(template, method) {
                Err("it is for this method".into())
            } else {
                Ok(())
            };
        }
        let mut responses = self.responses(template, method);
        let response = responses.find(|(known, _)| *known == status.as_str());
        let (_, response) = response.ok_or_else(|| format!("{status} is not documented"))?;
        for name in response["headers"].as_object().into_iter().flatten().map(|(name, _)| name) {
            let optional = matches!(name.as_str(), "retry-after")
                || name.starts_with("x-") && name != "x-request-id";
            if !headers.contains_key(name) && !optional && name != "server-timing" {
                return Err(format!("the header {name} is missing"));
            }
        }
        let Some(contents) = response["content"].as_object() else {
            return if body.is_empty() { Ok(()) } else { Err("there is a body".into()) };
        };
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default();
        let content = contents.iter().find(|(mime, _)| mime.split(';').next() == Some(kind));
        let (_, content) = content.ok_or_else(|| format!("{kind:?} is not documented"))?;
        if kind != "application/json" {
            return Ok(());
        }
        let value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        self.fits(&value, &content["schema"])
    }

    /// Whether a value is what a schema says.
    pub(super) fn fits(&self, value: &Value, schema: &Value) -> Fits {
        if let Some(name) = schema["$ref"].as_str() {
            let pointer = name.trim_start_matches('#');
            let schema = self.0.pointer(pointer).ok_or_else(|| format!("there is no {name}"))?;
            return self.fits(value, schema);
        }
        for all in schema["allOf"].as_array().into_iter().flatten() {
            self.fits(value, all)?;
        }
        for together in ["oneOf", "anyOf"] {
            let Some(some) = schema[together].as_array() else { continue };
            let fitting = some.iter().filter(|one| self.fits(value, one).is_ok()).count();
            if fitting == 0 || fitting > 1 && together == "oneOf" {
                return Err(format!("{value} is {fitting} of {together}"));
            }
        }
        self.is_of_its_type(value, schema)?;
        if let Some(known) = schema["enum"].as_array()
            && !known.contains(value)
        {
            return Err(format!("{value} is none of {known:?}"));
        }
        within(value, schema)?;
        self.has_fields(value, schema)?;
        for item in value.as_array().into_iter().flatten() {
            self.fits(item, &schema["items"])?;
        }
        Ok(())
    }

    fn is_of_its_type(&self, value: &Value, schema: &Value) -> Fits {
        let kinds: Vec<&str> = match &schema["type"] {
            Value::String(kind) => vec![kind],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => return Ok(()),
        };
        let is = |kind: &&str| match *kind {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "string" => value.is_string(),
            "number" => value.is_number(),
            "integer" => value.is_u64() || value.is_i64(),
            "array" => value.is_array(),
            _ => value.is_object(),
        };
        if kinds.iter().any(is) { Ok(()) } else { Err(format!("{value} is not {kinds:?}")) }
    }

    fn has_fields(&self, value: &Value, schema: &Value) -> Fits {
        let Some(object) = value.as_object() else { return Ok(()) };
        for name in schema["required"].as_array().into_iter().flatten() {
            if !object.contains_key(name.as_str().unwrap_or_default()) {
                return Err(format!("{name} is missing in {value}"));
            }
        }
        for (name, field) in object {
            match &schema["properties"][name] {
                // What is not described may be there unless it is said that it may not.
                Value::Null if schema["additionalProperties"] == false => {
                    return Err(format!("{name} is not described"));
                }
                Value::Null => {}
                schema => self.fits(field, schema).map_err(|error| format!("{name}: {error}"))?,
            }
        }
        Ok(())
    }
}

fn within(value: &Value, schema: &Value) -> Fits {
    let Some(number) = value.as_f64() else { return Ok(()) };
    let bound = |name: &str| schema[name].as_f64();
    let is_within = bound("minimum").is_none_or(|least| number >= least)
        && bound("maximum").is_none_or(|most| number <= most)
        && bound("exclusiveMinimum").is_none_or(|least| number > least);
    if is_within { Ok(()) } else { Err(format!("{value} is out of bounds")) }
}
