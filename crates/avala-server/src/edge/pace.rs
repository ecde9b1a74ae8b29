//! How slowly a client may take its answers.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Instant;

use super::deadline::Deadline;

/// What a client must take for the time it let the server wait to be forgotten. Less of it each time, and a client could
/// hold its place for ever with a few bytes a minute.
const SHARE: usize = 64 * 1024;

/// What a client took, and how long it let the server wait for that. Time in which nothing is there to be sent does not
/// count.
#[derive(Debug, Default)]
pub(super) struct Pace {
    taken: usize,
    waited: Duration,
    waits_since: Option<Instant>,
    deadline: Deadline,
}

impl Pace {
    /// So many bytes were taken.
    pub(super) fn takes(&mut self, count: usize) {
        self.goes_on();
        self.taken += count;
        if self.taken >= SHARE {
            self.taken = 0;
            self.waited = Duration::ZERO;
        }
    }

    /// The server waits no more.
    pub(super) fn goes_on(&mut self) {
        if let Some(since) = self.waits_since.take() {
            self.waited += since.elapsed();
        }
    }

    /// Ready once the client has let the server wait longer than so.
    pub(super) fn poll_too_slow(&mut self, context: &mut Context<'_>, most: Duration) -> Poll<()> {
        if self.waits_since.is_none() {
            self.waits_since = Some(Instant::now());
            self.deadline.set(most.saturating_sub(self.waited));
        }
        self.deadline.poll(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_do_not_buy_time_and_a_share_does() {
        let waited = Duration::from_secs(20);
        let mut pace = Pace {
            waited,
            ..Pace::default()
        };
        pace.takes(SHARE - 1);
        assert_eq!(pace.waited, waited);
        pace.takes(1);
        assert_eq!((pace.taken, pace.waited), (0, Duration::ZERO));
    }

    #[test]
    fn only_time_in_which_the_server_waits_counts() {
        let waited = Duration::from_secs(20);
        let mut pace = Pace {
            waits_since: Instant::now().checked_sub(waited),
            ..Pace::default()
        };
        pace.goes_on();
        let after_once = pace.waited;
        assert!(after_once >= waited);
        pace.goes_on();
        assert_eq!(pace.waited, after_once);
    }
}
