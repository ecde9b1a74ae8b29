//! `avala-bench server`: how much the server carries, how fast it answers, and what bad connections do to the others.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::creates;
use crate::drf::{self, Drf, Workers};
use crate::generator::{Generator, arrivals, body, exchange};
use crate::held::{Held, Rhythm};
use crate::report::{Limit, Promise, Section, load_before};
use crate::series::Series;
use crate::served::{Callers, Served};

const ROUNDS: usize = 7;
const CONNECTIONS: usize = 32;
/// How long one peer is under load in a round.
const TIME: Duration = Duration::from_millis(1_200);
const OPEN_LOOP_ROUNDS: usize = 5;
const OPEN_LOOP_TIME: Duration = Duration::from_secs(3);
const COUNTED_REQUESTS: usize = 10_000;
const BAD_CONNECTIONS: usize = 10_000;
const MODEST_RATE: f64 = 2_000.0;
const BAD_ROUNDS: usize = 7;

/// What is asked for.
const ROUTES: [(&str, &str); 2] = [
    ("a key's rights", "/api/v1/users/me/permissions/"),
    ("a page of webhooks", "/api/v1/webhooks/"),
];

/// One route, with those that answer it.
struct Contest {
    title: &'static str,
    bytes: usize,
    keyed: Entrant,
    fixed: Entrant,
    drf: Entrant,
}

struct Entrant {
    name: &'static str,
    generator: Generator,
    took: Series,
}

impl Entrant {
    fn new(name: &'static str, address: SocketAddr, path: &str, key: Option<&str>) -> Result<Self> {
        Ok(Self {
            name,
            generator: Generator::new(address, &get(path, key), CONNECTIONS)?,
            took: Series::default(),
        })
    }

    fn round(&mut self) -> Result<()> {
        let took = self.generator.closed_loop(TIME);
        self.took
            .push(took.with_context(|| format!("load on {}", self.name))?);
        Ok(())
    }
}

/// All sections about the server.
pub(crate) fn measure() -> Result<Vec<Section>> {
    let load_before = load_before();
    let mut keyed = Served::start(Callers::Keyed)?;
    let fixed = Served::start(Callers::Fixed)?;
    for server in [&keyed, &fixed] {
        make_webhook(server)?;
    }
    let (workers, peer) = start_peer(&keyed)?;
    let mut contests = ROUTES
        .iter()
        .map(|(title, path)| contest(title, path, &keyed, &fixed, &peer))
        .collect::<Result<Vec<_>>>()?;
    for round in 0..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        for contest in &mut contests {
            let mut all = [&mut contest.keyed, &mut contest.fixed, &mut contest.drf];
            // Every other round runs backwards, so that none always follows the same neighbour.
            if round % 2 == 0 {
                all.reverse();
            }
            for entrant in all {
                entrant.round()?;
                if round == 0 {
                    // The first one warms up.
                    entrant.took = Series::default();
                }
            }
        }
    }
    drop(peer);
    drop(fixed);
    eprintln!("open loop");
    let latency = latency_section(&mut keyed, &mut contests, &load_before)?;
    let writes = writes(&keyed, &mut contests)?;
    let load = load_section(&contests, workers, &writes, &load_before)?;
    eprintln!("{BAD_CONNECTIONS} bad connections");
    let bad = bad_connections(&keyed, &mut contests[0].keyed.generator, &load_before)?;
    drop(keyed);
    Ok(vec![load, latency, bad, creates::measure()?])
}

fn contest(title: &'static str, path: &str, keyed: &Served, fixed: &Served, peer: &Drf) -> Result<Contest> {
    let ours = answer(keyed.address, path, &keyed.key)?;
    let theirs = answer(peer.address, path, &peer.key)?;
    ensure!(
        ours == theirs,
        "the peer's answer to {path} is not ours, byte for byte"
    );
    Ok(Contest {
        title,
        bytes: ours.len(),
        keyed: Entrant::new("the server", keyed.address, path, Some(&keyed.key))?,
        fixed: Entrant::new("its twin", fixed.address, path, None)?,
        drf: Entrant::new("the peer", peer.address, path, Some(&peer.key))?,
    })
}

/// The peer, answering what our server answers, with whichever kind of workers is faster.
fn start_peer(ours: &Served) -> Result<(Workers, Drf)> {
    let answers = ROUTES
        .iter()
        .map(|(_, path)| {
            let answer = String::from_utf8(answer(ours.address, path, &ours.key)?)?;
            Ok(format!("{path:?}: {answer}"))
        })
        .collect::<Result<Vec<_>>>()?;
    // As text: a map would sort the members of the answers.
    let answers = format!("{{{}}}", answers.join(", "));
    let mut tried = Vec::new();
    for workers in [Workers::Sync, Workers::Threads] {
        let peer = Drf::start(workers, &answers)?;
        let mut entrant = Entrant::new(workers.name(), peer.address, ROUTES[0].1, Some(&peer.key))?;
        entrant.round()?;
        entrant.took = Series::default();
        entrant.round()?;
        eprintln!("peer with {}: {}", workers.name(), entrant.took.rate());
        tried.push((entrant.took.median(), workers));
    }
    tried.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (_, workers) = tried.first().context("some kind of workers was tried")?;
    Ok((*workers, Drf::start(*workers, &answers)?))
}

/// What one webhook more costs the database; and what requests with a key cost it.
struct Writes {
    by_change: u64,
    by_requests: u64,
}

fn writes(server: &Served, contests: &mut [Contest]) -> Result<Writes> {
    let before = server.bytes_written()?;
    make_webhook(server)?;
    let by_change = server.bytes_written()? - before;
    // What keys were used for is written every ten seconds, and so in one of two short times at most.
    let (first, second) = (written_by(server, contests)?, written_by(server, contests)?);
    Ok(Writes {
        by_change,
        by_requests: first.min(second),
    })
}

fn written_by(server: &Served, contests: &mut [Contest]) -> Result<u64> {
    let (database, before) = (server.database()?, server.bytes_written()?);
    for contest in contests {
        contest.keyed.generator.exactly(COUNTED_REQUESTS)?;
    }
    let written = server.bytes_written()? - before;
    ensure!(
        written > 0 || server.database()? == database,
        "requests changed the database"
    );
    Ok(written)
}

fn load_section(
    contests: &[Contest],
    workers: Workers,
    writes: &Writes,
    load_before: &str,
) -> Result<Section> {
    let mut text = format!(
        "`GET` over loopback, {CONNECTIONS} connections with one request under way on each, {ROUNDS} alternating rounds of {} s. The \
         server is the library's, in a process of its own, on SQLite, rate limits and request log off; so is its twin, to which \
         every caller is the holder of the same key and which verifies none. The load comes from one thread that sends the same bytes: \
         the servers share the machine's cores with it. The peer is {}, {}, verifying keys as the package does by default, without \
         middleware, its request log off. It answers the same bodies: a key's rights as a constant, a page as rows of a model by a \
         serializer in a cursor's order. {load_before}\n\n\
         | Answer | with a key | fixed principal | with a key against fixed | Django REST Framework | against Django |\n\
         | --- | --- | --- | --- | --- | --- |\n",
        TIME.as_secs_f64(),
        drf::versions()?,
        workers.name(),
    );
    for Contest {
        title,
        bytes,
        keyed,
        fixed,
        drf,
    } in contests
    {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {title}, {bytes} bytes | {} | {} | {:.2} × | {} | {:.1} × |",
            keyed.took.rate(),
            fixed.took.rate(),
            fixed.took.times(&keyed.took),
            drf.took.rate(),
            drf.took.times(&keyed.took),
        );
    }
    let _ = writeln!(
        text,
        "\n{} requests with a key had the server write {} bytes to files, and its database is byte for byte as before. (Making one \
         webhook: {} bytes.) How keys were used is written every ten seconds, not by requests.",
        COUNTED_REQUESTS * contests.len(),
        writes.by_requests,
        writes.by_change,
    );
    let [rights, page] = contests else {
        anyhow::bail!("two routes are measured");
    };
    let promise = |what, measured, limit| Promise {
        what,
        measured,
        limit,
    };
    #[allow(clippy::cast_precision_loss, reason = "none below 2^53")]
    let written = writes.by_requests as f64;
    let promises = vec![
        promise(
            "requests/s with a key against a fixed principal, a key's rights",
            rights.fixed.took.times(&rights.keyed.took),
            Limit::TimesFaster(0.9),
        ),
        promise(
            "requests/s with a key against a fixed principal, a page of webhooks",
            page.fixed.took.times(&page.keyed.took),
            Limit::TimesFaster(0.9),
        ),
        promise(
            "requests/s against Django REST Framework, a key's rights",
            rights.drf.took.times(&rights.keyed.took),
            Limit::TimesFaster(30.0),
        ),
        promise("bytes written because keys were verified", written, Limit::None),
    ];
    Ok(Section::new(
        "server-load",
        "The server under load",
        &text,
        promises,
    ))
}

fn latency_section(server: &mut Served, contests: &mut [Contest], load_before: &str) -> Result<Section> {
    let mut text = format!(
        "Open loop at half of the load above: times of requests are drawn beforehand (independent of each other) and kept whatever the \
         server does; a client's latency counts from the intended time, over loopback, with the load from the same two cores. \
         Percentiles come from histograms over all {OPEN_LOOP_ROUNDS} rounds of {} s; the p99 in brackets are the least and the \
         greatest of a round. In the server: from the head read to the answer handed over for writing. {load_before}\n\n\
         | Answer | Rate | client p50 | p90 | p99 | p99.9 | longest | server p50 | server p99 | longest |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        OPEN_LOOP_TIME.as_secs(),
    );
    let mut promises = Vec::new();
    let whats = [
        "p99 in the server at half of the greatest load, a key's rights",
        "p99 in the server at half of the greatest load, a page of webhooks",
    ];
    for (contest, what) in contests.iter_mut().zip(whats) {
        let rate = 0.5 / contest.keyed.took.median();
        let times = arrivals(rate, OPEN_LOOP_TIME);
        let generator = &mut contest.keyed.generator;
        let mut all = Histogram::<u64>::new(3)?;
        let (mut p99, mut inside, mut inside_p99, mut longest) =
            (Series::default(), Series::default(), Series::default(), 0);
        for _ in 0..OPEN_LOOP_ROUNDS {
            server.record()?;
            let latencies = generator.open_loop(&times)?;
            let in_server = server.times()?;
            p99.push(seconds(latencies.value_at_quantile(0.99)));
            inside.push(seconds(in_server.median));
            inside_p99.push(seconds(in_server.p99));
            longest = longest.max(in_server.longest);
            all.add(&latencies)?;
        }
        let at = |quantile| milliseconds(all.value_at_quantile(quantile));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {rate:.0} /s | {} | {} | {} | {} | {} | {} | {} | {} |",
            contest.title,
            at(0.5),
            at(0.9),
            p99.text(),
            at(0.999),
            milliseconds(all.max()),
            inside.text(),
            inside_p99.text(),
            milliseconds(longest),
        );
        promises.push(Promise {
            what,
            measured: inside_p99.median(),
            limit: Limit::Milliseconds(1.0),
        });
    }
    Ok(Section::new(
        "server-latency",
        "How fast the server answers",
        &text,
        promises,
    ))
}

fn bad_connections(server: &Served, generator: &mut Generator, load_before: &str) -> Result<Section> {
    let times = arrivals(MODEST_RATE, OPEN_LOOP_TIME);
    let (mut alone, mut spread, mut at_once) = (Series::default(), Series::default(), Series::default());
    generator.open_loop(&times)?;
    let resident = server.resident_kib()?;
    let mut resident_among = resident;
    for round in 1..=BAD_ROUNDS {
        eprintln!("round {round} of {BAD_ROUNDS}");
        alone.push(p99(generator, &times)?);
        for (rhythm, among) in [(Rhythm::Spread, &mut spread), (Rhythm::AtOnce, &mut at_once)] {
            let held = Held::open(server.address, BAD_CONNECTIONS, rhythm)?;
            among.push(p99(generator, &times)?);
            resident_among = resident_among.max(server.resident_kib()?);
            drop(held);
        }
    }
    #[allow(clippy::cast_precision_loss, reason = "none below 2^53")]
    let (megabytes, each) = (
        |kib: u64| kib as f64 / 1024.0,
        (resident_among - resident) as f64 / BAD_CONNECTIONS as f64,
    );
    let text = format!(
        "Another process opens {BAD_CONNECTIONS} connections: a quarter says nothing, a quarter one byte and then nothing, a quarter one byte a \
         second, a quarter half of a head and closes its side, and comes back every second: each at its own time, or all in the same \
         moment. Beside them, {MODEST_RATE} requests/s in an open loop on connections of their own; p99 from the intended time, {BAD_ROUNDS} \
         alternating rounds of {} s. {load_before}\n\n\
         | | p99 of the others | memory of the server |\n| --- | --- | --- |\n\
         | alone | {} | {:.1} MB |\n\
         | among {BAD_CONNECTIONS} bad connections, each at its own time | {} | {:.1} MB at most, {each:.1} KB per connection |\n\
         | the same, all in the same moment | {} | |\n",
        OPEN_LOOP_TIME.as_secs(),
        alone.text(),
        megabytes(resident),
        spread.text(),
        megabytes(resident_among),
        at_once.text(),
    );
    let promises = vec![Promise {
        what: "p99 among bad connections against p99 alone",
        measured: spread.times(&alone),
        limit: Limit::TimesAsLong(2.0),
    }];
    Ok(Section::new(
        "server-slow",
        "Among bad connections",
        &text,
        promises,
    ))
}

fn p99(generator: &mut Generator, times: &[Duration]) -> Result<f64> {
    Ok(seconds(generator.open_loop(times)?.value_at_quantile(0.99)))
}

fn seconds(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64()
}

fn milliseconds(nanos: u64) -> String {
    format!("{:.2} ms", seconds(nanos) * 1e3)
}

pub(crate) fn get(path: &str, key: Option<&str>) -> Vec<u8> {
    let key = key.map_or_else(String::new, |key| format!("x-avala-api-key: {key}\r\n"));
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\n{key}\r\n").into_bytes()
}

fn answer(address: SocketAddr, path: &str, key: &str) -> Result<Vec<u8>> {
    let answer = exchange(address, &get(path, Some(key)))?;
    ensure!(
        answer.starts_with(b"HTTP/1.1 200 "),
        "{path} was refused: {}",
        String::from_utf8_lossy(&answer)
    );
    Ok(body(&answer).to_vec())
}

/// Makes a webhook: the row of the page, and a change that must be seen to write.
fn make_webhook(server: &Served) -> Result<()> {
    let answer = exchange(server.address, &new_webhook(&server.key))?;
    ensure!(
        answer.starts_with(b"HTTP/1.1 201 "),
        "no webhook was made: {}",
        String::from_utf8_lossy(&answer)
    );
    Ok(())
}

/// The request that makes a webhook.
pub(crate) fn new_webhook(key: &str) -> Vec<u8> {
    let body = json!({
        "target_url": "https://hooks.example.com/avala",
        "events": ["dataset.created", "export.completed"],
    });
    post("/api/v1/webhooks/", key, &body)
}

/// The request that makes a key.
pub(crate) fn new_key(key: &str) -> Vec<u8> {
    let body = json!({
        "name": "pipeline",
        "access": {"kind": "listed", "scopes": ["datasets.read", "exports.read"]},
        "environment": "production",
    });
    post("/api/v1/api-keys/", key, &body)
}

fn post(path: &str, key: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nx-avala-api-key: {key}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
