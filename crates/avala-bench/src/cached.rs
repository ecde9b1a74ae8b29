//! `avala-bench client`, its third section: what having the key costs a call, once it was read.

use std::hint::black_box;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Instant;

use anyhow::{Result, ensure};
use avala::{Client, Environment};

use crate::report::{Limit, Promise, Section, load_before};
use crate::series::{Series, seconds_each};

const ROUNDS: usize = 15;
const TIMES: u32 = 1_000_000;

/// Measures it beside a look at the clock, and beside what a lock would cost.
pub(crate) fn measure() -> Result<Section> {
    let load_before = load_before();
    let client = Client::builder()
        .environment(Environment::empty())
        .api_key("avk_measured")
        .build()?;
    ensure!(has_key(&client), "the key must be had without waiting");
    let locked = Mutex::new(Arc::new(()));
    let (mut key, mut clock, mut lock) = (Series::default(), Series::default(), Series::default());
    for _ in 0..ROUNDS {
        key.push(each(|| has_key(&client)));
        clock.push(each(Instant::now));
        lock.push(each(|| locked.lock().map(|held| Arc::clone(&held)).is_ok()));
    }
    let text = format!(
        "What a call does to have its key when it was read before, in one thread: a load of the pointer that a rotation replaces, \
         and a count. {ROUNDS} rounds of {TIMES} times each. {load_before}\n\n\
         | | Each | against the clock |\n| --- | --- | --- |\n\
         | having the key | {} | {:.2} × |\n\
         | looking at the clock (`Instant::now`) | {} | 1.00 × |\n\
         | the same behind a `Mutex` that nobody else wants | {} | {:.2} × |\n",
        key.text(),
        key.times(&clock),
        clock.text(),
        lock.text(),
        lock.times(&clock),
    );
    let promises = vec![Promise {
        what: "having a key that was read before",
        measured: key.median(),
        limit: Limit::Nanoseconds(100.0),
    }];
    Ok(Section::new("client-key", "Having the key", &text, promises))
}

fn has_key(client: &Client) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    pin!(client.has_key()).poll(&mut context).is_ready()
}

fn each<T>(what: impl Fn() -> T) -> f64 {
    let began = Instant::now();
    for _ in 0..TIMES {
        black_box(what());
    }
    seconds_each(began.elapsed(), TIMES)
}
