//! What a run of `zao` said, and the rules that all its answers keep.

use std::process::{Command, Output};

/// What is said when the built-in model has drawn.
pub(crate) const NOTICE: &str =
    "zao: drawn by the small built-in demo model; `zao pull z-image-turbo` installs the real one\n";

/// The end of a run.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
    asked: String,
}

impl Said {
    /// Runs `command` to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self::after(format!("{command:?}"), output)
    }

    /// The end of a process that was started as `asked`.
    pub(crate) fn after(asked: String, output: Output) -> Self {
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(!err.contains("panicked"), "{asked}: {err}");
        Self { code: output.status.code(), out: output.stdout, err, asked }
    }

    /// It succeeded.
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// Standard output as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap()
    }

    /// It failed with `code`, said nothing on standard output, and one line of complaint.
    pub(crate) fn complaint(&self, code: i32) -> &str {
        let lines: Vec<_> = self.err.lines().collect();
        let [line] = lines[..] else { panic!("not one line: {self:?}") };
        assert_eq!((self.code, self.text()), (Some(code), ""), "{self:?}");
        let line = line.strip_prefix("zao: ").unwrap_or_else(|| panic!("who says so? {self:?}"));
        assert!(self.err.ends_with('\n') && !line.trim().is_empty(), "{self:?}");
        line
    }

    /// It failed with `code` and a line that has all of `parts`.
    pub(crate) fn complains(&self, code: i32, parts: &[&str]) {
        let line = self.complaint(code);
        for part in parts {
            assert!(line.contains(part), "no {part:?} in {line:?} of {}", self.asked);
        }
    }

    /// The seeds that were printed, one a picture.
    pub(crate) fn seeds(&self) -> Vec<u64> {
        let seed = |line: &str| line.rsplit_once("  seed ")?.1.parse().ok();
        self.text().lines().filter_map(seed).collect()
    }
}
