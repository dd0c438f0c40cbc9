//! NVIDIA cards that people have, by the figures of their maker, so that drawing can be planned for one that is not here.
//!
//! Figures are those of NVIDIA's white papers (Turing TU102 and TU104, Ampere GA102, Ada, RTX Blackwell) and data sheets
//! (T4, A10, A100, L4, L40S, H100, H200, B200): additions and multiplications a second of the tensor cores with sums in
//! f32, on dense matrices, at the boost clock. What of these a card keeps up is another matter; see `estimate.rs`.

/// A card as its maker describes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KnownCard {
    /// Its name, as a driver reports it, without the maker's.
    pub name: &'static str,
    /// Memory, in GiB.
    pub gibibytes: u32,
    /// What its cores can.
    pub family: Family,
    /// Additions and multiplications a second in bf16, in units of 10^12.
    pub bf16_teraflops: f64,
    /// Bytes a second between its memory and its cores, in units of 10^9.
    pub memory_gigabytes_per_second: f64,
    /// Generation and lanes of its PCI Express connection.
    pub bus: (u32, u32),
}

/// Cards of one build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Compute capability 7.5: no bf16, too old for zao.
    Turing,
    /// 8.0 and 8.6 as sold for servers and workstations: int8 at twice the speed of bf16.
    AmpereServer,
    /// 8.6 as sold for games: int8 at four times the speed of bf16, whose sums are kept slower.
    AmpereGames,
    /// 8.9, 9.0, 10.0 and 12.0 as sold for servers and workstations: fp8 and int8 at twice the speed of bf16.
    EightBitServer,
    /// 8.9 and 12.0 as sold for games: fp8 at twice and int8 at four times the speed of bf16.
    EightBitGames,
}

impl Family {
    /// Whether zao draws on it.
    #[must_use]
    pub const fn is_new_enough(self) -> bool {
        !matches!(self, Self::Turing)
    }

    /// Whether it multiplies fp8.
    #[must_use]
    pub const fn has_fp8(self) -> bool {
        matches!(self, Self::EightBitServer | Self::EightBitGames)
    }

    /// How many times as fast int8 is as bf16.
    pub(crate) const fn int8_factor(self) -> f64 {
        match self {
            Self::AmpereGames | Self::EightBitGames => 4.0,
            Self::Turing | Self::AmpereServer | Self::EightBitServer => 2.0,
        }
    }
}

/// One line a card.
const fn card(
    name: &'static str,
    gibibytes: u32,
    family: Family,
    bf16_teraflops: f64,
    memory_gigabytes_per_second: f64,
    bus: (u32, u32),
) -> KnownCard {
    KnownCard { name, gibibytes, family, bf16_teraflops, memory_gigabytes_per_second, bus }
}

use Family::{AmpereGames, AmpereServer, EightBitGames, EightBitServer, Turing};

/// All of them, by family and size. Of what is too old the speed is that of f16.
pub const KNOWN_CARDS: &[KnownCard] = &[
    card("GeForce RTX 2060", 6, Turing, 25.8, 336.0, (3, 16)),
    card("GeForce RTX 2070", 8, Turing, 29.9, 448.0, (3, 16)),
    card("GeForce RTX 2080", 8, Turing, 40.3, 448.0, (3, 16)),
    card("GeForce RTX 2080 Ti", 11, Turing, 53.8, 616.0, (3, 16)),
    card("Tesla T4", 15, Turing, 65.0, 320.0, (3, 16)),
    card("GeForce RTX 3050", 8, AmpereGames, 18.2, 224.0, (4, 8)),
    card("GeForce RTX 3060", 12, AmpereGames, 25.5, 360.0, (4, 16)),
    card("GeForce RTX 3060 Laptop", 6, AmpereGames, 21.8, 336.0, (4, 8)),
    card("GeForce RTX 3060 Ti", 8, AmpereGames, 32.4, 448.0, (4, 16)),
    card("GeForce RTX 3070", 8, AmpereGames, 40.6, 448.0, (4, 16)),
    card("GeForce RTX 3070 Ti", 8, AmpereGames, 43.5, 608.0, (4, 16)),
    card("GeForce RTX 3080", 10, AmpereGames, 59.5, 760.0, (4, 16)),
    card("GeForce RTX 3080 Ti", 12, AmpereGames, 68.2, 912.0, (4, 16)),
    card("GeForce RTX 3090", 24, AmpereGames, 71.2, 936.0, (4, 16)),
    card("GeForce RTX 3090 Ti", 24, AmpereGames, 80.0, 1008.0, (4, 16)),
    card("GeForce RTX 4060", 8, EightBitGames, 30.2, 272.0, (4, 8)),
    card("GeForce RTX 4060 Ti", 8, EightBitGames, 44.1, 288.0, (4, 8)),
    card("GeForce RTX 4060 Ti 16GB", 16, EightBitGames, 44.1, 288.0, (4, 8)),
    card("GeForce RTX 4070", 12, EightBitGames, 58.3, 504.0, (4, 16)),
    card("GeForce RTX 4070 SUPER", 12, EightBitGames, 71.0, 504.0, (4, 16)),
    card("GeForce RTX 4070 Ti", 12, EightBitGames, 80.2, 504.0, (4, 16)),
    card("GeForce RTX 4070 Ti SUPER", 16, EightBitGames, 88.2, 672.0, (4, 16)),
    card("GeForce RTX 4080", 16, EightBitGames, 97.5, 717.0, (4, 16)),
    card("GeForce RTX 4080 SUPER", 16, EightBitGames, 104.4, 736.0, (4, 16)),
    card("GeForce RTX 4090 D", 24, EightBitGames, 147.0, 1008.0, (4, 16)),
    card("GeForce RTX 4090", 24, EightBitGames, 165.2, 1008.0, (4, 16)),
    card("GeForce RTX 5060", 8, EightBitGames, 38.4, 448.0, (5, 8)),
    card("GeForce RTX 5060 Ti", 8, EightBitGames, 47.4, 448.0, (5, 8)),
    card("GeForce RTX 5060 Ti 16GB", 16, EightBitGames, 47.4, 448.0, (5, 8)),
    card("GeForce RTX 5070", 12, EightBitGames, 61.7, 672.0, (5, 16)),
    card("GeForce RTX 5070 Ti", 16, EightBitGames, 87.9, 896.0, (5, 16)),
    card("GeForce RTX 5080", 16, EightBitGames, 112.6, 960.0, (5, 16)),
    card("GeForce RTX 5090", 32, EightBitGames, 209.5, 1792.0, (5, 16)),
    card("A10", 22, AmpereServer, 125.0, 600.0, (4, 16)),
    card("A100 40GB", 40, AmpereServer, 312.0, 1555.0, (4, 16)),
    card("A100 80GB", 80, AmpereServer, 312.0, 2039.0, (4, 16)),
    card("RTX A6000", 48, AmpereServer, 154.8, 768.0, (4, 16)),
    card("L4", 22, EightBitServer, 121.0, 300.0, (4, 16)),
    card("L40S", 44, EightBitServer, 362.0, 864.0, (4, 16)),
    card("RTX 6000 Ada", 48, EightBitServer, 364.2, 960.0, (4, 16)),
    card("H100 PCIe", 80, EightBitServer, 756.0, 2039.0, (5, 16)),
    card("H100 80GB HBM3", 80, EightBitServer, 989.4, 3352.0, (5, 16)),
    card("H200", 140, EightBitServer, 989.4, 4800.0, (5, 16)),
    card("B200", 179, EightBitServer, 2250.0, 7700.0, (5, 16)),
];

impl KnownCard {
    /// Bytes of its memory that a driver shows, which keeps a little for itself.
    #[must_use]
    pub const fn memory(&self) -> u64 {
        let bytes = (self.gibibytes as u64) << 30;
        bytes - bytes / 256
    }

    /// The card that a driver calls `name`, if only one is meant.
    pub(crate) fn called(name: &str) -> Option<&'static Self> {
        if let [only] = Self::find(name)[..] { Some(only) } else { None }
    }

    /// The cards whose names have all words of `asked`: one of them whose name has no others, or else all.
    ///
    /// Words are taken as people write them: `4060ti`, `RTX-4060 Ti` and `rtx 4060 ti` are the same.
    #[must_use]
    pub fn find(asked: &str) -> Vec<&'static Self> {
        let asked = words(asked);
        let has = |card: &&Self| {
            let name = words(card.name);
            !asked.is_empty() && asked.iter().all(|word| name.contains(word))
        };
        let found: Vec<_> = KNOWN_CARDS.iter().filter(has).collect();
        let is_all = |card: &&&Self| words(card.name).iter().all(|word| asked.contains(word));
        let wordless = |card: &Self| words(card.name).len();
        let fewest = found.iter().map(|card| wordless(card)).min();
        let mut shortest = found.iter().filter(|card| Some(wordless(card)) == fewest);
        match (found.iter().find(is_all), shortest.next(), shortest.next()) {
            (Some(exactly), ..) => vec![exactly],
            (None, Some(only), None) => vec![only],
            _ => found,
        }
    }
}

/// Runs of letters and runs of digits, in lower case, without the words that tell nothing.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = None;
    for c in name.to_lowercase().chars() {
        let kind = c.is_ascii_digit().then_some(0).or_else(|| c.is_alphabetic().then_some(1));
        match kind {
            Some(_) if kind == before => {
                words.last_mut().expect("a run goes on that has begun").push(c);
            }
            Some(_) => words.push(c.into()),
            None => {}
        }
        before = kind;
    }
    let tells =
        |word: &String| !["nvidia", "geforce", "tesla", "gb", "gpu"].contains(&word.as_str());
    words.retain(tells);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(asked: &str) -> Vec<&'static str> {
        KnownCard::find(asked).into_iter().map(|card| card.name).collect()
    }

    #[test]
    fn cards_are_found_as_people_write_them() {
        for (asked, name) in [
            ("RTX 4060 Ti", "GeForce RTX 4060 Ti"),
            ("4060ti", "GeForce RTX 4060 Ti"),
            ("rtx-4060-ti 16gb", "GeForce RTX 4060 Ti 16GB"),
            ("3060", "GeForce RTX 3060"),
            ("RTX4090D", "GeForce RTX 4090 D"),
            ("NVIDIA GeForce RTX 5090", "GeForce RTX 5090"),
            ("h100", "H100 PCIe"),
            ("NVIDIA H100 80GB HBM3", "H100 80GB HBM3"),
            ("t4", "Tesla T4"),
            ("L4", "L4"),
        ] {
            assert_eq!(names(asked).first(), Some(&name), "{asked}");
        }
        assert_eq!(names("A100"), ["A100 40GB", "A100 80GB"]);
        assert_eq!(names("4080"), ["GeForce RTX 4080"]);
        assert!(names("radeon").is_empty() && names("").is_empty() && names("geforce").is_empty());
    }

    #[test]
    fn every_card_is_found_by_its_own_name_and_makes_sense() {
        for card in KNOWN_CARDS {
            assert_eq!(names(card.name), [card.name]);
            let (generation, lanes) = card.bus;
            assert!((3..=5).contains(&generation) && [8, 16].contains(&lanes), "{card:?}");
            assert!((4..=200).contains(&card.gibibytes) && card.bf16_teraflops > 10.0);
        }
    }
}
