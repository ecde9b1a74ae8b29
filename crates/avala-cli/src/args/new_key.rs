//! Where a new API key goes.

use std::path::PathBuf;

use clap::Args;

/// Where a new API key goes. Without a word it goes to stdout, unless that is a terminal.
#[derive(Debug, Args)]
pub struct NewKey {
    /// Write the key to a new file that only you can read; a file that is there is never overwritten
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Print the key even though stdout is a terminal
    #[arg(long, conflicts_with = "out")]
    pub show: bool,
}
