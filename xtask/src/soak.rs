//! `cargo xtask soak`: what the tests do a hundred times, a thousand times; and `docs/soak.md`, which tells of it.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{fs, thread};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::prerequisites::{self, SystemPackages};
use crate::step;
use crate::workspace::Workspace;

const FILE: &str = "docs/soak.md";

/// Something that is done over and over, in pieces.
struct Course {
    name: &'static str,
    /// For the table.
    what: &'static str,
    package: &'static str,
    test: &'static str,
    stories: &'static [&'static str],
    pieces: u64,
    of_a_piece: u64,
}

const COURSES: [Course; 2] = [
    Course {
        name: "kills",
        what: "servers killed over changes, and half as many while they start",
        package: "avala-tests",
        test: "durability",
        stories: &["rounds::", "migrations::"],
        pieces: 10,
        of_a_piece: 100,
    },
    Course {
        name: "lives",
        what: "random lives of keys, on SQLite and on PostgreSQL each",
        package: "avala-server",
        test: "stories",
        stories: &["model::keys_do_what_the_model_says"],
        pieces: 20,
        of_a_piece: 500,
    },
];

/// What is done already with this commit. An interrupted soak goes on where it was.
struct Done {
    file: PathBuf,
    commit: String,
    /// A line each: `course`, `seed`, `seconds`, `acknowledged`.
    pieces: Vec<Value>,
}

/// Does what is not done yet; with `--minutes N`, begins nothing after that time.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let deadline = match arguments {
        [] => None,
        [option, minutes] if option == "--minutes" => {
            let minutes: u64 = minutes.parse().context("--minutes needs a number")?;
            Some(Instant::now() + Duration::from_secs(60 * minutes))
        }
        _ => bail!("not understood: soak [--minutes N]"),
    };
    let packages = SystemPackages::default();
    // Lives until this function ends.
    let cluster = prerequisites::postgres(&packages).context("half of it is about PostgreSQL")?;
    for package in ["avala-cli", "avala-tests", "avala-server"] {
        step::run(
            &format!("build {package}"),
            &mut workspace.cargo(["build", "--all-targets", "--package", package]),
        )?;
    }
    let mut done = Done::with_this_commit(workspace)?;
    for course in &COURSES {
        for piece in done.of(course).count() as u64..course.pieces {
            if deadline.is_some_and(|deadline| Instant::now() > deadline) {
                println!("the time is over: the next `cargo xtask soak` goes on here");
                return Ok(());
            }
            let mut command = course.command(workspace, piece);
            command
                .env("CI", "true")
                .env("AVALA_TEST_COMMAND", workspace.target.join("debug/avala"))
                .env("AVALA_TEST_POSTGRES", &cluster.url);
            done.add(course, piece, &mut command)?;
            fs::write(workspace.root.join(FILE), done.page()).with_context(|| format!("writing {FILE}"))?;
        }
    }
    println!("{FILE} tells of it");
    Ok(())
}

impl Course {
    fn command(&self, workspace: &Workspace, piece: u64) -> Command {
        let mut command = workspace.cargo([
            "test",
            "--package",
            self.package,
            "--test",
            self.test,
            "--",
            "--nocapture",
        ]);
        command.args(self.stories);
        let first = piece * self.of_a_piece;
        command
            .env("AVALA_TEST_KILLS", self.of_a_piece.to_string())
            .env("AVALA_TEST_SEED", seed().to_string())
            .env(
                "AVALA_TEST_LIVES",
                format!("{first}..{}", first + self.of_a_piece),
            );
        command
    }
}

impl Done {
    fn with_this_commit(workspace: &Workspace) -> Result<Self> {
        let commit =
            said(
                Command::new("git")
                    .current_dir(&workspace.root)
                    .args(["rev-parse", "--short", "HEAD"]),
            )?;
        let file = workspace.target.join(format!("soak-{commit}.jsonl"));
        let pieces = fs::read_to_string(&file).unwrap_or_default();
        Ok(Self {
            pieces: pieces
                .lines()
                .map(serde_json::from_str)
                .collect::<Result<_, _>>()?,
            file,
            commit,
        })
    }

    fn of(&self, course: &Course) -> impl Iterator<Item = &Value> {
        self.pieces.iter().filter(|piece| piece["course"] == course.name)
    }

    /// Does a piece, and notes it.
    fn add(&mut self, course: &Course, piece: u64, command: &mut Command) -> Result<()> {
        let seed = variable(
            command,
            if course.name == "lives" {
                "AVALA_TEST_LIVES"
            } else {
                "AVALA_TEST_SEED"
            },
        );
        println!("{} {} of {}, seed {seed}", course.name, piece + 1, course.pieces);
        let began = Instant::now();
        let mut child = command.stderr(Stdio::piped()).stdin(Stdio::null()).spawn()?;
        let mut acknowledged = 0;
        for line in BufReader::new(child.stderr.take().context("stderr is a pipe")?).lines() {
            let line = line?;
            eprintln!("{line}");
            acknowledged += after("more than ", &line).unwrap_or(0);
        }
        if !child.wait()?.success() {
            bail!(
                "{} failed with seed {seed}: {}",
                course.name,
                step::quoted(command)
            );
        }
        self.pieces.push(json!({
            "course": course.name,
            "seed": seed,
            "seconds": began.elapsed().as_secs_f64(),
            "acknowledged": acknowledged,
        }));
        let lines: Vec<String> = self.pieces.iter().map(Value::to_string).collect();
        fs::write(&self.file, lines.join("\n")).with_context(|| format!("writing {}", self.file.display()))
    }

    fn page(&self) -> String {
        let mut page = "# Soak\n\n\
             What the tests do a hundred times, done more often by `cargo xtask soak`, which writes this page as far as it has come.\n\n\
             | | asked for | done | lost or wrong | took |\n| --- | --- | --- | --- | --- |\n"
            .to_owned();
        for course in &COURSES {
            let done = self.of(course).count() as u64 * course.of_a_piece;
            let seconds: f64 = self
                .of(course)
                .filter_map(|piece| piece["seconds"].as_f64())
                .sum();
            // Writing to a string cannot fail.
            let _ = writeln!(
                page,
                "| {} | {} | {done} | 0 | {:.1} min |",
                course.what,
                course.pieces * course.of_a_piece,
                seconds / 60.0
            );
        }
        let acknowledged: u64 = self
            .pieces
            .iter()
            .filter_map(|piece| piece["acknowledged"].as_u64())
            .sum();
        let seeds = |course: &Course| -> String {
            let seeds: Vec<&str> = self
                .of(course)
                .filter_map(|piece| piece["seed"].as_str())
                .collect();
            seeds.join(", ")
        };
        let [kills, lives] = &COURSES;
        let _ = write!(
            page,
            "\nChanges acknowledged before the kills: {acknowledged}. Each was there after the next start.\n\n\
             Seeds of the kills, for `AVALA_TEST_SEED`: {}. Seeds of the lives, for `AVALA_TEST_LIVES`: {}.\n\n\
             Commit {}, {}. Machine: {}.\n",
            seeds(kills),
            seeds(lives),
            self.commit,
            said(Command::new("date").args(["-u", "+%Y-%m-%d"])).unwrap_or_default(),
            machine(),
        );
        page
    }
}

fn machine() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown processor", |(_, name)| name.trim());
    let cores = thread::available_parallelism().map_or(0, usize::from);
    format!("{processor}, {cores} cores")
}

/// Another one each time.
fn seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(now.subsec_nanos()) ^ now.as_secs() << 20
}

fn variable(command: &Command, name: &str) -> String {
    let value = command.get_envs().find(|(variable, _)| *variable == name);
    value
        .and_then(|(_, value)| value)
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// The number behind these words.
fn after(words: &str, line: &str) -> Option<u64> {
    line.split_once(words)?.1.split(' ').next()?.parse().ok()
}

fn said(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("{} could not be started", step::quoted(command)))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_how_far_it_has_come() {
        let piece = |course, seed, acknowledged| json!({"course": course, "seed": seed, "seconds": 30.0, "acknowledged": acknowledged});
        let done = Done {
            file: PathBuf::new(),
            commit: "abc".into(),
            pieces: vec![
                piece("kills", "7", 20),
                piece("kills", "8", 10),
                piece("lives", "0..500", 0),
            ],
        };
        let page = done.page();
        for part in [
            "| 1000 | 200 | 0 | 1.0 min |",
            "| 10000 | 500 | 0 | 0.5 min |",
            ": 30.",
            ": 7, 8.",
            ": 0..500.",
        ] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
    }

    #[test]
    fn what_was_acknowledged_is_read_from_what_a_test_says() {
        let line = "100 kills; more than 2467 acknowledged changes, none lost";
        assert_eq!(after("more than ", line), Some(2467));
        assert_eq!(after("more than ", "another line"), None);
    }
}
