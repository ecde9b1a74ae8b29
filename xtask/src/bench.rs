//! `cargo xtask bench`: the measurements of `docs/performance.md`.

use anyhow::{Result, bail};

use crate::prerequisites::{self, SystemPackages};
use crate::step;
use crate::workspace::Workspace;

const ALL: [&str; 2] = ["client", "command"];

/// Runs the named measurement, or all; further arguments (`--check`) go to the benchmark.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let (names, options): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|argument| !argument.starts_with('-'));
    if let Some(unknown) = names.iter().find(|name| !ALL.contains(&name.as_str())) {
        bail!(
            "no measurement is called `{unknown}`; there are: {}",
            ALL.join(", ")
        );
    }
    let python = prerequisites::official_clients(workspace, &SystemPackages::default())?;
    // Only these two: `--workspace` would add the features of the tests to the command that is measured.
    step::run(
        "build",
        &mut workspace.cargo([
            "build",
            "--release",
            "--package",
            "avala-cli",
            "--package",
            "avala-bench",
        ]),
    )?;
    let folder = workspace.target.join("release");
    for name in ALL {
        if !names.is_empty() && !names.iter().any(|wanted| *wanted == name) {
            continue;
        }
        let mut bench = std::process::Command::new(folder.join("avala-bench"));
        bench
            .current_dir(&workspace.root)
            .arg(name)
            .args(&options)
            .env("AVALA_BENCH_COMMAND", folder.join("avala"))
            .env("AVALA_BENCH_PYTHON", &python);
        step::run(&format!("bench {name}"), &mut bench)?;
    }
    Ok(())
}
