//! How waiting for a job ends in an error, and the job that the error carries.

use std::{any::Any, sync::Arc};

use avala_api::Job;

use super::{Error, ErrorKind, Tidy};

impl Error {
    /// A job that was waited for has ended without success.
    pub(crate) fn job_failed<J: Job>(job: J, tidy: Tidy<'_>) -> Self {
        let status = job.status().unwrap_or_default();
        let message = match job.reason() {
            Some(reason) => format!("The job ended as `{status}`: {reason}"),
            None => format!("The job ended as `{status}`."),
        };
        let mut error = Self::new(ErrorKind::JobFailed, tidy.text(&message));
        error.0.may_have_been_sent = true;
        error.with_job(Some(job))
    }

    /// The time for waiting is over, and the job goes on.
    pub(crate) fn still_running<J: Job>(job: J, tidy: Tidy<'_>) -> Self {
        let message = match job.status() {
            Some(status) => format!("The job was still `{status}` when the time for waiting was over."),
            None => "The job had no status yet when the time for waiting was over.".to_owned(),
        };
        let mut error = Self::new(ErrorKind::Timeout, tidy.text(&message));
        error.0.may_have_been_sent = true;
        error.with_job(Some(job))
    }

    /// Notes a job as it was last seen.
    pub(crate) fn with_job<J: Job>(mut self, job: Option<J>) -> Self {
        self.0.job = job.map(|job| Arc::new(job) as Arc<dyn Any + Send + Sync>);
        self
    }

    /// The job as it was last seen, if the call waited for one of this type (`error.job::<Export>()`).
    pub fn job<J: Job>(&self) -> Option<&J> {
        self.0.job.as_deref()?.downcast_ref()
    }
}
