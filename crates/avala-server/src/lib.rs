//! A self-hosted server for the Avala API, with the key authority inside.
//!
//! [`Server::open`] opens a data directory, [`Server::serve`] serves it. [`Server::keys`] issues and ends keys; another
//! process does the same through [`keys::Authority::open`], and a running server follows within a quarter of a second.

mod accounts;
pub mod audit;
mod auth;
mod buckets;
mod clock;
mod config;
mod context;
mod edge;
mod error;
mod files;
mod hex;
mod jobs;
pub mod keys;
#[cfg(feature = "measure")]
#[doc(hidden)]
pub mod measure;
mod metrics;
mod outgoing;
mod paging;
mod password;
pub mod provision;
mod random;
mod refusal;
mod resources;
mod routes;
pub mod seed;
mod server;
mod service;
mod setup;
mod store;
mod usage;
mod users;

pub use clock::{Clock, SystemClock};
pub use config::{Config, Database, GoogleEndpoints, Limits, PasswordCost, RateLimit, Rates, TlsFiles};
pub use error::{AuthorityError, StartError};
pub use metrics::Metrics;
pub use routes::served;
pub use server::{Agents, Server};
pub use setup::SetupToken;
pub use store::StoreError;
pub use usage::{Bucket, By, LastUse, Usage};
pub use users::{ListedUser, Place, Switched, Users};
