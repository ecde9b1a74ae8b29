//! `avala-bench server`, its section about changes: how many are acknowledged, each of them on the disk.

use std::time::Duration;

use anyhow::Result;

use crate::generator::Generator;
use crate::report::{Limit, Promise, Section, load_before};
use crate::series::Series;
use crate::served::{Callers, Served};
use crate::server::new_webhook;

const CONNECTIONS: usize = 32;
const ROUNDS: usize = 7;
const TIME: Duration = Duration::from_millis(1_200);

pub(crate) fn measure() -> Result<Section> {
    let load_before = load_before();
    let server = Served::start(Callers::Keyed)?;
    let request = new_webhook(&server.key);
    let mut together = Generator::new(server.address, &request, CONNECTIONS)?;
    let mut alone = Generator::new(server.address, &request, 1)?;
    let (mut by_all, mut by_one) = (Series::default(), Series::default());
    for round in 0..=ROUNDS {
        eprintln!("creates, round {round} of {ROUNDS}");
        let (all, one) = (together.closed_loop(TIME)?, alone.closed_loop(TIME)?);
        // The first one warms up.
        if round > 0 {
            by_all.push(all);
            by_one.push(one);
        }
    }
    let text = format!(
        "`POST` of a webhook over loopback, one request under way on each connection, {ROUNDS} alternating rounds of {} s. The server is \
         the library's, in a process of its own, on SQLite, which syncs each commit to the disk before it is acknowledged; changes that \
         wait at the same time share one. The load comes from one thread on the same cores. {load_before}\n\n\
         | Connections | acknowledged |\n| --- | --- |\n| {CONNECTIONS} | {} |\n| 1 | {} |\n",
        TIME.as_secs_f64(),
        by_all.rate(),
        by_one.rate(),
    );
    let promises = vec![Promise {
        what: "webhooks made per second, acknowledged and on the disk, 32 at once",
        measured: 1.0 / by_all.median(),
        limit: Limit::PerSecond(1_000.0),
    }];
    Ok(Section::new("server-creates", "Changes", &text, promises))
}
