//! `cargo xtask openapi`: writes `docs/openapi.json`, which the routes of the server make. That it is not behind them is a test of
//! zao-server.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{Project, cargo};

/// The test that compares, and writes where it is told to.
const TEST: &str = "http::tests::contract::the_document_in_the_repository_is_that_of_the_server";
const WRITE: &str = "ZAO_WRITE_OPENAPI";

/// Writes the document anew.
///
/// # Errors
/// Cargo that cannot be started, or a server that does not build.
pub fn write() -> Result<()> {
    let mut test = test();
    run(test.env(WRITE, "1"))
}

/// Says whether the document is what the routes make.
///
/// # Errors
/// As above, or a document that is behind.
pub fn check() -> Result<()> {
    run(&mut test())
}

fn test() -> Command {
    let mut test = cargo::command();
    test.args(["test", "--release", "--package", "zao-server", "--lib", "--", "--exact", TEST])
        .env_remove(WRITE)
        .current_dir(Project::folder());
    test
}

fn run(test: &mut Command) -> Result<()> {
    let status = test.status().context("cannot start cargo")?;
    if !status.success() {
        bail!("docs/openapi.json is not what the routes make, or zao-server does not build");
    }
    Ok(())
}
