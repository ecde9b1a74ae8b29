//! `avala server …`

use std::path::PathBuf;

use avala_keys::Secret;
use avala_server::audit::Head;
use clap::{Args, Subcommand, ValueEnum};

use super::KeyPolicyChange;

/// The data of a server on this machine.
#[derive(Debug, Subcommand)]
pub enum ServerVerb {
    /// Write the rows that a JSON file declares: projects, datasets, tasks with results, agents
    ///
    /// All rows are written, or none. Each has a `uid` of your choice: one that is there already becomes what the file
    /// says, so that loading a file twice is loading it once. A server that is running on the same data shows the rows at
    /// once. Sections: projects, datasets, tasks (each with its results), agents, executions, exports (pending
    /// or failed) and `auto_label_jobs`; no worker carries these two out. `organization` says whose the rows are, by its
    /// slug or its owner's e-mail address, if the server has several.
    ///
    /// Of two rows, lists show the one further down in the file first, as the newer one.
    Seed(ServerSeed),
    /// Read the audit: who did what, as a chain in which no line can be altered unnoticed
    #[command(subcommand)]
    Audit(AuditVerb),
    /// What an organization lets its new keys be, also so that it is more than before
    #[command(subcommand)]
    Policy(ServerPolicyVerb),
    /// Replace the pepper, which keys are checked with, while the server runs and without issuing keys anew
    #[command(subcommand)]
    Pepper(PepperVerb),
}

/// What an organization lets its new keys be.
#[derive(Debug, Subcommand)]
pub enum ServerPolicyVerb {
    /// Show it
    Show(ServerPolicy),
    /// Change it, on a server that is running as well
    Set(Box<ServerPolicySet>),
}

/// `avala server policy show`
#[derive(Debug, Args)]
pub struct ServerPolicy {
    /// The organization, by its slug or its owner's e-mail address, if the server has several
    #[arg(long, value_name = "NAME")]
    pub organization: Option<String>,

    /// Where the data is
    #[command(flatten)]
    pub data: ServerData,
}

/// `avala server policy set`
#[derive(Debug, Args)]
pub struct ServerPolicySet {
    /// Which.
    #[command(flatten)]
    pub policy: ServerPolicy,

    /// What is to be different.
    #[command(flatten)]
    pub change: KeyPolicyChange,

    /// A key may live as long as it likes
    #[arg(long, group = "policy", conflicts_with = "longest_life")]
    pub any_life: bool,

    /// A key need not have an end
    #[arg(long, group = "policy", conflicts_with = "requires_expiry")]
    pub no_expiry: bool,

    /// A key may have every scope, and may be full
    #[arg(long, group = "policy", conflicts_with = "allowed_scopes")]
    pub any_scope: bool,
}

/// `avala server seed`
#[derive(Debug, Args)]
pub struct ServerSeed {
    /// The file, or `-` for stdin
    pub file: PathBuf,

    /// Where the data is
    #[command(flatten)]
    pub data: ServerData,
}

/// Where a server keeps its data.
#[derive(Debug, Args)]
pub struct ServerData {
    /// The data directory of the server
    #[arg(long, value_name = "DIR", default_value = "./.avala")]
    pub data_dir: PathBuf,

    /// The server keeps its rows in PostgreSQL; a URL with a password belongs into --database-file or
    /// `AVALA_DATABASE_URL`
    #[arg(long, value_name = "URL", value_parser = super::values::secret, conflicts_with = "database_file")]
    pub database: Option<Secret>,

    /// Read the URL of the database from this file; other users must not be able to read it
    #[arg(long, value_name = "FILE")]
    pub database_file: Option<PathBuf>,
}

/// The audit of a server.
#[derive(Debug, Subcommand)]
pub enum AuditVerb {
    /// Walk the chain, and name the first line that was altered, moved, put in or taken out
    ///
    /// Each line has a hash of itself and of the line before. Who can write the database can cut off the end, or write
    /// another chain: give a head that was kept elsewhere to see that. Lines from before the chain are counted, and in no
    /// way protected.
    Verify(AuditVerify),
    /// Print the end of the chain, as HASH:COUNT, to be kept elsewhere
    Head(AuditHead),
    /// Write out all lines, oldest first; they are not verified
    Export(AuditExport),
}

/// `avala server audit verify`
#[derive(Debug, Args)]
pub struct AuditVerify {
    /// A head that was kept elsewhere: the chain must lead to it. Can be given several times
    #[arg(long, value_name = "HASH:COUNT")]
    pub head: Vec<Head>,

    /// Where the data is
    #[command(flatten)]
    pub data: ServerData,
}

/// `avala server audit head`
#[derive(Debug, Args)]
pub struct AuditHead {
    /// Where the data is
    #[command(flatten)]
    pub data: ServerData,
}

/// `avala server audit export`
#[derive(Debug, Args)]
pub struct AuditExport {
    /// How the lines are written
    #[arg(long, value_name = "FORMAT")]
    pub format: AuditFormat,

    /// Write to this new private file instead of stdout
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Where the data is
    #[command(flatten)]
    pub data: ServerData,
}

/// How the audit is written out.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum AuditFormat {
    /// A JSON object in each line, exact
    Jsonl,
    /// For spreadsheets: what one would take for a formula begins with an apostrophe
    Csv,
}

/// The peppers of a server.
#[derive(Debug, Subcommand)]
pub enum PepperVerb {
    /// Show the peppers, and how many keys that are not over are checked with each
    List(PepperList),
    /// Add a pepper: new keys are made with it a minute later, and the others move to it as they are used
    ///
    /// It is written to the data directory as `pepper.N`, readable by its owner only. Back it up before that minute is over.
    /// Where several servers share a database, each needs the file: make it with --prepare, copy it to the data
    /// directories of the others, then add it.
    Add(PepperAdd),
    /// Retire a pepper: nothing is checked with it any more, and its file is removed from this data directory
    ///
    /// Refused while keys that are not over are checked with it. After it was retired, a stolen copy of it opens nothing.
    /// Secrets that the server keeps for others (signing secrets, credentials of storage and inference providers) stay
    /// encrypted as they were; if the database was stolen together with a pepper, replace them where they come from.
    Retire(PepperRetire),
}

/// `avala server pepper list`
#[derive(Debug, Args)]
pub struct PepperList {
    /// Where the data is
    #[command(flatten)]
    pub data: ServerData,
}

/// `avala server pepper add`
#[derive(Debug, Args)]
pub struct PepperAdd {
    /// Only make the file, to be copied to the other servers of the database
    #[arg(long)]
    pub prepare: bool,

    /// Where the data is
    #[command(flatten)]
    pub data: ServerData,
}

/// `avala server pepper retire`
#[derive(Debug, Args)]
pub struct PepperRetire {
    /// The number of the pepper
    #[arg(value_name = "N")]
    pub number: i64,

    /// Revoke the keys that are still checked with it
    #[arg(long)]
    pub abandon: bool,

    /// Where the data is
    #[command(flatten)]
    pub data: ServerData,
}
