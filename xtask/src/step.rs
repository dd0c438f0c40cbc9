//! One step of a chore: a name, the cargo call behind it, and the time it took. Which steps
//! there are, and in which order, is for [`crate::ci`].

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::{cargo, tidy};

/// A named piece of work that passes or fails.
pub(crate) struct Step {
    /// The word by which `--skip` knows the step.
    pub(crate) name: &'static str,
    /// What is done.
    pub(crate) work: Work,
}

/// What a step does.
pub(crate) enum Work {
    /// Calls cargo with these arguments and environment.
    Cargo {
        arguments: &'static [&'static str],
        environment: &'static [(&'static str, &'static str)],
    },
    /// As above, but only where the cargo subcommand is installed.
    CargoIfInstalled { subcommand: &'static str, arguments: &'static [&'static str] },
    /// Holds the project against the rules of the house.
    Tidy,
}

impl Step {
    /// Does the work in `folder` and prints the step's name and time.
    ///
    /// # Errors
    /// When the work fails; the message says how to repeat this step alone.
    pub(crate) fn run(&self, folder: &Path) -> Result<()> {
        println!("ci: {} ({})", self.name, self.work);
        let start = Instant::now();
        let outcome = self.work.run(folder);
        let seconds = start.elapsed().as_secs_f64();
        match outcome {
            Ok(Done::Passed) => println!("ci: {} passed in {seconds:.1} s", self.name),
            Ok(Done::NotInstalled) => println!("ci: {} skipped, not installed", self.name),
            Err(error) => {
                return Err(error.context(format!(
                    "step `{}` failed after {seconds:.1} s; repeat it with: {}",
                    self.name, self.work
                )));
            }
        }
        Ok(())
    }
}

enum Done {
    Passed,
    NotInstalled,
}

impl Work {
    fn run(&self, folder: &Path) -> Result<Done> {
        match self {
            Self::Cargo { arguments, environment } => call(folder, arguments, environment)?,
            Self::CargoIfInstalled { subcommand, .. }
                if cargo::output(folder, &[subcommand, "--version"]).is_err() =>
            {
                return Ok(Done::NotInstalled);
            }
            Self::CargoIfInstalled { arguments, .. } => call(folder, arguments, &[])?,
            Self::Tidy => tidy::run()?,
        }
        Ok(Done::Passed)
    }
}

impl std::fmt::Display for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cargo { arguments, environment } => {
                for (name, value) in *environment {
                    write!(f, "{name}='{value}' ")?;
                }
                write!(f, "cargo {}", arguments.join(" "))
            }
            Self::CargoIfInstalled { arguments, .. } => write!(f, "cargo {}", arguments.join(" ")),
            Self::Tidy => f.write_str("cargo xtask tidy"),
        }
    }
}

fn call(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Result<()> {
    let status = cargo::command()
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(folder)
        .status()
        .context("cannot start cargo")?;
    if !status.success() {
        bail!("cargo ended with {status}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_step_says_how_to_repeat_it() {
        let work = Work::Cargo { arguments: &["fmt", "--all"], environment: &[("A", "b c")] };
        let step = Step { name: "sample", work };
        let error = step.run(Path::new("no/such/folder")).unwrap_err().to_string();
        assert!(error.contains("`sample`"), "{error}");
        assert!(error.contains("A='b c' cargo fmt --all"), "{error}");
    }

    #[test]
    fn a_missing_subcommand_is_no_failure() {
        let work = Work::CargoIfInstalled { subcommand: "no-such-subcommand", arguments: &[] };
        assert!(matches!(work.run(Path::new(".")), Ok(Done::NotInstalled)));
    }
}
