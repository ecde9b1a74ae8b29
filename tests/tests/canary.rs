//! A known key goes through everything at the finest log level, and is then looked for everywhere.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    thread,
};

use avala_keys::redact;
use avala_tests::{ServeProcess, avala, run};

/// The part of a key that nobody may see: the prefix with its public id is no secret.
fn secret_part(key: &str) -> &str {
    &key[22..]
}

fn assert_clean(text: &str, key: &str, place: &str) {
    assert!(
        !text.contains(secret_part(key)),
        "the key stands in {place}:\n{text}"
    );
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// A server that answers every request with an error that repeats the key it was sent.
fn echo(answers: usize) -> (String, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api/v1", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        for _ in 0..answers {
            let (mut socket, _) = listener.accept().unwrap();
            let mut buffer = [0; 8192];
            let n = socket.read(&mut buffer).unwrap();
            let request = String::from_utf8_lossy(&buffer[..n]).into_owned();
            let key = request
                .lines()
                .find_map(|line| {
                    line.to_lowercase()
                        .starts_with("x-avala-api-key:")
                        .then(|| line[16..].trim().to_owned())
                })
                .unwrap_or_default();
            let body = format!(r#"{{"detail":"I saw {key}","code":"{key}","api_key":"{key}"}}"#);
            let _gone = write!(
                socket,
                "HTTP/1.1 401 Unauthorized\r\nX-Request-Id: {key}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
        }
    });
    (url, server)
}

#[test]
fn a_known_key_appears_only_where_it_is_meant_to() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let server = ServeProcess::start_by(&mut avala(&[]), &data_dir, &["--log", "trace"]);
    let key = server.key.expose().to_owned();
    let (echo_url, echoing) = echo(4);
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/api/v1", listener.local_addr().unwrap())
    };
    let env_file = folder.path().join("settings.env");
    fs::write(
        &env_file,
        format!(
            "AVALA_API_KEY={key}\nAVALA_BASE_URL={}\nAVALA_ALLOW_INSECURE_BASE_URL=1\n",
            server.base_url
        ),
    )
    .unwrap();

    let own = server.base_url.as_str();
    let create = [
        "webhooks",
        "create",
        "--target-url",
        "https://example.com/",
        "--events",
        "task.completed",
    ];
    let mut said = String::new();
    for (url, arguments) in [
        (own, &["whoami"][..]),
        (own, &["status"]),
        (own, &["webhooks", "list"]),
        (own, &create),
        (own, &["webhooks", "get", "not-there"]),
        (own, &["agents", "get", ".."]),
        (own, &["organizations", "list", "--output", "json"]),
        (&echo_url, &["whoami"]),
        (&echo_url, &["webhooks", "list", "--output", "json"]),
        (&echo_url, &["status"]),
        (&nobody, &["--timeout", "2s", "webhooks", "list"]),
        ("https://user:pass@example.com", &["whoami"]),
        ("http://example.com", &["whoami"]),
    ] {
        let mut command = avala(&["--log", "trace"]);
        command
            .args(arguments)
            .env("AVALA_API_KEY", &key)
            .env("AVALA_BASE_URL", url)
            .env("AVALA_ALLOW_INSECURE_BASE_URL", "true");
        let outcome = run(&mut command);
        assert_clean(
            &outcome.stdout,
            &key,
            &format!("the output of {arguments:?} at {url}"),
        );
        assert_clean(
            &outcome.stderr,
            &key,
            &format!("the messages of {arguments:?} at {url}"),
        );
        said += &outcome.stderr;
    }
    let from_file = run(avala(&["--log", "trace", "whoami", "--env-file"]).arg(&env_file));
    assert_eq!(from_file.code, Some(0), "{}", from_file.stderr);
    assert_clean(
        &(from_file.stdout + &from_file.stderr),
        &key,
        "a run with a .env file",
    );
    assert!(said.contains("avala.operation"), "the log was on:\n{said}");
    drop(echoing);

    let log = server.stop();
    assert!(!log.is_empty(), "the server's log was on");
    assert_clean(&log, &key, "the server's log");
    for path in files(&data_dir) {
        if path.file_name().is_some_and(|name| name == "dev-key") {
            continue; // the one place that it is meant for
        }
        let bytes = fs::read(&path).unwrap();
        let secret = secret_part(&key).as_bytes();
        assert!(
            !bytes.windows(secret.len()).any(|window| window == secret),
            "the key stands in {}",
            path.display()
        );
    }
}

#[test]
fn the_demo_shows_no_key_even_at_the_finest_log_level() {
    let outcome = run(&mut avala(&["demo", "--log", "trace"]));
    assert_eq!(outcome.code, Some(0), "{}\n{}", outcome.stdout, outcome.stderr);
    let said = outcome.stdout + &outcome.stderr;
    for word in said.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        assert!(
            !(word.starts_with("avk_") && word.len() >= 60),
            "a whole key is shown: {}…",
            &word[..22]
        );
    }
    assert_eq!(redact::text(&said).matches("avk_[redacted]").count(), 0);
}
