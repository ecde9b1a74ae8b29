//! What can be configured about a server.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use avala_keys::{Class, Randomness, RandomnessFailed, Secret};
use ipnet::IpNet;
use url::Url;

use crate::clock::{Clock, SystemClock};

/// How a server is set up. [`Config::new`] gives the safe defaults: sign-up off, published rate limits, no private
/// webhook targets.
pub struct Config {
    /// The directory that holds the pepper, and the database if it is SQLite. Made with mode 0700 when it is missing.
    pub data_dir: PathBuf,
    /// Where rows are kept.
    pub database: Database,
    /// The class of the keys this server issues and accepts. Fixed when the directory is first used.
    pub class: Class,
    /// The URL under which clients reach the server; `next` and `previous` links start with it. Without one, it is
    /// `http://` and the bound address.
    pub public_url: Option<Url>,
    /// Where errors are documented. Error bodies carry a `doc_url` only when this is set.
    pub docs_url: Option<Url>,
    /// Whether `POST /signup/` makes accounts.
    pub sign_up: bool,
    /// How many requests are allowed.
    pub rate_limit: RateLimit,
    /// Private networks that webhooks may reach; over plain HTTP too. Everything else must be a public address.
    pub allow_webhook_targets: Vec<IpNet>,
    /// Host names to answer to, besides `localhost`, IP addresses and the public URL's host.
    pub allowed_hosts: Vec<String>,
    /// Sizes and times of connections.
    pub limits: Limits,
    /// What hashing one password costs.
    pub password_cost: PasswordCost,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub randomness: Box<dyn Randomness + Send>,
}

impl Config {
    /// The default configuration for this directory and key class.
    pub fn new(data_dir: impl Into<PathBuf>, class: Class) -> Self {
        Self {
            data_dir: data_dir.into(),
            database: Database::default(),
            class,
            public_url: None,
            docs_url: None,
            sign_up: false,
            rate_limit: RateLimit::default(),
            allow_webhook_targets: Vec::new(),
            allowed_hosts: Vec::new(),
            limits: Limits::default(),
            password_cost: PasswordCost::default(),
            clock: Arc::new(SystemClock),
            randomness: operating_system(),
        }
    }
}

/// The operating system's random numbers.
pub(crate) fn operating_system() -> Box<dyn Randomness + Send> {
    Box::new(|bytes: &mut [u8]| getrandom::fill(bytes).map_err(|_| RandomnessFailed))
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("data_dir", &self.data_dir)
            .field("database", &self.database)
            .field("class", &self.class)
            .field("public_url", &self.public_url.as_ref().map(Url::as_str))
            .field("sign_up", &self.sign_up)
            .field("rate_limit", &self.rate_limit)
            .field("allow_webhook_targets", &self.allow_webhook_targets)
            .field("allowed_hosts", &self.allowed_hosts)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Where rows are kept.
#[derive(Clone, Debug, Default)]
pub enum Database {
    /// In a file of the data directory.
    #[default]
    Sqlite,
    /// In PostgreSQL, by its connection string: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    Postgres(Secret),
}

/// How many requests a minute are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimit {
    /// No limits, and no `X-RateLimit-*` headers: there is nothing to report.
    Off,
    /// This many per key. Without a valid key it is 30 per address, for sign-up 5, as published.
    PerMinute(u32),
}

impl Default for RateLimit {
    /// The published limit of 100 a minute.
    fn default() -> Self {
        Self::PerMinute(100)
    }
}

/// Sizes and times of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at one time; more wait in the listen queue.
    pub connections: usize,
    /// Time for a whole request head to arrive, and for the next one on a connection kept alive.
    pub head_timeout: Duration,
    /// Bytes of one request head.
    pub head_bytes: usize,
    /// Lines of one request head.
    pub headers: usize,
    /// Bytes of one request body.
    pub body_bytes: usize,
    /// Time for a whole request body to arrive.
    pub body_timeout: Duration,
    /// Time in which a client must take some of its answer.
    pub write_timeout: Duration,
    /// Time for open requests to end after a shutdown was asked for.
    pub drain_timeout: Duration,
    /// For how long keys are accepted without a look at the database for their end.
    pub keys_current_for: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            // Longer than the idle time of common connection pools, so that the client closes first.
            head_timeout: Duration::from_secs(30),
            head_bytes: 16 * 1024,
            headers: 64,
            body_bytes: 1024 * 1024,
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
            keys_current_for: Duration::from_secs(10),
        }
    }
}

/// What hashing one password with argon2id costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
}

impl Default for PasswordCost {
    /// 19 MiB and two passes: the floor that OWASP's password storage cheat sheet names.
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1024,
            passes: 2,
        }
    }
}
