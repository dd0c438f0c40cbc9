//! Calling cargo. Only the call: what the answer means is for [`crate::read`].

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The cargo that runs us, so that a chosen toolchain stays chosen.
pub(crate) fn program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Runs cargo in `folder` and returns what it wrote to stdout.
pub(crate) fn output(folder: &Path, arguments: &[&str]) -> Result<String> {
    let shown = arguments.join(" ");
    let output = Command::new(program())
        .args(arguments)
        .current_dir(folder)
        .output()
        .with_context(|| format!("cannot start `cargo {shown}`"))?;
    if !output.status.success() {
        bail!("`cargo {shown}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`cargo {shown}` is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_command_carries_cargos_words() {
        let error = output(Path::new("."), &["--no-such-flag"]).unwrap_err().to_string();
        assert!(error.contains("cargo --no-such-flag") && error.contains("unexpected"), "{error}");
    }
}
