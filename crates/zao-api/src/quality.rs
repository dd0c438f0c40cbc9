//! How fine a picture is to be, as people ask for it. Which size that means is NOT decided here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::UnknownName;

/// How fine a picture is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quality {
    /// `auto`: what the length of the prompt suggests.
    Auto,
    /// `draft`: three quarters of the side that the model is made for.
    Draft,
    /// `standard`: the side that the model is made for.
    Standard,
    /// `high`: five quarters of it.
    High,
}

impl Quality {
    /// Every choice.
    pub const ALL: [Self; 4] = [Self::Draft, Self::Standard, Self::High, Self::Auto];

    /// The name used in JSON and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Draft => "draft",
            Self::Standard => "standard",
            Self::High => "high",
        }
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Quality {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == name).ok_or_else(|| UnknownName {
            what: "quality",
            given: name.to_owned(),
            known: Self::ALL.map(Self::as_str).to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_the_command_line_use_the_same_names() {
        for choice in Quality::ALL {
            assert_eq!(serde_json::to_value(choice).unwrap(), choice.as_str());
            assert_eq!(choice.as_str().parse(), Ok(choice));
        }
        assert!("ultra".parse::<Quality>().unwrap_err().to_string().contains("draft or standard"));
    }
}
