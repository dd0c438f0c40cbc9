//! `cargo xtask web`: builds the page into `web/dist`, from where the next build of zao takes it. It needs Node and npm; nothing else of the
//! project does.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Installs what the page is built with, as the lock file says, and builds it.
///
/// # Errors
/// No npm, or a build that fails.
pub fn build() -> Result<()> {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web");
    for words in [["ci", "--no-audit", "--no-fund"].as_slice(), &["run", "build"]] {
        let done = Command::new("npm")
            .args(words)
            .current_dir(&web)
            .status()
            .context("cannot run npm; install Node 20.19 or newer")?;
        ensure!(done.success(), "`npm {}` in web failed", words.join(" "));
    }
    Ok(())
}
