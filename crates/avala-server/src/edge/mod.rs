//! The edge: connections, limits, and everything about a request that no resource needs to know.

mod accept;
mod body;
mod download;
mod host;
mod key_in_url;
mod rate;
mod request;
mod response;
mod stream;

pub(crate) use accept::accept;
pub(crate) use host::Hosts;
pub(crate) use rate::{Budget, Limits};
pub(crate) use response::Reply;
