//! A list as rows: which form it has is told by its name and its content. What a row's fields mean is [`super::row`]'s.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use serde_json::{Map, Value};
use zao_prompt::{Pattern, Wildcards};

use super::csv;
use super::row::{Row, fields, is_field};
use crate::failure::{Failure, Result};

/// No list of prompts is larger than this.
const MAX_BYTES: u64 = 256 << 20;

/// A list as it was read.
pub(super) struct List {
    /// What messages call it.
    pub(super) name: String,
    pub(super) content: String,
    pub(super) rows: Vec<Row>,
}

/// What a list is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    /// With this between cells.
    Table(char),
    Json,
}

impl List {
    /// Reads the list at `path`, or from standard input, which is text.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let (name, bytes) = if path == Path::new("-") {
            ("standard input".to_owned(), bytes(std::io::stdin().lock()))
        } else {
            let name = path.display().to_string();
            let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
            (name, bytes(file))
        };
        let bytes = bytes.with_context(|| format!("cannot read {name}"))?;
        if bytes.len() as u64 > MAX_BYTES {
            let most = MAX_BYTES >> 20;
            return Err(Failure::failed(format!("{name} is larger than {most} MiB; divide it")));
        }
        let content = String::from_utf8(bytes).map_err(|error| {
            let line =
                error.as_bytes()[..error.utf8_error().valid_up_to()].split(|&b| b == b'\n').count();
            Failure::usage(format!("{name}, line {line}: this is no UTF-8; save the list as UTF-8"))
        })?;
        let content = content.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(content);
        let form = if path == Path::new("-") { Form::Text } else { form(path, &content) };
        let rows = match form {
            Form::Text => of_text(&content),
            Form::Table(separator) => of_table(&content, separator),
            Form::Json => of_json(&content),
        };
        let rows = rows.map_err(|wrong| Failure::usage(format!("{name}, {wrong}")))?;
        if rows.is_empty() {
            return Err(Failure::usage(format!("{name} has no prompts; write one a line")));
        }
        Ok(Self { name, content, rows })
    }

    /// The pattern of one of its rows, with the lists of words in it that it names.
    ///
    /// # Errors
    /// A list of words that is not there or makes no sense, with its place.
    pub(super) fn filled(&self, row: &Row, words: &mut Wildcards<'_>) -> Result<Pattern> {
        row.filled(words).map_err(|wrong| Failure::usage(format!("{}, {wrong}", self.name)))
    }
}

fn bytes(from: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn form(path: &Path, content: &str) -> Form {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    match extension.to_str() {
        Some("csv") => {
            return Form::Table(
                if header(content).is_some_and(|line| line.contains(';') && !line.contains(',')) {
                    ';'
                } else {
                    ','
                },
            );
        }
        Some("tsv") => return Form::Table('\t'),
        Some("jsonl" | "ndjson" | "json") => return Form::Json,
        _ => {}
    }
    let Some(first) = header(content) else { return Form::Text };
    if serde_json::from_str::<Map<String, Value>>(first).is_ok() {
        return Form::Json;
    }
    let names_fields = |separator: char| {
        let mut cells = first.split(separator).map(|cell| cell.trim().trim_matches('"'));
        first.contains(separator)
            && cells.clone().any(|cell| cell == "prompt")
            && cells.all(is_field)
    };
    let separator = [',', ';', '\t'].into_iter().find(|&separator| names_fields(separator));
    separator.map_or(Form::Text, Form::Table)
}

/// The first line that has something.
fn header(content: &str) -> Option<&str> {
    content.lines().find(|line| !line.trim().is_empty())
}

/// Where and why a list cannot be read.
type Rows = std::result::Result<Vec<Row>, String>;

fn of_text(content: &str) -> Rows {
    let mut rows = Vec::new();
    for (index, line) in content.lines().enumerate() {
        let shown = line.trim();
        if shown.is_empty() || shown.starts_with('#') {
            continue;
        }
        // A prompt may begin with what begins a comment.
        let prompt = shown.strip_prefix('\\').filter(|rest| rest.starts_with('#')).unwrap_or(shown);
        let before = line.len() - line.trim_start().len() + (shown.len() - prompt.len());
        let column = line[..before].chars().count();
        rows.push(Row::of_prompt(prompt, (index + 1, column))?);
    }
    Ok(rows)
}

fn of_table(content: &str, separator: char) -> Rows {
    let mut records = csv::records(content, separator)?.into_iter();
    let Some(header) = records.next() else { return Ok(Vec::new()) };
    let names: Vec<String> =
        header.cells.iter().map(|cell| cell.text.trim().to_lowercase()).collect();
    for (name, cell) in names.iter().zip(&header.cells) {
        let place = &cell.place;
        if !is_field(name.as_str()) {
            return Err(format!("{place}: there is no field {name:?}; there are {}", fields()));
        }
        if names.iter().filter(|other| *other == name).count() > 1 {
            return Err(format!("{place}: the field {name:?} is there twice"));
        }
    }
    let row = |record: csv::Record| {
        if let Some(more) = record.cells.get(names.len()) {
            let place = &more.place;
            return Err(format!(
                "{place}: this row has more cells than the header; put quotes around what has a {separator:?} in it"
            ));
        }
        let cells =
            names.iter().zip(&record.cells).filter(|(_, cell)| !cell.text.trim().is_empty());
        let fields: Map<String, Value> = cells
            .clone()
            .map(|(name, cell)| (name.clone(), Value::String(cell.text.clone())))
            .collect();
        let places = cells.map(|(name, cell)| (name.clone(), cell.place)).collect();
        Row::of_fields(fields, record.line, &places)
    };
    // Spreadsheets leave rows of empty cells behind the last.
    let says = |record: &csv::Record| record.cells.iter().any(|cell| !cell.text.trim().is_empty());
    records.filter(says).map(row).collect()
}

fn of_json(content: &str) -> Rows {
    let object = |value: Value, line: usize| match value {
        Value::Object(fields) => Row::of_fields(fields, line, &Default::default()),
        _ => Err(format!(
            "line {line}: this is no JSON object; write one a line, as in {{\"prompt\": \"a cat\"}}"
        )),
    };
    if content.trim_start().starts_with('[') {
        let values: Vec<Value> = serde_json::from_str(content).map_err(|error| {
            format!("line {}, column {}: {error}", error.line(), error.column())
        })?;
        return values
            .into_iter()
            .enumerate()
            .map(|(index, value)| object(value, index + 1))
            .collect();
    }
    let lines = content.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let row = |(index, line): (usize, &str)| {
        let number = index + 1;
        let value = serde_json::from_str(line);
        let value = value.map_err(|error| {
            format!("line {number}, column {}: this is no JSON: {error}", error.column())
        })?;
        object(value, number)
    };
    lines.map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_told_by_name_and_content() {
        for (name, content, expected) in [
            ("a.csv", "x", Form::Table(',')),
            ("a.csv", "prompt;seed\n", Form::Table(';')),
            ("a.TSV", "x", Form::Table('\t')),
            ("a.jsonl", "", Form::Json),
            ("a.txt", "a cat, a dog", Form::Text),
            ("a.txt", "prompt,seed\na cat,1", Form::Table(',')),
            ("a", "\n{\"prompt\": \"a\"}", Form::Json),
            ("a", "{red|blue} cat", Form::Text),
            ("a", "prompt", Form::Text),
            ("a", "prompt, a cat", Form::Text),
        ] {
            assert_eq!(form(Path::new(name), content), expected, "{name} {content}");
        }
    }

    #[test]
    fn text_has_a_prompt_a_line_and_comments() {
        let rows = of_text("# cats\n\n  a cat\r\n\\#1 of all cats\n").unwrap();
        let read: Vec<_> = rows.iter().map(|row| (row.line, row.request.prompt.as_str())).collect();
        assert_eq!(read, [(3, "a cat"), (4, "#1 of all cats")]);
        let wrong = of_text("a\n  a {b|c").unwrap_err();
        assert!(wrong.starts_with("line 2, column 5: "), "{wrong}");
    }

    #[test]
    fn tables_name_their_fields_and_errors_their_place() {
        let rows =
            of_table("prompt,size,steps,seed\n\"a cat, a dog\",64x32,auto,7\nb,,,\n", ',').unwrap();
        let first = &rows[0].request;
        assert_eq!((first.width, first.height, first.seed), (Some(64), Some(32), Some(7)));
        assert_eq!((first.steps, &*first.prompt), (Some(zao_api::Steps::Auto), "a cat, a dog"));
        assert_eq!((rows[1].request.seed, rows[1].line), (None, 3));
        let rows = of_table("prompt,seed\na,1\n,\n , ,\nb,2\n,\n", ',').unwrap();
        let lines: Vec<usize> = rows.iter().map(|row| row.line).collect();
        assert_eq!(lines, [2, 5]);
        for (content, part) in [
            ("prompt,colour\n", "line 1, column 8: there is no field \"colour\""),
            ("prompt,prompt\n", "twice"),
            ("prompt,seed\na,b,c\n", "line 2, column 5: this row has more cells"),
            ("prompt,seed\na,many\n", "line 2, column 3: seed: "),
            ("prompt,size\na,big\n", "line 2, column 3: size: "),
            ("prompt,seed\n,1\n", "line 2: no prompt"),
            ("prompt,seed\n\"a {b|c\",1\n", "line 2, column 4: "),
            ("prompt\n\"a", "line 2, column 1: "),
        ] {
            let wrong = of_table(content, ',').map(|_| ()).unwrap_err();
            assert!(wrong.contains(part), "{content}: {wrong}");
        }
    }

    #[test]
    fn a_row_may_say_whatever_a_job_of_a_server_may() {
        assert!(zao_api::JobRequest::FIELDS.iter().all(|field| is_field(field)));
        let told = |rows: Vec<Row>| rows.iter().map(|row| row.may_shrink).collect::<Vec<_>>();
        let table = of_table("prompt,allow_downscale\na,true\nb,\n", ',').unwrap();
        assert_eq!(told(table), [Some(true), None]);
        let lines = of_json("{\"prompt\": \"a\", \"allow_downscale\": false}").unwrap();
        assert_eq!(told(lines), [Some(false)]);
    }

    #[test]
    fn json_lines_are_requests_or_recipes() {
        let rows = of_json("{\"prompt\": \"a\", \"size\": \"auto\", \"loras\": [\"ink:0.5\", {\"name\": \"b\"}]}\n\n").unwrap();
        assert_eq!(rows[0].request.quality, Some(zao_api::Quality::Auto));
        let loras: Vec<_> =
            rows[0].request.loras.iter().map(|lora| (&*lora.name, lora.scale)).collect();
        assert_eq!(loras, [("ink", 0.5), ("b", 1.0)]);
        assert_eq!(of_json("[{\"prompt\": \"a\"}, {\"prompt\": \"b\"}]").unwrap().len(), 2);
        for (content, part) in [
            ("{\"prompt\": \"a\"}\n{\"prompt\": }", "line 2, column 12"),
            ("{\"prompt\": \"a\", \"stepz\": 1}", "no field \"stepz\""),
            ("[1]", "no JSON object"),
            ("{\"prompt\": \"a\", \"steps\": -1}", "line 1: steps: "),
        ] {
            let wrong = of_json(content).map(|_| ()).unwrap_err();
            assert!(wrong.contains(part), "{content}: {wrong}");
        }
    }
}
