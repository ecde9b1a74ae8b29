//! The keys of this machine: stored once, used by every command after, replaced without anybody noticing.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use avala::{Environment, blocking::Client};

use super::{
    avala::{Outcome, Typed, avala},
    server::{TestServer, server},
};

/// A machine whose user has a home, and nothing in the environment that says anything of keys.
pub(crate) struct Machine {
    pub(crate) server: TestServer,
    pub(crate) home: tempfile::TempDir,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self {
            server: server(),
            home: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn avala(&self, line: &str) -> Typed {
        avala(line).env("HOME", self.home.path().to_str().unwrap())
    }

    /// Stores this key for the test server.
    fn login(&self, key: &str, more: &str) -> Outcome {
        let line = format!(
            "auth login --file --base-url {} --allow-insecure-loopback {more}",
            self.server.base_url
        );
        self.avala(&line).stdin(key).run()
    }

    pub(crate) fn config(&self, file: &str) -> String {
        fs::read_to_string(self.home.path().join(".config/avala").join(file)).unwrap()
    }

    /// Whether there is such a file among the settings; or the directory itself, for the empty name.
    pub(crate) fn has(&self, file: &str) -> bool {
        self.home.path().join(".config/avala").join(file).exists()
    }

    /// A new full key of the server.
    pub(crate) fn key(&self, name: &str) -> String {
        let line = format!("keys create --name {name} --full-access");
        self.server.avala(&line).run().stdout.trim_end().to_owned()
    }

    fn secret(&self) -> String {
        self.avala("auth token").run().printed().trim_end().to_owned()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_key_is_stored_once_and_every_command_after_has_it() {
    let machine = Machine::new();
    let key = machine.key("laptop");
    let nothing = machine.avala("whoami").run().failed(2);
    assert!(nothing.contains("No API key provided."), "{nothing}");

    // When the key is piped in.
    let told = machine.login(&format!("{key}\n"), "");
    assert_eq!((told.code, told.stdout.as_str()), (Some(0), ""), "{told:?}");
    assert!(
        told.stderr.contains("is stored for the profile default"),
        "{told:?}"
    );
    assert!(!told.stderr.contains(&key), "{told:?}");

    // Then the next command needs nothing else, and the files are private.
    let me = machine.avala("whoami -o json").run().json();
    assert_eq!(me["user"]["username"], "developer@localhost", "{me}");
    let folder = machine.home.path().join(".config/avala");
    assert_eq!(
        (mode(&folder), mode(&folder.join("credentials.toml"))),
        (0o700, 0o600)
    );
    assert!(!machine.config("config.toml").contains(&key));
    assert_eq!(machine.secret(), key);

    // And it is seen where it comes from, not what it is.
    let status = machine.avala("auth status --explain").run().printed();
    assert!(status.contains("default"), "{status}");
    assert!(
        status.contains(&key[..8]) && !status.contains(&key[..30]),
        "{status}"
    );
    let status = machine.avala("auth status -o json").run().json();
    assert_eq!(status["profiles"][0]["is_default"], true);
    assert!(status["problem"].is_null(), "{status}");
}

#[test]
fn a_key_that_the_server_refuses_is_not_stored() {
    let machine = Machine::new();
    let key = machine.key("other");
    let id = &key["avk_test_".len()..][..12];
    machine.server.avala(&format!("keys revoke {id} --yes")).run();
    let refused = machine.login(&key, "").failed(4);
    assert!(refused.contains("Nothing was stored."), "{refused}");
    let damaged = machine.login(&format!("{}x", &key[..59]), "").failed(2);
    assert!(
        damaged.contains("damaged") && !damaged.contains(&key[22..59]),
        "{damaged}"
    );
    assert!(!machine.home.path().join(".config").exists());
    // Unless somebody insists: perhaps the server is not there yet.
    assert_eq!(machine.login(&key, "--unchecked").code, Some(0));

    // Without leave, no key goes into a file.
    let line = format!(
        "auth login --base-url {} --allow-insecure-loopback",
        machine.server.base_url
    );
    let asked = machine.avala(&line).stdin(&key).run().failed(2);
    assert!(asked.contains("--file"), "{asked}");
}

#[test]
fn one_key_for_each_environment_and_one_word_to_change_it() {
    let machine = Machine::new();
    let (one, two) = (machine.key("one"), machine.key("two"));
    machine.login(&one, "--profile staging");
    machine.login(&two, "--profile production");
    assert_eq!(machine.secret(), one, "the first is the default");
    assert_eq!(
        machine
            .avala("auth token --profile production")
            .run()
            .printed()
            .trim_end(),
        two
    );
    assert_eq!(machine.avala("auth switch production").run().code, Some(0));
    assert_eq!(machine.secret(), two);
    let listed = machine.avala("profile list").run().printed();
    assert!(
        listed.contains("staging") && listed.contains("production\ttrue"),
        "{listed}"
    );
    assert_eq!(machine.avala("auth switch nowhere").run().code, Some(2));

    // A profile may have its key from elsewhere.
    let set = machine
        .avala("profile set ci --source env:CI_KEY")
        .arg("--base-url")
        .arg(&machine.server.base_url);
    assert_eq!(set.run().code, Some(0));
    let me = machine.avala("whoami --profile ci").env("CI_KEY", &two).run();
    assert_eq!(me.code, Some(0), "{me:?}");
    let rotate = machine
        .avala("auth rotate --profile ci")
        .env("CI_KEY", &two)
        .run()
        .failed(2);
    assert!(rotate.contains("env:CI_KEY"), "{rotate}");

    // What is removed is gone from this machine, and only from there.
    assert_eq!(machine.avala("auth logout --profile staging").run().code, Some(0));
    assert!(!machine.config("credentials.toml").contains(&one));
    assert_eq!(machine.avala("profile remove production").run().code, Some(0));
    assert!(!machine.config("credentials.toml").contains(&two));
    let still = avala("whoami").on(&machine.server.base_url, &one).run();
    assert_eq!(still.code, Some(0));
}

#[test]
fn a_stored_key_is_replaced_while_programs_use_it() {
    let machine = Machine::new();
    let first = machine.key("robot");
    machine.login(&first, "");
    // Given a program that has been running since.
    let home = machine.home.path().to_str().unwrap().to_owned();
    let client = Client::builder()
        .environment(Environment::from_iter([("HOME", home)]))
        .build()
        .unwrap();
    client.users().me().send().unwrap();

    let rotated = machine.avala("auth rotate").run();
    assert_eq!(rotated.code, Some(0), "{rotated:?}");
    let second = machine.secret();
    assert_ne!(second, first);
    assert!(!format!("{rotated:?}").contains(&second));

    // Then the old key is ended, and the program goes on with the new one.
    let old = avala("whoami").on(&machine.server.base_url, &first).run();
    assert!(old.failed(4).contains("rotated"));
    client.users().me().send().unwrap();
    client.agents().list().send().unwrap();

    // When a rotation is interrupted once its key is stored, doing it again ends the old key, and makes no other.
    let id = &second["avk_test_".len()..][..12];
    let made = avala(&format!("keys rotate {id}"))
        .on(&machine.server.base_url, &second)
        .run();
    let third = made.stdout.trim_end().to_owned();
    machine.login(&third, "");
    let finished = machine.avala("auth rotate").run();
    assert!(finished.stderr.contains("finished"), "{finished:?}");
    assert_eq!(machine.secret(), third);
    let old = avala("whoami").on(&machine.server.base_url, &second).run();
    assert_eq!(old.code, Some(4));

    // When it is interrupted before, doing it again makes another one; the lost one opens nothing.
    let id = &third["avk_test_".len()..][..12];
    let lost = avala(&format!("keys rotate {id}"))
        .on(&machine.server.base_url, &third)
        .run();
    assert_eq!(machine.avala("auth rotate").run().code, Some(0));
    let lost = avala("whoami")
        .on(&machine.server.base_url, lost.stdout.trim_end())
        .run();
    assert_eq!(lost.code, Some(4));
    client.users().me().send().unwrap();
}

#[test]
fn nothing_is_written_when_nothing_may_be_changed() {
    let machine = Machine::new();
    let key = machine.key("k");
    for line in [
        "auth login --file",
        "auth logout",
        "auth rotate",
        "auth switch x",
        "profile set x",
        "profile remove x",
        "configure --file",
    ] {
        let refused = machine
            .avala(&format!("{line} --read-only"))
            .stdin(&key)
            .run()
            .failed(2);
        assert!(refused.contains("--read-only"), "{refused}");
    }
    assert!(!machine.home.path().join(".config").exists());
}
