//! `avala-bench server`, its section about changes: how many are acknowledged, each of them on the disk.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Result;

use crate::generator::Generator;
use crate::report::{Limit, Promise, Section, load_before};
use crate::series::Series;
use crate::served::{Callers, Served};
use crate::server::{new_key, new_webhook};

const CONNECTIONS: usize = 32;
const ROUNDS: usize = 7;
const TIME: Duration = Duration::from_millis(1_200);

/// What is made, and how fast: by all connections, and by one.
struct Made {
    title: &'static str,
    promise: &'static str,
    together: Generator,
    alone: Generator,
    by_all: Series,
    by_one: Series,
}

impl Made {
    fn new(server: &Served, title: &'static str, promise: &'static str, request: &[u8]) -> Result<Self> {
        Ok(Self {
            title,
            promise,
            together: Generator::new(server.address, request, CONNECTIONS)?,
            alone: Generator::new(server.address, request, 1)?,
            by_all: Series::default(),
            by_one: Series::default(),
        })
    }
}

pub(crate) fn measure() -> Result<Section> {
    let load_before = load_before();
    let server = Served::start(Callers::Keyed)?;
    let mut entrants = [
        Made::new(
            &server,
            "webhooks",
            "webhooks made per second, acknowledged and on the disk, 32 at once",
            &new_webhook(&server.key),
        )?,
        Made::new(
            &server,
            "keys",
            "keys made per second, acknowledged and on the disk, 32 at once",
            &new_key(&server.key),
        )?,
    ];
    for round in 0..=ROUNDS {
        eprintln!("creates, round {round} of {ROUNDS}");
        for made in &mut entrants {
            let (all, one) = (made.together.closed_loop(TIME)?, made.alone.closed_loop(TIME)?);
            // The first one warms up.
            if round > 0 {
                made.by_all.push(all);
                made.by_one.push(one);
            }
        }
    }
    let mut text = format!(
        "`POST` over loopback, one request under way on each connection, {ROUNDS} alternating rounds of {} s. The server is the \
         library's, in a process of its own, on SQLite, which syncs each commit to the disk before it is acknowledged; changes that \
         wait at the same time share one. A key is sealed, numbered and taken into the set that requests are verified with before \
         its answer. The load comes from one thread on the same cores. {load_before}\n\n\
         | Made | {CONNECTIONS} at once | one after the other |\n| --- | --- | --- |\n",
        TIME.as_secs_f64(),
    );
    let mut promises = Vec::new();
    for made in &entrants {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} |",
            made.title,
            made.by_all.rate(),
            made.by_one.rate()
        );
        promises.push(Promise {
            what: made.promise,
            measured: 1.0 / made.by_all.median(),
            limit: Limit::PerSecond(1_000.0),
        });
    }
    Ok(Section::new("server-creates", "Changes", &text, promises))
}
