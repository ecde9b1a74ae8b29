//! `avala-bench command`: what it costs to start the command.

use std::env;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::report::{Limit, Promise, Section, first_line, load_before};
use crate::series::Series;

const ROUNDS: usize = 9;

/// A command, how often it is started in a round, and what it took.
struct Entrant {
    name: &'static str,
    program: PathBuf,
    starts: u32,
    took: Series,
}

impl Entrant {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--version");
        command
    }

    /// The median time of a start, so that one disturbed start does not count.
    fn round(&mut self) -> Result<()> {
        let mut starts = Series::default();
        for _ in 0..self.starts {
            let mut command = self.command();
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let started = Instant::now();
            let status = command
                .status()
                .with_context(|| format!("starting {}", self.program.display()))?;
            starts.push(started.elapsed().as_secs_f64());
            ensure!(status.success(), "{} failed ({status})", self.program.display());
        }
        self.took.push(starts.median());
        Ok(())
    }
}

/// Measures `avala --version` beside the official command and a program that does nothing.
pub(crate) fn measure() -> Result<Section> {
    let ours = path("AVALA_BENCH_COMMAND", "our command, built for release")?;
    let python = path(
        "AVALA_BENCH_PYTHON",
        "an interpreter that has the official client installed",
    )?;
    let official = python.parent().unwrap_or(Path::new("")).join("avala");
    let empty = env::current_exe()?.with_file_name("avala-bench-empty");

    let enter = |name, program, starts| Entrant {
        name,
        program,
        starts,
        took: Series::default(),
    };
    let load_before = load_before();
    let mut entrants = [
        enter("a program that does nothing", empty, 100),
        enter("`avala`", ours, 100),
        enter("official `avala`", official, 5),
    ];
    for entrant in &mut entrants {
        // Once before the clock counts: files are in memory, and Python has compiled its modules.
        ensure!(
            entrant
                .command()
                .output()
                .is_ok_and(|answer| answer.status.success()),
            "{} fails",
            entrant.name
        );
    }
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        entrants.iter_mut().try_for_each(Entrant::round)?;
    }
    Ok(section(&entrants, &load_before))
}

fn section([empty, ours, official]: &[Entrant; 3], load_before: &str) -> Section {
    let mut text = format!(
        "`avala --version`, from start to exit, files in memory. {ROUNDS} alternating rounds of {} starts ({} of the official \
         command, which is `{}`); a round counts as its median start. {load_before}\n\n\
         | Command | Start to exit | against nothing |\n| --- | --- | --- |\n",
        ours.starts,
        official.starts,
        first_line(&mut official.command()),
    );
    for entrant in [empty, ours, official] {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {:.2} × |",
            entrant.name,
            entrant.took.text(),
            entrant.took.times(&empty.took)
        );
    }
    let promises = vec![
        Promise {
            what: "start of `avala`",
            measured: ours.took.median(),
            limit: Limit::Milliseconds(3.0),
        },
        Promise {
            what: "`avala` faster than the official command",
            measured: official.took.times(&ours.took),
            limit: Limit::TimesFaster(80.0),
        },
    ];
    Section::new("command", "Starting the command", &text, promises)
}

fn path(variable: &str, what: &str) -> Result<PathBuf> {
    Ok(env::var_os(variable)
        .with_context(|| format!("{variable} must be {what}"))?
        .into())
}
