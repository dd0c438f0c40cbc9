//! A report as Markdown, for issues and documents. What stands in the cells is known in [`super::columns`].

use super::columns::{cells, remarks, title};
use super::{Language, Report};

/// A heading line, a table and a list.
#[must_use]
pub fn markdown(report: &Report, language: Language) -> String {
    let rows = cells(report, language);
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
        format!("| {} |", cells.join(" | "))
    };
    let mut lines = vec![format!("**{}**", escaped(&title(report))), String::new()];
    if let Some((head, rows)) = rows.split_first() {
        lines.push(line(head));
        let sides = (0..head.len()).map(|at| if at == 0 { "---" } else { "---:" });
        lines.push(format!("|{}|", sides.collect::<Vec<_>>().join("|")));
        lines.extend(rows.iter().map(line));
    }
    let remarks = remarks(report);
    if !remarks.is_empty() {
        lines.push(String::new());
        lines.extend(remarks.iter().map(|remark| format!("- {}", escaped(remark))));
    }
    lines.join("\n")
}

/// Text that Markdown leaves as it is: servers' words are quoted, and may hold anything.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '|' | '*' | '_' | '`' | '<' | '[' => escaped.extend(['\\', c]),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_say_cannot_break_the_table() {
        assert_eq!(escaped("a|b\nc<script>`"), "a\\|b c\\<script>\\`");
    }
}
