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
    /// `http://`, or `https://` with [`Config::tls`], and the bound address.
    pub public_url: Option<Url>,
    /// Where errors are documented. Error bodies carry a `doc_url` only when this is set.
    pub docs_url: Option<Url>,
    /// Whether `POST /signup/` makes accounts.
    pub sign_up: bool,
    /// How many requests are allowed.
    pub rate_limit: RateLimit,
    /// Private networks that webhooks, models and buckets may be in; over plain HTTP too. Everything else must be a public
    /// address.
    pub allow_webhook_targets: Vec<IpNet>,
    /// Where S3 is; a store that speaks like it, reached with the bucket in the path. Without one, it is Amazon's, by
    /// region. Its address must be public or in [`allow_webhook_targets`](Self::allow_webhook_targets).
    pub s3_endpoint: Option<Url>,
    /// Where Google Cloud Storage is.
    pub google: GoogleEndpoints,
    /// The AWS account that roles of storage configs are to trust. Without one, `setup_info` is refused.
    pub aws_account_id: Option<String>,
    /// Host names to answer to, besides `localhost`, IP addresses and the public URL's host.
    pub allowed_hosts: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed. Everybody else's is ignored.
    pub trusted_proxies: Vec<IpNet>,
    /// The certificate to serve TLS with; plain HTTP without one.
    pub tls: Option<TlsFiles>,
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
            s3_endpoint: None,
            google: GoogleEndpoints::default(),
            aws_account_id: None,
            allowed_hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            tls: None,
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
            .field("s3_endpoint", &self.s3_endpoint.as_ref().map(Url::as_str))
            .field("allowed_hosts", &self.allowed_hosts)
            .field("trusted_proxies", &self.trusted_proxies)
            .field("tls", &self.tls)
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

/// How many requests are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimit {
    /// No limits, and no `X-RateLimit-*` headers: there is nothing to report.
    Off,
    /// This many a minute, per key and per owner. The rest is as published.
    PerMinute(u32),
    /// Each figure by itself.
    Each(Rates),
}

impl Default for RateLimit {
    /// The published limits.
    fn default() -> Self {
        Self::Each(Rates::default())
    }
}

/// The figures of the rate limits, per minute where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Requests with one key.
    pub per_key: u32,
    /// Requests with all keys of one owner.
    pub per_owner: u32,
    /// Requests with all keys of one owner within one second.
    pub burst_per_owner: u32,
    /// Requests of one address, or one IPv6 /64, that prove no key.
    pub per_address: u32,
    /// Accounts made by one address.
    pub sign_ups: u32,
}

impl Default for Rates {
    /// As Avala publishes them: 100 a minute, which one page says of keys and another of users, bursts of 20 a second,
    /// 30 a minute without a key, 5 sign-ups.
    fn default() -> Self {
        Self {
            per_key: 100,
            per_owner: 100,
            burst_per_owner: 20,
            per_address: 30,
            sign_ups: 5,
        }
    }
}

impl Rates {
    /// So many calls a minute per key and owner, a fifth of them in one second. The rest is as published.
    pub(crate) fn of(calls: u32) -> Self {
        let published = Self::default();
        Self {
            per_key: calls,
            per_owner: calls,
            burst_per_owner: published.burst_per_owner.max(calls / 5),
            ..published
        }
    }
}

/// The files of a certificate. They are looked at every second, and taken up when they changed: new connections see the
/// new certificate, open ones are left alone. Files that cannot be used change nothing but the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those it was signed with, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM. Other users must not be able to read it.
    pub key: PathBuf,
}

/// Where Google Cloud Storage is reached, if not at Google.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoogleEndpoints {
    /// Where a service account gets a token.
    pub token: Option<Url>,
    /// Where objects are listed.
    pub storage: Option<Url>,
}

/// Sizes and times of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at one time. When there are so many, a new one takes the place of the one that has kept the server
    /// waiting longest; one whose request is being carried out is never closed for another.
    pub connections: usize,
    /// Connections of one address at one time, or of one IPv6 network (/64). Loopback and trusted proxies are not
    /// counted: they speak for many.
    pub connections_per_address: usize,
    /// Time for a new connection to send anything at all.
    pub first_byte_timeout: Duration,
    /// Time for a whole TLS handshake.
    pub handshake_timeout: Duration,
    /// Time for a whole request head, from its first byte.
    pub head_timeout: Duration,
    /// Time between an answer and the next request of its connection. Longer than the official client's pool keeps its
    /// connections, so that the client is the one that closes.
    pub idle_timeout: Duration,
    /// Bytes of one request head.
    pub head_bytes: usize,
    /// Lines of one request head, at most 128.
    pub headers: usize,
    /// Bytes of one request body.
    pub body_bytes: usize,
    /// Time for a whole request body to arrive.
    pub body_timeout: Duration,
    /// For how long a client may let the server wait before it takes 64 KiB of its answers.
    pub write_timeout: Duration,
    /// Time for open requests to end after a shutdown was asked for.
    pub drain_timeout: Duration,
    /// For how long keys are accepted without a look at the database for their end.
    pub keys_current_for: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            // Enough for an office behind one address; sixteen of them are needed to take every place.
            connections_per_address: 1024,
            first_byte_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
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
