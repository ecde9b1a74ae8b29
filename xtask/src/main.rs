//! The project's own tasks: `cargo xtask test`, `cargo xtask ci`, `cargo xtask bench`, `cargo xtask soak`,
//! `cargo xtask gen`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for people talks on its terminal"
)]

mod bench;
mod ci;
mod generate;
mod postgres;
mod prerequisites;
mod soak;
mod step;
mod test;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::workspace::Workspace;

const USAGE: &str = "\
Usage: cargo xtask <task>

  test [ARGS]   installs what the tests need and runs all of them; ARGS go to `cargo test`
  ci            format, lints, docs, features, packages, then `test`
  bench [NAME]  measures in release mode and writes docs/performance.md; NAME is client, command,
                server, start or verify; without one, all
  soak          kills servers and tells the lives of keys for most of an hour, and writes docs/soak.md
  gen [--check] writes docs/parity.md and the schemas of the databases, or says whether the first is
                current; the tests say it of the others

With CI=true in the environment, `test` fails where it would otherwise skip.";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next();
    let rest: Vec<String> = arguments.collect();
    match task.as_deref() {
        Some("test") => test::run(&Workspace::find()?, &rest),
        Some("ci") => ci::run(&Workspace::find()?),
        Some("gen") => generate::run(&Workspace::find()?, &rest),
        Some("soak") => soak::run(&Workspace::find()?, &rest),
        Some("bench") => bench::run(&Workspace::find()?, &rest),
        None | Some("help" | "--help" | "-h") => {
            println!("{USAGE}");
            Ok(())
        }
        Some(other) => bail!("there is no task `{other}`\n\n{USAGE}"),
    }
}
