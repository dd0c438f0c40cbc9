//! Calling cargo. Only the call: what the answer means is for [`crate::read`].

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The cargo that runs us, so that a chosen toolchain stays chosen. What it told us of our own package it does not hear again:
/// build scripts that look at that (ring's) would run anew, and all that needs them be compiled again, here and at the next call without us.
pub(crate) fn command() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    let is_ours = |name: &OsString| {
        name.to_str()
            .is_some_and(|it| it.starts_with("CARGO_PKG_") || it.starts_with("CARGO_MANIFEST_"))
    };
    std::env::vars_os().map(|(name, _)| name).filter(is_ours).for_each(|name| {
        command.env_remove(name);
    });
    command
}

/// Runs cargo in `folder` and returns what it wrote to stdout.
pub(crate) fn output(folder: &Path, arguments: &[&str]) -> Result<String> {
    let shown = arguments.join(" ");
    let output = command()
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
    fn cargo_hears_nothing_of_the_package_that_calls_it() {
        let command = command();
        let gone = |name: &str| command.get_envs().any(|it| it == (name.as_ref(), None));
        assert!(gone("CARGO_MANIFEST_DIR") && gone("CARGO_PKG_NAME") && !gone("PATH"));
    }

    #[test]
    fn a_refused_command_carries_cargos_words() {
        let error = output(Path::new("."), &["--no-such-flag"]).unwrap_err().to_string();
        assert!(error.contains("cargo --no-such-flag") && error.contains("unexpected"), "{error}");
    }
}
