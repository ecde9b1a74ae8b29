//! `avala signup`

use std::path::PathBuf;

use clap::Args;

/// Options of `avala signup`.
#[derive(Debug, Args)]
pub struct Signup {
    /// The address to sign in with
    pub email: String,

    /// Given name
    #[arg(long, value_name = "NAME")]
    pub first_name: Option<String>,

    /// Family name
    #[arg(long, value_name = "NAME")]
    pub last_name: Option<String>,

    /// Read the password from stdin instead of asking for it
    #[arg(long)]
    pub password_stdin: bool,

    /// Write the key to a new file that only you can read; a file that is there is never overwritten
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Print the key even though stdout is a terminal
    #[arg(long, conflicts_with = "out")]
    pub show: bool,
}
