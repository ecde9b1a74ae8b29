//! Where the key comes from, and which origin it belongs to.

mod chain;
mod dotenv;
mod environment;
mod key;

pub(crate) use chain::{Asked, resolve};
pub use chain::{CredentialReport, Source, Tried};
pub(crate) use dotenv::DotenvFile;
pub use environment::Environment;
pub(crate) use key::header_value;
