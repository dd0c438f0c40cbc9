//! What CI runs, fastest first, so that a slip is reported before the slow steps begin.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::Project;
use crate::step::{Step, Work};

/// All but the sanitizer look at the release build: what it has compiled to run on this machine (build scripts with the C that they build, macros)
/// is then there already, and only our own crates are looked at again.
const STEPS: [Step; 8] = [
    Step {
        name: "format",
        work: Work::Cargo { arguments: &["fmt", "--all", "--check"], environment: &[] },
    },
    Step { name: "tidy", work: Work::Tidy },
    Step {
        name: "lints",
        work: Work::Cargo {
            arguments: &[
                "clippy",
                "--release",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ],
            environment: &[],
        },
    },
    Step {
        name: "tests",
        work: Work::Cargo { arguments: &["test", "--release", "--workspace"], environment: &[] },
    },
    Step {
        name: "docs",
        work: Work::Cargo {
            arguments: &[
                "doc",
                "--release",
                "--workspace",
                "--no-deps",
                "--document-private-items",
            ],
            environment: &[("RUSTDOCFLAGS", "-D warnings")],
        },
    },
    Step {
        name: "small",
        work: Work::Cargo {
            arguments: &["check", "--release", "--package", "zao", "--no-default-features"],
            environment: &[],
        },
    },
    // Advisories need a network and change by the day, so they do not decide about a commit.
    Step {
        name: "deny",
        work: Work::CargoIfInstalled {
            subcommand: "deny",
            arguments: &["deny", "check", "licenses", "bans", "sources"],
        },
    },
    // The compiler has the sanitizer, but only lets nightly ask for it; the device that works with raw
    // memory is small enough to be built a second time.
    Step {
        name: "sanitizer",
        work: Work::Cargo {
            arguments: &[
                "test",
                "--package",
                "zao-cpu",
                "--profile",
                "sanitizer",
                "--target",
                "x86_64-unknown-linux-gnu",
                "--target-dir",
                "target/sanitizer",
            ],
            environment: &[
                ("RUSTC_BOOTSTRAP", "1"),
                ("RUSTFLAGS", "-Zsanitizer=address"),
                ("ASAN_OPTIONS", "detect_leaks=0"),
            ],
        },
    },
];

/// Runs every step not named in `skip`, up to the first failure.
///
/// # Errors
/// When a step fails, or `skip` names a step that does not exist.
pub fn run(skip: &[&str]) -> Result<()> {
    if let Some(unknown) = skip.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        bail!("no step is called `{unknown}`; there are: {}", names.join(", "));
    }
    let start = Instant::now();
    let folder = Project::folder();
    for step in STEPS.iter().filter(|step| !skip.contains(&step.name)) {
        step.run(&folder)?;
    }
    println!("ci: all steps passed in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_step_is_refused_before_anything_runs() {
        let error = run(&["test"]).unwrap_err().to_string();
        assert!(error.contains("`test`") && error.contains("format, tidy"), "{error}");
    }
}
