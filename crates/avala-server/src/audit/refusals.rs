//! Refused requests in the audit: the first few of each source one by one, all others as a number.
//!
//! Whatever is sent, there are so many lines in a minute and no more, and memory does not grow with it. No request is
//! lost for that: in the lines of `request.refuse`, `requests` adds up to all of them.

use std::{
    collections::HashMap,
    fmt, mem,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use avala_keys::KeyId;
use tokio::time::{Instant, MissedTickBehavior};

use crate::{
    auth::Holder,
    keys::Authority,
    store::{StoreError, audit::Line},
};

const MINUTE: i64 = 60_000;

/// Requests of one source that have a line each, of those refused with the same code in the same minute.
const LINES_OF_SOURCE: u32 = 10;

/// Requests that have a line each in a minute: so many of proven holders of keys, and as many of anybody else, whose
/// noise must not hide theirs. No more sources are told apart.
const LINES: u32 = 100;

/// Pairs of an organization and a code whose further requests are counted apart.
const COUNTS: usize = 256;

/// Lines that wait for a database that is away. With more, requests are counted and have no line.
const MOST_WAITING: usize = 2_000;

/// How often lines are written: one transaction in ten seconds leaves the chain to those who wait for it. A killed
/// server loses what was refused since, and the number that the minute under way had come to.
const EVERY: Duration = Duration::from_secs(10);

const ACTION: &str = "request.refuse";

/// The refused requests of a server.
#[derive(Clone)]
pub(crate) struct Refusals(Arc<Inner>);

struct Inner {
    authority: Authority,
    unwritten: Mutex<Unwritten>,
    /// Held by who writes, so that lines are not written twice, and nobody thinks they are when they are not.
    writing: tokio::sync::Mutex<()>,
}

/// What a minute has come to, and lines that wait to be written.
#[derive(Default)]
struct Unwritten {
    /// Since the Unix epoch.
    minute: i64,
    sources: HashMap<Source, OfSource>,
    /// How many lines there were: of anybody, and of proven holders.
    lines: [u32; 2],
    /// What has no line and no source of its own, by organization and code.
    others: HashMap<(Option<String>, &'static str), Count>,
    waiting: Vec<Line>,
}

/// Who is refused, and why. Of the holder of a key, the network is only half of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Source {
    network: IpAddr,
    code: &'static str,
    key: Option<KeyId>,
}

struct OfSource {
    by: Option<Holder>,
    lines: u32,
    further: Count,
}

/// Requests, and when the last of them was.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    requests: i64,
    at: i64,
}

impl Refusals {
    pub(crate) fn new(authority: Authority) -> Self {
        Self(Arc::new(Inner {
            authority,
            unwritten: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
        }))
    }

    /// Counts a refused request from this network. Writes nothing.
    pub(crate) fn count(&self, network: IpAddr, code: &'static str, by: Option<&Holder>) {
        let mut unwritten = self.unwritten();
        // Asked for under the lock, so that nobody comes with an instant of a minute that was ended meanwhile.
        let at = self.0.authority.now().unix_millis();
        unwritten.count(at, network, code, by);
    }

    /// Writes what waits, and ends the minute if it is over. What cannot be written waits on.
    pub(crate) async fn flush(&self) -> Result<(), StoreError> {
        self.write(Unwritten::end_if_over).await
    }

    /// Writes everything, and ends the minute as it is.
    pub(crate) async fn flush_all(&self) -> Result<(), StoreError> {
        // First what waits: then there is room for every number.
        self.flush().await?;
        self.write(|unwritten, _now| unwritten.end()).await
    }

    async fn write(&self, end: impl Fn(&mut Unwritten, i64)) -> Result<(), StoreError> {
        let _writing = self.0.writing.lock().await;
        let lines = {
            let mut unwritten = self.unwritten();
            end(&mut unwritten, self.0.authority.now().unix_millis());
            mem::take(&mut unwritten.waiting)
        };
        if lines.is_empty() {
            return Ok(());
        }
        let written = self.0.authority.store().add_lines(&lines).await;
        // What may have been written is not written again: a number may miss some, and never says too much.
        if written.as_ref().is_err_and(|error| !error.is_outcome_unknown()) {
            self.unwritten().waiting.splice(0..0, lines);
        }
        written
    }

    /// Writes every ten seconds, until it is dropped.
    pub(crate) async fn keep_flushing(self) {
        let mut ticks = tokio::time::interval_at(Instant::now() + EVERY, EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failed = 0_u64;
        loop {
            ticks.tick().await;
            match self.flush().await {
                Ok(()) if failed > 0 => {
                    tracing::info!(failed, "refused requests are written into the audit again");
                    failed = 0;
                }
                Ok(()) => {}
                Err(error) => {
                    // A log that says each of them says little else.
                    if failed.is_multiple_of(6) {
                        tracing::warn!(%error, "cannot write refused requests into the audit");
                    }
                    failed += 1;
                }
            }
        }
    }

    fn unwritten(&self) -> MutexGuard<'_, Unwritten> {
        self.0.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refusals")
    }
}

impl Unwritten {
    fn count(&mut self, at: i64, network: IpAddr, code: &'static str, by: Option<&Holder>) {
        self.end_if_over(at);
        let source = Source {
            network,
            code,
            key: by.map(Holder::key),
        };
        let lines = &mut self.lines[usize::from(by.is_some())];
        let has_room = *lines < LINES && self.waiting.len() < MOST_WAITING;
        let of_source = match self.sources.get_mut(&source) {
            Some(of_source) => of_source,
            None if has_room => self.sources.entry(source).or_insert_with(|| OfSource {
                by: by.cloned(),
                lines: 0,
                further: Count::default(),
            }),
            None => {
                self.other(by, code).add(Count { requests: 1, at });
                return;
            }
        };
        if has_room && of_source.lines < LINES_OF_SOURCE {
            of_source.lines += 1;
            *lines += 1;
            self.waiting
                .push(source.line(of_source.by.as_ref(), Count { requests: 1, at }));
        } else {
            of_source.further.add(Count { requests: 1, at });
        }
    }

    /// Where requests are counted that have no source of their own.
    fn other(&mut self, by: Option<&Holder>, code: &'static str) -> &mut Count {
        let mut whose = (by.map(|by| by.organization().to_owned()), code);
        if self.others.len() >= COUNTS && !self.others.contains_key(&whose) {
            whose.0 = None;
        }
        self.others.entry(whose).or_default()
    }

    /// Ends the minute, if this instant is in another one. A clock that was set back a little shows no other minute.
    fn end_if_over(&mut self, now: i64) {
        let minute = now.div_euclid(MINUTE);
        if minute > self.minute || minute < self.minute - 1 {
            self.end();
            self.minute = minute;
        }
    }

    /// Makes a line of each number. What there is no room for is counted on.
    fn end(&mut self) {
        self.lines = [0; 2];
        let mut ended = Vec::new();
        for (source, OfSource { by, further, .. }) in mem::take(&mut self.sources) {
            if further.requests == 0 {
                continue;
            }
            if self.waiting.len() + ended.len() < MOST_WAITING {
                ended.push(source.line(by.as_ref(), further));
            } else {
                self.other(by.as_ref(), source.code).add(further);
            }
        }
        for ((organization, code), count) in mem::take(&mut self.others) {
            if self.waiting.len() + ended.len() < MOST_WAITING {
                ended.push(of_others(organization, code, count));
            } else {
                self.others.insert((organization, code), count);
            }
        }
        ended.sort_by(|one, other| (one.at, &one.object).cmp(&(other.at, &other.object)));
        self.waiting.append(&mut ended);
    }
}

impl Source {
    fn line(&self, by: Option<&Holder>, count: Count) -> Line {
        let length = if self.network.is_ipv4() { 32 } else { 64 };
        Line {
            actor_key: by.map(|by| by.key().to_string()),
            actor_user: by.map(|by| by.user().to_owned()),
            object: format!("{}/{length}", self.network),
            ..of_others(by.map(|by| by.organization().to_owned()), self.code, count)
        }
    }
}

/// The line about requests of several sources. Those of an organization were proven by keys.
fn of_others(organization: Option<String>, code: &'static str, count: Count) -> Line {
    Line {
        at: count.at,
        actor_kind: if organization.is_some() { "key" } else { "client" }.to_owned(),
        organization,
        actor_key: None,
        actor_user: None,
        action: ACTION.to_owned(),
        object: String::new(),
        seq: None,
        code: Some(code.to_owned()),
        requests: Some(count.requests),
    }
}

impl Count {
    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.at = self.at.max(other.at);
    }
}

#[cfg(test)]
mod tests {
    use avala_keys::Class;

    use super::*;
    use crate::{
        clock::{Clock as _, SystemClock},
        config::{Database, operating_system},
        keys,
        random::Random,
        store::{data_dir::DataDir, sql},
    };

    const CODES: [&str; 3] = ["key_invalid", "key_missing", "throttled"];

    /// One of as many networks as there are numbers.
    fn network(number: u32) -> IpAddr {
        IpAddr::V6(((0x2001_0db8_u128 << 96) | u128::from(number) << 64).into())
    }

    fn sum(lines: &[Line]) -> i64 {
        lines.iter().map(|line| line.requests.unwrap()).sum()
    }

    #[test]
    fn however_many_sources_there_are_lines_and_memory_are_bounded_and_every_request_counts() {
        let mut unwritten = Unwritten::default();
        let mut count = |number: u32, code| unwritten.count(7, network(number), code, None);
        for _ in 0..1_000 {
            count(0, "key_invalid");
        }
        for number in 0..100_000 {
            count(number, CODES[number as usize % 3]);
        }
        // The first has ten lines, ninety others one each, and the rest is three numbers.
        assert_eq!(unwritten.waiting.len(), 100);
        assert_eq!((unwritten.sources.len(), unwritten.others.len()), (91, 3));
        unwritten.end();
        assert_eq!(unwritten.waiting.len(), 104);
        assert_eq!(sum(&unwritten.waiting), 101_000);
        let of_first = |line: &&Line| line.object == "2001:db8::/64";
        let of_first: Vec<i64> = unwritten
            .waiting
            .iter()
            .filter(of_first)
            .map(|line| line.requests.unwrap())
            .collect();
        assert_eq!(of_first, [vec![1; 10], vec![991]].concat());
        assert_eq!((unwritten.sources.len(), unwritten.others.len()), (0, 0));
    }

    #[test]
    fn while_nothing_can_be_written_no_request_is_lost_and_memory_is_bounded() {
        let mut unwritten = Unwritten::default();
        let minutes = 200;
        for minute in 0..minutes {
            for number in 0..500 {
                unwritten.count(minute * MINUTE, network(number), CODES[number as usize % 3], None);
            }
            assert!(unwritten.waiting.len() <= MOST_WAITING, "{minute}");
            assert!(
                unwritten.sources.len() + unwritten.others.len() <= 103,
                "{minute}"
            );
        }
        let mut written = mem::take(&mut unwritten.waiting);
        unwritten.end();
        written.append(&mut unwritten.waiting);
        assert_eq!(sum(&written), minutes * 500);
    }

    #[tokio::test]
    async fn what_cannot_be_written_waits_and_is_written_once() {
        // Given ten requests that have a line, and two that have none, and an audit that takes none.
        let dir = tempfile::tempdir().unwrap();
        let random = Arc::new(Random::new(operating_system()));
        let data = DataDir::make(&dir.path().join("data")).unwrap();
        let opened = keys::open(
            data,
            &Database::Sqlite,
            Some(Class::Live),
            &random,
            SystemClock.now(),
        );
        let authority = Authority::of(opened.await.unwrap(), random, Arc::new(SystemClock));
        let refusals = Refusals::new(authority.await.unwrap());
        let store = refusals.0.authority.store();
        let run = async |statement: &'static str| store.record(sql(statement)).await.unwrap();
        for _ in 0..12 {
            refusals.count(network(1), "key_invalid", None);
        }
        run("ALTER TABLE audit RENAME TO gone").await;
        assert!(refusals.flush().await.is_err() && refusals.flush_all().await.is_err());

        // When it is there again, then they are written, and not a second time.
        run("ALTER TABLE gone RENAME TO audit").await;
        for _ in 0..2 {
            refusals.flush_all().await.unwrap();
            let sum = run("SELECT sum(requests) AS sum FROM audit").await.unwrap();
            assert_eq!(sum.get::<i64>("sum").unwrap(), 12);
        }
    }

    #[test]
    fn a_clock_that_is_set_back_a_little_begins_no_minute() {
        let mut unwritten = Unwritten::default();
        let at = |minute: i64| 1_767_225_600_000 + minute * MINUTE;
        let mut lines_at = |at| {
            for _ in 0..20 {
                unwritten.count(at, network(1), "key_invalid", None);
            }
            mem::take(&mut unwritten.waiting).len()
        };
        assert_eq!(lines_at(at(0)), 10);
        assert_eq!(lines_at(at(0) - 1), 0);
        // The number of the minute before, and lines of the new one.
        assert_eq!(lines_at(at(1)), 11);
        assert_eq!(lines_at(at(-60)), 11);
    }
}
