//! The edge: connections, limits, and everything about a request that no resource needs to know.

mod accept;
mod body;
mod client_address;
mod connection;
mod deadline;
mod download;
mod head;
mod host;
mod key_in_url;
mod newcomers;
mod pace;
mod rate;
mod request;
mod response;
mod slots;
mod stream;
mod tls;

pub(crate) use accept::accept;
pub(crate) use client_address::TrustedProxies;
pub(crate) use host::Hosts;
pub(crate) use newcomers::Newcomers;
#[cfg(feature = "measure")]
pub(crate) use rate::Source;
pub(crate) use rate::{Budget, Limits};
pub(crate) use response::Reply;
pub(crate) use tls::Tls;
