//! Measurements of the client and of the command; `cargo xtask bench` prepares and runs them.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for people talks on its terminal"
)]

mod canned;
mod client;
mod command;
mod peers;
mod report;
mod series;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
Usage: avala-bench client|command [--check]

  client    one call of webhooks.list: ours, bare reqwest, the official client; AVALA_BENCH_PYTHON is the
            interpreter that has the official client installed
  command   `avala --version`: ours (AVALA_BENCH_COMMAND), the official one, a program that does nothing
  --check   ends with status 1 when a promise of docs/performance.md does not hold

Writes its section of docs/performance.md in the current folder.";

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
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (section, check) = match words[..] {
        ["serve-canned"] => return canned::serve(),
        ["client"] => (client::measure()?, false),
        ["client", "--check"] => (client::measure()?, true),
        ["command"] => (command::measure()?, false),
        ["command", "--check"] => (command::measure()?, true),
        _ => bail!("not understood\n\n{USAGE}"),
    };
    section.write()?;
    println!("{}", section.text());
    if check { section.check() } else { Ok(()) }
}
