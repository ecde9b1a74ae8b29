//! The demo's own server: a child process that cannot outlive the demo.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use serde::Deserialize;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpStream,
    process::{Child, ChildStdin, Command},
    time::timeout,
};

use crate::output::story::{Broken, Fact};

/// How long it may take to start, and to stop. Generous: a busy machine is not a broken one.
const PATIENCE: Duration = Duration::from_secs(20);

/// The child. Its stdin is held open: when this process ends, however it ends, the child reads the end of it and stops.
pub(super) struct OwnServer {
    pub(super) url: String,
    pub(super) base_url: String,
    pub(super) data_dir: PathBuf,
    child: Child,
    stdin: Option<ChildStdin>,
    /// Removed last, when the child is gone.
    directory: TempDir,
}

#[derive(Deserialize)]
struct Ready {
    url: String,
    base_url: String,
    data_dir: PathBuf,
}

impl OwnServer {
    /// Starts it, and waits for the line that says it is ready.
    pub(super) async fn start(program: &Path, directory: TempDir, fact: &Fact<'_>) -> Result<Self, Broken> {
        let log_path = directory.path().join("server.log");
        let log = fact.works("its log file", std::fs::File::create(&log_path))?;
        let started = Command::new(program)
            .args([
                "serve",
                "--dev",
                "--bind",
                "127.0.0.1:0",
                "--rate-limit",
                "6000",
                "--until-stdin-ends",
            ])
            .args([
                "--allow-webhook-target",
                "127.0.0.0/8",
                "--output",
                "json",
                "--data-dir",
            ])
            .arg(directory.path().join("server"))
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn();
        let mut child = fact.works("starting it", started)?;
        let stdin = child.stdin.take();
        let stdout = fact.some("its stdout", child.stdout.take())?;

        let mut lines = BufReader::new(stdout).lines();
        let line = fact.works("waiting for it", timeout(PATIENCE, lines.next_line()).await)?;
        let Ok(Some(line)) = line else {
            let log = std::fs::read_to_string(&log_path).unwrap_or_default();
            return Err(fact.broken("its first line", "{\"url\": …}", log.trim()));
        };
        let ready: Ready = fact.works("its first line", serde_json::from_str(&line))?;
        Ok(Self {
            url: ready.url,
            base_url: ready.base_url,
            data_dir: ready.data_dir,
            child,
            stdin,
            directory,
        })
    }

    /// A private directory, gone when the server is.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Lets it go, and waits until it has gone.
    pub(super) async fn stop(&mut self, fact: &Fact<'_>) -> Result<(), Broken> {
        drop(self.stdin.take());
        let status = fact.works("waiting for its end", timeout(PATIENCE, self.child.wait()).await)?;
        let status = fact.works("its exit status", status)?;
        fact.equal("its exit code", Some(0), status.code())?;
        let address = self.url.trim_start_matches("http://");
        fact.is(
            "connecting to its port",
            TcpStream::connect(address).await.is_err(),
            "a connection",
        )
    }
}

impl Drop for OwnServer {
    /// However the story ends: no process is left, and only then its directory goes.
    fn drop(&mut self) {
        // It may have gone by itself.
        let _gone = self.child.start_kill();
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && began.elapsed() < PATIENCE {
            // Nothing can be awaited here; a killed process is gone within a millisecond or two.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
