//! Comma-separated values as RFC 4180 has them, with the place of every cell. What cells mean is NOT known here.

use std::fmt;

/// A row, and the line that it begins at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) line: usize,
    pub(super) cells: Vec<Cell>,
}

/// A cell without its quotes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) place: Place,
}

/// Where a cell's text begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// From 1.
    pub(super) line: usize,
    /// Characters, from 1.
    pub(super) column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// The rows of `content` that have anything in them.
///
/// # Errors
/// A quote that nothing closes, or that something follows; in words, with the place.
pub(super) fn records(content: &str, separator: char) -> Result<Vec<Record>, String> {
    let mut reader =
        Reader { chars: content.chars().peekable(), place: Place { line: 1, column: 1 } };
    let mut records = Vec::new();
    while reader.chars.peek().is_some() {
        let line = reader.place.line;
        let mut cells = Vec::new();
        loop {
            cells.push(reader.cell(separator)?);
            if !reader.skip(separator) {
                break;
            }
        }
        reader.skip('\r');
        reader.skip('\n');
        if cells.len() > 1 || cells.iter().any(|cell| !cell.text.trim().is_empty()) {
            records.push(Record { line, cells });
        }
    }
    Ok(records)
}

struct Reader<'t> {
    chars: std::iter::Peekable<std::str::Chars<'t>>,
    /// Of the next character.
    place: Place,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        if c == '\n' {
            self.place = Place { line: self.place.line + 1, column: 1 };
        } else {
            self.place.column += 1;
        }
        Some(c)
    }

    fn skip(&mut self, c: char) -> bool {
        let there = self.chars.peek() == Some(&c);
        if there {
            self.next();
        }
        there
    }

    fn cell(&mut self, separator: char) -> Result<Cell, String> {
        let begin = self.place;
        if self.skip('"') {
            return self.quoted(begin, separator);
        }
        let mut text = String::new();
        while let Some(&c) = self.chars.peek() {
            if c == separator || c == '\n' || c == '\r' {
                break;
            }
            text.push(c);
            self.next();
        }
        Ok(Cell { text, place: begin })
    }

    fn quoted(&mut self, begin: Place, separator: char) -> Result<Cell, String> {
        let place = self.place;
        let mut text = String::new();
        loop {
            match self.next() {
                Some('"') if self.skip('"') => text.push('"'),
                Some('"') => break,
                Some(c) => text.push(c),
                None => {
                    return Err(format!(
                        "{begin}: this quote is never closed; double it if it is meant as a character"
                    ));
                }
            }
        }
        match self.chars.peek() {
            Some(&c) if c != separator && c != '\n' && c != '\r' => {
                let here = self.place;
                Err(format!("{here}: this follows a closed quote; double quotes within a cell"))
            }
            _ => Ok(Cell { text, place }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(content: &str) -> Vec<Vec<String>> {
        let records = records(content, ',').unwrap();
        records
            .into_iter()
            .map(|record| record.cells.into_iter().map(|cell| cell.text).collect())
            .collect()
    }

    #[test]
    fn cells_may_hold_anything_between_quotes() {
        assert_eq!(
            texts("a,b\r\n\"x, \"\"y\"\"\nz\",\n\n,c"),
            [vec!["a", "b"], vec!["x, \"y\"\nz", ""], vec!["", "c"]]
        );
        assert!(texts("").is_empty());
        let second = &records("a\n红,b", ',').unwrap()[1];
        assert_eq!((second.line, second.cells[1].place), (2, Place { line: 2, column: 3 }));
    }

    #[test]
    fn quotes_that_make_no_sense_are_told_with_their_place() {
        assert!(records("a\n\"b", ',').unwrap_err().starts_with("line 2, column 1: "));
        assert!(records("\"a\"b", ',').unwrap_err().starts_with("line 1, column 4: "));
    }
}
