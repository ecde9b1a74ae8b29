//! How patiently to wait for a job.

use std::time::Duration;

use clap::Args;

/// A job, and how patiently to wait for it.
#[derive(Debug, Args)]
pub struct Waiting {
    /// Its identifier
    pub uid: String,

    /// How patiently.
    #[command(flatten)]
    pub patience: Patience,
}

/// How patiently to wait.
#[derive(Clone, Copy, Debug, Args)]
pub struct Patience {
    /// How long to wait in all [default: 1h]
    #[arg(long, value_name = "TIME", value_parser = super::values::duration)]
    pub wait_timeout: Option<Duration>,

    /// How long to wait before the second look; later waits grow to 10s [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = super::values::duration)]
    pub interval: Option<Duration>,
}

/// How patiently to wait after `--wait`.
#[derive(Clone, Copy, Debug, Args)]
pub struct AfterWait {
    /// How long to wait in all [default: 1h]
    #[arg(long, value_name = "TIME", requires = "wait", value_parser = super::values::duration)]
    pub wait_timeout: Option<Duration>,

    /// How long to wait before the second look; later waits grow to 10s [default: 1s]
    #[arg(long, value_name = "TIME", requires = "wait", value_parser = super::values::duration)]
    pub interval: Option<Duration>,
}

impl From<AfterWait> for Patience {
    fn from(
        AfterWait {
            wait_timeout,
            interval,
        }: AfterWait,
    ) -> Self {
        Self {
            wait_timeout,
            interval,
        }
    }
}
