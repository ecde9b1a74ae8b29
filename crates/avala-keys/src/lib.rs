//! The Avala API key: format, checksum, classification and redaction. No I/O.
//!
//! A version-1 key is `avk_<class>_<12 characters id>_<32 characters secret><6 characters checksum>`, 60 characters
//! in all. The id is public: it names a key in lists and logs. The checksum finds typing errors and lets a scanner be
//! certain; everybody can compute it, so it proves nothing.

pub mod find;
mod key;
mod randomness;
pub mod redact;
mod secret;
mod shape;

pub use key::{ApiKey, Class, KeyId, Malformed};
pub use randomness::{Randomness, RandomnessFailed};
pub use secret::Secret;
pub use shape::{Shape, classify, mask};
