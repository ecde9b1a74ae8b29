//! `avala-bench start`: how long `avala serve` takes until it accepts a key, and how much memory it has, with many keys.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use avala_keys::{ApiKey, Class};
use avala_server::{Config, Server, measure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::generator::{Generator, exchange};
use crate::report::{Limit, Promise, Section, load_before};
use crate::series::Series;
use crate::served::resident_kib;
use crate::server::get;

const SIZES: [usize; 2] = [10, 100_000];
/// So many keys of each user.
const OF_ONE_USER: usize = 100;
const ROUNDS: usize = 5;
const CONNECTIONS: usize = 32;
/// Long enough that how keys were used is written once, and all keys are read again after it.
const USE: Duration = Duration::from_secs(12);
const ASKED: &str = "/api/v1/users/me/permissions/";

/// A data directory with so many keys, and what starting on it took.
struct Entrant {
    dir: TempDir,
    key: ApiKey,
    took: Series,
    /// In bytes: after the first key was accepted, and after use.
    resident: (f64, f64),
}

/// `avala serve`; dropping it ends it.
struct Started(Child);

impl Entrant {
    fn new(runtime: &Runtime, size: usize) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let key = runtime.block_on(async {
            let server = Server::open(Config::new(data(&dir), Class::Live)).await?;
            let mut last = None;
            for first in (0..size).step_by(OF_ONE_USER) {
                let owner = server.users().create(&format!("{first}@example.com")).await?;
                let count = OF_ONE_USER.min(size - first);
                last = measure::issue(server.keys(), &owner.uid, count).await?.pop();
            }
            server.close().await;
            last.context("there are keys")
        })?;
        Ok(Self {
            dir,
            key,
            took: Series::default(),
            resident: (0.0, 0.0),
        })
    }

    fn round(&mut self, command: &Path, is_last: bool) -> Result<()> {
        let began = Instant::now();
        let (started, address) = Started::on(command, &data(&self.dir))?;
        let request = get(ASKED, Some(self.key.expose()));
        let answer = exchange(address, &request)?;
        self.took.push(began.elapsed().as_secs_f64());
        ensure!(answer.starts_with(b"HTTP/1.1 200 "), "the key was refused");
        if is_last {
            self.resident.0 = started.resident()?;
            Generator::new(address, &request, CONNECTIONS)?.closed_loop(USE)?;
            self.resident.1 = started.resident()?;
        }
        Ok(())
    }
}

impl Started {
    fn on(command: &Path, data_dir: &Path) -> Result<(Self, SocketAddr)> {
        let mut process = Command::new(command)
            .args([
                "serve",
                "--bind",
                "127.0.0.1:0",
                "--rate-limit",
                "off",
                "--output",
                "json",
            ])
            // It ends when this pipe closes, so also when this process is killed.
            .args(["--until-stdin-ends", "--data-dir"])
            .arg(data_dir)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the server")?;
        let output = process.stdout.take().context("the server has an output")?;
        let started = Self(process);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line).context("the server did not start")?;
        let url = ready["url"].as_str().unwrap_or_default();
        Ok((started, url.trim_start_matches("http://").parse()?))
    }

    /// Its memory, in bytes.
    fn resident(&self) -> Result<f64> {
        #[allow(clippy::cast_precision_loss, reason = "none below 2^53")]
        Ok((resident_kib(self.0.id())? * 1024) as f64)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn data(dir: &TempDir) -> PathBuf {
    dir.path().join("data")
}

pub(crate) fn measure() -> Result<Section> {
    let command = std::env::var_os("AVALA_BENCH_COMMAND").context("AVALA_BENCH_COMMAND is not set")?;
    let load_before = load_before();
    let runtime = Runtime::new()?;
    let mut entrants = Vec::new();
    for size in SIZES {
        eprintln!("{size} keys");
        entrants.push(Entrant::new(&runtime, size)?);
    }
    for round in 0..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        for entrant in &mut entrants {
            entrant.round(Path::new(&command), round == ROUNDS)?;
            if round == 0 {
                // The first one warms up.
                entrant.took = Series::default();
            }
        }
    }
    let mut text = format!(
        "`avala serve` on SQLite, files in memory, from the start of its process to the first answer to a request with a key: every key is \
         read, and its seal checked, before. {ROUNDS} alternating rounds, {OF_ONE_USER} keys of each user at most. Then {} s of \
         requests on {CONNECTIONS} connections, in which how keys were used is written and all keys are read again. {load_before}\n\n\
         | Keys | Until a key is accepted | resident memory then | after use |\n| --- | --- | --- | --- |\n",
        USE.as_secs(),
    );
    for (size, entrant) in SIZES.iter().zip(&entrants) {
        let (then, after) = entrant.resident;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {size} | {} | {:.1} MB | {:.1} MB |",
            entrant.took.text(),
            then / 1e6,
            after / 1e6
        );
    }
    let most = &entrants[SIZES.len() - 1];
    let promises = vec![
        Promise {
            what: "until a key is accepted, with 100,000 keys",
            measured: most.took.median(),
            limit: Limit::Milliseconds(1_000.0),
        },
        Promise {
            what: "resident memory then, with 100,000 keys",
            measured: most.resident.0,
            limit: Limit::Megabytes(120.0),
        },
        Promise {
            what: "resident memory after use, with 100,000 keys",
            measured: most.resident.1,
            limit: Limit::Megabytes(120.0),
        },
    ];
    Ok(Section::new("start", "Starting with many keys", &text, promises))
}
