//! The server under measurement: the real one, in a process of its own.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _, stdin};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, ensure};
use avala_keys::Class;
use avala_server::keys::{Access, NewKey};
use avala_server::{Config, RateLimit, Server, measure};
use hdrhistogram::Histogram;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// Enough for all silent connections and those that work.
const CONNECTIONS: usize = 16_384;

/// How the server finds out who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Callers {
    /// By the key of each request.
    Keyed,
    /// It does not: everybody is the holder of the same key.
    Fixed,
}

/// The running server; dropping it ends its process.
pub(crate) struct Served {
    process: Child,
    orders: ChildStdin,
    replies: BufReader<ChildStdout>,
    dir: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
}

/// Times in the server, in nanoseconds.
pub(crate) struct Times {
    pub(crate) median: u64,
    pub(crate) p99: u64,
    pub(crate) longest: u64,
}

impl Served {
    pub(crate) fn start(callers: Callers) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let mut process = Command::new(std::env::current_exe()?)
            .arg(match callers {
                Callers::Keyed => "serve-keyed",
                Callers::Fixed => "serve-fixed",
            })
            .arg(dir.path().join("data"))
            // It ends when this pipe closes, so also when this process is killed.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the server")?;
        let orders = process.stdin.take().context("the server has an input")?;
        let mut replies = BufReader::new(process.stdout.take().context("the server has an output")?);
        let mut ready = String::new();
        replies.read_line(&mut ready)?;
        let (address, key) = ready.trim().split_once(' ').context("the server did not start")?;
        Ok(Self {
            address: address.parse()?,
            key: key.to_owned(),
            process,
            orders,
            replies,
            dir,
        })
    }

    /// From now on times are recorded.
    pub(crate) fn record(&mut self) -> Result<()> {
        let reply = self.order("record")?;
        ensure!(reply == "recording", "the server does not record: {reply}");
        Ok(())
    }

    /// The times since then.
    pub(crate) fn times(&mut self) -> Result<Times> {
        let reply = self.order("times")?;
        let figures: Vec<u64> = reply.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let [median, p99, longest] = figures[..] else {
            anyhow::bail!("the server reports no times: {reply}");
        };
        Ok(Times { median, p99, longest })
    }

    fn order(&mut self, order: &str) -> Result<String> {
        writeln!(self.orders, "{order}")?;
        let mut reply = String::new();
        self.replies.read_line(&mut reply)?;
        Ok(reply.trim().to_owned())
    }

    /// Its memory, in kilobytes.
    pub(crate) fn resident_kib(&self) -> Result<u64> {
        resident_kib(self.process.id())
    }

    /// Bytes that its process has had written to files.
    pub(crate) fn bytes_written(&self) -> Result<u64> {
        let counters = fs::read_to_string(format!("/proc/{}/io", self.process.id()))?;
        let figure = counters
            .lines()
            .find_map(|line| line.strip_prefix("write_bytes: "))
            .context("the system says how much a process writes")?;
        Ok(figure.parse()?)
    }

    /// The database as it is on disk, with its log.
    pub(crate) fn database(&self) -> Result<Vec<(PathBuf, Vec<u8>)>> {
        files(&self.dir.path().join("data"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn files(dir: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        // The index of the log is shared memory: readers mark their places in it.
        if path.is_file() && !path.to_string_lossy().ends_with("-shm") {
            files.push((path.clone(), fs::read(path)?));
        }
    }
    files.sort();
    Ok(files)
}

/// The memory of a process, in kilobytes.
pub(crate) fn resident_kib(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let figure = line.and_then(|line| line.trim().strip_suffix("kB"));
    Ok(figure
        .context("the system says how much memory a process has")?
        .trim()
        .parse()?)
}

/// Lets this process have as many connections as the system allows.
pub(crate) fn allow_many_connections() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    )?;
    Ok(())
}

/// Serves until standard input closes.
pub(crate) fn serve(callers: Callers, data_dir: &str) -> Result<()> {
    allow_many_connections()?;
    let (recording, times) = (Arc::new(AtomicBool::new(false)), histogram()?);
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let mut config = Config::new(data_dir, Class::Live);
        config.rate_limit = RateLimit::Off;
        config.limits.connections = CONNECTIONS;
        let mut server = Server::open(config).await?;
        let owner = server.users().create("bench@example.com").await?.uid;
        let key = server
            .keys()
            .issue(NewKey {
                owner,
                name: "measurements".to_owned(),
                access: Access::Full,
                expires_at: None,
            })
            .await?
            .key;
        // More keys than any organization has are made here.
        server
            .keys()
            .set_policy(None, |policy| policy.most_keys = 10_000_000)
            .await?;
        if callers == Callers::Fixed {
            ensure!(measure::fix_principal(&mut server, &key), "the key is good");
        }
        measure::on_each_request(&mut server, {
            let (recording, times) = (recording.clone(), times.clone());
            move |time| {
                if recording.load(Ordering::Relaxed) {
                    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
                    // Auto-resizing: every value has a place.
                    let _ = times.lock().unwrap_or_else(PoisonError::into_inner).record(nanos);
                }
            }
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        println!("{} {}", listener.local_addr()?, key.expose());
        let (stop, stopped) = oneshot::channel();
        thread::spawn(move || obey(stop, &recording, &times));
        server.serve(listener, async { drop(stopped.await) }).await?;
        Ok(())
    })
}

type Shared = Arc<Mutex<Histogram<u64>>>;

fn histogram() -> Result<Shared> {
    Ok(Arc::new(Mutex::new(Histogram::new(3)?)))
}

fn obey(stop: oneshot::Sender<()>, recording: &AtomicBool, times: &Shared) {
    for order in stdin().lines().map_while(Result::ok) {
        let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
        if order == "record" {
            times.clear();
            recording.store(true, Ordering::Relaxed);
            println!("recording");
        } else {
            recording.store(false, Ordering::Relaxed);
            println!(
                "{} {} {}",
                times.value_at_quantile(0.5),
                times.value_at_quantile(0.99),
                times.max()
            );
        }
    }
    drop(stop);
}
