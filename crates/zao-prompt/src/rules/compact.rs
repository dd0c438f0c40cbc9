//! The lexicon as the build script writes it and the program finds it: lists of bytes, each behind its length. Nothing is looked up here.

use super::beginnings::Beginnings;
use super::lexicon::{Lexicon, Roles};
use super::trie::Trie;

impl Lexicon {
    /// All of it as bytes.
    #[cfg_attr(not(test), allow(dead_code, reason = "the build script writes it"))]
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut list = |list: &[u8]| {
            let length = u32::try_from(list.len()).expect("a lexicon has less than four gigabytes");
            bytes.extend(length.to_le_bytes());
            bytes.extend_from_slice(list);
        };
        list(self.words.bytes());
        for roles in [&self.all, &self.repairs] {
            list(&roles.begin.bytes());
            list(&roles.ends);
            list(&roles.roles);
        }
        bytes
    }

    /// The lexicon of [`Self::bytes`], most of it read where it lies; nothing if there are too few.
    pub(crate) fn of_bytes(mut bytes: &'static [u8]) -> Option<Self> {
        let mut list = || {
            let (length, rest) = bytes.split_first_chunk::<4>()?;
            let (list, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            bytes = rest;
            Some(list)
        };
        let words = Trie::of_bytes(list()?);
        let mut roles = || {
            let begin = Beginnings::of_bytes(list()?);
            Some(Roles { begin, ends: list()?.into(), roles: list()?.into() })
        };
        Some(Self { words, all: roles()?, repairs: roles()? })
    }
}
