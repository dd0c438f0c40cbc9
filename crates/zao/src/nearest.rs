//! The name that was probably meant.

/// The name of `known` that differs from `name` by the fewest letters, if these are few.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let letters = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    let name = letters(name);
    let most = (name.chars().count() / 3).max(2);
    let distances = known.map(|known| (distance(&name, &letters(known)), known));
    distances.filter(|(distance, _)| *distance <= most).min().map(|(_, known)| known)
}

/// How many letters have to be put in, taken out, changed or swapped with the next to make one of the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, &letter) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &other) in b.iter().enumerate() {
            let same = usize::from(letter != other);
            let mut least = (rows[i][j] + same).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && letter == b[j - 1] && a[i - 1] == other {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        for (a, b, apart) in [
            ("port", "port", 0),
            ("prot", "port", 1),
            ("por", "port", 1),
            ("", "ab", 2),
            ("host", "port", 2),
        ] {
            assert_eq!(distance(a, b), apart, "{a} {b}");
        }
    }

    #[test]
    fn what_is_near_is_found_and_what_is_far_is_not() {
        let known = || ["port", "keep_days", "keep_size"].into_iter();
        assert_eq!(nearest("prot", known()), Some("port"));
        assert_eq!(nearest("keep-day", known()), Some("keep_days"));
        assert_eq!(nearest("KEEP_SIZ", known()), Some("keep_size"));
        assert_eq!(nearest("colour", known()), None);
    }
}
