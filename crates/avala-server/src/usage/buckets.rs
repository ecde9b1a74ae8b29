//! Requests of a key, summed up by hour or by day.

use std::collections::BTreeMap;

use avala_api::Timestamp;

use super::{HOUR, Outcome};

/// What one bucket holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// An hour.
    Hour,
    /// A day, in UTC.
    Day,
}

/// Requests of a key within an hour or a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its first instant.
    pub start: Timestamp,
    /// All requests with the key.
    pub requests: u64,
    /// Those of them that were answered 401, 403 or 429.
    pub refused: u64,
    /// All requests by what they were for: the first part of an operation's name, or `other` where there was no route.
    pub by_group: BTreeMap<String, u64>,
    /// All requests by the class of their answer: `2xx`, `3xx`, `4xx` or `5xx`.
    pub by_status: BTreeMap<&'static str, u64>,
}

impl By {
    /// The first instant of the bucket that holds this one.
    pub(crate) fn start(self, at: i64) -> i64 {
        at.div_euclid(self.length()) * self.length()
    }

    /// The first instant from this one on at which a bucket starts.
    pub(super) fn end(self, at: i64) -> i64 {
        self.start(at - 1) + self.length()
    }

    fn length(self) -> i64 {
        match self {
            Self::Hour => HOUR,
            Self::Day => 24 * HOUR,
        }
    }
}

/// Buckets in which there is something, by their start.
pub(super) struct Buckets {
    by: By,
    filled: BTreeMap<i64, Bucket>,
}

impl Buckets {
    pub(super) fn new(by: By) -> Self {
        Self {
            by,
            filled: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, hour: i64, group: &str, outcome: Outcome, requests: u64) {
        let start = self.by.start(hour);
        let bucket = self.filled.entry(start).or_insert_with(|| Bucket {
            start: Timestamp::from_unix_millis(start),
            requests: 0,
            refused: 0,
            by_group: BTreeMap::new(),
            by_status: BTreeMap::new(),
        });
        bucket.requests += requests;
        if outcome == Outcome::Refused {
            bucket.refused += requests;
        }
        *bucket.by_group.entry(group.to_owned()).or_default() += requests;
        *bucket.by_status.entry(outcome.class()).or_default() += requests;
    }

    pub(super) fn in_order(self) -> Vec<Bucket> {
        self.filled.into_values().collect()
    }
}
