//! How many denoising steps, as people ask for them. How many a prompt asks for is NOT decided here.

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many denoising steps; each is one forward pass of the transformer (two with guidance). In JSON a number, or `"auto"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Steps {
    /// `auto`: what the prompt asks for.
    Auto,
    /// So many.
    Exactly(u32),
}

impl Steps {
    /// The number, where it is known.
    #[must_use]
    pub const fn number(self) -> Option<u32> {
        match self {
            Self::Auto => None,
            Self::Exactly(steps) => Some(steps),
        }
    }
}

impl From<u32> for Steps {
    fn from(steps: u32) -> Self {
        Self::Exactly(steps)
    }
}

impl Serialize for Steps {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str(AUTO),
            Self::Exactly(steps) => serializer.serialize_u32(*steps),
        }
    }
}

impl<'de> Deserialize<'de> for Steps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

const AUTO: &str = "auto";

struct Reader;

impl Visitor<'_> for Reader {
    type Value = Steps;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("steps as a whole number, or \"auto\"")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Steps, E> {
        let steps = u32::try_from(value);
        steps.map(Steps::Exactly).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Steps, E> {
        let steps = u32::try_from(value);
        steps.map(Steps::Exactly).map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Steps, E> {
        match value {
            AUTO => Ok(Steps::Auto),
            other => Err(E::invalid_value(Unexpected::Str(other), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_a_number_or_auto_and_nothing_else() {
        for (json, steps) in
            [("8", Steps::Exactly(8)), ("0", Steps::Exactly(0)), ("\"auto\"", Steps::Auto)]
        {
            assert_eq!(serde_json::from_str::<Steps>(json).unwrap(), steps);
            assert_eq!(serde_json::to_string(&steps).unwrap(), json);
        }
        for wrong in ["-1", "1.5", "4294967296", "\"8\"", "\"Auto\"", "true", "[8]"] {
            let error = serde_json::from_str::<Steps>(wrong).unwrap_err().to_string();
            assert!(error.contains("or \"auto\""), "{wrong}: {error}");
        }
        assert_eq!((Steps::Auto.number(), Steps::from(3).number()), (None, Some(3)));
    }
}
