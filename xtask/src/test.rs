//! `cargo xtask test`: everything the tests need, then all of them, then what was skipped.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};

use crate::prerequisites::{self, SystemPackages};
use crate::step;
use crate::workspace::{self, Workspace};

/// A prerequisite: the variable by which the tests learn its path or URL, and the checks that need it.
struct Prerequisite {
    variable: &'static str,
    checks: &'static str,
    found: Result<PathBuf>,
}

/// Runs the whole suite; `arguments` go to `cargo test`.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let packages = SystemPackages::default();
    // Lives until this function ends, and the tests with it.
    let cluster = prerequisites::postgres(&packages);
    let prerequisites = [
        Prerequisite {
            variable: "AVALA_TEST_PYTHON",
            checks: "official Python clients, command and agent runner against our server",
            found: prerequisites::official_clients(workspace, &packages),
        },
        Prerequisite {
            variable: "AVALA_TEST_STRACE",
            checks: "system calls: a sync per acknowledged write",
            found: prerequisites::strace(&packages),
        },
        Prerequisite {
            variable: "AVALA_TEST_POSTGRES",
            checks: "the stories of the server on PostgreSQL",
            found: match &cluster {
                Ok(cluster) => Ok(cluster.url.clone().into()),
                Err(error) => Err(anyhow!("{error:#}")),
            },
        },
    ];
    let skipped: Vec<String> = prerequisites
        .iter()
        .filter_map(|one| {
            one.found
                .as_ref()
                .err()
                .map(|why| format!("{}: {why:#}", one.checks))
        })
        .collect();
    if workspace::in_ci() && !skipped.is_empty() {
        bail!(
            "nothing may be skipped under CI=true, but these checks cannot run:\n  {}",
            skipped.join("\n  ")
        );
    }

    // All targets at once, with the features that `cargo test` selects: it then finds everything built,
    // and the command is there before the first test that runs it.
    step::run(
        "build",
        &mut workspace.cargo(["build", "--workspace", "--all-targets"]),
    )?;
    let mut tests = workspace.cargo(["test", "--workspace", "--no-fail-fast"]);
    tests
        .args(arguments)
        .env("AVALA_TEST_COMMAND", workspace.target.join("debug/avala"))
        // The judges are run from the source tree and must leave nothing in it.
        .env("PYTHONDONTWRITEBYTECODE", "1");
    for one in &prerequisites {
        match &one.found {
            Ok(path) => tests.env(one.variable, path),
            Err(_) => tests.env_remove(one.variable),
        };
    }
    let outcome = step::run("tests", &mut tests);
    for one in &skipped {
        println!("skipped  {one}");
    }
    if skipped.is_empty() {
        println!("nothing was skipped");
    }
    outcome
}
