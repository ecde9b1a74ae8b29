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
    pub(crate) fn login(&self, key: &str, more: &str) -> Outcome {
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

    pub(crate) fn secret(&self) -> String {
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

// Covers: W18
#[test]
fn a_key_that_the_server_refuses_is_not_stored() {
    let machine = Machine::new();
    let key = machine.key("other");
    let id = &key["avk_test_".len()..][..12];
    machine.server.avala(&format!("keys revoke {id} --yes")).run();
    let refused = machine.login(&key, "").failed(4);
    assert!(refused.contains("Nothing was stored."), "{refused}");
    let line = format!(
        "configure --file --base-url {} --allow-insecure-loopback",
        machine.server.base_url
    );
    let refused = machine.avala(&line).stdin(&key).run().failed(4);
    assert!(refused.contains("Nothing was stored."), "{refused}");
    let nobody =
        "configure --file --base-url http://127.0.0.1:9/api/v1 --allow-insecure-loopback --timeout 5s";
    machine.avala(nobody).stdin(&key).run().failed(7);
    let damaged = machine.login(&format!("{}x", &key[..59]), "").failed(2);
    assert!(
        damaged.contains("damaged") && !damaged.contains(&key[22..59]),
        "{damaged}"
    );
    assert!(!machine.home.path().join(".config").exists());
    // Unless somebody insists: perhaps the server is not there yet.
    assert_eq!(machine.login(&key, "--unchecked").code, Some(0));

    // Nor one under a name that none can have.
    let nameless = machine.login("not even looked at", "--profile a/b").failed(2);
    assert!(nameless.contains("A profile's name has letters"), "{nameless}");

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
}

// Covers: W18
#[test]
fn configure_stores_what_the_next_command_uses() {
    let machine = Machine::new();
    let key = machine.key("laptop");
    let line = format!(
        "configure --file --base-url {} --allow-insecure-loopback",
        machine.server.base_url
    );
    let told = machine.avala(&line).stdin(&key).run();
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(machine.avala("whoami").run().code, Some(0));
}

// Covers: W19
#[test]
fn what_is_wrong_with_a_profile_is_told_beside_it() {
    // Given a profile that works, and others that do not, each in its own way.
    let machine = Machine::new();
    let key = machine.key("laptop");
    machine.login(&key, "");
    for (name, source, _) in BROKEN {
        let line = format!("profile set {name} --source {source} --base-url");
        let set = machine.avala(&line).arg(&machine.server.base_url).run();
        assert_eq!(set.code, Some(0), "{set:?}");
    }

    // Then each is shown with what is wrong with it, and no key with more than its ends.
    let text = machine.avala("auth status").run().printed();
    let report = machine.avala("auth status -o json --explain").run().json();
    assert!(report["problem"].is_null(), "{report}");
    for (name, source, problem) in BROKEN {
        assert!(
            text.contains(&format!("{name}: no key from {source}, for ")),
            "{text}"
        );
        assert!(text.contains(problem), "{problem}: {text}");
        let all = report["profiles"].as_array().unwrap();
        let one = all.iter().find(|one| one["name"] == name).unwrap();
        assert!(one["problem"].as_str().unwrap().contains(problem), "{one}");
        assert!(one["masked_key"].is_null(), "{one}");
    }
    assert!(!text.contains(&key[..20]) && !report.to_string().contains(&key[..20]));

    // And if it is the one that the next command would use, that is a failure.
    for (name, _, problem) in BROKEN {
        let status = machine.avala(&format!("auth status --profile {name}")).run();
        assert_eq!(status.code, Some(2), "{status:?}");
        assert!(status.stderr.contains(problem), "{status:?}");
        assert!(status.stdout.contains("laptop") || status.stdout.contains("default: avk_test"));
    }
    let report = machine.avala("auth status -o json --profile unset").run();
    let parsed: serde_json::Value = serde_json::from_str(&report.stdout).unwrap();
    assert!(
        parsed["problem"].as_str().unwrap().contains("NOT_SET"),
        "{parsed}"
    );
    let error: serde_json::Value = serde_json::from_str(&report.stderr).unwrap();
    assert_eq!(error["kind"], "configuration");
}

/// A name, where its key comes from, and what is wrong with that.
const BROKEN: [(&str, &str, &str); 3] = [
    ("unset", "env:NOT_SET", "NOT_SET is not set"),
    ("missing", "file:/no/such/file", "there is no such file"),
    (
        "foreign",
        "gcp-sm:projects/p/secrets/s",
        "no Google Cloud Secret Manager",
    ),
];

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
