//! Keys in a keychain: a real keyring on a bus of its own, one that is locked, and none.
//!
//! Which bus there is stands in the environment, so each scene is played by this program, started again on a stage.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use avala::keychain;

use super::{
    auth::Machine,
    avala::{Typed, avala},
    server::server,
    terminal::{KEY, typed_with},
};

/// Set where a scene is played: beside a keyring that is nobody's.
const ON_STAGE: &str = "AVALA_TEST_ON_STAGE";
const BUS: &str = "DBUS_SESSION_BUS_ADDRESS";

/// A bus, and nothing on it but what it can start.
const ON_A_BUS: &str = r#"exec dbus-run-session -- "$@""#;

/// A bus, and on it a keyring that is open.
const BESIDE_A_KEYRING: &str = r#"exec dbus-run-session -- sh -c '
    printf "a password" | "$KEYRING" --unlock --components=secrets >/dev/null 2>&1
    exec "$@"' stage "$@""#;

/// Starts this program again for one scene, in an empty home, after what the shell says.
fn play(scene: &str, home: &Path, shell: &str, keyring: &str) {
    let mut command = Command::new("sh");
    command
        .args(["-c", shell, "stage"])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("keychain::{scene}"),
            "--ignored",
            "--nocapture",
        ])
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
}

/// A private folder. Sockets have short paths.
fn home() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("keys")
        .tempdir_in("/tmp")
        .unwrap()
}

/// The program of a keyring. Without it a test says what it skips; under `CI=true` it fails instead.
fn keyring() -> Option<String> {
    let found = std::env::var("AVALA_TEST_KEYRING").ok();
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none_or(|value| value != "true"),
            "AVALA_TEST_KEYRING is not set, and nothing may be skipped: run `cargo xtask test`"
        );
        let mut stderr = std::io::stderr();
        let said =
            b"skipped: keys in a real keyring (AVALA_TEST_KEYRING is not set; run `cargo xtask test`)\n";
        let _best_effort = std::io::Write::write_all(&mut stderr, said);
    }
    found
}

/// Nobody's own keychain is touched.
fn on_stage(machine: &Machine, line: &str) -> Typed {
    assert!(std::env::var_os(ON_STAGE).is_some(), "played by the other tests");
    machine.avala(line).env(BUS, &std::env::var(BUS).unwrap())
}

/// Stores this key for the test server, wherever the command thinks best.
fn login(machine: &Machine, key: &str, more: &str) -> super::avala::Outcome {
    let line = format!(
        "auth login --base-url {} --allow-insecure-loopback {more}",
        machine.server.base_url
    );
    on_stage(machine, &line).stdin(key).run()
}

fn secret(machine: &Machine) -> String {
    let printed = on_stage(machine, "auth token").run().printed();
    printed.trim_end().to_owned()
}

// Covers: W9
#[test]
fn the_keychain_keeps_what_is_logged_in() {
    let Some(keyring) = keyring() else { return };
    for scene in [
        "a_key_goes_to_the_keychain_and_out_of_it_again",
        "a_key_in_the_keychain_is_rotated_and_no_interruption_loses_it",
        "a_key_moves_between_the_keychain_and_the_file_and_is_in_one_of_them",
        "an_entry_of_somebody_else_is_left_as_it_is",
    ] {
        play(scene, home().path(), BESIDE_A_KEYRING, &keyring);
    }
}

#[test]
#[ignore = "played by the_keychain_keeps_what_is_logged_in"]
fn a_key_goes_to_the_keychain_and_out_of_it_again() {
    let machine = Machine::new();
    let key = machine.key("laptop");

    // When a key is logged in, with no word about where it is to be.
    let told = login(&machine, &key, "");
    assert_eq!((told.code, told.stdout.as_str()), (Some(0), ""), "{told:?}");
    assert!(told.stderr.contains("It is in the keychain, "), "{told:?}");

    // Then it is in the keychain, under the profile's name, and in no file.
    assert!(keychain::contains("default").unwrap());
    assert!(
        machine
            .config("config.toml")
            .contains("source = \"keychain:default\"")
    );
    assert!(!machine.has("credentials.toml"));
    assert!(!machine.config("config.toml").contains(&key));
    let me = on_stage(&machine, "whoami -o json").run().json();
    assert_eq!(me["user"]["username"], "developer@localhost", "{me}");
    let status = on_stage(&machine, "auth status").run().printed();
    assert!(
        status.contains("keychain:default") && status.contains(&key[..8]) && !status.contains(&key[..30]),
        "{status}"
    );

    // Then it stays with its server.
    let second = server();
    let moved = on_stage(&machine, "profile set default --base-url").arg(&second.base_url);
    let refused = moved.run().failed(2);
    assert!(refused.contains(&machine.server.base_url), "{refused}");

    let line = format!(
        "auth login --base-url {} --allow-insecure-loopback",
        second.base_url
    );
    let refused = on_stage(&machine, &line).stdin(second.key()).run().failed(2);
    assert!(refused.contains("--profile default"), "{refused}");
    assert_eq!(secret(&machine), key);

    // When it is replaced by another, of another server, on purpose.
    let line = format!("{line} --profile default");
    let replaced = on_stage(&machine, &line).stdin(second.key()).run();
    assert_eq!(replaced.code, Some(0), "{replaced:?}");
    assert_eq!(secret(&machine), second.key());
    assert!(machine.config("config.toml").contains(&second.base_url));

    // When it is logged out, or its profile removed, it is gone from there.
    assert_eq!(on_stage(&machine, "auth logout").run().code, Some(0));
    assert!(!keychain::contains("default").unwrap());
    let moved = on_stage(&machine, "profile set default --base-url").arg(&machine.server.base_url);
    assert_eq!(moved.run().code, Some(0), "there is no key to be moved");
    let again = on_stage(&machine, "auth logout").run();
    assert!(again.stderr.contains("No key is stored"), "{again:?}");
    login(&machine, &key, "");
    assert!(keychain::contains("default").unwrap());
    assert_eq!(on_stage(&machine, "profile remove default").run().code, Some(0));
    assert!(!keychain::contains("default").unwrap());
    assert_eq!(on_stage(&machine, "profile list").run().printed(), "");
}

#[test]
#[ignore = "played by the_keychain_keeps_what_is_logged_in"]
fn a_key_in_the_keychain_is_rotated_and_no_interruption_loses_it() {
    let machine = Machine::new();
    let first = machine.key("robot");
    login(&machine, &first, "");
    let opens = |key: &str| avala("whoami").on(&machine.server.base_url, key).run().code;

    let rotated = on_stage(&machine, "auth rotate").run();
    assert_eq!(rotated.code, Some(0), "{rotated:?}");
    let second = secret(&machine);
    assert!(second != first && !format!("{rotated:?}").contains(&second));
    assert_eq!((opens(&first), opens(&second)), (Some(4), Some(0)));
    assert!(!machine.has("credentials.toml"));

    // Interrupted before its key was stored: another is made, and the lost one opens nothing.
    let successor = |key: &str| {
        let id = &key["avk_test_".len()..][..12];
        let made = avala(&format!("keys rotate {id}")).on(&machine.server.base_url, key);
        made.run().stdout.trim_end().to_owned()
    };
    let lost = successor(&second);
    assert_eq!(on_stage(&machine, "auth rotate").run().code, Some(0));
    let third = secret(&machine);
    assert!(third != lost && third != second);
    assert_eq!(
        (opens(&lost), opens(&second), opens(&third)),
        (Some(4), Some(4), Some(0))
    );

    // Interrupted after its key was stored: only the end of the old key is left to do.
    let fourth = successor(&third);
    keychain::store("default", &fourth.as_str().into()).unwrap();
    let note = machine.home.path().join(".config/avala/rotation-default");
    std::fs::write(note, &third["avk_test_".len()..][..12]).unwrap();
    let finished = on_stage(&machine, "auth rotate").run();
    assert!(finished.stderr.contains("finished"), "{finished:?}");
    assert_eq!(secret(&machine), fourth);
    assert_eq!((opens(&third), opens(&fourth)), (Some(4), Some(0)));
}

#[test]
#[ignore = "played by the_keychain_keeps_what_is_logged_in"]
fn a_key_moves_between_the_keychain_and_the_file_and_is_in_one_of_them() {
    let machine = Machine::new();
    let (one, two) = (machine.key("one"), machine.key("two"));
    let told = login(&machine, &one, "--file");
    assert!(told.stderr.contains("credentials.toml."), "{told:?}");
    assert!(machine.config("credentials.toml").contains(&one));
    assert!(!keychain::contains("default").unwrap());

    login(&machine, &two, "");
    assert!(keychain::contains("default").unwrap());
    assert!(!machine.config("credentials.toml").contains(&one));
    assert_eq!(secret(&machine), two);

    login(&machine, &one, "--file");
    assert!(!keychain::contains("default").unwrap());
    assert_eq!(secret(&machine), one);
}

#[test]
#[ignore = "played by the_keychain_keeps_what_is_logged_in"]
fn an_entry_of_somebody_else_is_left_as_it_is() {
    let machine = Machine::new();
    let (theirs, ours) = (machine.key("theirs"), machine.key("ours"));
    keychain::store("default", &theirs.as_str().into()).unwrap();
    let refused = login(&machine, &ours, "").failed(2);
    assert!(
        refused.contains("no profile here") && refused.contains("Nothing was stored."),
        "{refused}"
    );
    assert!(!machine.has("config.toml"));
    let line = format!(
        "auth login --unchecked --base-url {} --allow-insecure-loopback",
        machine.server.base_url
    );
    let bus = std::env::var(BUS).unwrap();
    let at_home = [("HOME", machine.home.path().to_str().unwrap()), (BUS, &bus)];
    let (code, text) = typed_with(at_home, &line, &[("Replace it? [y/N]", "\n")]);
    assert_eq!(code, Some(1), "{text}");
    assert!(!machine.has("config.toml"), "{text}");
    let typed = [("Replace it? [y/N]", "y\n"), (KEY, &*format!("{ours}\n"))];
    let (code, text) = typed_with(at_home, &line, &typed);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(secret(&machine), ours);
    fs::remove_dir_all(machine.home.path().join(".config/avala")).unwrap();
    keychain::store("default", &theirs.as_str().into()).unwrap();

    // It can be taken over in so many words.
    let taken = "profile set default --source keychain:default --base-url";
    let taken = on_stage(&machine, taken).arg(&machine.server.base_url).run();
    assert_eq!(taken.code, Some(0), "{taken:?}");
    assert_eq!(secret(&machine), theirs);
    assert_eq!(login(&machine, &ours, "").code, Some(0));
    assert_eq!(secret(&machine), ours);

    // An entry under another name is read, and never written.
    let set = on_stage(&machine, "profile set shared --source keychain:default").run();
    assert_eq!(set.code, Some(0), "{set:?}");
    for line in ["auth logout", "auth rotate", "auth login"] {
        let refused = on_stage(&machine, &format!("{line} --profile shared"))
            .run()
            .failed(2);
        assert!(refused.contains("does not write"), "{line}: {refused}");
    }
    on_stage(&machine, "profile remove shared").run();
    assert_eq!(secret(&machine), ours);
}

#[test]
fn a_keychain_that_is_locked_says_so_and_nothing_is_half_done() {
    let Some(keyring) = keyring() else { return };
    let home = home();
    play("a_key_is_left_behind", home.path(), BESIDE_A_KEYRING, &keyring);
    play("it_is_locked", home.path(), ON_A_BUS, &keyring);
}

#[test]
#[ignore = "played by a_keychain_that_is_locked_says_so_and_nothing_is_half_done"]
fn a_key_is_left_behind() {
    assert!(std::env::var_os(ON_STAGE).is_some(), "played by the other tests");
    keychain::store("default", &"a-key-that-is-left".into()).unwrap();
}

#[test]
#[ignore = "played by a_keychain_that_is_locked_says_so_and_nothing_is_half_done"]
fn it_is_locked() {
    let machine = Machine::new();
    let key = machine.key("laptop");
    let refused = login(&machine, &key, "").failed(2);
    assert!(
        refused.starts_with("error: The keychain is locked.") && refused.contains("--file"),
        "{refused}"
    );
    assert!(!machine.has("config.toml"));

    // A name that is not in there says nothing about whether a key could be put there.
    let refused = login(&machine, &key, "--profile other").failed(2);
    assert!(refused.contains("Nothing was stored."), "{refused}");
    assert_eq!(on_stage(&machine, "profile list").run().printed(), "");

    let set = on_stage(&machine, "profile set default --source keychain:default").run();
    assert_eq!(set.code, Some(0), "{set:?}");
    let status = on_stage(&machine, "auth status -o json").run();
    assert_eq!(status.code, Some(2), "{status:?}");
    let report: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(
        report["profiles"][0]["problem"], "the keychain is locked",
        "{report}"
    );
    on_stage(&machine, "auth logout").run().failed(2);
    let kept = on_stage(&machine, "profile remove default").run().failed(2);
    assert!(kept.contains("Nothing was removed."), "{kept}");
    assert!(machine.config("config.toml").contains("keychain:default"));
}

#[test]
fn without_a_keychain_a_login_says_so_at_once_and_stores_nothing() {
    let machine = Machine::new();
    let key = machine.key("laptop");
    let line = format!(
        "auth login --base-url {} --allow-insecure-loopback",
        machine.server.base_url
    );
    let refused = machine.avala(&line).stdin(&key).run().failed(2);
    assert!(
        refused.starts_with("error: This machine has no keychain: ") && refused.contains("--file"),
        "{refused}"
    );
    assert!(!machine.has(""));
    let refused = machine
        .avala(&line)
        .arg("-ojson")
        .stdin(&key)
        .run()
        .error_object(2);
    assert!(
        refused["message"].as_str().unwrap().contains("no keychain"),
        "{refused}"
    );

    machine
        .avala("profile set k --source keychain:k --base-url")
        .arg(&machine.server.base_url)
        .run();
    let status = machine.avala("auth status").run();
    assert_eq!(status.code, Some(2));
    assert!(
        status.stdout.contains("from keychain:k") && status.stdout.contains("no keychain"),
        "{status:?}"
    );
    assert!(status.stderr.contains("no keychain"), "{status:?}");
}
