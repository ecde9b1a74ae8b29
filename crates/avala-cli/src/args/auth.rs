//! `avala auth` and `avala profile`: where this machine's keys come from.

use clap::{Args, Subcommand};

/// `avala auth …`
#[derive(Debug, Subcommand)]
pub enum Auth {
    /// Check a key and store it, for a profile
    ///
    /// The key is asked for, or read from stdin; it never stands on the command line. It is kept in the keychain of this
    /// machine; where there is none, you are asked whether it may be in a private file. The profile is that of --profile or
    /// its variable, else `default`; the server is that of --base-url, of the profile, or Avala's own.
    Login(Login),
    /// Remove a profile's stored key from this machine; the key itself goes on working until it is revoked
    Logout,
    /// Show where the key comes from: for each profile, and for the next command
    #[command(name = "status")]
    Credentials(Credentials),
    /// Use another profile from now on
    Switch(OneProfile),
    /// Print the key, for another program
    Token(Token),
    /// Replace a profile's stored key by its successor
    ///
    /// Makes a successor, stores it, checks it, and ends the old key. If it was interrupted, do it again: nothing is lost at
    /// any step. For keys of self-hosted servers.
    Rotate(RotateOwn),
}

/// `avala profile …`
#[derive(Debug, Subcommand)]
pub enum ProfileVerb {
    /// List the profiles
    List,
    /// Make a profile, or change one
    ///
    /// Its server is that of --base-url. With --output, that is how commands print when they use its key; `json` counts in
    /// pipes, too.
    Set(SetProfile),
    /// Remove a profile and the key that is stored for it
    Remove(OneProfile),
}

/// `avala auth login`
#[derive(Debug, Default, Args)]
pub struct Login {
    /// Keep the key in a private file, unencrypted, and not in the keychain
    #[arg(long)]
    pub file: bool,

    /// Store the key without asking the server about it
    #[arg(long)]
    pub unchecked: bool,
}

/// `avala auth status`
#[derive(Debug, Args)]
pub struct Credentials {
    /// Also tell of every place that was looked at for the next command
    #[arg(long)]
    pub explain: bool,
}

/// `avala auth token`
#[derive(Debug, Args)]
pub struct Token {
    /// Print it even onto a terminal
    #[arg(long)]
    pub show: bool,
}

/// `avala auth rotate`
#[derive(Debug, Args)]
pub struct RotateOwn {
    /// How long the old key still opens if it cannot be ended at once, such as 1h
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = super::values::some_grace)]
    pub grace: u32,
}

/// One profile.
#[derive(Debug, Args)]
pub struct OneProfile {
    /// Its name
    pub name: String,
}

/// `avala profile set`
#[derive(Debug, Args)]
pub struct SetProfile {
    /// Its name
    pub name: String,

    /// Where its key comes from: `stored`, `env:NAME`, `file:PATH`, `keychain:ACCOUNT`, `aws-sm:ID`, `gcp-sm:NAME`, or `exec:` and a command
    #[arg(long, value_name = "SOURCE")]
    pub source: Option<String>,

    /// The organization that commands are about when they use its key and name none; empty for none
    #[arg(long, value_name = "SLUG")]
    pub organization: Option<String>,
}
