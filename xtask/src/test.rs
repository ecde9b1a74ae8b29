//! `cargo xtask test`: everything the tests need, then all of them, then what was skipped.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};

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
            checks: "official Python clients, command and agent runner against our server; simulated AWS",
            found: prerequisites::official_clients(workspace, &packages),
        },
        Prerequisite {
            variable: "AVALA_TEST_STRACE",
            checks: "system calls: a sync per acknowledged write",
            found: prerequisites::strace(&packages),
        },
        Prerequisite {
            variable: "AVALA_TEST_NGINX",
            checks: "the server behind nginx",
            found: prerequisites::proxy(&packages, "nginx", "-v"),
        },
        Prerequisite {
            variable: "AVALA_TEST_HAPROXY",
            checks: "the server behind HAProxy",
            found: prerequisites::proxy(&packages, "haproxy", "-v"),
        },
        Prerequisite {
            variable: "AVALA_TEST_CADDY",
            checks: "the server behind Caddy",
            found: prerequisites::proxy(&packages, "caddy", "version"),
        },
        Prerequisite {
            variable: "AVALA_TEST_KEYRING",
            checks: "keys in a real keyring",
            found: prerequisites::keyring(&packages),
        },
        Prerequisite {
            variable: "AVALA_TEST_PASS",
            checks: "keys in the password store `pass`",
            found: prerequisites::password_store(&packages),
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
    told_on_both_databases(workspace)?;
    let mut tests = workspace.cargo(["test", "--workspace", "--no-fail-fast"]);
    tests
        .args(arguments)
        .env("AVALA_TEST_COMMAND", workspace.target.join("debug/avala"))
        // The judges are run from the source tree and must leave nothing in it.
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let mut others = with_other_features(workspace);
    for one in &prerequisites {
        for tests in others.iter_mut().map(|(_, tests)| tests).chain([&mut tests]) {
            match &one.found {
                Ok(path) => tests.env(one.variable, path),
                Err(_) => tests.env_remove(one.variable),
            };
        }
    }
    let mut outcome = step::run("tests", &mut tests);
    // Arguments select among the tests of the workspace; whoever gives some wants those.
    if arguments.is_empty() {
        for (name, tests) in &mut others {
            outcome = outcome.and(step::run(name, tests));
        }
    }
    for one in &skipped {
        println!("skipped  {one}");
    }
    if skipped.is_empty() {
        println!("nothing was skipped");
    }
    outcome
}

/// What is built on its own, since no other part of the project has these features. TLS is ring's elsewhere; here it is
/// another's, and there are two to choose from.
fn with_other_features(workspace: &Workspace) -> [(&'static str, Command); 3] {
    let of_the_library = |features: &str, tests: &str| {
        let mut command = workspace.cargo(["test", "--package", "avala"]);
        command.args(features.split(' ')).args(tests.split(' '));
        command
    };
    let clouds = "--features aws,gcp,aws-lc";
    [
        (
            "tests with cloud secret stores",
            of_the_library(
                clouds,
                "--lib --test aws_secrets --test google_secrets --test canary --test on_premises",
            ),
        ),
        (
            "samples of cloud secret stores",
            of_the_library(clouds, "--doc -- auth::aws auth::gcp"),
        ),
        (
            "tests with TLS by aws-lc alone",
            of_the_library(
                "--no-default-features --features aws-lc,http2",
                "--test on_premises",
            ),
        ),
    ]
}

/// Fails unless each story that is told on one database is told on the other.
fn told_on_both_databases(workspace: &Workspace) -> Result<()> {
    let mut command = workspace.cargo([
        "test",
        "--quiet",
        "--package",
        "avala-server",
        "--test",
        "stories",
    ]);
    command.args(["--", "--list"]);
    let list = command
        .output()
        .with_context(|| format!("{} could not be started", step::quoted(&command)))?;
    if !list.status.success() {
        bail!(
            "{} failed: {}",
            step::quoted(&command),
            String::from_utf8_lossy(&list.stderr)
        );
    }
    let count = stories_on_each(&String::from_utf8(list.stdout)?)?;
    println!("{count} stories of the server are told on both databases");
    Ok(())
}

/// How many stories each database has, from the list of all tests.
fn stories_on_each(list: &str) -> Result<usize> {
    let on = |database: &str| -> BTreeSet<String> {
        let suffix = format!("::on_{database}: test");
        list.lines()
            .filter_map(|line| line.strip_suffix(&suffix).map(str::to_owned))
            .collect()
    };
    let (sqlite, postgres) = (on("sqlite"), on("postgres"));
    if let Some(story) = sqlite.symmetric_difference(&postgres).next() {
        bail!("the story {story} is told on one database only");
    }
    if sqlite.is_empty() {
        bail!("no story is told on both databases");
    }
    Ok(sqlite.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_on_one_database_only_is_named() {
        let both = "a::b::on_sqlite: test\na::b::on_postgres: test\nc: test\n";
        assert_eq!(stories_on_each(both).unwrap(), 1);
        let one = format!("{both}d::on_sqlite: test\n");
        let error = stories_on_each(&one).unwrap_err().to_string();
        assert_eq!(error, "the story d is told on one database only");
        assert!(stories_on_each("c: test\n").is_err());
    }
}
