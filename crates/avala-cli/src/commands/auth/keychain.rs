//! The operating system's keychain, in builds that know one.

use avala::Secret;

use crate::failure::Failure;

/// Whether it has an entry of that name. The failure says why no keychain answers.
#[cfg(feature = "keychain")]
pub(super) fn contains(account: &str) -> Result<bool, Failure> {
    Ok(avala::keychain::contains(account)?)
}

#[cfg(feature = "keychain")]
pub(super) fn store(account: &str, key: &Secret) -> Result<(), Failure> {
    Ok(avala::keychain::store(account, key)?)
}

/// Whether there was one to delete.
#[cfg(feature = "keychain")]
pub(super) fn delete(account: &str) -> Result<bool, Failure> {
    Ok(avala::keychain::delete(account)?)
}

#[cfg(not(feature = "keychain"))]
pub(super) fn contains(_account: &str) -> Result<bool, Failure> {
    Err(none())
}

#[cfg(not(feature = "keychain"))]
pub(super) fn store(_account: &str, _key: &Secret) -> Result<(), Failure> {
    Err(none())
}

#[cfg(not(feature = "keychain"))]
pub(super) fn delete(_account: &str) -> Result<bool, Failure> {
    Err(none())
}

#[cfg(not(feature = "keychain"))]
fn none() -> Failure {
    Failure::usage("This command was not built with a keychain.")
        .hint("Build it with the feature `keychain`.")
}
