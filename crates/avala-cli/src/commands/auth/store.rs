//! Where a profile's key is kept by this command: in the keychain, or in a private file.

use avala::{
    Secret, Timestamp,
    profiles::{Profile, Profiles, SourceSpec},
};

use crate::failure::Failure;

/// Keeps a key where the profile says that its key comes from.
pub(super) fn keep(
    profiles: &mut Profiles,
    profile: &Profile,
    key: &Secret,
    expires_at: Option<Timestamp>,
) -> Result<(), Failure> {
    match &profile.source {
        SourceSpec::Stored => Ok(profiles.store(&profile.name, key, expires_at)?),
        other => Err(elsewhere(&profile.name, other)),
    }
}

/// Removes a profile's key from this machine. Whether there was one.
pub(super) fn forget(profiles: &mut Profiles, name: &str) -> Result<bool, Failure> {
    match profiles.get(name).map(|profile| profile.source.clone()) {
        None | Some(SourceSpec::Stored) => Ok(profiles.forget(name)?),
        Some(other) => Err(elsewhere(name, &other)),
    }
}

/// The key is somebody else's to write.
pub(super) fn elsewhere(name: &str, source: &SourceSpec) -> Failure {
    Failure::usage(format!(
        "The key of the profile {name} comes from {source}, which this command does not write."
    ))
    .hint("Change it there. On a self-hosted server, `avala keys rotate ID` makes a successor for a pipe.")
}
