//! Where the key comes from, which origin it belongs to, and how it is kept and read anew.

#[cfg(feature = "aws")]
mod aws;
mod cache;
mod chain;
mod credential;
mod dotenv;
mod environment;
mod exec;
mod file;
#[cfg(feature = "gcp")]
mod gcp;
mod key;
#[cfg(feature = "keychain")]
pub mod keychain;
mod pairing;
mod places;
mod presets;
pub mod profiles;
mod provider;
mod small_file;
mod source;
mod spec;
mod tracked;
mod variables;

#[cfg(feature = "aws")]
pub use aws::AwsSecret;
pub use cache::Expiry;
pub(crate) use cache::{Credentials, ExpiryHook, Held};
pub(crate) use chain::{Asked, resolve};
pub use credential::Credential;
pub(crate) use dotenv::DotenvFile;
pub use environment::Environment;
pub use exec::ExecKey;
pub use file::KeyFile;
#[cfg(feature = "gcp")]
pub use gcp::GcpSecret;
pub use presets::Preset;
pub use provider::{CredentialChain, CredentialProvider, ProviderError, ProviderFuture};
pub use source::{CredentialReport, Source, Tried};
