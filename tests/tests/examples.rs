//! The examples run, each in the environment it asks for, against a real server.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use avala_tests::{Outcome, ServeProcess, avala, example, seed};
use serde_json::json;
use tempfile::TempDir;

const PROJECT: &str = "6f9619ff-8b86-d011-b42d-00c04fc964ff";

/// A server with a few rows, and a folder to run examples in.
struct Place {
    server: ServeProcess,
    folder: TempDir,
}

impl Place {
    fn new(serve: &[&str], folder: TempDir) -> Self {
        let data = folder.path().join("data");
        let server = ServeProcess::start_by(&mut avala(&[]), &data, serve);
        seed(&data, &rows());
        Self { server, folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn private(&self, name: &str, content: &str) -> String {
        private(&self.folder.path().join(name), content, 0o600);
        self.path(name)
    }

    /// Runs a program in the folder, with the server's URL in its environment.
    fn told(&self, mut program: Command, key: Option<&str>, stdin: &str) -> Outcome {
        program
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env("PATH", self.folder.path())
            .env("AVALA_BASE_URL", &self.server.base_url)
            .env("AVALA_ALLOW_INSECURE_BASE_URL", "true")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(key) = key {
            program.env("AVALA_API_KEY", key);
        }
        let mut child = program.spawn().unwrap();
        // Who does not read it may be gone already.
        let _either_way = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn private(file: &Path, content: &str, mode: u32) {
    fs::write(file, content).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}

fn rows() -> String {
    json!({
        "projects": [{ "uid": PROJECT, "name": "Streets" }],
        "tasks": [{ "uid": "t1", "project": PROJECT, "status": "completed" }],
        "agents": [{ "uid": "a1", "name": "checker", "events": ["result.submitted"] }]
    })
    .to_string()
}

/// One example: its name and arguments, the key in its environment, what it reads, and what it prints among other things.
type Told<'a> = (&'a str, &'a [&'a str], Option<&'a str>, &'a str, &'a [&'a str]);

#[test]
fn every_example_does_what_its_first_line_says() {
    // Given a server, a key in each of the places that examples read, and another key in the environment where it must not count.
    let place = Place::new(&[], tempfile::tempdir().unwrap());
    let key = place.server.key.expose();
    let url = &*place.server.base_url;
    let me = place.server.client().users().me().send().unwrap().username;
    let webhook = place
        .server
        .client()
        .webhooks()
        .create("https://example.com/hook", ["export.completed".into()])
        .send()
        .unwrap();
    let file = place.private("avala.key", key);
    place.private(".env", &format!("AVALA_API_KEY={key}\nAVALA_BASE_URL={url}\n"));
    private(
        Path::new(&place.path("pass")),
        &format!("#!/bin/sh\necho {key}\n"),
        0o700,
    );
    fs::create_dir(place.path("keys")).unwrap();
    place.private("keys/1", "avk_gone");
    place.private("keys/2", key);
    let login = place.told(
        avala(&["auth", "login", "--profile", "staging", "--file"]),
        None,
        key,
    );
    assert_eq!(login.code, Some(0), "{login:?}");
    let other = Some("avk_another");

    // When each is run, then it prints what it is about.
    let told: [Told<'_>; 17] = [
        (
            "sign_up",
            &["ada@example.com"],
            None,
            "a long enough phrase\n",
            &["ada@example.com has a key of 60 characters"],
        ),
        ("environment", &[], Some(key), "", &[&me]),
        ("explicit_key", &[], other, key, &[&me]),
        (
            "dotenv",
            &[],
            None,
            "",
            &[".env", url.trim_end_matches("/api/v1")],
        ),
        (
            "asynchronous",
            &[],
            Some(key),
            "",
            &[webhook.uid.as_str(), "https://example.com/hook"],
        ),
        ("blocking", &[], Some(key), "", &[&me, "checker"]),
        ("errors", &[], Some(key), "", &["no such webhook"]),
        ("errors", &[], other, "", &["kind authentication, key Some("]),
        ("whoami", &[], Some(key), "", &[&me, "AVALA_API_KEY", "scopes"]),
        ("mounted_file", &[&file], other, "", &[&me]),
        ("password_manager", &["avala/staging"], other, "", &[&me]),
        ("own_provider", &["keys"], other, "", &[&me, "the newest key"]),
        ("profiles", &["staging"], None, "", &["staging\t", &me]),
        (
            "restricted_key",
            &[],
            Some(key),
            "",
            &["nightly ends at Some(", "last used: None"],
        ),
        ("local_development", &[url], Some(key), "", &[&me]),
        ("export", &[PROJECT], Some(key), "", &["Some(Exported): http://"]),
        ("update", &["a1"], Some(key), "", &["checker is inactive"]),
    ];
    for (name, arguments, key, stdin, prints) in told {
        let outcome = place.told(example(name, arguments), key, stdin);
        assert_eq!(
            (outcome.code, &*outcome.stderr),
            (Some(0), ""),
            "{name}: {outcome:?}"
        );
        for text in prints {
            assert!(
                outcome.stdout.contains(text),
                "{name} does not print {text}: {outcome:?}"
            );
        }
    }

    // And the one that replaces the key comes last: the file has the successor, and the key opens no more.
    let id = &key["avk_test_".len()..][..12];
    let outcome = place.told(example("rotation", &[&file, id]), None, "");
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{outcome:?}");
    assert!(outcome.stdout.contains(&format!("follows {id}")), "{outcome:?}");
    assert_ne!(fs::read_to_string(&file).unwrap(), key);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let refused = place.told(example("environment", &[]), Some(key), "");
    assert_ne!(refused.code, Some(0), "{refused:?}");
    place.server.stop();
}

#[test]
fn the_example_for_a_server_of_ones_own_trusts_the_ca_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (ca, tls) = (folder.path().join("ca.pem"), folder.path().join("tls.key"));
    private(&ca, &made.cert.pem(), 0o644);
    private(&tls, &made.signing_key.serialize_pem(), 0o600);
    let (ca, tls) = (ca.to_str().unwrap().to_owned(), tls.to_str().unwrap().to_owned());
    let place = Place::new(&["--tls-cert", &ca, "--tls-key", &tls], folder);

    let url = &*place.server.base_url;
    let outcome = place.told(
        example("on_premises", &[url, &ca]),
        Some(place.server.key.expose()),
        "",
    );
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{outcome:?}");
    assert_eq!(outcome.stdout.lines().count(), 1, "{outcome:?}");
    place.server.stop();
}

#[test]
fn no_example_is_left_out() {
    let story = include_str!("examples.rs");
    // They need an account with a cloud, or somebody's keychain. Their sources are tested with the library, against
    // stand-ins of the clouds and a keyring of its own.
    let elsewhere = ["aws_secrets", "gcp_secrets", "keychain"];
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/src/bin")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let is_run = story.contains(&format!("\"{name}\"")) || elsewhere.contains(&name);
        assert!(is_run, "{name} is run by no test");
    }
}
