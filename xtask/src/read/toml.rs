//! The two questions the rules ask of a TOML file: which keys a table has, and which strings an
//! array holds. It reads the plain layout of this project's own files; it is not a TOML parser.

/// The keys of `[table]`, in order.
pub(crate) fn keys<'t>(text: &'t str, table: &str) -> Vec<&'t str> {
    lines_of(text, table)
        .filter(|line| line.starts_with(|c: char| c.is_ascii_alphanumeric()))
        .filter_map(|line| line.split_once(['=', '.']))
        .map(|(key, _)| key.trim())
        .collect()
}

/// The quoted strings in the array `key = [...]` of `[table]`, comments left out. In an array of
/// inline tables these are the values of all their keys, in order.
pub(crate) fn strings<'t>(text: &'t str, table: &str, key: &str) -> Vec<&'t str> {
    let mut depth = 0_usize;
    let mut found = Vec::new();
    for line in lines_of(text, table) {
        let starts = line.split_once('=').is_some_and(|(name, _)| name.trim() == key);
        if depth == 0 && !starts {
            continue;
        }
        // Every second piece between quotes is a string; a `#` outside of them ends the line.
        for (index, piece) in line.split('"').enumerate() {
            if index % 2 == 1 {
                found.push(piece);
                continue;
            }
            let code = piece.split('#').next().unwrap_or_default();
            depth += code.matches('[').count();
            depth = depth.saturating_sub(code.matches(']').count());
            if code.len() < piece.len() {
                break;
            }
        }
    }
    found
}

fn lines_of<'t>(text: &'t str, table: &str) -> impl Iterator<Item = &'t str> {
    let header = format!("[{table}]");
    text.lines()
        .map(str::trim)
        .skip_while(move |line| *line != header)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "\
[first]
allow = [\"other\"]

[second]
one = \"1\"
two.workspace = true
allow = [
    \"MIT\", # the usual \"licence\" [of] crates
    # \"GPL-3.0\",
    \"Zlib\",
]
deny = [{ crate = \"a\", reason = \"b # c\" }]
";

    #[test]
    fn keys_stay_in_their_table() {
        assert_eq!(keys(SAMPLE, "second"), ["one", "two", "allow", "deny"]);
        assert_eq!(keys(SAMPLE, "third"), [""; 0]);
    }

    #[test]
    fn arrays_are_read_without_their_comments() {
        assert_eq!(strings(SAMPLE, "second", "allow"), ["MIT", "Zlib"]);
        assert_eq!(strings(SAMPLE, "second", "deny"), ["a", "b # c"]);
        assert_eq!(strings(SAMPLE, "first", "allow"), ["other"]);
    }
}
