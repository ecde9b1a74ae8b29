//! Waiting for a job: look, wait, look again, the same for one answer and for a sequence of states.

use std::{sync::Arc, time::Duration};

use avala_api::{CallOptions, Job, Operation, Polling, Progress};
use tokio::time::{Instant, sleep};

use crate::{Error, client::Core, error::Tidy, transport};

/// The longest wait between two looks, unless the first is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// The shortest.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
/// What the last look before the deadline may take.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// Where a wait stands.
pub(crate) struct Poller<O: Operation> {
    core: Arc<Core>,
    operation: O,
    options: CallOptions,
    timeout: Duration,
    /// `None` before the first look.
    deadline: Option<Instant>,
    wait: Duration,
    longest: Duration,
    last: Option<O::Answer>,
    ended: bool,
}

impl<O: Operation<Answer: Job>> Poller<O> {
    pub(crate) fn new(core: Arc<Core>, operation: O, options: CallOptions, polling: Polling) -> Self {
        let wait = polling.interval.max(SHORTEST_WAIT);
        Self {
            core,
            operation,
            options,
            timeout: polling.timeout,
            deadline: None,
            wait,
            longest: wait.max(LONGEST_WAIT),
            last: None,
            ended: false,
        }
    }

    /// The job that has succeeded.
    pub(crate) async fn end(mut self) -> Result<O::Answer, Error> {
        loop {
            let job = self.look().await?;
            if self.ended {
                return Ok(job);
            }
        }
    }

    /// What the next look sees; `None` after the job has ended, and after an error.
    pub(crate) async fn next(&mut self) -> Option<Result<O::Answer, Error>> {
        if self.ended {
            return None;
        }
        let seen = self.look().await;
        self.ended |= seen.is_err();
        Some(seen)
    }

    async fn look(&mut self) -> Result<O::Answer, Error> {
        if let Some(last) = self.last.clone() {
            // A wait that leaves no time for another look is not begun.
            let room = self.left().saturating_sub(LAST_LOOK);
            if room.is_zero() {
                let key = self.core.held();
                return Err(Error::still_running(last, Tidy::of(key.as_deref())).of_call(&O::ROUTE, 1));
            }
            sleep(self.next_wait().min(room)).await;
        }
        let budget = self.options.timeout.unwrap_or(self.core.timeout);
        let mut options = self.options.clone();
        options.timeout = Some(budget.min(self.left()));
        let seen = transport::send(&self.core, &self.operation, &options).await;
        let answer = seen.map_err(|error| error.with_job(self.last.clone()))?;
        let job = answer.value;
        match job.progress() {
            Progress::Running => self.last = Some(job.clone()),
            Progress::Succeeded => self.ended = true,
            Progress::Failed => {
                let key = self.core.held();
                return Err(
                    Error::job_failed(job, Tidy::of(key.as_deref())).of_call(&O::ROUTE, answer.attempts)
                );
            }
        }
        Ok(job)
    }

    /// What is left of the time, which begins with the first look.
    fn left(&mut self) -> Duration {
        let now = Instant::now();
        let Some(end) = now.checked_add(self.timeout) else {
            return self.timeout;
        };
        self.deadline.get_or_insert(end).saturating_duration_since(now)
    }

    /// The wait before the next look, a tenth more or less, so that many waiters spread out.
    fn next_wait(&mut self) -> Duration {
        let wait = self.wait;
        self.wait = wait.mul_f64(1.5).min(self.longest);
        wait.mul_f64(0.9 + self.core.jitter() * 0.2)
    }
}
