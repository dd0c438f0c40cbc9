//! A report as JSON and back; `docs/load-report.schema.json` describes it. Files are read and written by the caller.

use super::{Report, SCHEMA_VERSION};

/// The JSON of a report.
///
/// # Errors
/// When it holds a number that is none.
pub fn write(report: &Report) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report)
}

/// Reads what [`write()`] wrote.
///
/// # Errors
/// With what is wrong, and what to do, in one line.
pub fn read(text: &str) -> Result<Report, String> {
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let version = value["schema_version"].as_u64();
    match version {
        Some(version) if version == u64::from(SCHEMA_VERSION) => {
            serde_json::from_value(value).map_err(|error| format!("it is no report: {error}"))
        }
        Some(version) => Err(format!(
            "it is a report of version {version}, and this zao reads {SCHEMA_VERSION}; measure again, or take the zao \
             that wrote it"
        )),
        None => Err("it has no schema_version; give what `zao load --json FILE` wrote".into()),
    }
}
