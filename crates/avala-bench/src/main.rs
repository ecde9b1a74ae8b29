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

use crate::report::Section;

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
    let (sections, check) = match words[..] {
        ["serve-canned", rows] => return canned::serve(rows.parse()?),
        ["client", ref rest @ ..] => {
            let sections = client::SIZES
                .map(client::measure)
                .into_iter()
                .collect::<Result<Vec<_>>>()?;
            (sections, checking(rest)?)
        }
        ["command", ref rest @ ..] => (vec![command::measure()?], checking(rest)?),
        _ => bail!("not understood\n\n{USAGE}"),
    };
    for section in &sections {
        section.write()?;
        println!("{}", section.text());
    }
    if check {
        sections.iter().try_for_each(Section::check)
    } else {
        Ok(())
    }
}

fn checking(rest: &[&str]) -> Result<bool> {
    match rest {
        [] => Ok(false),
        ["--check"] => Ok(true),
        _ => bail!("not understood\n\n{USAGE}"),
    }
}
