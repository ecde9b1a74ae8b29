//! Keys in a keychain: a real keyring on a bus of its own, one that is locked, one that does not answer, and none.
//!
//! Which bus there is stands in the environment of the process, so each scene is played by this program, started again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![cfg(all(feature = "keychain", target_os = "linux"))]

mod support;

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use avala::{
    Client, Environment, Error, ErrorKind,
    keychain::{self, KeychainKey},
};
use support::{CANARY, Script, answer, prerequisite};

/// Set where a scene is played: beside a keyring that is nobody's.
const ON_STAGE: &str = "AVALA_TEST_ON_STAGE";

/// Starts this program again for one scene, in an empty home, after what the shell says.
fn play(scene: &str, home: &Path, shell: &str, keyring: &str) {
    let mut command = Command::new("sh");
    command
        .args(["-c", shell, "stage"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", scene, "--ignored", "--nocapture"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("KEYRING", keyring)
        .env(ON_STAGE, "1")
        .stdin(Stdio::null());
    for variable in [
        "HOME",
        "XDG_DATA_HOME",
        "XDG_RUNTIME_DIR",
        "XDG_CONFIG_HOME",
        "XDG_CACHE_HOME",
    ] {
        command.env(variable, home);
    }
    let played = command.output().unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&played.stdout),
        String::from_utf8_lossy(&played.stderr)
    );
    assert!(played.status.success() && said.contains("1 passed"), "{said}");
    assert!(!said.contains(CANARY), "{said}");
}

/// A private folder. Sockets have short paths.
fn home() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("keys")
        .tempdir_in("/tmp")
        .unwrap()
}

fn keyring() -> Option<String> {
    let found = prerequisite("AVALA_TEST_KEYRING", "keys in a real keyring")?;
    Some(found.display().to_string())
}

/// A bus, and nothing on it but what it can start.
const ON_A_BUS: &str = r#"exec dbus-run-session -- "$@""#;

/// A bus, and on it a keyring that is open.
const BESIDE_A_KEYRING: &str = r#"exec dbus-run-session -- sh -c '
    printf "a password" | "$KEYRING" --unlock --components=secrets >/dev/null 2>&1
    exec "$@"' stage "$@""#;

/// Nobody's own keychain is touched.
fn is_on_stage() {
    assert!(std::env::var_os(ON_STAGE).is_some(), "played by the other tests");
}

/// The key that a call was sent with, from the entry `robots` of the keychain.
async fn sent() -> Result<String, Error> {
    is_on_stage();
    let server = Script::of([answer(200, r#"{"uid":"u","username":"anna"}"#)]);
    let key = KeychainKey::new("robots");
    let client = Client::builder()
        .environment(Environment::empty())
        .credentials(key)
        .transport(server.clone())
        .build()?;
    client.users().me().send().await?;
    Ok(server.seen()[0].headers["x-avala-api-key"]
        .to_str()
        .unwrap()
        .to_owned())
}

// Covers: W9
#[test]
fn a_real_keyring_keeps_keys() {
    let Some(keyring) = keyring() else { return };
    play(
        "a_key_is_stored_read_replaced_and_removed",
        home().path(),
        BESIDE_A_KEYRING,
        &keyring,
    );
}

#[tokio::test]
#[ignore = "played by a_real_keyring_keeps_keys"]
async fn a_key_is_stored_read_replaced_and_removed() {
    let absent = sent().await.unwrap_err();
    assert!(
        absent
            .message()
            .starts_with("No API key provided. Looked at the keychain entry robots"),
        "{absent}"
    );
    assert!(!keychain::delete("robots").unwrap());
    assert!(!keychain::contains("robots").unwrap());

    keychain::store("robots", &"another-key-0".into()).unwrap();
    keychain::store("fleet", &"the-fleets-key".into()).unwrap();
    keychain::store("robots", &CANARY.into()).unwrap();
    assert!(keychain::contains("robots").unwrap());
    assert_eq!(sent().await.unwrap(), CANARY);

    assert!(keychain::delete("robots").unwrap());
    assert!(sent().await.is_err());
    assert!(
        keychain::delete("fleet").unwrap(),
        "the other entry is still there"
    );
    let nameless = keychain::store("", &CANARY.into()).unwrap_err();
    assert!(nameless.message().contains("has no name"), "{nameless}");
}

#[test]
fn a_keyring_that_is_locked_is_told() {
    let Some(keyring) = keyring() else { return };
    let home = home();
    play("a_key_is_left_behind", home.path(), BESIDE_A_KEYRING, &keyring);
    play("it_is_locked", home.path(), ON_A_BUS, &keyring);
}

#[tokio::test]
#[ignore = "played by a_keyring_that_is_locked_is_told"]
async fn a_key_is_left_behind() {
    is_on_stage();
    keychain::store("robots", &CANARY.into()).unwrap();
}

#[tokio::test]
#[ignore = "played by a_keyring_that_is_locked_is_told"]
async fn it_is_locked() {
    let error = sent().await.unwrap_err();
    assert!(error.message().ends_with("the keychain is locked."), "{error}");
    assert!(error.hint().unwrap().contains("Unlock it"), "{error:?}");
}

#[test]
fn nobody_waits_long_for_a_password_to_be_typed() {
    let Some(keyring) = keyring() else { return };
    let home = home();
    play("a_key_is_left_behind", home.path(), BESIDE_A_KEYRING, &keyring);
    // What asks for the password is there, and never ready.
    let services = home.path().join("dbus-1/services");
    std::fs::create_dir_all(&services).unwrap();
    let service = "[D-BUS Service]\nName=org.gnome.keyring.SystemPrompter\n\
        Exec=/bin/sh -c \"exec sleep 10 >/dev/null 2>&1\"\n";
    std::fs::write(services.join("org.gnome.keyring.SystemPrompter.service"), service).unwrap();
    play("it_waits_for_a_password", home.path(), ON_A_BUS, &keyring);
}

#[tokio::test]
#[ignore = "played by nobody_waits_long_for_a_password_to_be_typed"]
async fn it_waits_for_a_password() {
    let began = Instant::now();
    let error = sent().await.unwrap_err();
    assert!(error.message().contains("no answer within 3 seconds"), "{error}");
    assert!(error.hint().unwrap().contains("unlock"), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
}

#[test]
fn without_a_keychain_an_error_says_so_at_once() {
    play("there_is_none", home().path(), r#"exec "$@""#, "");
}

#[tokio::test]
#[ignore = "played by without_a_keychain_an_error_says_so_at_once"]
async fn there_is_none() {
    let told = keychain::contains("robots").unwrap_err();
    assert!(
        told.message()
            .starts_with("This machine has no keychain: there is no desktop session"),
        "{told}"
    );
    for error in [
        sent().await.unwrap_err(),
        keychain::store("robots", &CANARY.into()).unwrap_err(),
        keychain::delete("robots").unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(
            error.message().contains("this machine has no keychain"),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("in a file"), "{error:?}");
        assert!(!format!("{error:?}").contains(CANARY));
    }
}
