//! `avala server …`

use std::path::PathBuf;

use avala_keys::Secret;
use clap::{Args, Subcommand};

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
}

/// `avala server seed`
#[derive(Debug, Args)]
pub struct ServerSeed {
    /// The file, or `-` for stdin
    pub file: PathBuf,

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
