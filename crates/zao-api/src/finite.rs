//! Keeps NaN and infinity out of JSON, in both directions. It does NOT check any other range.
//!
//! JSON has no such numbers: `serde_json` would write `null`, and a recipe with a `null` in it cannot
//! be read back, so writing one has to fail where the mistake is made.

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};

pub(crate) fn serialize<S: Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    if !value.is_finite() {
        return Err(S::Error::custom(format_args!("{value} is not a number JSON can hold")));
    }
    value.serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    let value = f32::deserialize(deserializer)?;
    if !value.is_finite() {
        return Err(D::Error::custom("number is too large for 32-bit floating point"));
    }
    Ok(value)
}
