//! Where this command keeps a profile's key: in the keychain, under the profile's name, or in a private file.

use avala::{
    Secret, Timestamp,
    profiles::{Profile, Profiles, SourceSpec},
};

use super::keychain;
use crate::{failure::Failure, output::Output};

/// The source of a profile whose key this command keeps in the keychain.
pub(super) fn in_keychain(name: &str) -> SourceSpec {
    SourceSpec::Keychain {
        account: name.to_owned(),
    }
}

/// Whether this command keeps the profile's key. Any other is somebody else's to write.
pub(super) fn is_kept(profile: &Profile) -> Result<(), Failure> {
    if profile.source == SourceSpec::Stored || profile.source == in_keychain(&profile.name) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "The key of the profile {} comes from {}, which this command does not write.",
        profile.name, profile.source
    ))
    .hint("Change it there. On a self-hosted server, `avala keys rotate ID` makes a successor for a pipe."))
}

/// Keeps a key where the profile says that its key comes from.
pub(super) fn keep(
    profiles: &mut Profiles,
    profile: &Profile,
    key: &Secret,
    expires_at: Option<Timestamp>,
) -> Result<(), Failure> {
    is_kept(profile)?;
    if profile.source == SourceSpec::Stored {
        return Ok(profiles.store(&profile.name, key, expires_at)?);
    }
    keychain::store(&profile.name, key)
}

/// Makes the profile be this, with this key. Interrupted at any step, it leaves no key beside the URL of another: the
/// profile then has none.
pub(super) fn replace(
    profiles: &mut Profiles,
    before: Option<&Profile>,
    profile: &Profile,
    key: &Secret,
    out: Output,
) -> Result<(), Failure> {
    let name = &profile.name;
    let was_in_keychain = before.is_some_and(|before| before.source == in_keychain(name));
    let has_its_server = before.is_some_and(|before| before.is_for(profile.url()));
    // Unlike our own file, the keychain does not remember which server a key is for.
    if profile.source == in_keychain(name) && !(was_in_keychain && has_its_server) {
        keychain::delete(name)?;
    }
    profiles.set(profile)?;
    if let Err(failure) = keep(profiles, profile, key, None) {
        match before {
            Some(before) => profiles.set(before)?,
            None => drop(profiles.remove(name)?),
        }
        let is_gone = was_in_keychain && !has_its_server;
        return Err(if is_gone {
            failure.and_hint("The earlier key is gone from the keychain.")
        } else {
            failure
        });
    }
    if profile.source != SourceSpec::Stored {
        profiles.forget(name)?;
    } else if was_in_keychain && let Err(failure) = keychain::delete(name) {
        out.note(&format!("The earlier key is still there: {}", failure.message));
    }
    Ok(())
}

/// Before a profile is changed: a key stays with the server that it was stored for, which the keychain does not remember.
pub(in crate::commands) fn check_server(before: Option<&Profile>, profile: &Profile) -> Result<(), Failure> {
    let name = &profile.name;
    let Some(before) = before.filter(|before| before.source == in_keychain(name)) else {
        return Ok(());
    };
    let is_moved = profile.source == before.source && !before.is_for(profile.url());
    if !is_moved || matches!(keychain::contains(name), Ok(false)) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "The key of the profile {name} in the keychain is for {}.",
        before.url()
    ))
    .hint(format!(
        "Nothing was changed. Store the key of the other server: avala auth login --profile {name} --base-url {}",
        profile.url()
    )))
}

/// Before a profile is removed: takes its key out of the keychain, if this command has put one there.
pub(in crate::commands) fn clear(profiles: &Profiles, name: &str) -> Result<(), Failure> {
    let is_there = profiles
        .get(name)
        .is_some_and(|profile| profile.source == in_keychain(name));
    if is_there {
        keychain::delete(name).map_err(|failure| {
            failure.hint(format!(
                "Nothing was removed. To leave the key where it is: avala profile set {name} --source stored, \
                 then remove the profile."
            ))
        })?;
    }
    Ok(())
}

/// Removes a profile's key from this machine. Whether there was one.
pub(super) fn forget(profiles: &mut Profiles, name: &str) -> Result<bool, Failure> {
    match profiles.get(name) {
        Some(profile) if profile.source == in_keychain(name) => keychain::delete(name),
        Some(profile) => {
            is_kept(profile)?;
            Ok(profiles.forget(name)?)
        }
        None => Ok(profiles.forget(name)?),
    }
}
