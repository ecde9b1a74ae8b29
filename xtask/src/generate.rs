//! `cargo xtask gen`: the generated parts of the book.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::prerequisites::{self, SystemPackages};
use crate::step;
use crate::workspace::Workspace;

/// Writes the parity table and the schemas; with `--check`, only says whether the table is current.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let mut command = workspace.cargo(["run", "--quiet", "--package", "avala-tests", "--bin", "parity"]);
    let table = command
        .output()
        .with_context(|| format!("{} could not be started", step::quoted(&command)))?;
    if !table.status.success() {
        bail!(
            "{} failed: {}",
            step::quoted(&command),
            String::from_utf8_lossy(&table.stderr)
        );
    }
    let path = workspace.root.join("docs/parity.md");
    match arguments.iter().any(|argument| argument == "--check") {
        true if fs::read(&path).ok().as_ref() == Some(&table.stdout) => return Ok(()),
        true => bail!("docs/parity.md is not what the code says: run `cargo xtask gen`"),
        false => fs::write(&path, table.stdout).context("docs/parity.md cannot be written")?,
    }
    schemas(workspace)
}

/// Has the tests of the schemas write what they find; without that they compare.
fn schemas(workspace: &Workspace) -> Result<()> {
    let cluster = prerequisites::postgres(&SystemPackages::default())?;
    let mut tests = workspace.cargo(["test", "--package", "avala-server", "--test", "stories"]);
    tests
        .args(["--", "as_written_down"])
        .env("AVALA_TEST_POSTGRES", &cluster.url)
        .env("AVALA_REWRITE", "1");
    step::run_quietly("schemas", &mut tests)
}
