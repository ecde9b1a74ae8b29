//! `avala setup`

use std::path::PathBuf;

use clap::Args;

use super::NewKey;

/// Options of `avala setup`.
#[derive(Debug, Args)]
pub struct Setup {
    /// The address to sign in with
    pub email: String,

    /// The file with the setup token, or `-` for stdin
    #[arg(long, value_name = "FILE", default_value = "./.avala/setup-token")]
    pub token_file: PathBuf,

    /// Given name
    #[arg(long, value_name = "NAME")]
    pub first_name: Option<String>,

    /// Family name
    #[arg(long, value_name = "NAME")]
    pub last_name: Option<String>,

    /// Read the password from stdin instead of asking for it
    #[arg(long)]
    pub password_stdin: bool,

    /// Where the key goes.
    #[command(flatten)]
    pub key: NewKey,
}
