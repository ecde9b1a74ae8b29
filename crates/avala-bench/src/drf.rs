//! The server's peer: Django REST Framework with djangorestframework-api-key under gunicorn.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::report::first_line;

const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/drf");
const WORKERS: &str = "2";
const PATIENCE: Duration = Duration::from_secs(20);

/// How gunicorn's processes work.
#[derive(Clone, Copy)]
pub(crate) enum Workers {
    /// One request at a time, each on a connection of its own.
    Sync,
    /// Threads, and connections that are kept.
    Threads,
}

/// The running peer; dropping it ends its processes.
pub(crate) struct Drf {
    process: Child,
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    _home: TempDir,
}

impl Drf {
    /// Starts it with these answers: a JSON object of bodies by path.
    pub(crate) fn start(workers: Workers, answers: &str) -> Result<Self> {
        let home = tempfile::tempdir()?;
        fs::write(home.path().join("answers.json"), answers)?;
        let python = python()?;
        let with_home = |command: &mut Command| {
            command
                .current_dir(PROJECT)
                .env("AVALA_BENCH_DRF", home.path())
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .stdin(Stdio::null());
        };
        let mut setup = Command::new(&python);
        with_home(setup.arg("peer.py"));
        let made = setup.output().context("setting the peer up")?;
        ensure!(
            made.status.success(),
            "the peer could not be set up:\n{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let key = String::from_utf8(made.stdout)?.trim().to_owned();

        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let mut serve = Command::new(&python);
        serve.args(["-m", "gunicorn", "--workers", WORKERS, "--log-level", "critical"]);
        serve.args(["--graceful-timeout", "1"]);
        serve
            .args(["--bind", &address.to_string()])
            .args(workers.arguments());
        with_home(serve.arg("peer:application"));
        let peer = Self {
            process: serve.spawn().context("starting the peer")?,
            address,
            key,
            _home: home,
        };
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            ensure!(began.elapsed() < PATIENCE, "the peer does not listen");
            thread::sleep(Duration::from_millis(50));
        }
        Ok(peer)
    }
}

impl Drop for Drf {
    fn drop(&mut self) {
        // Asked to end at once, not killed: it ends its workers. It may have ended by itself.
        if let Some(pid) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::INT);
        }
        let _ = self.process.wait();
    }
}

impl Workers {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Sync => &["--worker-class", "sync"],
            Self::Threads => &[
                "--worker-class",
                "gthread",
                "--threads",
                "4",
                "--keep-alive",
                "60",
            ],
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sync => "2 sync workers",
            Self::Threads => "2 gthread workers of 4 threads",
        }
    }
}

/// What the peer consists of.
pub(crate) fn versions() -> Result<String> {
    const ASK: &str = "import platform; from importlib.metadata import version; print(', '.join(f'{name} {version(name)}' for name in \
         ['Django', 'djangorestframework', 'djangorestframework-api-key', 'gunicorn']) + ', Python ' + platform.python_version())";
    Ok(first_line(Command::new(python()?).args(["-c", ASK])))
}

fn python() -> Result<std::ffi::OsString> {
    env::var_os("AVALA_BENCH_DRF_PYTHON")
        .context("AVALA_BENCH_DRF_PYTHON must be an interpreter that has the peer's packages installed")
}
