//! How patiently to wait for a job.

use std::time::Duration;

use clap::Args;

/// A job, and how patiently to wait for it.
#[derive(Debug, Args)]
pub struct Waiting {
    /// Its identifier
    pub uid: String,

    /// How long to wait in all [default: 1h]
    #[arg(long, value_name = "TIME", value_parser = super::values::duration)]
    pub wait_timeout: Option<Duration>,

    /// How long to wait before the second look; later waits grow to 10s [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = super::values::duration)]
    pub interval: Option<Duration>,
}
