//! Keys in the operating system's keychain. Needs the feature `keychain`.
//!
//! On Linux this is the Secret Service, which GNOME Keyring, `KWallet` and `KeePassXC` offer. An entry belongs to the service
//! `avala` and has a name, its account. This build knows no keychain of another system: there, everything is an error that
//! says so.

use std::{
    fmt,
    sync::{Condvar, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use avala_api::Secret;
use keyring_core::{Entry, Error as KeyringError};
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::{Credential, CredentialProvider, ProviderError, ProviderFuture, Source};
use crate::Error;

/// How long a keychain may take. It is on this machine; one that takes longer waits for somebody to unlock it.
const TIME_LIMIT: Duration = Duration::from_secs(3);

/// A key in the keychain. Without an entry of that name, the next source is asked.
///
/// ```no_run
/// # fn main() -> Result<(), avala::Error> {
/// use avala::keychain::{self, KeychainKey};
///
/// keychain::store("production", &"avk_your_api_key".into())?;
/// let client = avala::Client::builder().credentials(KeychainKey::new("production")).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct KeychainKey {
    account: String,
}

impl KeychainKey {
    /// The entry of this name.
    pub fn new(account: impl Into<String>) -> Self {
        Self {
            account: account.into(),
        }
    }
}

impl CredentialProvider for KeychainKey {
    fn source(&self) -> Source {
        Source::Keychain {
            account: self.account.clone(),
        }
    }

    fn provide(&self) -> ProviderFuture<'_> {
        let account = self.account.clone();
        Box::pin(async {
            let read = spawn_blocking(|| in_time(account, read)).await;
            let key = read.map_err(|_| ProviderError::new("the thread that asks it ended"))??;
            Ok(key.map(Credential::new))
        })
    }
}

/// Whether there is an entry of this name. An error says why no keychain answers. Waits for it, at most 3 seconds.
pub fn contains(account: &str) -> Result<bool, Error> {
    let found = in_time(account.to_owned(), read).map_err(|error| {
        let message = error.message();
        let (first, rest) = message.split_at(message.len().min(1));
        let said = Error::configuration(format!("{}{rest}.", first.to_uppercase()));
        with_hint_of(said, &error)
    })?;
    Ok(found.is_some())
}

/// Stores a key, in place of the one that is there. Waits for the keychain, at most 3 seconds.
pub fn store(account: &str, key: &Secret) -> Result<(), Error> {
    let key = key.clone();
    in_time(account.to_owned(), move |entry| {
        entry.set_secret(key.expose().as_bytes())
    })
    .map_err(|error| failed("stored in", account, &error))
}

/// Removes a key, and tells whether there was one. Waits for the keychain, at most 3 seconds.
pub fn delete(account: &str) -> Result<bool, Error> {
    in_time(account.to_owned(), |entry| match entry.delete_credential() {
        Ok(()) => Ok(true),
        Err(KeyringError::NoEntry) => Ok(false),
        Err(error) => Err(error),
    })
    .map_err(|error| failed("removed from", account, &error))
}

fn read(entry: &Entry) -> Result<Option<Secret>, KeyringError> {
    let bytes = match entry.get_secret() {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(KeyringError::NoEntry) => return Ok(None),
        Err(error) => return Err(error),
    };
    // What is not text is no key: say so as for any other unusable one.
    Ok(Some(std::str::from_utf8(&bytes).unwrap_or("\u{fffd}").into()))
}

fn no_answer() -> ProviderError {
    ProviderError::new(format!(
        "the keychain gave no answer within {} seconds",
        TIME_LIMIT.as_secs()
    ))
    .with_hint("It may be locked and wait for somebody: unlock it, and try again.")
}

/// Leave to ask the keychain. A locked one answers when somebody unlocks it, or never: were each question put to it, threads
/// and windows that ask for the password would pile up.
struct Turn;

static ASKED: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

impl Turn {
    fn within(time: Duration) -> Option<Self> {
        let (asked, ended) = &ASKED;
        let waiting = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = ended.wait_timeout_while(waiting, time, |asked| *asked);
        let (mut asked, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return None;
        }
        *asked = true;
        Some(Self)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *ASKED.0.lock().unwrap_or_else(PoisonError::into_inner) = false;
        ASKED.1.notify_one();
    }
}

/// Asks the keychain on a thread of its own, which is left behind if it takes too long.
fn in_time<T: Send + 'static>(
    account: String,
    ask: impl FnOnce(&Entry) -> Result<T, KeyringError> + Send + 'static,
) -> Result<T, ProviderError> {
    let begun = Instant::now();
    let turn = Turn::within(TIME_LIMIT).ok_or_else(no_answer)?;
    let (tell, hear) = mpsc::sync_channel(1);
    thread::Builder::new()
        .name("avala-keychain".to_owned())
        .spawn(move || {
            let _turn = turn;
            let asked = entry(&account).and_then(|entry| ask(&entry).map_err(|error| explained(&error)));
            // Nobody may wait any more.
            let _late = tell.send(asked);
        })
        .map_err(|error| ProviderError::new(format!("no thread can be started: {}", error.kind())))?;
    match hear.recv_timeout(TIME_LIMIT.saturating_sub(begun.elapsed())) {
        Ok(asked) => asked,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(no_answer()),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(ProviderError::new("the keychain's library failed")),
    }
}

#[cfg(target_os = "linux")]
fn entry(account: &str) -> Result<Entry, ProviderError> {
    use keyring_core::api::CredentialStoreApi as _;

    if account.is_empty() {
        return Err(ProviderError::new("the entry has no name"));
    }
    let label = format!("API key of Avala ({account})");
    let store = dbus_secret_service_keyring_store::Store::new().map_err(|error| match error {
        KeyringError::PlatformFailure(reason) => none(&reason),
        other => explained(&other),
    })?;
    store
        .build("avala", account, Some(&[("label", label.as_str())].into()))
        .map_err(|error| explained(&error))
}

/// Nobody on this machine keeps keys.
#[cfg(target_os = "linux")]
fn none(reason: &dyn fmt::Display) -> ProviderError {
    let said = reason.to_string();
    // The library's words for an address that is missing.
    let reason = if said.contains("autolaunch") {
        "there is no desktop session (DBUS_SESSION_BUS_ADDRESS is not set)"
    } else {
        &said
    };
    ProviderError::new(format!("this machine has no keychain: {reason}")).with_hint(
        "On a machine without a desktop there is often none: keep the key in a file, or let a program print it.",
    )
}

#[cfg(not(target_os = "linux"))]
fn entry(_account: &str) -> Result<Entry, ProviderError> {
    Err(ProviderError::new("the keychain is not built for this system")
        .with_hint("Keep the key in a file, or let a program print it."))
}

fn explained(error: &KeyringError) -> ProviderError {
    match error {
        KeyringError::NoStorageAccess(_) => {
            ProviderError::new("the keychain is locked").with_hint("Unlock it, and try again.")
        }
        // Its text lists all of them.
        KeyringError::Ambiguous(_) => ProviderError::new("the keychain has several entries of that name")
            .with_hint("Remove all but one with the keychain's own program."),
        KeyringError::PlatformFailure(reason) => unusable(reason),
        other => unusable(other),
    }
}

fn unusable(reason: &dyn fmt::Display) -> ProviderError {
    ProviderError::new(format!("the keychain cannot be used: {reason}"))
        .with_hint("Keep the key in a file, or let a program print it.")
}

fn failed(what: &str, account: &str, error: &ProviderError) -> Error {
    let failed = Error::configuration(format!(
        "The API key cannot be {what} the keychain entry {account}: {error}."
    ));
    with_hint_of(failed, error)
}

fn with_hint_of(failed: Error, error: &ProviderError) -> Error {
    match error.hint() {
        Some(hint) => failed.with_hint(hint),
        None => failed,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_keychain_that_does_not_answer_is_asked_one_question() {
        let waits_for_a_password = Turn::within(TIME_LIMIT).unwrap();
        assert!(Turn::within(Duration::from_millis(1)).is_none());
        // Somebody unlocks it.
        let unlocked = thread::spawn(move || drop(waits_for_a_password));
        assert!(Turn::within(TIME_LIMIT).is_some());
        unlocked.join().unwrap();
    }
}
