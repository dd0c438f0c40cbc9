//! The texts of a PNG, whichever of the three kinds of chunk holds them. It does NOT interpret them.

use crate::Error;
use crate::limits::MAX_TEXT_BYTES;

/// One text of a PNG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// What the text is, for example `Software` or `workflow`.
    pub keyword: String,
    /// The text itself.
    pub text: String,
}

/// Unpacks every text: first those of iTXt chunks, then tEXt, then zTXt, each in the file's order.
///
/// # Errors
///
/// When a compressed text is broken, or all of them together exceed [`MAX_TEXT_BYTES`].
pub(crate) fn collect(info: &png::Info<'_>) -> Result<Vec<Text>, Error> {
    let mut texts = Collector::default();
    for chunk in &info.utf8_text {
        texts.push(&chunk.keyword, |limit| {
            let mut chunk = chunk.clone();
            chunk.decompress_text_with_limit(limit)?;
            chunk.get_text()
        })?;
    }
    for chunk in &info.uncompressed_latin1_text {
        texts.push(&chunk.keyword, |_| Ok(utf8_if_it_was(chunk.text.clone())))?;
    }
    for chunk in &info.compressed_latin1_text {
        texts.push(&chunk.keyword, |limit| {
            let mut chunk = chunk.clone();
            chunk.decompress_text_with_limit(limit)?;
            chunk.get_text().map(utf8_if_it_was)
        })?;
    }
    Ok(texts.collected)
}

#[derive(Default)]
struct Collector {
    collected: Vec<Text>,
    bytes: usize,
}

impl Collector {
    fn push(
        &mut self,
        keyword: &str,
        unpack: impl FnOnce(usize) -> Result<String, png::DecodingError>,
    ) -> Result<(), Error> {
        let broken = || Error::Text { keyword: keyword.to_owned() };
        let left = MAX_TEXT_BYTES - self.bytes;
        let text = unpack(left).map_err(|_| broken())?;
        let bytes = keyword.len() + text.len();
        if bytes > left {
            return Err(broken());
        }
        self.bytes += bytes;
        self.collected.push(Text { keyword: keyword.to_owned(), text });
        Ok(())
    }
}

/// Undoes a common fault: the standard says Latin-1 for tEXt and zTXt, but some tools write UTF-8.
///
/// Real Latin-1 beyond ASCII is practically never valid UTF-8.
fn utf8_if_it_was(latin1: String) -> String {
    if latin1.is_ascii() {
        return latin1;
    }
    let bytes: Option<Vec<u8>> = latin1.chars().map(|c| u8::try_from(c).ok()).collect();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or(latin1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_latin1(bytes: &[u8]) -> String {
        bytes.iter().copied().map(char::from).collect()
    }

    #[test]
    fn utf8_taken_for_latin1_is_restored() {
        assert_eq!(utf8_if_it_was(as_latin1("一只猫 🐈".as_bytes())), "一只猫 🐈");
    }

    #[test]
    fn real_latin1_stays() {
        assert_eq!(utf8_if_it_was("café über".to_owned()), "café über");
    }

    #[test]
    fn the_limit_counts_all_texts_together() {
        let mut texts = Collector::default();
        texts.push("a", |limit| Ok("x".repeat(limit / 2))).unwrap();
        assert!(texts.push("b", |limit| Ok("x".repeat(limit))).is_err());
        assert!(texts.push("b", |limit| Ok("x".repeat(limit - 1))).is_ok());
        assert_eq!(texts.bytes, MAX_TEXT_BYTES);
    }
}
