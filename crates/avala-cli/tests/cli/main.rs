//! The command as its users meet it: its texts, its exit codes, and what it does against a real server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, and so do the acts it is told in"
)]

mod api_keys;
mod audit;
mod auth;
mod avala;
mod canned;
mod credentials;
mod demo;
mod exit_codes;
mod help;
mod jobs;
#[cfg(all(feature = "keychain", target_os = "linux"))]
mod keychain;
mod life_of_keys;
mod lists;
mod output;
mod owners;
mod pepper;
mod profiles;
mod proxy;
mod resources;
mod rotate;
mod scan;
mod secrets;
mod seed;
mod serve;
mod server;
mod signup;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod terminal_keys;
mod usage;
