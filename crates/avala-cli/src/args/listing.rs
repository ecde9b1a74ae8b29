//! How much of a list to show.

use clap::Args;

/// How much of a list to show.
#[derive(Clone, Copy, Debug, Args)]
pub struct Listing {
    /// Show at most this many rows; pages are fetched as they are needed
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: u64,

    /// Show every row
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
}
