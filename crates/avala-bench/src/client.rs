//! `avala-bench client`: what one call costs, with each client.

use std::env;
use std::fmt::Write as _;

use anyhow::{Context, Result};

use crate::canned::{self, CannedServer};
use crate::peers::{Async, Bare, Blocking, Load, Official, Peer};
use crate::report::{Limit, Promise, Section, load_before};
use crate::series::Series;

const ROUNDS: usize = 9;

/// A small answer, where the client itself is nearly all there is to measure, and the page that people ask for.
pub(crate) const SIZES: [Size; 2] = [
    Size {
        rows: 1,
        section: "client-1",
        title: "One call, a small answer",
        times_faster_together: 40.0,
    },
    Size {
        rows: 20,
        section: "client-20",
        title: "One call, a page of twenty",
        // Nearly half of the time goes into decoding twenty rows, whichever client asks for them.
        times_faster_together: 20.0,
    },
];

/// How much a call answers, and where that is reported.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    rows: usize,
    section: &'static str,
    title: &'static str,
    /// How many times faster than the official client ours promises to be with many calls in flight.
    times_faster_together: f64,
}

/// A peer, how many calls it makes in a round, and what it took.
struct Entrant {
    name: &'static str,
    peer: Box<dyn Peer>,
    calls: [u32; IN_FLIGHT.len()],
    took: [Series; IN_FLIGHT.len()],
}

const IN_FLIGHT: [u32; 2] = [1, 32];

/// Measures all peers against one canned server.
pub(crate) fn measure(size: Size) -> Result<Section> {
    let python = env::var("AVALA_BENCH_PYTHON")
        .context("AVALA_BENCH_PYTHON must be an interpreter that has the official client installed")?;
    let load_before = load_before();
    let server = CannedServer::start(size.rows)?;
    let official = Official::new(python, &server.url);
    let versions = official.versions()?;

    let enter = |name, peer, calls| Entrant {
        name,
        peer,
        calls,
        took: Default::default(),
    };
    let mut entrants = [
        enter(
            "bare reqwest and serde",
            Box::new(Bare::new(&server.url)?) as Box<dyn Peer>,
            [2_000, 8_000],
        ),
        enter(
            "`avala::Client`",
            Box::new(Async::new(&server.url)?),
            [2_000, 8_000],
        ),
        enter(
            "`avala::blocking::Client`",
            Box::new(Blocking::new(&server.url)?),
            [2_000, 8_000],
        ),
        enter("official Python client", Box::new(official), [300, 640]),
    ];
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        for (index, in_flight) in IN_FLIGHT.into_iter().enumerate() {
            for place in 0..entrants.len() {
                // Every other round runs backwards, so that none always follows the same neighbour.
                let place = if round % 2 == 0 {
                    entrants.len() - 1 - place
                } else {
                    place
                };
                let entrant = &mut entrants[place];
                let load = Load {
                    calls: entrant.calls[index],
                    in_flight,
                };
                let seconds = entrant
                    .peer
                    .seconds_per_call(load)
                    .with_context(|| format!("{}, {in_flight} in flight", entrant.name))?;
                entrant.took[index].push(seconds);
            }
        }
    }
    Ok(section(size, &entrants, &versions, &load_before))
}

fn section(
    size: Size,
    [bare, ours, blocking, official]: &[Entrant; 4],
    versions: &str,
    load_before: &str,
) -> Section {
    let mut text = format!(
        "One call of `webhooks.list` over loopback (webhooks on the page: {}; bytes: {}), from a canned server in its own process \
         that answers every request with the same bytes. {ROUNDS} rounds, peers in alternating order. Time per call is the \
         time of a round divided by its calls. Bare reqwest is built with its own defaults, without TLS and HTTP/2, and decodes into the same types. \
         The official client is {versions}; with 32 in flight it is the better of 32 threads and asyncio. {load_before}\n\n\
         | Client | 1 in flight | against bare | 32 in flight | against bare |\n| --- | --- | --- | --- | --- |\n",
        size.rows,
        canned::page_bytes(size.rows),
    );
    for entrant in [bare, ours, blocking, official] {
        let [alone, together] = &entrant.took;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {:.2} × | {} | {:.2} × |",
            entrant.name,
            alone.text(),
            alone.times(&bare.took[0]),
            together.text(),
            together.times(&bare.took[1]),
        );
    }
    let promise = |what, measured, limit| Promise {
        what,
        measured,
        limit,
    };
    let promises = vec![
        promise(
            "async client against bare reqwest, 1 in flight",
            ours.took[0].times(&bare.took[0]),
            Limit::TimesAsLong(1.10),
        ),
        promise(
            "async client against bare reqwest, 32 in flight",
            ours.took[1].times(&bare.took[1]),
            Limit::TimesAsLong(1.10),
        ),
        promise(
            "async client faster than the official one, 1 in flight",
            official.took[0].times(&ours.took[0]),
            Limit::TimesFaster(4.0),
        ),
        promise(
            "async client faster than the official one, 32 in flight",
            official.took[1].times(&ours.took[1]),
            Limit::TimesFaster(size.times_faster_together),
        ),
    ];
    Section::new(size.section, size.title, &text, promises)
}
