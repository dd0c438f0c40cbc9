//! Seeds as people send them: JSON numbers, or the same digits as text, since many writers of JSON have no whole numbers above 2^53.
//! Which seeds may be asked for together is NOT decided here.

use std::fmt::{self, Formatter};

use serde::Deserializer;
use serde::de::{Error, Unexpected, Visitor};

/// Reads a seed that may be left out, as a number or as its decimal digits.
///
/// # Errors
/// Anything else, and what is larger than 2^64 - 1.
pub fn read_seed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    deserializer.deserialize_any(Reader)
}

struct Reader;

impl Visitor<'_> for Reader {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a seed from 0 to 18446744073709551615, as a number or as its digits")
    }

    fn visit_u64<E: Error>(self, seed: u64) -> Result<Self::Value, E> {
        Ok(Some(seed))
    }

    fn visit_i64<E: Error>(self, seed: i64) -> Result<Self::Value, E> {
        let wrong = |_| E::invalid_value(Unexpected::Signed(seed), &self);
        u64::try_from(seed).map(Some).map_err(wrong)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        // `parse` takes a sign as well.
        let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let seed = digits.and_then(|digits| digits.parse().ok());
        seed.map(Some).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use crate::{JobRequest, Request};

    #[test]
    fn a_seed_is_a_number_or_its_digits_and_nothing_else() {
        let read = |seed: &str| {
            let json = format!(r#"{{"prompt": "a", "seed": {seed}}}"#);
            let job = serde_json::from_str::<JobRequest>(&json).map(|job| job.request.seed);
            let request = serde_json::from_str::<Request>(&json).map(|request| request.seed);
            assert_eq!(job.as_ref().ok(), request.as_ref().ok(), "{seed}");
            request
        };
        for (json, seed) in [
            ("7", Some(7)),
            ("18446744073709551615", Some(u64::MAX)),
            ("\"18446744073709551615\"", Some(u64::MAX)),
            ("\"0\"", Some(0)),
            ("null", None),
        ] {
            assert_eq!(read(json).unwrap(), seed, "{json}");
        }
        for wrong in [
            "-1",
            "1.5",
            "18446744073709551616",
            "\"18446744073709551616\"",
            "\"\"",
            "\"+1\"",
            "\" 1\"",
            "\"a\"",
            "[1]",
            "true",
        ] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains("as a number or as its digits"), "{wrong}: {error}");
        }
    }
}
