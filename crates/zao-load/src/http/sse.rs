//! Server-sent events out of the bytes of an answer, as they come. What events mean is NOT known here.

use bytes::Bytes;

use super::Answer;
use crate::record::Trouble;

/// One event holds a picture in Base64 at most.
const MOST_BYTES: usize = 256 << 20;

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Event {
    /// Its kind; empty where the server did not say.
    pub(crate) event: String,
    /// The last id that the server gave.
    pub(crate) id: String,
    /// Its lines of data.
    pub(crate) data: String,
}

/// The events of one answer.
#[derive(Default)]
pub(crate) struct Events {
    parser: Parser,
    ready: std::collections::VecDeque<Event>,
}

impl Events {
    /// The next event; `None` when the answer is over.
    pub(crate) async fn next(&mut self, answer: &mut Answer) -> Result<Option<Event>, Trouble> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let Some(chunk) = answer.chunk().await? else { return Ok(None) };
            self.parser.feed(&chunk, &mut self.ready);
            if self.parser.held() > MOST_BYTES {
                return Err(Trouble::bad_answer("an event that does not end".into()));
            }
        }
    }
}

/// Lines to events, by the rules of the HTML standard.
#[derive(Default)]
struct Parser {
    line: Vec<u8>,
    after_return: bool,
    begun: bool,
    event: Event,
}

impl Parser {
    fn held(&self) -> usize {
        self.line.len() + self.event.data.len()
    }

    fn feed(&mut self, chunk: &Bytes, ready: &mut impl Extend<Event>) {
        let mut rest = &chunk[..];
        while !rest.is_empty() {
            // A line may end with both characters, even where a chunk ends between them.
            if std::mem::take(&mut self.after_return) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(at) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.line.extend_from_slice(rest);
                return;
            };
            self.line.extend_from_slice(&rest[..at]);
            self.after_return = rest[at] == b'\r';
            rest = &rest[at + 1..];
            let line = std::mem::take(&mut self.line);
            ready.extend(self.take(&String::from_utf8_lossy(&line)));
        }
    }

    /// Takes a line; an empty one ends an event.
    fn take(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let id = self.event.id.clone();
            let event = std::mem::replace(&mut self.event, Event { id, ..Event::default() });
            return std::mem::take(&mut self.begun).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.event),
            "id" => value.clone_into(&mut self.event.id),
            "data" => {
                if self.begun {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                self.begun = true;
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(chunks: &[&str]) -> Vec<(String, String, String)> {
        let mut parser = Parser::default();
        let mut ready = Vec::new();
        for chunk in chunks {
            parser.feed(&Bytes::copy_from_slice(chunk.as_bytes()), &mut ready);
        }
        ready.into_iter().map(|it| (it.event, it.id, it.data)).collect()
    }

    fn event(event: &str, id: &str, data: &str) -> (String, String, String) {
        (event.into(), id.into(), data.into())
    }

    #[test]
    fn events_are_whole_wherever_they_are_cut() {
        let text = ": alive\r\n\r\nid: 1\r\nevent: step\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\ndata:2\r\n\r\n";
        let expected = vec![event("step", "1", "{\"a\":\n1}"), event("", "1", "2")];
        assert_eq!(events(&[text]), expected);
        for at in 1..text.len() {
            assert_eq!(events(&[&text[..at], &text[at..]]), expected, "cut at {at}");
        }
        assert_eq!(events(&[&text.replace("\r\n", "\n")]), expected);
    }

    #[test]
    fn what_is_not_ended_or_has_no_data_is_no_event() {
        assert_eq!(events(&["data: 1\n"]), []);
        assert_eq!(events(&["event: queued\n\n", "retry: 5\n\n"]), []);
    }
}
