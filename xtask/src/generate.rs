//! `cargo xtask gen`: the generated parts of the book.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::prerequisites::{self, SystemPackages};
use crate::step;
use crate::workspace::Workspace;

/// The pages, and the programs that print them.
const PAGES: [&str; 5] = [
    "parity",
    "threats",
    "troubleshooting",
    "python-names",
    "requirements",
];

/// Writes the pages and the schemas; with `--check`, only says whether the pages are current.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let checks = arguments.iter().any(|argument| argument == "--check");
    for page in PAGES {
        let mut command = workspace.cargo(["run", "--quiet", "--package", "avala-tests", "--bin", page]);
        let printed = command
            .output()
            .with_context(|| format!("{} could not be started", step::quoted(&command)))?;
        if !printed.status.success() {
            bail!(
                "{} failed: {}",
                step::quoted(&command),
                String::from_utf8_lossy(&printed.stderr)
            );
        }
        let file = format!("docs/{page}.md");
        let path = workspace.root.join(&file);
        match checks {
            true if fs::read(&path).ok().as_ref() == Some(&printed.stdout) => {}
            true => bail!("{file} is not what the code says: run `cargo xtask gen`"),
            false => {
                fs::write(&path, printed.stdout).with_context(|| format!("{file} cannot be written"))?;
            }
        }
    }
    if checks { Ok(()) } else { schemas(workspace) }
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
