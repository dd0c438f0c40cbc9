//! Which generator the starting noise comes from. The generators themselves are NOT here.

use serde::{Deserialize, Serialize};

use crate::name::named;

/// The random number generator of the starting noise.
///
/// With the same seed the two give different pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Rng {
    /// `torch-cpu`: Mersenne Twister and Box-Muller as PyTorch's CPU generator does, the same on
    /// every machine.
    #[default]
    TorchCpu,
    /// `nv`: Philox as PyTorch's generator on an NVIDIA GPU does.
    Nv,
}

impl Rng {
    /// Every generator, the default first.
    pub const ALL: [Self; 2] = [Self::TorchCpu, Self::Nv];

    /// The name used in JSON and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TorchCpu => "torch-cpu",
            Self::Nv => "nv",
        }
    }
}

named!(Rng, "rng");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_the_command_line_use_the_same_names() {
        for rng in Rng::ALL {
            assert_eq!(serde_json::to_value(rng).unwrap(), rng.as_str());
            assert_eq!(rng.as_str().parse(), Ok(rng));
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = "gpu".parse::<Rng>().unwrap_err();
        assert_eq!(error.to_string(), "unknown rng \"gpu\": use torch-cpu or nv");
    }
}
