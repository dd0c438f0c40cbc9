//! A report as lines for a terminal, where Chinese characters are two cells wide. What stands in the cells is known in
//! [`super::columns`].

use unicode_width::UnicodeWidthStr;

use super::columns::{cells, remarks, title};
use super::{Language, Report};

/// Lines for people.
#[must_use]
pub fn table(report: &Report, language: Language) -> Vec<String> {
    let rows = cells(report, language);
    let count = rows.first().map_or(0, Vec::len);
    let widest = |at: usize| rows.iter().map(|row| row[at].width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(widest).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, width))| {
            let blanks = " ".repeat(width - cell.width());
            if at == 0 { format!("{cell}{blanks}") } else { format!("{blanks}{cell}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![title(report)];
    lines.extend(rows.iter().map(line));
    lines.extend(remarks(report));
    lines
}
