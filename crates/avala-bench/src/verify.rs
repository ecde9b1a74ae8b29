//! `avala-bench verify`: what it costs to verify a key, and to count its request, inside the server.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use avala_api::{API_KEY_HEADER, Timestamp};
use avala_keys::{ApiKey, Class};
use avala_server::measure::{self, Counter};
use avala_server::{Config, RateLimit, Server};
use http::header::{ACCEPT, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::report::{Limit, Promise, Section, load_before};
use crate::series::{Series, seconds_each};

const ROUNDS: usize = 9;
const SIZES: [usize; 3] = [10, 100_000, 1_000_000];
/// Requests that are ready at a time: few enough that their heads are still near, as a head just read is.
const BATCH: u32 = 256;
const BATCHES: u32 = 1_000;

/// A set of keys, and what verifying with it took.
struct Entrant {
    server: Server,
    keys: Vec<ApiKey>,
    took: Series,
    _dir: TempDir,
}

impl Entrant {
    fn new(runtime: &Runtime, size: usize) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let config = Config::new(dir.path().join("data"), Class::Live);
        let server = runtime.block_on(Server::open(config))?;
        let keys = measure::fill(server.keys(), size)?;
        Ok(Self {
            server,
            keys,
            took: Series::default(),
            _dir: dir,
        })
    }

    fn round(&mut self, random: &mut fastrand::Rng) -> Result<()> {
        let mut total = Duration::ZERO;
        for _ in 0..BATCHES {
            let heads: Vec<HeaderMap> = (0..BATCH)
                .map(|_| head(&self.keys[random.usize(..self.keys.len())]))
                .collect::<Result<_>>()?;
            let began = Instant::now();
            let good = heads
                .iter()
                .filter(|head| measure::verify(self.server.keys(), head))
                .count();
            total += began.elapsed();
            ensure!(good == heads.len(), "a good key was refused");
        }
        self.took.push(seconds_each(total, BATCH * BATCHES));
        Ok(())
    }
}

/// Measures verification with few and with many keys, and counting.
pub(crate) fn measure() -> Result<Section> {
    let runtime = Runtime::new()?;
    let load_before = load_before();
    let mut entrants = Vec::new();
    for size in SIZES {
        eprintln!("{size} keys");
        entrants.push(Entrant::new(&runtime, size)?);
    }
    // The same requests in every run.
    let mut random = fastrand::Rng::with_seed(1);
    let mut counted = Series::default();
    let mut uses = Uses::default();
    for round in 0..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        for place in 0..entrants.len() {
            let place = if round % 2 == 0 {
                entrants.len() - 1 - place
            } else {
                place
            };
            entrants[place].round(&mut random)?;
        }
        counted.push(counting(&entrants[1].keys, &mut random)?);
        uses.round(&runtime, &entrants[1], &mut random)?;
        if round == 0 {
            // The first one warms up.
            counted = Series::default();
            uses = Uses::default();
            for entrant in &mut entrants {
                entrant.took = Series::default();
            }
        }
    }
    Ok(section(&entrants, &counted, &uses, &load_before))
}

/// Seconds to count one request against its key and its owner.
fn counting(keys: &[ApiKey], random: &mut fastrand::Rng) -> Result<f64> {
    let counter = Counter::new(RateLimit::PerMinute(u32::MAX)).context("limits are on")?;
    let now = Timestamp::from_unix_seconds(1_767_225_600);
    let requests: Vec<(&ApiKey, String)> = (0..BATCH * BATCHES)
        .map(|_| {
            let number = random.usize(..keys.len());
            (&keys[number], format!("6f1c9f6e-3c1b-4d7e-9a52-{number:012x}"))
        })
        .collect();
    let all = || requests.iter().all(|(key, owner)| counter.count(key, owner, now));
    // Before the clock counts, each has its entry.
    ensure!(all(), "a request was throttled");
    let began = Instant::now();
    ensure!(all(), "a request was throttled");
    Ok(seconds_each(began.elapsed(), BATCH * BATCHES))
}

/// What counting the uses of keys took, and writing them.
#[derive(Default)]
struct Uses {
    counted: Series,
    written: Series,
}

/// Keys whose counts are written at a time.
const WRITTEN: usize = 1_000;

impl Uses {
    fn round(&mut self, runtime: &Runtime, entrant: &Entrant, random: &mut fastrand::Rng) -> Result<()> {
        let (usage, keys) = (entrant.server.usage(), &entrant.keys[..WRITTEN]);
        let now = Timestamp::from_unix_seconds(1_767_225_600);
        let requests: Vec<(&ApiKey, HeaderMap)> = (0..BATCH * BATCHES / 4)
            .map(|_| {
                let key = &keys[random.usize(..WRITTEN)];
                Ok((key, head(key)?))
            })
            .collect::<Result<_>>()?;
        // Before the clock counts, each has its entry.
        for key in keys {
            measure::count_use(usage, key, &head(key)?, now);
        }
        let began = Instant::now();
        for (key, head) in &requests {
            measure::count_use(usage, key, head, now);
        }
        self.counted
            .push(seconds_each(began.elapsed(), BATCH * BATCHES / 4));
        let began = Instant::now();
        runtime.block_on(usage.flush())?;
        self.written.push(seconds_each(began.elapsed(), 1));
        Ok(())
    }
}

/// The head of a request, as the official Python client sends it.
fn head(key: &ApiKey) -> Result<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(HOST, HeaderValue::from_static("localhost:8000"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static("python-httpx/0.28.1"));
    headers.insert(
        HeaderName::from_static(API_KEY_HEADER),
        HeaderValue::from_str(key.expose())?,
    );
    Ok(headers)
}

fn section(entrants: &[Entrant], counted: &Series, uses: &Uses, load_before: &str) -> Section {
    let mut text = format!(
        "What every request with a key goes through, in one thread and without the wire: the header is found and parsed, the key \
         looked up among all, its HMAC-SHA256 computed and compared, its state and expiry compared with the clock. Keys are \
         drawn uniformly; request heads are made beforehand, {BATCH} at a time. {ROUNDS} alternating rounds of {} \
         verifications. Counting is one request against the budgets of its key and its owner, among {} keys. {load_before}\n\n\
         | Keys | One verification | against {} keys |\n| --- | --- | --- |\n",
        BATCH * BATCHES,
        SIZES[1],
        SIZES[0],
    );
    let [few, many, most] = [0, 1, 2].map(|place| &entrants[place].took);
    for (size, took) in SIZES.into_iter().zip([few, many, most]) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {size} | {} | {:.2} × |", took.text(), took.times(few));
    }
    let _ = writeln!(text, "| counting | {} | |", counted.text());
    let _ = writeln!(text, "| counting a use | {} | |", uses.counted.text());
    let _ = writeln!(
        text,
        "| writing the uses of {WRITTEN} keys, into SQLite | {} | |",
        uses.written.text()
    );
    let promise = |what, measured, limit| Promise {
        what,
        measured,
        limit,
    };
    let promises = vec![
        promise(
            "verification among 100,000 keys",
            many.median(),
            Limit::Nanoseconds(1_000.0),
        ),
        promise(
            "verification among 1,000,000 keys",
            most.median(),
            Limit::Nanoseconds(1_500.0),
        ),
        promise(
            "1,000,000 keys against 10",
            most.times(few),
            Limit::TimesAsLong(4.0),
        ),
        promise(
            "counting a request against its rates",
            counted.median(),
            Limit::Nanoseconds(1_000.0),
        ),
        promise(
            "counting a use of a key",
            uses.counted.median(),
            Limit::Nanoseconds(150.0),
        ),
        promise(
            "writing the uses of 1,000 keys",
            uses.written.median(),
            Limit::Milliseconds(50.0),
        ),
    ];
    Section::new("verify", "Verifying a key", &text, promises)
}
