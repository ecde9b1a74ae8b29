//! What goes on after the answer that started it, and waiting for its end.

use std::{future::IntoFuture, time::Duration};

use crate::{Answer, CallOptions, Carrier, Operation};

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Progress {
    /// It goes on. A status that this version does not know counts as this.
    Running,
    /// It has come to the end it was started for.
    Succeeded,
    /// It has ended otherwise: it failed, or somebody cancelled it.
    Failed,
}

/// An object that stands for work which goes on: it is fetched again until it has ended.
pub trait Job: Answer + Clone + Sync {
    /// How it stands.
    fn progress(&self) -> Progress;

    /// Its status as the server words it; `None` when the server told none.
    fn status(&self) -> Option<&str>;

    /// Why it failed, where the server says so.
    fn reason(&self) -> Option<&str> {
        None
    }
}

/// How patiently a job is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Polling {
    /// The wait before the second look; it grows by half each time, to ten seconds or to what it began with. Less than a
    /// tenth of a second counts as that.
    pub interval: Duration,
    /// How long to wait in all, every look included.
    pub timeout: Duration,
}

impl Default for Polling {
    /// A second at first, an hour in all.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            timeout: Duration::from_hours(1),
        }
    }
}

/// Waiting for a job, under construction. The first look is at once; each look is an ordinary call, repeated like any other.
///
/// A job that fails or is cancelled ends the wait with an error that carries it; so does the end of the time.
#[derive(Clone, Debug)]
#[must_use = "nothing waits until it is sent"]
pub struct Wait<O, C> {
    operation: O,
    options: CallOptions,
    polling: Polling,
    carrier: C,
}

impl<O, C> Wait<O, C> {
    pub(crate) fn new(operation: O, options: CallOptions, carrier: C) -> Self {
        Self {
            operation,
            options,
            polling: Polling::default(),
            carrier,
        }
    }

    /// The wait before the second look, a second unless set; it grows by half each time, to ten seconds or to what it began with.
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.polling.interval = interval;
        self
    }

    /// How long to wait in all, an hour unless set.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.polling.timeout = timeout;
        self
    }
}

impl<O, C> Wait<O, C>
where
    O: Operation,
    O::Answer: Job,
    C: Carrier,
{
    /// Waits until the job has succeeded, and answers it.
    pub fn send(self) -> C::Sent<O::Answer> {
        self.carrier.wait(self.operation, self.options, self.polling)
    }

    /// What each look sees, up to the job that has succeeded or the error.
    pub fn states(self) -> C::Items<O::Answer> {
        self.carrier.states(self.operation, self.options, self.polling)
    }
}

impl<O, C> IntoFuture for Wait<O, C>
where
    O: Operation,
    O::Answer: Job,
    C: Carrier,
    C::Sent<O::Answer>: Future,
{
    type Output = <C::Sent<O::Answer> as Future>::Output;
    type IntoFuture = C::Sent<O::Answer>;

    fn into_future(self) -> Self::IntoFuture {
        self.send()
    }
}
