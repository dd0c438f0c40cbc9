//! Text in columns on a terminal, where Chinese characters are two cells wide.

use unicode_width::UnicodeWidthStr;

/// How many cells a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text with blanks behind it, so that it takes at least so many cells.
pub(crate) fn pad(text: &str, cells: usize) -> String {
    let blanks = cells.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(blanks))
}

/// The side of a column that its cells stand at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// Rows of cells below each other, two blanks between them; `side` says where those of a column stand.
pub(crate) fn table(rows: &[Vec<String>], side: impl Fn(usize) -> Side) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest =
        |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| width(cell)).max();
    let widths: Vec<usize> = (0..count).map(|at| widest(at).unwrap_or(0)).collect();
    let cell = |(at, cell): (usize, &String)| match side(at) {
        Side::Left => pad(cell, widths[at]),
        Side::Right => " ".repeat(widths[at].saturating_sub(width(cell))) + cell,
    };
    let row = |row: &Vec<String>| {
        let cells: Vec<_> = row.iter().enumerate().map(cell).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(row).collect()
}

/// Labels beside what belongs to them, which begins in one column; more lines of the same stand below each other.
pub(crate) fn labelled(rows: &[(String, Vec<String>)]) -> Vec<String> {
    let cells = rows.iter().map(|(label, _)| width(label)).max().unwrap_or(0);
    let row = |(label, lines): &(String, Vec<String>)| {
        let label = pad(label, cells);
        let blank = " ".repeat(cells);
        let heads = std::iter::once(label).chain(std::iter::repeat(blank));
        heads.zip(lines).map(|(head, line)| format!("{head}  {line}")).collect::<Vec<_>>()
    };
    rows.iter().flat_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_is_two_cells_wide() {
        assert_eq!((width("显存"), width("ab"), width("（8 GB）")), (4, 2, 8));
        assert_eq!(pad("显存", 6) + "|", "显存  |");
        assert_eq!(pad("too long", 3), "too long");
    }

    #[test]
    fn cells_of_a_column_stand_at_its_side() {
        let rows = [["显存", "8 GB"], ["b", "16 GB"], ["c", ""]];
        let rows: Vec<Vec<String>> = rows.map(|row| row.map(str::to_owned).to_vec()).to_vec();
        let side = |at| if at == 0 { Side::Left } else { Side::Right };
        assert_eq!(table(&rows, side), ["显存   8 GB", "b     16 GB", "c"]);
    }

    #[test]
    fn what_belongs_to_a_label_begins_in_one_column() {
        let lines = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect();
        let rows =
            [("显存".to_owned(), lines(&["8 GB", "more"])), ("Card".to_owned(), lines(&["one"]))];
        assert_eq!(labelled(&rows), ["显存  8 GB", "      more", "Card  one"]);
        let none = [("Card".to_owned(), Vec::new())];
        assert!(labelled(&none).is_empty());
    }
}
