//! Some thousand words in a tree of bytes, which says what words begin at a place of a text. Which places are worth asking about, its
//! caller knows, which is why this is quicker than an automaton that has to look at every one.

use std::borrow::Cow;

use super::error::RulesError;

/// A node, and the place in the table where its children would be: that of byte `b` is at `children + b`.
#[derive(Clone, Copy, Default)]
struct Node {
    /// Its parent's place; 0 where the place is free. The root, at 1, has itself.
    parent: u32,
    children: u32,
    /// The number of the word that ends here, and 1; 0 is none.
    word: u32,
}

const ROOT: usize = 1;

/// For a node's children so many places are tried; then they are put behind all others, where there is room. Children without siblings,
/// which most are, fill the gaps.
const TRIES: usize = 16;

/// Bytes of a node: its parent and its children in 24 bits each, and its word in 16, the lowest byte first. Eight of them are in a line of
/// the cache.
const NODE: usize = 8;

/// Bits of a place, and the most places and words that there are numbers for.
const PLACE: u32 = 24;
const MOST_PLACES: usize = 1 << PLACE;
const MOST_WORDS: usize = u16::MAX as usize;

/// A tree of bytes. What the build script made of it is read where it lies in the program.
pub(crate) struct Trie {
    nodes: Cow<'static, [u8]>,
}

/// Words with their numbers, sorted.
type Words<'w> = [(&'w [u8], usize)];

impl Trie {
    /// Words with their numbers; of two that are the same, the one with the greater number counts.
    ///
    /// # Errors
    /// More words or nodes than there are numbers for.
    pub(crate) fn of<'w>(
        words: impl IntoIterator<Item = (&'w [u8], usize)>,
    ) -> Result<Self, RulesError> {
        let mut words: Vec<(&[u8], usize)> = words.into_iter().collect();
        words.sort_unstable();
        let (count, most) = (words.len(), MOST_WORDS);
        if words.iter().any(|(_, number)| *number >= most) {
            return Err(RulesError::TooMany { what: "words", count, most });
        }
        let mut nodes = vec![Node::default(); 2];
        nodes[ROOT].parent = ROOT as u32;
        let mut layout = Layout { nodes, first_free: 2 };
        layout.place(ROOT, &words, 0);
        // So that a place behind a child's never has to be asked for.
        let end = layout.nodes.len() + 256;
        if end > MOST_PLACES {
            let (count, most) = (end, MOST_PLACES);
            return Err(RulesError::TooMany { what: "beginnings of words", count, most });
        }
        layout.nodes.resize(end, Node::default());
        let packed = layout.nodes.iter().map(|node| {
            let (parent, children) = (u64::from(node.parent), u64::from(node.children));
            parent | children << PLACE | u64::from(node.word) << (2 * PLACE)
        });
        Ok(Self { nodes: packed.flat_map(u64::to_le_bytes).collect() })
    }

    /// The tree as bytes.
    #[cfg_attr(not(test), allow(dead_code, reason = "the build script writes it"))]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.nodes
    }

    /// The tree of [`Self::bytes`].
    pub(super) fn of_bytes(bytes: &'static [u8]) -> Self {
        Self { nodes: Cow::Borrowed(bytes) }
    }

    fn node(&self, place: usize) -> Node {
        let mut bytes = [0; NODE];
        bytes.copy_from_slice(&self.nodes[place * NODE..(place + 1) * NODE]);
        let packed = u64::from_le_bytes(bytes);
        let number = |shift: u32| (packed >> shift) as u32 & (MOST_PLACES as u32 - 1);
        Node { parent: number(0), children: number(PLACE), word: (packed >> (2 * PLACE)) as u32 }
    }

    /// Tells the lengths and numbers of all words with which `text` begins, the shorter first.
    pub(crate) fn at(&self, text: &[u8], mut tell: impl FnMut(usize, usize)) {
        let (mut place, mut node) = (ROOT, self.node(ROOT));
        for (at, byte) in text.iter().enumerate() {
            let next = node.children as usize + usize::from(*byte);
            node = self.node(next);
            if node.parent as usize != place || next == ROOT {
                return;
            }
            place = next;
            if node.word > 0 {
                tell(at + 1, node.word as usize - 1);
            }
        }
    }
}

/// Nodes that are given their places.
struct Layout {
    nodes: Vec<Node>,
    /// In front of it nothing is free.
    first_free: usize,
}

impl Layout {
    /// Gives places to all nodes below the one at `at`, where `words` go on that are alike in their first `depth` bytes.
    fn place(&mut self, at: usize, words: &Words<'_>, depth: usize) {
        let ended = words.iter().take_while(|(word, _)| word.len() == depth).count();
        let (ended, words) = words.split_at(ended);
        if let Some((_, number)) = ended.last() {
            self.nodes[at].word = u32::try_from(number + 1).unwrap_or(0);
        }
        let branches: Vec<&Words<'_>> = words.chunk_by(|a, b| a.0[depth] == b.0[depth]).collect();
        let bytes: Vec<usize> = branches.iter().map(|words| words[0].0[depth].into()).collect();
        let (Some(low), Some(high)) = (bytes.first(), bytes.last()) else { return };
        while self.nodes.get(self.first_free).is_some_and(|node| node.parent > 0) {
            self.first_free += 1;
        }
        let behind = |place: usize| place.saturating_sub(*low).max(1);
        let is_free = |place: usize| {
            place > ROOT && self.nodes.get(place).is_none_or(|node| node.parent == 0)
        };
        let first = behind(self.first_free);
        let base = (first..first + TRIES)
            .find(|base| bytes.iter().all(|byte| is_free(base + byte)))
            .unwrap_or_else(|| behind(self.nodes.len()));
        let end = base + high + 1;
        if end > self.nodes.len() {
            self.nodes.resize(end, Node::default());
        }
        self.nodes[at].children = base as u32;
        for byte in &bytes {
            self.nodes[base + byte].parent = at as u32;
        }
        for (byte, words) in bytes.iter().zip(branches) {
            self.place(base + byte, words, depth + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_at_a_place_are_found_and_no_others() {
        let words = ["a", "an", "and", "白", "白天", "白天鹅", "night", "nigh", "\0"];
        let trie = Trie::of(words.iter().enumerate().map(|(at, word)| (word.as_bytes(), at)));
        let trie = trie.unwrap();
        let found = |text: &str| {
            let mut found = Vec::new();
            trie.at(text.as_bytes(), |length, number| {
                assert_eq!(words[number], &text[..length]);
                found.push(words[number]);
            });
            found
        };
        assert_eq!(found("andes"), ["a", "an", "and"]);
        assert_eq!(found("白天鹅"), ["白", "白天", "白天鹅"]);
        assert_eq!(found("nights"), ["nigh", "night"]);
        assert!(found("").is_empty() && found("b").is_empty() && found("鹅").is_empty());
        assert_eq!(found("\0\0"), ["\0"]);
    }

    #[test]
    fn a_tree_of_nothing_finds_nothing() {
        let trie = Trie::of([]).unwrap();
        trie.at(b"a", |_, _| unreachable!("there is no word"));
    }
}
