//! Which object a command is about.

use clap::Args;

/// One object.
#[derive(Debug, Args)]
pub struct Object {
    /// Its identifier
    pub uid: String,
}

/// One object that is to go.
#[derive(Debug, Args)]
pub struct Deletion {
    /// Its identifier
    pub uid: String,

    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}
