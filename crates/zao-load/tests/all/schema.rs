//! `docs/load-report.schema.json` describes what is written: every field and no other. The part of JSON Schema that the file
//! uses is checked here by hand.

use serde_json::Value;

use crate::forms::example;

fn schema() -> Value {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/load-report.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The faults of a value, by their places.
fn faults(value: &Value, schema: &Value, root: &Value, place: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target =
            root.pointer(reference.trim_start_matches('#')).expect("a reference leads somewhere");
        return faults(value, target, root, place);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let all: Vec<_> = choices.iter().map(|it| faults(value, it, root, place)).collect();
        let fitting = all.iter().filter(|faults| faults.is_empty()).count();
        return if fitting == 1 {
            Vec::new()
        } else {
            vec![format!("{place}: {fitting} choices fit: {all:?}")]
        };
    }
    if let Some(constant) = schema.get("const") {
        return if value == constant {
            Vec::new()
        } else {
            vec![format!("{place} is not {constant}")]
        };
    }
    if let Some(choices) = schema["enum"].as_array() {
        return if choices.contains(value) {
            Vec::new()
        } else {
            vec![format!("{place} is none of {choices:?}")]
        };
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let expected = schema["type"].as_str().expect("each schema has a type");
    if kind != expected && !(kind == "integer" && expected == "number") {
        return vec![format!("{place} is {kind} and not {expected}")];
    }
    let mut found = Vec::new();
    if let Value::Array(items) = value {
        for (at, item) in items.iter().enumerate() {
            found.extend(faults(item, &schema["items"], root, &format!("{place}/{at}")));
        }
    }
    if let Value::Object(fields) = value {
        let known = schema["properties"].as_object();
        for (name, field) in fields {
            let place = format!("{place}/{name}");
            match known.and_then(|known| known.get(name)).or(schema.get("additionalProperties")) {
                Some(Value::Bool(false)) | None => found.push(format!("{place} is not described")),
                Some(schema) => found.extend(faults(field, schema, root, &place)),
            }
        }
        let missing = schema["required"].as_array().into_iter().flatten();
        let missing = missing.filter(|name| !fields.contains_key(name.as_str().unwrap()));
        found.extend(missing.map(|name| format!("{place} lacks {name}")));
    }
    found
}

fn check(value: &Value) -> Vec<String> {
    let schema = schema();
    faults(value, &schema, &schema, "")
}

#[test]
fn what_is_written_fits_the_schema() {
    let value = serde_json::to_value(example()).unwrap();
    assert_eq!(check(&value), Vec::<String>::new());
}

#[test]
fn what_does_not_fit_is_noticed() {
    let mut value = serde_json::to_value(example()).unwrap();
    value["more"] = 1.into();
    value["rows"][0]["e2e"]["p50"] = "fast".into();
    value["rows"][0].as_object_mut().unwrap().remove("goodput");
    let found = check(&value).join("; ");
    for words in ["/more is not described", "/rows/0/e2e", "lacks \"goodput\""] {
        assert!(found.contains(words), "{words}: {found}");
    }
}

#[test]
fn every_field_of_the_schema_is_written() {
    let written = serde_json::to_value(example()).unwrap();
    let schema = schema();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&written), names(&schema["properties"]));
    assert_eq!(names(&written["rows"][0]), names(&schema["$defs"]["row"]["properties"]));
}
