//! A configuration file: YAML with one level, each key beside one value or a list. Which keys there are is NOT known here.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

/// A key and what stands beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    /// The line of the key, from 1.
    pub(super) line: usize,
    pub(super) content: Content,
}

/// What stands beside a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing, or `null`: as if the key were not there.
    Nothing,
    /// One value, as it is written.
    One(String),
    /// A list.
    Many(Vec<String>),
    /// More keys.
    Group,
}

/// What keeps a file from being read, and in which line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) message: String,
}

/// Reads the text of a file.
///
/// # Errors
/// Text that is no YAML, or YAML that is no list of keys and values.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>, Fault> {
    let mut reader = Reader { events: Parser::new_from_str(text), line: 1 };
    let mut entries = Vec::new();
    let mut documents = 0;
    loop {
        match reader.next()? {
            Event::StreamEnd => return Ok(entries),
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    return Err(reader.fault("a second document begins here; one file has one"));
                }
            }
            Event::MappingStart(..) => entries = reader.mapping()?,
            Event::Scalar(text, style, ..) if is_nothing(&text, style) => {}
            Event::Scalar(..) | Event::SequenceStart(..) | Event::Alias(_) => {
                return Err(reader.fault("this is no setting; write each as `key: value`"));
            }
            Event::Nothing
            | Event::StreamStart
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => {}
        }
    }
}

struct Reader<'a, I: Iterator<Item = Result<(Event<'a>, Span), ScanError>>> {
    events: I,
    /// Where the last event began.
    line: usize,
}

impl<'a, I: Iterator<Item = Result<(Event<'a>, Span), ScanError>>> Reader<'a, I> {
    fn next(&mut self) -> Result<Event<'a>, Fault> {
        match self.events.next() {
            Some(Ok((event, span))) => {
                self.line = span.start.line();
                Ok(event)
            }
            Some(Err(error)) => Err(Fault {
                line: error.marker().line(),
                message: format!("this is no YAML: {}", error.info()),
            }),
            None => Ok(Event::StreamEnd),
        }
    }

    fn fault(&self, message: &str) -> Fault {
        Fault { line: self.line, message: message.to_owned() }
    }

    fn mapping(&mut self) -> Result<Vec<Entry>, Fault> {
        let mut entries = Vec::new();
        loop {
            match self.next()? {
                Event::MappingEnd | Event::StreamEnd => return Ok(entries),
                Event::Scalar(key, ..) => {
                    let line = self.line;
                    let content = self.content()?;
                    entries.push(Entry { key: key.into_owned(), line, content });
                }
                _ => return Err(self.fault("a key is a plain name, as in `port: 7860`")),
            }
        }
    }

    fn content(&mut self) -> Result<Content, Fault> {
        match self.next()? {
            Event::Scalar(text, style, ..) if is_nothing(&text, style) => Ok(Content::Nothing),
            Event::Scalar(text, ..) => Ok(Content::One(text.into_owned())),
            Event::SequenceStart(..) => self.list(),
            Event::MappingStart(..) => {
                self.skip_group()?;
                Ok(Content::Group)
            }
            Event::Alias(_) => {
                Err(self.fault("anchors are not understood here; write the value out"))
            }
            _ => Err(self.fault("there is no value here")),
        }
    }

    fn list(&mut self) -> Result<Content, Fault> {
        let mut values = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd | Event::StreamEnd => return Ok(Content::Many(values)),
                Event::Scalar(text, style, ..) if !is_nothing(&text, style) => {
                    values.push(text.into_owned());
                }
                _ => return Err(self.fault("a list has plain values, as in `[one, two]`")),
            }
        }
    }

    fn skip_group(&mut self) -> Result<(), Fault> {
        let mut depth = 1;
        while depth > 0 {
            match self.next()? {
                Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
                Event::MappingEnd | Event::SequenceEnd => depth -= 1,
                Event::StreamEnd => return Ok(()),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether a value is none: nothing at all, an empty text, or one of YAML's words for that.
fn is_nothing(text: &str, style: ScalarStyle) -> bool {
    text.is_empty() || style == ScalarStyle::Plain && matches!(text, "~" | "null" | "Null" | "NULL")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Content {
        Content::One(text.into())
    }

    #[test]
    fn values_are_what_is_written() {
        let text = "# a server\nport: 8080\nhost: '0.0.0.0'\norigin:\n  - https://a\n  - \"https://b\"\n\nkeep_size: 2G # room\n\
                    rate:\nram: ~\nvram: \"null\"\nmore: {a: [1, {b: 2}]}\nlist: [x]\n";
        let entries = parse(text).unwrap();
        let expected = [
            ("port", 2, one("8080")),
            ("host", 3, one("0.0.0.0")),
            ("origin", 4, Content::Many(vec!["https://a".into(), "https://b".into()])),
            ("keep_size", 8, one("2G")),
            ("rate", 9, Content::Nothing),
            ("ram", 10, Content::Nothing),
            ("vram", 11, one("null")),
            ("more", 12, Content::Group),
            ("list", 13, Content::Many(vec!["x".into()])),
        ];
        let expected =
            expected.map(|(key, line, content)| Entry { key: key.into(), line, content });
        assert_eq!(entries, expected);
    }

    #[test]
    fn an_empty_file_says_nothing() {
        for text in ["", "\n", "# nothing\n", "---\n", "null"] {
            assert_eq!(parse(text), Ok(Vec::new()), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_list_of_settings_is_refused_with_its_line() {
        for (text, line, words) in [
            ("port: 1\n- host\n", 2, "no YAML"),
            ("port: [1\n", 2, "no YAML"),
            ("- port\n", 1, "key: value"),
            ("port\n", 1, "key: value"),
            ("port: 1\n---\nport: 2\n", 2, "second document"),
            ("a: &x 1\nb: *x\n", 2, "anchors"),
            ("a: 1\n[b]: 2\n", 2, "plain name"),
            ("a: [1, [2]]\n", 1, "plain values"),
            ("a:\n\t- b\n", 2, "no YAML"),
        ] {
            let fault = parse(text).unwrap_err();
            assert!(fault.message.contains(words), "{text:?}: {fault:?}");
            assert_eq!(fault.line, line, "{text:?}: {fault:?}");
        }
    }
}
