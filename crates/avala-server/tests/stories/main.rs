//! Stories about a running server, told over real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on ends"
)]

mod agents;
mod authority;
mod bodies;
mod data_dir;
mod edge;
mod keys;
mod organizations;
mod paging;
mod rate_limits;
mod rates;
mod signup;
mod support;
mod tenancy;
mod users;
mod webhooks;
