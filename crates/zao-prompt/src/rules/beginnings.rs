//! A quick answer to whether any word can begin at a place, so that most places of a text are never looked up. It may say yes where none
//! does, never no where one does; which word it is, the tree knows.

/// So many bits, as a power of two: 16 KB, which a processor keeps at hand.
const BITS: u32 = 17;

/// Bytes that a place is told by: two Chinese characters, three letters.
const HAN: u64 = 0xffff_ffff_ffff;
const LETTERS: u64 = 0x00ff_ffff;

/// The beginnings of words, a bit for each.
pub(crate) struct Beginnings {
    bits: Vec<u64>,
}

impl Beginnings {
    pub(crate) fn of<'w>(words: impl IntoIterator<Item = &'w [u8]>) -> Self {
        let mut bits = vec![0; 1 << (BITS - 6)];
        for word in words {
            let begins = eight(word, 0);
            let key = match word.len() {
                6.. if is_wide(begins) => begins & HAN,
                3.. => begins & LETTERS,
                _ => begins,
            };
            let place = place(key);
            bits[place / 64] |= 1 << (place % 64);
        }
        Self { bits }
    }

    /// Its bits.
    #[cfg_attr(not(test), allow(dead_code, reason = "the build script writes it"))]
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bits.iter().flat_map(|bits| bits.to_le_bytes()).collect()
    }

    /// Those of [`Self::bytes`].
    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        Self { bits: bytes.chunks_exact(8).map(|bits| eight(bits, 0)).collect() }
    }

    /// Whether a word may begin at a place of a text.
    pub(crate) fn may_be_at(&self, text: &[u8], at: usize) -> bool {
        let here = eight(text, at);
        match is_wide(here) {
            true => self.has(here & HAN) || self.has(here & LETTERS),
            false => self.has(here & LETTERS) || self.has(here & 0xffff) || self.has(here & 0xff),
        }
    }

    fn has(&self, key: u64) -> bool {
        let place = place(key);
        self.bits[place / 64] >> (place % 64) & 1 == 1
    }
}

/// Whether a character of three bytes or more begins so.
fn is_wide(bytes: u64) -> bool {
    bytes & 0xff >= 0xe0
}

fn place(key: u64) -> usize {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BITS)) as usize
}

/// The bytes at a place, as many as there are.
fn eight(text: &[u8], at: usize) -> u64 {
    if let Some(bytes) = text.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()) {
        return u64::from_le_bytes(bytes);
    }
    let mut bytes = [0; 8];
    let rest = &text[at..];
    let length = rest.len().min(8);
    bytes[..length].copy_from_slice(&rest[..length]);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_missed_and_most_others_are_passed() {
        let words = ["a", "an", "and", "night", "白", "白天", "白天鹅", "白b", "é", "étage", "🐎"];
        let begin = Beginnings::of(words.iter().map(|word| word.as_bytes()));
        for word in words {
            for text in [word.to_owned(), format!("{word}, "), format!("{word}白天night")] {
                assert!(begin.may_be_at(text.as_bytes(), 0), "{text}");
            }
        }
        let few = Beginnings::of([&b"night"[..], "白天".as_bytes()]);
        let passed = ["day", "nib", "n", "白夜", "天", "树", "é"];
        assert!(passed.iter().all(|text| !few.may_be_at(text.as_bytes(), 0)));
    }
}
