//! Where the key comes from, which origin it belongs to, and how it is kept and read anew.

#[cfg(feature = "aws")]
mod aws;
mod cache;
mod chain;
mod credential;
mod dotenv;
mod environment;
#[cfg(feature = "gcp")]
mod gcp;
mod key;
mod provider;
mod source;
mod variables;

#[cfg(feature = "aws")]
pub use aws::AwsSecret;
pub use cache::Expiry;
pub(crate) use cache::{Credentials, ExpiryHook, Held};
pub(crate) use chain::{Asked, resolve};
pub use credential::Credential;
pub(crate) use dotenv::DotenvFile;
pub use environment::Environment;
#[cfg(feature = "gcp")]
pub use gcp::GcpSecret;
pub use provider::{CredentialChain, CredentialProvider, ProviderError, ProviderFuture};
pub use source::{CredentialReport, Source, Tried};
