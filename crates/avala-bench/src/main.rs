//! Measurements of the client, the command and the server; `cargo xtask bench` prepares and runs them.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for people talks on its terminal"
)]

mod cached;
mod canned;
mod client;
mod command;
mod creates;
mod drf;
mod generator;
mod held;
mod peers;
mod report;
mod series;
mod served;
mod server;
mod start;
mod verify;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::held::Rhythm;
use crate::report::Section;
use crate::served::Callers;

const USAGE: &str = "\
Usage: avala-bench client|command|creates|server|start|verify [--check]

  client    one call of webhooks.list: ours, bare reqwest, the official client; AVALA_BENCH_PYTHON is the
            interpreter that has the official client installed; and having the key
  command   `avala --version`: ours (AVALA_BENCH_COMMAND), the official one, a program that does nothing
  server    requests/s with keys and without, against Django REST Framework, open-loop latencies, 10,000 bad
            connections, changes/s; AVALA_BENCH_DRF_PYTHON is the interpreter that has the peer's packages installed
  creates   the changes/s alone
  start     `avala serve` (AVALA_BENCH_COMMAND) with 10 and with 100,000 keys: until it accepts one, and its memory
  verify    verifying a key in process, among 10, 100,000 and 1,000,000
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
        ["serve-keyed", data_dir] => return served::serve(Callers::Keyed, data_dir),
        ["serve-fixed", data_dir] => return served::serve(Callers::Fixed, data_dir),
        ["hold", address, count, rhythm] => {
            return held::hold(address.parse()?, count.parse()?, Rhythm::named(rhythm)?);
        }
        ["client", ref rest @ ..] => {
            let mut sections = client::SIZES
                .map(client::measure)
                .into_iter()
                .collect::<Result<Vec<_>>>()?;
            sections.push(cached::measure()?);
            (sections, checking(rest)?)
        }
        ["command", ref rest @ ..] => (vec![command::measure()?], checking(rest)?),
        ["creates", ref rest @ ..] => (vec![creates::measure()?], checking(rest)?),
        ["server", ref rest @ ..] => (server::measure()?, checking(rest)?),
        ["start", ref rest @ ..] => (vec![start::measure()?], checking(rest)?),
        ["verify", ref rest @ ..] => (vec![verify::measure()?], checking(rest)?),
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
