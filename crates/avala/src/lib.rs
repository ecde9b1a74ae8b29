//! Async and blocking client for the [Avala](https://avala.ai) API.
//!
//! ```no_run
//! # async fn run() -> Result<(), avala::Error> {
//! let client = avala::Client::new()?; // the key comes from AVALA_API_KEY
//! let webhooks = client.webhooks().list().limit(10).send().await?;
//! for webhook in webhooks {
//!     println!("{} {}", webhook.uid, webhook.target_url);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The same tree, blocking, works anywhere, inside an async program too:
//!
//! ```no_run
//! # fn run() -> Result<(), avala::Error> {
//! let client = avala::blocking::Client::new()?;
//! for webhook in client.webhooks().list().items() {
//!     println!("{}", webhook?.target_url);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The async client needs a Tokio runtime with time and I/O enabled; the blocking one brings its own.
//!
//! # Where the key comes from
//!
//! In this order: [`ClientBuilder::api_key`], a profile that was chosen with [`ClientBuilder::profile`], the variable
//! `AVALA_API_KEY`, the file that `AVALA_API_KEY_FILE` names, the profile that `AVALA_PROFILE` names, a `.env` file if
//! [`ClientBuilder::dotenv`] asks for it, and the default one of the [`profiles`]. A source that is there and unusable (a variable that is set but empty) stops the
//! search; only one that is absent lets the next be looked at. Key and base URL are resolved as a pair: a key is sent to
//! the origin it belongs to, and nowhere else.
//!
//! [`ExecKey`] asks another program for the key, and [`Preset`] knows the commands of 1Password, Vault, Azure Key Vault,
//! Infisical, Doppler and `pass`. With the feature `keychain`, `keychain::KeychainKey` reads it from the keychain of Linux.
//! [`ClientBuilder::credentials`] takes any of them, and a source of your own, which is a [`CredentialProvider`].
//!
//! A client asks its source when it needs the key, again some time before a known end, and once when a server answered 401:
//! then the call is sent a second time with the new key. So a key is rotated by putting the next one where the first came
//! from; nothing is started anew.
//!
//! # What is repeated
//!
//! Calls that are idempotent are repeated after 408, 429, 500, 502, 503, 504 and after a broken connection; others only if
//! they never left. `Retry-After` is honoured in both forms. Nothing waits past the call's deadline. Redirects are never followed.

mod auth;
mod base_url;
pub mod blocking;
mod builder;
mod client;
mod error;
mod introspection;
mod pager;
mod poller;
pub mod resources;
pub mod transport;

#[cfg(feature = "aws")]
pub use auth::AwsSecret;
#[cfg(feature = "gcp")]
pub use auth::GcpSecret;
#[cfg(feature = "keychain")]
pub use auth::keychain;
pub use auth::{
    Credential, CredentialChain, CredentialProvider, CredentialReport, Environment, ExecKey, Expiry, KeyFile,
    Preset, ProviderError, ProviderFuture, Source, Tried, profiles,
};
pub use avala_api as api;
pub use avala_api::{
    CallOptions, Carrier, Cursor, Job, Page, Patch, Progress, RateLimit, Request, Response, Retry, Scope,
    ScopeName, Secret, SecretObject, Timestamp, Wait,
};
pub use builder::ClientBuilder;
pub use client::{Async, Call, Client, Items};
pub use error::{Advice, Error, ErrorKind, KeyProblem};
pub use introspection::Whoami;

/// The base URL of Avala's own service.
pub const DEFAULT_BASE_URL: &str = "https://api.avala.ai/api/v1";
