//! Stories about the edge: bytes on a socket, before and after they are requests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on ends"
)]

mod client_address;
mod deadlines;
mod places;
mod site;
mod smuggling;
mod tls;
