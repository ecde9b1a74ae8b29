//! `cargo xtask bench`: the measurements of `docs/performance.md`.

use std::process::Command;

use anyhow::{Result, bail};

use crate::prerequisites::{self, SystemPackages};
use crate::step;
use crate::workspace::Workspace;

const ALL: [&str; 5] = ["client", "command", "server", "start", "verify"];

/// Runs the named measurements, or all; further arguments (`--check`) go to the benchmark.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let (names, options): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|argument| !argument.starts_with('-'));
    if let Some(unknown) = names.iter().find(|name| !ALL.contains(&name.as_str())) {
        bail!(
            "no measurement is called `{unknown}`; there are: {}",
            ALL.join(", ")
        );
    }
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| *wanted == name);
    // One package at a time: together they would add the features of the tests and of the measurements to the command
    // that is measured.
    for package in ["avala-cli", "avala-bench"] {
        if package == "avala-bench" || wanted("command") || wanted("start") {
            step::run(
                &format!("build {package}"),
                &mut workspace.cargo(["build", "--release", "--package", package]),
            )?;
        }
    }
    let packages = SystemPackages::default();
    let folder = workspace.target.join("release");
    for name in ALL {
        if !wanted(name) {
            continue;
        }
        let mut bench = Command::new(folder.join("avala-bench"));
        bench.current_dir(&workspace.root).arg(name).args(&options);
        bench.env("AVALA_BENCH_COMMAND", folder.join("avala"));
        if matches!(name, "client" | "command") {
            let python = prerequisites::official_clients(workspace, &packages)?;
            bench.env("AVALA_BENCH_PYTHON", python);
        }
        if name == "server" {
            let python = prerequisites::peer_of_the_server(workspace, &packages)?;
            bench.env("AVALA_BENCH_DRF_PYTHON", python);
        }
        step::run(&format!("bench {name}"), &mut bench)?;
    }
    Ok(())
}
