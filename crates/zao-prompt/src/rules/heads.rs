//! Chinese nouns by their last characters: a rocking chair (摇椅) is counted as every chair (椅). Where a noun ends in a text is for the rule.

use super::tables::Noun;

/// A word by its last two characters, by which they are sorted.
struct Key {
    last: [char; 2],
    /// Bytes, the longer first.
    length: usize,
    row: u16,
    word: u16,
}

impl Key {
    fn order(&self) -> ([char; 2], std::cmp::Reverse<usize>) {
        (self.last, std::cmp::Reverse(self.length))
    }
}

/// The words of rows of nouns.
pub(crate) struct Heads(Vec<Key>);

/// The last character and the one in front of it; of a word of one character, none.
fn last_two(word: &str) -> Option<[char; 2]> {
    let mut characters = word.chars().rev();
    Some([characters.next()?, characters.next().unwrap_or_default()])
}

impl Heads {
    pub(crate) fn of(rows: &[Noun]) -> Self {
        let mut keys = Vec::new();
        for (row, noun) in rows.iter().enumerate() {
            for (word, text) in noun.words.iter().enumerate() {
                let place = u16::try_from(row).ok().zip(u16::try_from(word).ok());
                if let (Some(last), Some((row, word))) = (last_two(text), place) {
                    keys.push(Key { last, length: text.len(), row, word });
                }
            }
        }
        keys.sort_by_key(Key::order);
        Self(keys)
    }

    /// The longest word of `rows`, from which these heads are, with which a text ends: its bytes and its row.
    pub(crate) fn longest(&self, rows: &[Noun], text: &str) -> Option<(usize, usize)> {
        let [last, second] = last_two(text)?;
        let alone = if second == '\0' { None } else { Some([last, '\0']) };
        [Some([last, second]), alone].into_iter().flatten().find_map(|last| {
            let from = self.0.partition_point(|key| key.last < last);
            let same = self.0[from..].iter().take_while(|key| key.last == last);
            let mut same = same.map(|key| (&rows[usize::from(key.row)], key));
            let (_, key) = same.find(|(noun, key)| {
                let word = noun.words.get(usize::from(key.word));
                word.is_some_and(|word| text.ends_with(word.as_str()))
            })?;
            Some((key.length, usize::from(key.row)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_end_of_a_text_is_found() {
        let row = |words: &[&str]| Noun {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            takes: vec!["把".to_owned()],
            wrong: Vec::new(),
        };
        let rows = [row(&["椅", "木椅"]), row(&["轮椅", "电动轮椅"])];
        let heads = Heads::of(&rows);
        assert_eq!(heads.longest(&rows, "一把摇椅"), Some(("椅".len(), 0)));
        assert_eq!(heads.longest(&rows, "旧轮椅"), Some(("轮椅".len(), 1)));
        assert_eq!(heads.longest(&rows, "电动轮椅"), Some(("电动轮椅".len(), 1)));
        assert_eq!(heads.longest(&rows, "椅"), Some(("椅".len(), 0)));
        assert_eq!(heads.longest(&rows, "椅子"), None);
        assert_eq!(heads.longest(&rows, ""), None);
    }
}
