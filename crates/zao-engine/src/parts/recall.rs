//! What is remembered of prompts that were read, least recently used first out. What it remembers of them is its
//! owner's business: their states, or for a plan only how large these are.

use std::collections::VecDeque;
use std::sync::Arc;

/// The most bytes that are remembered: a hundred usual prompts of the largest text encoder, a dozen of the longest.
const MOST_BYTES: u64 = 64 << 20;

/// The most prompts that are remembered, so that looking one up stays cheap where states are small, and so that a worker
/// has all of the memory it will ever take after minutes: who looks at its curve must not wait hours for the flat part.
const MOST_PROMPTS: usize = 256;

/// Prompts by their token ids. Equal ones are equal whoever asked for them: one text encoder read them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recall<T> {
    /// The one that was used last is the last.
    prompts: VecDeque<Remembered<T>>,
    bytes: u64,
    most: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Remembered<T> {
    ids: Arc<[u32]>,
    bytes: u64,
    what: T,
}

/// Bytes that a prompt of so many tokens takes here, with `width` numbers of states a token.
pub(crate) const fn bytes_of(tokens: usize, width: usize) -> u64 {
    (tokens * (size_of::<u32>() + width * size_of::<f32>())) as u64
}

impl<T> Default for Recall<T> {
    fn default() -> Self {
        Self { prompts: VecDeque::new(), bytes: 0, most: MOST_BYTES }
    }
}

impl<T: Clone> Recall<T> {
    /// Bytes of all that is remembered.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What is remembered of this prompt, which counts as used now.
    pub(crate) fn get(&mut self, ids: &[u32]) -> Option<T> {
        let at = self.prompts.iter().position(|known| *known.ids == *ids)?;
        let known = self.prompts.remove(at)?;
        let what = known.what.clone();
        self.prompts.push_back(known);
        Some(what)
    }

    /// Remembers `what` of a prompt, which takes `bytes`; others are forgotten for it. What is larger than everything may
    /// be is not remembered.
    pub(crate) fn add(&mut self, ids: &[u32], bytes: u64, what: T) {
        if bytes > self.most {
            return;
        }
        while self.bytes + bytes > self.most || self.prompts.len() >= MOST_PROMPTS {
            let Some(forgotten) = self.prompts.pop_front() else { break };
            self.bytes -= forgotten.bytes;
        }
        self.bytes += bytes;
        self.prompts.push_back(Remembered { ids: ids.into(), bytes, what });
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.prompts.clear();
        self.bytes = 0;
    }

    /// The same without what is remembered, to plan with.
    pub(crate) fn outline(&self) -> Recall<()> {
        let outline = |known: &Remembered<T>| Remembered {
            ids: Arc::clone(&known.ids),
            bytes: known.bytes,
            what: (),
        };
        let prompts = self.prompts.iter().map(outline).collect();
        Recall { prompts, bytes: self.bytes, most: self.most }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Recall<char> {
        Recall { most: 10, ..Recall::default() }
    }

    #[test]
    fn what_was_not_used_for_longest_is_forgotten_first_and_bytes_are_bounded() {
        let mut recall = small();
        recall.add(&[1], 4, 'a');
        recall.add(&[2], 4, 'b');
        assert_eq!((recall.get(&[1]), recall.bytes()), (Some('a'), 8));
        recall.add(&[3, 4], 5, 'c');
        assert_eq!(recall.get(&[2]), None, "the other one was used since");
        assert_eq!((recall.get(&[1]), recall.get(&[3, 4])), (Some('a'), Some('c')));
        assert_eq!((recall.get(&[3]), recall.bytes()), (None, 9), "the ids have to be the same");
        recall.add(&[5], 11, 'd');
        assert_eq!((recall.get(&[5]), recall.bytes()), (None, 9), "too large for everything");
        recall.add(&[6], 10, 'e');
        assert_eq!((recall.get(&[1]), recall.get(&[6]), recall.bytes()), (None, Some('e'), 10));
        recall.clear();
        assert_eq!((recall.get(&[6]), recall.bytes()), (None, 0));
    }

    #[test]
    fn small_prompts_are_bounded_by_their_number_and_an_outline_is_as_large() {
        let mut recall = Recall::default();
        for id in 0..3000 {
            recall.add(&[id], 1, id);
        }
        assert_eq!(recall.bytes(), MOST_PROMPTS as u64);
        let mut outline = recall.outline();
        assert_eq!(outline.bytes(), recall.bytes());
        assert_eq!((outline.get(&[2999]), outline.get(&[0])), (Some(()), None));
    }
}
