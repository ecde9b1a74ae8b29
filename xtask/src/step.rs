//! One step of a task: a command, the line that reports it, and how it fails.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Runs a command that people want to watch.
pub(crate) fn run(name: &str, command: &mut Command) -> Result<()> {
    println!("{name:<32} {}", quoted(command));
    let started = Instant::now();
    let status = command
        .status()
        .with_context(|| format!("{} could not be started", quoted(command)))?;
    report(name, status.success(), started.elapsed());
    succeeded(command, status)
}

/// Runs a command whose output matters only when it fails.
pub(crate) fn run_quietly(name: &str, command: &mut Command) -> Result<()> {
    let started = Instant::now();
    let answer = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{} could not be started", quoted(command)))?;
    if !answer.status.success() {
        // What could not be written to a closed terminal needs no second report.
        let _ = std::io::stdout().write_all(&answer.stdout);
        let _ = std::io::stderr().write_all(&answer.stderr);
    }
    report(name, answer.status.success(), started.elapsed());
    succeeded(command, answer.status)
}

/// Whether a command runs and succeeds; its output is of no interest.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command as one would type it, in backticks.
pub(crate) fn quoted(command: &Command) -> String {
    // Cargo hands its own full path to its tasks; nobody types that.
    let program = Path::new(command.get_program());
    let words: Vec<String> = std::iter::once(program.file_name().unwrap_or(program.as_os_str()))
        .chain(command.get_args())
        .map(|word| {
            let word = word.to_string_lossy();
            let plain =
                !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || "\"'*$".contains(c));
            if plain {
                word.into_owned()
            } else {
                format!("'{word}'")
            }
        })
        .collect();
    format!("`{}`", words.join(" "))
}

fn report(name: &str, passed: bool, took: Duration) {
    let verdict = if passed { "ok" } else { "FAILED" };
    println!("{name:<32} {verdict:<6} {:>7.1} s", took.as_secs_f64());
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("{} failed ({status})", quoted(command));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_quoted_as_typed() {
        let mut command = Command::new("sh");
        command.args(["-c", "exit 3"]);
        let error = run_quietly("demonstration", &mut command).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c 'exit 3'` failed (exit status: 3)");
    }

    #[test]
    fn a_missing_command_is_named() {
        let error = run_quietly("demonstration", &mut Command::new("no-such-command-here")).unwrap_err();
        assert_eq!(error.to_string(), "`no-such-command-here` could not be started");
    }
}
