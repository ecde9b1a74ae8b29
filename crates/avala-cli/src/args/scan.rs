//! `avala scan`

use std::path::PathBuf;

use clap::Args;

/// `avala scan`
#[derive(Debug, Args)]
pub struct Scan {
    /// Files, and directories whose files are searched [default: this directory]
    #[arg(value_name = "PATH", conflicts_with = "staged")]
    pub paths: Vec<PathBuf>,

    /// Search what is staged for the next commit, as it is staged
    #[arg(long)]
    pub staged: bool,

    /// Make a git hook that runs `avala scan --staged` before each commit
    #[arg(long, conflicts_with_all = ["staged", "paths"])]
    pub install_hook: bool,
}
