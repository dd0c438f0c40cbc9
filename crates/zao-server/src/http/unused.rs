//! What a request in another program's words asks for and does not get, told with the answer: their clients send much that means nothing
//! here, so nothing is refused for it. What in a job has no effect is told by the job itself.

use serde_json::{Map, Value};

/// Fields that have no effect, and why where that is not plain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Unused {
    /// Their names.
    pub(super) fields: Vec<String>,
    /// A line for each that is known here and still does nothing.
    pub(super) reasons: Vec<String>,
}

impl Unused {
    /// The fields of a request that are not `known`; one that is null is not there.
    pub(super) fn unknown(object: &Map<String, Value>, known: &[&str]) -> Self {
        let said = object.iter().filter(|(_, value)| !value.is_null()).map(|(field, _)| field);
        let unknown = said.filter(|field| !known.contains(&field.as_str()));
        Self { fields: unknown.cloned().collect(), reasons: Vec::new() }
    }

    /// Says of a field, where `holds`, that it does nothing and why.
    pub(super) fn say(&mut self, holds: bool, field: &str, why: &str) {
        if holds {
            self.fields.push(field.to_owned());
            self.reasons.push(format!("{field} has no effect: {why}"));
        }
    }

    /// Says why a field that is not known here cannot be.
    pub(super) fn explain(&mut self, field: &str, why: &str) {
        if self.fields.iter().any(|unknown| unknown == field) {
            self.reasons.push(format!("{field} has no effect: {why}"));
        }
    }

    /// The warnings of a job, and what is said here.
    pub(super) fn with(&self, warnings: &[String]) -> Vec<String> {
        warnings.iter().chain(&self.reasons).cloned().collect()
    }
}
