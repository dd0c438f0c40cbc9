//! How much memory may be used, as people write it, and for what.

use clap::{Args, ValueEnum};
use zao_engine::TextEncoderOn;

/// The bounds of a run.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct MemoryArgs {
    /// The most memory of the card to use, all that the driver reports for this process counted, as in 8G or
    /// 7.5GiB. Weights that have no room there are streamed from main memory [default: what is free]
    #[arg(long, value_name = "SIZE", value_parser = bytes, allow_negative_numbers = true)]
    pub(crate) vram: Option<u64>,

    /// The most main memory to use, as in 16G: for weights on their way to a card, and on the CPU for
    /// everything [default: what is free]
    #[arg(long, value_name = "SIZE", value_parser = bytes, allow_negative_numbers = true)]
    pub(crate) ram: Option<u64>,

    /// Where to compute the text encoder of what a card draws: auto, device (the card) or cpu. On the CPU it takes no
    /// memory of the card; auto does that where pictures are there sooner for it, or there at all
    #[arg(long, value_enum, value_name = "WHERE", default_value_t, hide_possible_values = true)]
    pub(crate) text_encoder_on: ReadsOn,
}

/// Where the text encoder is computed.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReadsOn {
    #[default]
    Auto,
    Device,
    Cpu,
}

impl From<ReadsOn> for TextEncoderOn {
    fn from(on: ReadsOn) -> Self {
        match on {
            ReadsOn::Auto => Self::Auto,
            ReadsOn::Device => Self::Device,
            ReadsOn::Cpu => Self::Processor,
        }
    }
}

/// Units, in the order in which they are tried.
const UNITS: [(&str, u64); 10] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("kb", 1000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("k", 1000),
    ("m", 1_000_000),
    ("g", 1_000_000_000),
    ("b", 1),
];

/// A number of bytes with its unit: thousands, or with an `i` 1024s.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no size; write it as 8G, 7.5GiB or 500M");
    let lower = text.trim().to_ascii_lowercase();
    let (number, unit) = UNITS
        .into_iter()
        .find_map(|(name, unit)| Some((lower.strip_suffix(name)?, unit)))
        .ok_or_else(wrong)?;
    let number: f64 = number.trim_end().parse().map_err(|_| wrong())?;
    let bytes = number * unit as f64;
    // A petabyte is more than any machine has, and far below where numbers lose bytes.
    if (1.0..=1e15).contains(&bytes) { Ok(bytes as u64) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        for (text, number) in [
            ("8G", 8_000_000_000),
            ("7.5GiB", 8_053_063_680),
            ("500M", 500_000_000),
            ("500 mb", 500_000_000),
            ("1kB", 1000),
            ("12b", 12),
        ] {
            assert_eq!(bytes(text), Ok(number), "{text}");
        }
        for text in ["8", "G", "-8G", "0G", "8T", "nanG", "infG", "1e9G", "eight G", ""] {
            assert!(bytes(text).unwrap_err().contains("8G"), "{text}");
        }
    }
}
