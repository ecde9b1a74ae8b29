//! What the server acknowledged is there after SIGKILL, at whatever moment it comes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod keys;
mod migrations;
mod older;
mod presented;
mod rounds;
mod syncs;
mod uses;
mod webhooks;

use fastrand::Rng;

/// How often servers are killed: more often where nobody waits.
fn kills() -> usize {
    let told = std::env::var("AVALA_TEST_KILLS").ok();
    told.map_or(100, |kills| kills.parse().expect("AVALA_TEST_KILLS is a number"))
}

/// Random moments and changes, and their seed in what the test says.
fn seeded(story: &str) -> Rng {
    let told = std::env::var("AVALA_TEST_SEED").ok();
    let seed = told.map_or_else(
        || fastrand::u64(..),
        |seed| seed.parse().expect("AVALA_TEST_SEED is a number"),
    );
    eprintln!("{story}: seed {seed}");
    Rng::with_seed(seed)
}
