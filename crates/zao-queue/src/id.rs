//! Ids of jobs and pictures: sorted by time, not to be guessed, safe as the name of a file. Nothing can be read out of one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::moment::Moment;

/// Crockford's digits: none is mistaken for another, and texts sort as numbers do.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

const LENGTH: usize = 26;

const RANDOM_BITS: u32 = 80;

/// Names a kind of thing by a prefix and 26 digits.
macro_rules! id {
    ($name:ident, $prefix:literal, $what:literal) => {
        #[doc = concat!("The id of a ", $what, ": `", $prefix, "` and 26 digits. A later one sorts behind.")]
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text of the id.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            pub(crate) fn of(number: u128) -> Self {
                Self(format!("{}{}", $prefix, digits(number)))
            }

            pub(crate) fn number(&self) -> u128 {
                value(&self.0[$prefix.len()..])
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                let is_id = text.strip_prefix($prefix).is_some_and(|digits| {
                    digits.len() == LENGTH && digits.bytes().all(|digit| DIGITS.contains(&digit))
                });
                if is_id { Ok(Self(text)) } else { Err(Error::BadId { what: $what, text }) }
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                text.to_owned().try_into()
            }
        }
    };
}

id!(JobId, "job_", "job");
id!(ImageId, "img_", "picture");

/// Where new ids come from: each is greater than all before, also where the clock was put back.
#[derive(Debug)]
pub(crate) struct Numbers {
    last: u128,
}

impl Numbers {
    /// Ids that are greater than `last`.
    pub(crate) fn after(last: u128) -> Self {
        Self { last }
    }

    pub(crate) fn next(&mut self, now: Moment) -> Result<u128, Error> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(Error::NoRandomness)?;
        let random = u128::from_le_bytes(random);
        let by_time = (u128::from(now.millis()) << RANDOM_BITS) | (random >> (128 - RANDOM_BITS));
        // Within a millisecond, or behind a clock put back, an unknown distance keeps the next id a secret as well.
        let behind_last = self.last + 1 + (random >> 80);
        self.last = if by_time > self.last { by_time } else { behind_last };
        Ok(self.last)
    }
}

fn digits(number: u128) -> String {
    (0..LENGTH)
        .rev()
        .map(|place| char::from(DIGITS[(number >> (5 * place)) as usize % DIGITS.len()]))
        .collect()
}

fn value(digits: &str) -> u128 {
    digits.bytes().fold(0, |number, digit| {
        let digit = DIGITS.iter().position(|known| *known == digit).unwrap_or_default();
        (number << 5) | digit as u128
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_even_when_the_clock_goes_back() {
        let mut numbers = Numbers::after(0);
        let times = [1_000_000, 1_000_000, 2_000_000, 500_000, 0, 3_000_000];
        let ids: Vec<JobId> = times
            .iter()
            .map(|micros| JobId::of(numbers.next(Moment::of_micros(*micros)).unwrap()))
            .collect();
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        assert!(ids.iter().all(|id| id.as_str().len() == 30 && id.as_str().starts_with("job_")));
    }

    #[test]
    fn an_id_survives_as_a_number_and_as_a_text() {
        let mut numbers = Numbers::after(0);
        for _ in 0..100 {
            let id = ImageId::of(numbers.next(Moment::of_micros(1_767_225_600_000_000)).unwrap());
            assert_eq!(ImageId::of(id.number()), id);
            assert_eq!(id.to_string().parse::<ImageId>().unwrap(), id);
        }
    }

    #[test]
    fn what_could_lead_out_of_the_folder_is_no_id() {
        let good = ImageId::of(7).to_string();
        let long = format!("{good}0");
        let up = format!("img_../../{}", "0".repeat(20));
        let capital = good.replace('7', "A");
        for text in ["", "img_", &long, &up, &capital, &good.replace("img", "job"), "img_\0"] {
            assert!(text.parse::<ImageId>().is_err(), "{text}");
        }
        assert!(serde_json::from_str::<JobId>("\"job_1\"").is_err());
    }
}
