//! How a product is cut into tasks. The results do not depend on it.

use crate::kernel::PANEL;
use crate::panels::Panels;

/// Most tokens of a block: their inputs and its results stay in L2.
const TOKENS: usize = 192;
/// Most panels of a task: they share the packed inputs.
const PANELS: usize = 32;
/// About how many bytes of panels a task unpacks: they are read once for each block of tokens.
const UNPACKED: usize = 2 << 20;

/// The sizes of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Split {
    /// Tokens of a block.
    pub(super) tokens: usize,
    /// Panels of a task.
    pub(super) group: usize,
    /// Blocks of tokens of a task.
    pub(super) blocks: usize,
}

impl Split {
    /// For `rows` tokens; panels come in groups of `together`.
    pub(super) fn new(rows: usize, panels: &Panels, threads: usize, together: usize) -> Self {
        let count = panels.count();
        if panels.has_packed() {
            let bytes = panels.unpacked_size(1) * size_of::<f32>();
            return packed(rows, count, threads, together, UNPACKED / bytes.max(1));
        }
        let (tokens, group) = kept(rows, count, threads, together);
        Self { tokens, group, blocks: 1 }
    }
}

/// Tokens and panels of a task with panels that are kept: as many as caches hold, but a few tasks for every thread.
fn kept(rows: usize, panels: usize, threads: usize, together: usize) -> (usize, usize) {
    let mut tokens = TOKENS;
    let mut group = PANELS.max(together);
    let tasks = |tokens, group| rows.div_ceil(tokens) * panels.div_ceil(group);
    while threads > 1 && tasks(tokens, group) < 4 * threads && (group > together || tokens > 24) {
        if group > together && (group * PANEL >= tokens || tokens <= 24) {
            group /= 2;
        } else {
            tokens /= 2;
        }
    }
    (equal(rows, tokens), group)
}

/// The same with panels that each task unpacks, about `room` of them: for all tokens, unless there would be too few
/// tasks.
fn packed(rows: usize, panels: usize, threads: usize, together: usize, room: usize) -> Split {
    let mut group = (room / together * together).clamp(together, PANELS.max(together));
    while threads > 1 && panels.div_ceil(group) < 4 * threads && group > together {
        group = (group / 2).next_multiple_of(together);
    }
    let tokens = equal(rows, TOKENS);
    let blocks = rows.div_ceil(tokens).max(1);
    // What is unpacked again costs less than threads that wait.
    let shares = (2 * threads).div_ceil(panels.div_ceil(group).max(1)).min(blocks);
    Split { tokens, group, blocks: if threads > 1 { blocks.div_ceil(shares) } else { blocks } }
}

/// Tokens of blocks of equal length, in whole micro-tiles.
fn equal(rows: usize, tokens: usize) -> usize {
    let blocks = rows.div_ceil(tokens).max(1);
    rows.div_ceil(blocks).next_multiple_of(12).min(tokens.next_multiple_of(12))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [usize; 6] = [1, 2, 13, 288, 1088, 4608];
    const COUNTS: [usize; 5] = [1, 8, 43, 120, 640];

    #[test]
    fn tasks_suffice_for_the_threads_and_fit_the_caches() {
        for threads in [1, 2, 16] {
            for rows in ROWS {
                for panels in COUNTS {
                    for together in [1, 8] {
                        let (tokens, group) = kept(rows, panels, threads, together);
                        assert!((together..=PANELS).contains(&group));
                        assert!((1..=TOKENS).contains(&tokens) && tokens.is_multiple_of(12));
                        let tasks = rows.div_ceil(tokens) * panels.div_ceil(group);
                        let most = rows.div_ceil(24) * panels.div_ceil(together);
                        assert!(threads == 1 || tasks >= threads.min(most), "{tasks} tasks");
                    }
                }
            }
        }
    }

    #[test]
    fn packed_panels_are_unpacked_once_unless_threads_would_wait() {
        for (threads, rows) in [1, 2, 16].into_iter().flat_map(|t| ROWS.map(|rows| (t, rows))) {
            for (panels, together) in COUNTS.into_iter().flat_map(|c| [1, 16].map(|t| (c, t))) {
                let split = packed(rows, panels, threads, together, 8);
                let Split { tokens, group, blocks } = split;
                assert!(group.is_multiple_of(together) && (1..=TOKENS).contains(&tokens));
                let groups = panels.div_ceil(group);
                let all = rows.div_ceil(tokens).max(1);
                let tasks = groups * all.div_ceil(blocks);
                assert!(threads == 1 || tasks >= threads.min(groups * all), "{tasks} of {split:?}");
                assert!(groups < 2 * threads || blocks == all, "{split:?} of {panels}");
            }
        }
    }
}
