//! Speaking to the user: results on standard output, remarks on standard error. Nothing is worded
//! here.
//!
//! `println!` is not used anywhere: it panics when its reader has gone.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use anyhow::Context;

/// Prints `text` and a line break on standard output.
///
/// A reader that has gone away (`zao models | head -1`) has read what it wanted, so that is no
/// failure; a full disk is one.
pub(crate) fn result(text: impl Display) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done.context("cannot write to standard output"),
    }
}

/// Prints one line on standard error, if anybody can hear it.
pub(crate) fn remark(line: impl Display) {
    // There is no place left to complain.
    let _ = writeln!(io::stderr(), "zao: {line}");
}
