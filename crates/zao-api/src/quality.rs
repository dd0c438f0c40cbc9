//! How fine a picture is to be, as people ask for it. Which size that means is NOT decided here.

use serde::{Deserialize, Serialize};

use crate::name::named;

/// How fine a picture is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Quality {
    /// `auto`: what the prompt asks for.
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

named!(Quality, "quality");

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
