//! Waiting for a job, with a line that says how it goes on.

use std::time::Instant;

use avala::{Async, ErrorKind};
use avala_api::{Job, Operation, Wait};

use crate::{args::Patience, failure::Failure, output::Record, session::Session};

/// A job that can be waited for here.
pub(super) trait Watched: Job + Record {
    /// How much of it is done, for people.
    fn steps(&self) -> Option<String>;
}

/// Waits until the job has ended, and prints it as it is then. One that failed is printed too, and is a failure.
pub(super) async fn to_the_end<O>(session: &Session, wait: Wait<O, Async>) -> Result<(), Failure>
where
    O: Operation<Answer: Watched>,
{
    let began = Instant::now();
    let mut line = session.out.progress();
    let mut looks = wait.states();
    let mut last = None;
    while let Some(look) = looks.next().await {
        match look {
            Ok(job) => {
                let status = job.status().unwrap_or("no status yet").to_owned();
                let seconds = began.elapsed().as_secs();
                let told = [Some(status), job.steps(), Some(format!("{seconds} s"))];
                line.say(&told.into_iter().flatten().collect::<Vec<_>>().join(" · "));
                last = Some(job);
            }
            Err(error) => {
                drop(line);
                let failed = error.job::<O::Answer>();
                if let Some(job) = failed.filter(|_| error.kind() == ErrorKind::JobFailed) {
                    session.out.record(job)?;
                }
                let goes_on = failed.is_some() && error.kind() == ErrorKind::Timeout;
                let failure = Failure::from(error);
                return Err(if goes_on {
                    failure.hint("The job goes on. Wait again, or longer: `--wait-timeout 2h`.")
                } else {
                    failure
                });
            }
        }
    }
    drop(line);
    last.map_or(Ok(()), |job| Ok(session.out.record(&job)?))
}

impl Patience {
    /// The wait, as patient as was asked for.
    pub(super) fn of<O>(self, mut wait: Wait<O, Async>) -> Wait<O, Async> {
        if let Some(timeout) = self.wait_timeout {
            wait = wait.with_timeout(timeout);
        }
        if let Some(interval) = self.interval {
            wait = wait.with_interval(interval);
        }
        wait
    }
}
