//! Schemas in words: what a value is and which values it may have. Fields of objects are the page's.

use serde_json::Value;

use super::html::escaped;

/// What a value is, as HTML.
pub(super) fn kind(schema: &Value) -> String {
    if let Some(name) = reference(schema) {
        return format!("<a href=\"#type-{0}\">{0}</a>", escaped(name));
    }
    for together in ["oneOf", "anyOf"] {
        if let Some(some) = schema[together].as_array() {
            // Null is said last, as people say it.
            let (null, some): (Vec<_>, Vec<_>) = some.iter().partition(|it| it["type"] == "null");
            let kinds = some.into_iter().chain(null).map(kind);
            return kinds.collect::<Vec<_>>().join(" or ");
        }
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(some) => some.iter().filter_map(Value::as_str).collect(),
        _ => return "anything".into(),
    };
    let kinds = kinds.into_iter().map(|kind| match kind {
        "array" => format!("list of {}", self::kind(&schema["items"])),
        "string" if schema["enum"].is_array() => String::new(),
        kind => escaped(kind),
    });
    let kinds: Vec<String> = kinds.filter(|kind| !kind.is_empty()).collect();
    let values = values(schema);
    let both = kinds.join(" or ");
    match (both.as_str(), values.as_str()) {
        (_, "") => both,
        ("", _) => values,
        _ => format!("{both} {values}"),
    }
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

/// Which values it may have, as HTML.
fn values(schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array() {
        let values = values.iter().map(|value| match value {
            Value::String(text) => format!("<code>{}</code>", escaped(text)),
            other => format!("<code>{other}</code>"),
        });
        return values.collect::<Vec<_>>().join(" · ");
    }
    let bound = |name: &str, sign: &str| match &schema[name] {
        Value::Null => None,
        value => Some(format!("{sign} {value}")),
    };
    let bounds = [
        bound("minimum", "≥"),
        bound("exclusiveMinimum", "&gt;"),
        bound("maximum", "≤"),
        bound("exclusiveMaximum", "&lt;"),
    ];
    bounds.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kinds_read_as_people_say_them() {
        for (schema, words) in [
            (json!({"type": "integer", "minimum": 0, "maximum": 3}), "integer ≥ 0, ≤ 3"),
            (json!({"type": ["string", "null"]}), "string or null"),
            (json!({"type": "array", "items": {"type": "string"}}), "list of string"),
            (json!({"type": "string", "enum": ["a", "b"]}), "<code>a</code> · <code>b</code>"),
            (
                json!({"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Job"}]}),
                "<a href=\"#type-Job\">Job</a> or null",
            ),
            (json!({}), "anything"),
        ] {
            assert_eq!(kind(&schema), words);
        }
    }
}
