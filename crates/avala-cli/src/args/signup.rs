//! `avala signup`

use clap::Args;

use super::NewKey;

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

    /// Where the key goes.
    #[command(flatten)]
    pub key: NewKey,
}
