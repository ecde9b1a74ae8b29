//! `avala server …`

use std::path::PathBuf;

use avala_keys::Secret;
use avala_server::audit::Head;
use clap::{Args, Subcommand, ValueEnum};

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
    /// List the users of a server, switch one off or on again
    #[command(subcommand)]
    Users(UsersVerb),
}

/// The users of a server.
#[derive(Debug, Subcommand)]
pub enum UsersVerb {
    /// List all users, oldest first
    List {
        /// Where the data is
        #[command(flatten)]
        data: ServerData,
    },
    /// Switch a user off: all keys of the user open nothing, at a running server within a quarter of a second
    Disable(OneUser),
    /// Switch a user on again: the keys are what they were
    Enable(OneUser),
}

/// A user of a server.
#[derive(Debug, Args)]
pub struct OneUser {
    /// E-mail address or uid
    pub user: String,

    /// Where the data is
    #[command(flatten)]
    pub data: ServerData,
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
