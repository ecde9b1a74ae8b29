//! The demo holds against our server, and against no other: one wrong text, status or header ends it.

use avala_server::RateLimit;
use http::{Response, StatusCode};

use super::{
    avala::{Outcome, avala},
    proxy::{Proxy, Tamper},
    server::TestServer,
};

#[test]
fn the_demo_holds_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let mut typed = avala("demo");
    // What happens to be set where somebody tries it out must not matter.
    typed
        .command
        .env("TMPDIR", temporary.path())
        .env("AVALA_API_KEY", "")
        .env("AVALA_BASE_URL", "nonsense");
    let text = typed.run().printed();
    assert!(
        text.contains("facts hold") && text.contains("avala serve --dev"),
        "{text}"
    );
    assert!(!text.contains('✗'), "{text}");
    assert_eq!(
        std::fs::read_dir(temporary.path()).unwrap().count(),
        0,
        "no file is left"
    );
}

#[test]
fn programs_read_the_demo_line_by_line() {
    let text = avala("demo --output json").run().printed();
    let events: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let facts = events.iter().filter(|event| event.get("fact").is_some()).count();
    assert_eq!(events.last().unwrap()["facts"], facts);
}

fn told_through(tamper: Tamper) -> Outcome {
    let server = TestServer::start(|config| config.rate_limit = RateLimit::PerMinute(6000));
    let proxy = Proxy::before(&server.url, tamper);
    avala("demo --against")
        .arg(&proxy.url)
        .arg("--data-dir")
        .arg(&server.data_dir())
        .run()
}

#[track_caller]
fn breaks_at(outcome: &Outcome, fact: &str, expected: &str, came: &str) {
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let (_, broken) = outcome.stdout.split_once('✗').expect(&outcome.stdout);
    for part in [
        fact,
        &format!("expected  {expected}"),
        &format!("came      {came}"),
    ] {
        assert!(broken.contains(part), "{part}: {broken}");
    }
    assert!(!outcome.stdout.contains("facts hold"));
}

#[test]
fn the_demo_holds_against_a_server_that_is_already_running() {
    let text = told_through(|_| {}).printed();
    assert!(text.contains("facts hold"), "{text}");
}

#[test]
fn one_wrong_text_ends_the_demo() {
    let outcome = told_through(|answer| {
        let body = String::from_utf8(answer.body().to_vec()).unwrap();
        *answer.body_mut() = body.replace("API key has expired.", "API key is expired.").into();
    });
    breaks_at(
        &outcome,
        "key_expired",
        r#"Some("API key has expired.")"#,
        r#"Some("API key is expired.")"#,
    );
}

#[test]
fn one_wrong_status_ends_the_demo() {
    let outcome = told_through(|answer| {
        if answer.status() == StatusCode::FORBIDDEN {
            *answer.status_mut() = StatusCode::NOT_FOUND;
        }
    });
    breaks_at(&outcome, "scope_missing", "Forbidden", "NotFound");
}

#[test]
fn one_missing_header_ends_the_demo() {
    fn without_challenge(answer: &mut Response<bytes::Bytes>) {
        answer.headers_mut().remove("www-authenticate");
    }
    let outcome = told_through(without_challenge);
    breaks_at(&outcome, "key_missing", "something", "nothing");
}

#[test]
fn a_key_in_an_answer_does_not_reach_the_screen() {
    let outcome = told_through(|answer| {
        if answer.status() == StatusCode::CREATED {
            let body = String::from_utf8(answer.body().to_vec()).unwrap();
            *answer.body_mut() = body
                .replace("\"first_name\":\"Ada\"", "\"first_name\":\"Eve\"")
                .into();
        }
    });
    breaks_at(&outcome, "Ada signs up", r#"Some("Ada")"#, r#"Some("Eve")"#);
    assert!(!outcome.stdout.contains("avk_test_"), "{outcome:?}");
}

/// Interrupted in the middle, it takes its server and its directory with it.
#[cfg(unix)]
#[test]
fn an_interrupted_demo_leaves_nothing_behind() {
    use std::{
        io::{BufRead as _, BufReader},
        net::TcpStream,
        process::{Command, Stdio},
    };
    let temporary = tempfile::tempdir().unwrap();
    let mut typed = avala("demo");
    let mut child = typed
        .command
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let listening = lines
        .find_map(|line| {
            line.unwrap()
                .split_once("http://")
                .map(|(_, rest)| rest.to_owned())
        })
        .unwrap();
    let address = listening.split(' ').next().unwrap().to_owned();
    assert!(TcpStream::connect(&address).is_ok());

    assert!(
        Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    drop(lines);
    // Either it was interrupted, or it found nobody reading.
    assert!(matches!(child.wait().unwrap().code(), Some(130 | 1 | 0)));
    assert!(TcpStream::connect(&address).is_err(), "its server is gone");
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}
