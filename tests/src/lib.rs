//! Whole-product tests: the real command and the real server. What several of them need stands here; the stories are in `tests/`.
//!
//! The samples of the README and of the book run here, too.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "this crate is nothing but tests"
)]

pub mod book;
mod command;
mod database;
mod official;
pub mod parity;
pub mod python_names;
pub mod requirements;
#[cfg(unix)]
pub mod samples;
mod server;
mod sources;
pub mod threats;
pub mod troubleshooting;

pub use command::{Outcome, avala, example, run};
pub use database::{On, PostgresDatabase};
pub use official::{Judge, python};
pub use server::{ServeProcess, Site, seed};

#[doc = include_str!("../../README.md")]
mod readme {}

#[doc = include_str!("../../docs/authentication.md")]
mod book_authentication {}

#[doc = include_str!("../../docs/quickstart.md")]
mod book_quickstart {}

#[doc = include_str!("../../docs/errors.md")]
mod book_errors {}

#[doc = include_str!("../../docs/rotation.md")]
mod book_rotation {}

#[doc = include_str!("../../docs/on-premises.md")]
mod book_on_premises {}

#[doc = include_str!("../../docs/client.md")]
mod book_client {}

#[doc = include_str!("../../docs/server.md")]
mod book_server {}

/// A prerequisite that the set-up brings. Without it a test says what it skips; under `CI=true` it fails instead.
pub fn prerequisite(variable: &str, checks: &str) -> Option<std::path::PathBuf> {
    match std::env::var_os(variable) {
        Some(path) => Some(path.into()),
        None if std::env::var_os("CI").is_some_and(|value| value == "true") => {
            panic!("{variable} is not set, and nothing may be skipped: run `cargo xtask test`")
        }
        None => {
            let mut stderr = std::io::stderr();
            let _best_effort = std::io::Write::write_all(
                &mut stderr,
                format!("skipped: {checks} ({variable} is not set; run `cargo xtask test`)\n").as_bytes(),
            );
            None
        }
    }
}
