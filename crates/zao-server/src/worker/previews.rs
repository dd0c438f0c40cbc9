//! After which steps a picture is shown while it comes about.

/// Whether a picture that is to be shown `count` times on its way is shown after `done` of its `of` steps. The times are
/// spread evenly, and the end is not one of them.
pub(super) fn is_shown_after(done: usize, of: usize, count: usize) -> bool {
    let count = count.min(of.saturating_sub(1));
    (1..=count).any(|nth| nth * of / (count + 1) == done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(of: usize, count: usize) -> Vec<usize> {
        (0..=of).filter(|&done| is_shown_after(done, of, count)).collect()
    }

    #[test]
    fn previews_are_spread_evenly_and_never_more_than_wished() {
        assert_eq!(shown(8, 3), [2, 4, 6]);
        assert_eq!(shown(8, 1), [4]);
        assert!(shown(8, 0).is_empty());
        assert_eq!(shown(4, 9), [1, 2, 3]);
        assert!(shown(1, 3).is_empty());
        assert_eq!(shown(50, 4), [10, 20, 30, 40]);
        for of in 1..40 {
            for count in 0..9 {
                let shown = shown(of, count);
                assert_eq!(shown.len(), count.min(of - 1), "{count} of {of}");
                assert!(!shown.contains(&0) && !shown.contains(&of));
            }
        }
    }
}
