//! Keeps NaN and infinity out of JSON, in both directions. It does NOT check any other range.
//!
//! JSON has no such numbers: `serde_json` would write `null`, and a recipe with a `null` in it cannot
//! be read back, so writing one has to fail where the mistake is made.

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};

pub(crate) fn serialize<T, S>(value: &T, serializer: S) -> Result<S::Ok, S::Error>
where
    T: Copy + Into<f64> + Serialize,
    S: Serializer,
{
    let number: f64 = (*value).into();
    if !number.is_finite() {
        return Err(S::Error::custom(format_args!("{number} is not a number JSON can hold")));
    }
    value.serialize(serializer)
}

pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Copy + Into<f64> + Deserialize<'de>,
    D: Deserializer<'de>,
{
    let value = T::deserialize(deserializer)?;
    if !value.into().is_finite() {
        return Err(D::Error::custom("number is too large for floating point"));
    }
    Ok(value)
}
