//! `avala serve` and `avala demo`

use std::{net::SocketAddr, path::PathBuf};

use avala_keys::Secret;
use avala_server::RateLimit;
use clap::Args;
use ipnet::IpNet;
use url::Url;

/// Options of `avala serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Development: this machine only, sign-up open, test keys; prints a key, the same after a restart
    #[arg(long)]
    pub dev: bool,

    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8000", value_parser = super::values::bind_address)]
    pub bind: SocketAddr,

    /// Where everything is kept
    #[arg(long, value_name = "DIR", default_value = "./.avala")]
    pub data_dir: PathBuf,

    /// Keep rows in PostgreSQL instead of the data directory; a URL with a password belongs into --database-file or
    /// `AVALA_DATABASE_URL`
    #[arg(long, value_name = "URL", value_parser = super::values::secret, conflicts_with = "database_file")]
    pub database: Option<Secret>,

    /// Read the URL of the database from this file; other users must not be able to read it
    #[arg(long, value_name = "FILE")]
    pub database_file: Option<PathBuf>,

    /// The URL under which clients reach the server, if it is not the address it listens on
    #[arg(long, value_name = "URL", value_parser = super::values::url)]
    pub public_url: Option<Url>,

    /// Serve TLS with this certificate, and those it was signed with, in PEM; taken up again when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The private key of the certificate, in PEM; other users must not be able to read it
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Believe what this proxy says in X-Forwarded-For; may be repeated
    #[arg(long, value_name = "CIDR", value_parser = super::values::network)]
    pub trusted_proxy: Vec<IpNet>,

    /// Connections at one time [default: 16384, or what the limit of open files allows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: Option<u32>,

    /// Where monitoring asks
    #[command(flatten)]
    pub metrics: Metrics,

    /// Requests a minute and key, or `off` [default: 100]
    #[arg(long, value_name = "off|N", value_parser = super::values::rate_limit)]
    pub rate_limit: Option<RateLimit>,

    /// Let anyone make an account
    #[arg(long)]
    pub sign_up: bool,

    /// Allow webhooks, models and buckets to be in this private network; may be repeated
    #[arg(long, value_name = "CIDR", value_parser = super::values::network)]
    pub allow_webhook_target: Vec<IpNet>,

    /// Where the buckets of S3 storage configs are, if not at Amazon: a store that speaks S3
    #[arg(long, value_name = "URL", value_parser = super::values::url)]
    pub s3_endpoint: Option<Url>,

    /// The AWS account that the roles of storage configs are to trust
    #[arg(long, value_name = "ID", value_parser = super::values::aws_account)]
    pub aws_account_id: Option<String>,

    /// Write a first key, good for 24 hours, to this file, unless it is there already
    #[arg(long, value_name = "FILE", conflicts_with = "dev")]
    pub bootstrap_key_file: Option<PathBuf>,

    /// Reconcile users, organizations, service accounts and keys with this TOML file at the start, all or nothing
    #[arg(long, value_name = "FILE", conflicts_with = "dev")]
    pub provision: Option<PathBuf>,

    /// Stop when stdin ends, so that a program that starts a server never leaves one behind
    #[arg(long)]
    pub until_stdin_ends: bool,
}

/// Where monitoring asks.
#[derive(Debug, Args)]
pub struct Metrics {
    /// Answer GET /metrics here, for Prometheus, on this machine only
    #[arg(id = "metrics", long = "metrics", value_name = "ADDRESS:PORT", value_parser = super::values::bind_address)]
    pub address: Option<SocketAddr>,

    /// Let --metrics be an address that other machines reach: it asks for no key and speaks plain HTTP
    #[arg(long = "metrics-allow-remote", requires = "metrics")]
    pub allow_remote: bool,
}

/// Options of `avala demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Tell the story against a server that runs already, with open sign-up, a rate limit, and 127.0.0.0/8 as a target
    /// of webhooks
    #[arg(long, value_name = "URL", requires = "data_dir")]
    pub against: Option<Url>,

    /// The data directory of that server, where keys are issued and ended
    #[arg(long, value_name = "DIR", requires = "against")]
    pub data_dir: Option<PathBuf>,
}
