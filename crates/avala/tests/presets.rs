//! Keys in secret managers: with which arguments their commands are run, and `pass` for real.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![cfg(unix)]

mod support;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use avala::{Client, Environment, Error, ErrorKind, ExecKey, Preset};
use support::{Script, answer, prerequisite};

/// A folder of programs that write down their arguments, and say whether news of versions is off.
const STAND_IN: &str = r#"#!/bin/sh
for argument in "$@"; do printf '%s\n' "$argument"; done >"$0.arguments"
echo "printed-by-${0##*/}${INFISICAL_DISABLE_UPDATE_CHECK:+-without-news}"
"#;

/// Programs are written by a program: one that this process had open for writing could not be started while another
/// test starts something.
fn put_program(path: &Path, text: &str) {
    let mut writer = Command::new("sh")
        .args(["-c", "cat >\"$1\" && chmod 755 \"$1\"", "sh"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut writer.stdin.take().unwrap(), text.as_bytes()).unwrap();
    assert!(writer.wait().unwrap().success());
}

async fn sent(key: ExecKey) -> Result<String, Error> {
    let server = Script::of([answer(200, r#"{"uid":"u","username":"anna"}"#)]);
    let client = Client::builder()
        .environment(Environment::empty())
        .credentials(key.time_limit(Duration::from_secs(30)))
        .transport(server.clone())
        .build()?;
    client.users().me().send().await?;
    Ok(server.seen()[0].headers["x-avala-api-key"]
        .to_str()
        .unwrap()
        .to_owned())
}

// Covers: R17, W9
#[tokio::test]
async fn each_manager_is_run_with_the_arguments_of_its_documentation() {
    let folder = tempfile::tempdir().unwrap();
    let path = Environment::from_iter([("PATH", folder.path().to_str().unwrap())]);
    let id = "https://robots.vault.azure.net/secrets/avala";
    for (preset, program, arguments) in [
        (
            Preset::OnePassword {
                reference: "op://Our Robots/Avala/credential".into(),
            },
            "op",
            vec!["read", "op://Our Robots/Avala/credential"],
        ),
        (
            Preset::Vault {
                path: "secret/avala".into(),
                field: "api_key".into(),
            },
            "vault",
            vec!["kv", "get", "-field=api_key", "secret/avala"],
        ),
        (
            Preset::Azure { id: id.into() },
            "az",
            vec![
                "keyvault", "secret", "show", "--id", id, "--query", "value", "-o", "tsv",
            ],
        ),
        (
            Preset::Infisical {
                name: "AVALA_API_KEY".into(),
            },
            "infisical",
            vec!["secrets", "get", "AVALA_API_KEY", "--plain"],
        ),
        (
            Preset::Doppler {
                name: "AVALA_API_KEY".into(),
            },
            "doppler",
            vec!["secrets", "get", "AVALA_API_KEY", "--plain"],
        ),
        (
            Preset::Pass {
                name: "avala/robots".into(),
            },
            "pass",
            vec!["show", "avala/robots"],
        ),
    ] {
        let file = folder.path().join(program);
        put_program(&file, STAND_IN);

        let key = sent(preset.key().unwrap().environment(path.clone()))
            .await
            .unwrap();

        let news = if program == "infisical" {
            "-without-news"
        } else {
            ""
        };
        assert_eq!(key, format!("printed-by-{program}{news}"));
        let given = fs::read_to_string(file.with_extension("arguments")).unwrap();
        assert_eq!(given.lines().collect::<Vec<_>>(), arguments);
    }
}

#[test]
fn no_name_of_a_secret_becomes_an_option() {
    for bad in ["--help", "-", ""] {
        let bad = || bad.to_owned();
        for preset in [
            Preset::OnePassword { reference: bad() },
            Preset::Vault {
                path: bad(),
                field: "api_key".into(),
            },
            Preset::Vault {
                path: "secret/avala".into(),
                field: bad(),
            },
            Preset::Azure { id: bad() },
            Preset::Infisical { name: bad() },
            Preset::Doppler { name: bad() },
            Preset::Pass { name: bad() },
        ] {
            let error = preset.key().expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Configuration, "{preset:?}");
        }
    }
}

/// A password store with a key pair of its own. Its agent ends with it.
struct Store {
    folder: tempfile::TempDir,
    environment: Vec<(&'static str, String)>,
}

impl Store {
    fn make(pass: &Path) -> Self {
        // Sockets have short paths.
        let folder = tempfile::Builder::new()
            .prefix("pass")
            .tempdir_in("/tmp")
            .unwrap();
        let inside = |name: &str| folder.path().join(name).display().to_string();
        let programs = format!("{}:/usr/bin:/bin", pass.parent().unwrap().display());
        let store = Self {
            environment: vec![
                ("PATH", programs),
                ("HOME", inside("")),
                ("GNUPGHOME", inside("gnupg")),
                ("PASSWORD_STORE_DIR", inside("store")),
            ],
            folder,
        };
        store.run("sh", &["-c", "mkdir -m 700 \"$GNUPGHOME\""], "");
        let user = "robot@avala.example";
        let make = [
            "--batch",
            "--quiet",
            "--passphrase",
            "",
            "--quick-gen-key",
            user,
            "default",
            "default",
            "never",
        ];
        store.run("gpg", &make, "");
        store.run("pass", &["init", user], "");
        store
    }

    fn put(&self, name: &str, text: &str) {
        self.run("pass", &["insert", "--multiline", name], text);
    }

    fn run(&self, program: &str, arguments: &[&str], input: &str) {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().cloned());
        let mut running = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut running.stdin.take().unwrap(), input.as_bytes()).unwrap();
        assert!(running.wait().unwrap().success(), "{program} {arguments:?}");
    }

    async fn read(&self, name: &str) -> Result<String, Error> {
        let key = Preset::Pass { name: name.into() }.key()?;
        sent(key.environment(self.environment.iter().cloned().collect())).await
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.folder.path().join("gnupg").exists() {
            self.run("gpgconf", &["--kill", "all"], "");
        }
    }
}

// Covers: W9
#[tokio::test]
async fn a_real_password_store_gives_the_first_line_of_an_entry() {
    let Some(pass) = prerequisite("AVALA_TEST_PASS", "keys in the password store `pass`") else {
        return;
    };
    let store = Store::make(&pass);
    store.put(
        "avala/robots",
        "avk_from_the_store\nuser: anna\nurl: https://avala.example\n",
    );

    assert_eq!(store.read("avala/robots").await.unwrap(), "avk_from_the_store");

    let absent = store.read("avala/fleet").await.unwrap_err();
    assert!(
        absent
            .message()
            .contains("avala/fleet is not in the password store"),
        "{absent}"
    );
    for folder in ["avala", "avala/"] {
        let folder = store.read(folder).await.unwrap_err();
        assert!(folder.message().contains("instead of a key"), "{folder}");
    }
}
