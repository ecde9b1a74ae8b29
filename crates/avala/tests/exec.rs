//! Keys that another program prints: what it may say, what becomes of it when it does not end, and that nothing shows the key.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![cfg(unix)]

mod support;

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use avala::{
    Client, CredentialProvider, Environment, Error, ErrorKind, ExecKey, Source, Timestamp, blocking,
};
use support::{CANARY, Script, answer};
use tokio::time::{sleep, timeout};

const ME: &str = r#"{"uid":"u","username":"anna"}"#;
/// More than any of these takes, however busy the machine is.
const LONG: Duration = Duration::from_secs(30);

/// What this script of the shell prints is the key.
fn shell(script: &str) -> ExecKey {
    ExecKey::new(["sh", "-c", script]).time_limit(LONG)
}

fn client(key: ExecKey, server: &Script) -> Client {
    Client::builder()
        .environment(Environment::empty())
        .base_url("https://avala.example/api/v1")
        .credentials(key)
        .transport(server.clone())
        .build()
        .unwrap()
}

/// The key that a call was sent with.
async fn sent(key: ExecKey) -> Result<String, Error> {
    let server = Script::of([answer(200, ME)]);
    client(key, &server).users().me().send().await?;
    Ok(server.seen()[0].headers["x-avala-api-key"]
        .to_str()
        .unwrap()
        .to_owned())
}

async fn refusal(key: ExecKey) -> String {
    let error = sent(key).await.expect_err("no key comes out of this");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(CANARY), "{shown}");
    // What looks like an assignment would be taken for a secret.
    let hint = error.hint().unwrap_or_default();
    assert!(!hint.contains("redacted"), "{hint}");
    error.message().to_owned()
}

/// Waits until a program has written its number here.
#[cfg(target_os = "linux")]
async fn number_in(file: &Path) -> String {
    let look = async {
        loop {
            if let Ok(number) = std::fs::read_to_string(file)
                && number.ends_with('\n')
            {
                return number.trim().to_owned();
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, look).await.expect("the program starts")
}

/// Waits until a process is gone, or nothing but its number is left.
#[cfg(target_os = "linux")]
async fn is_gone(number: &str) {
    let look = async {
        while std::fs::read_to_string(format!("/proc/{number}/stat"))
            .is_ok_and(|status| !status.contains(") Z "))
        {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, look).await.expect("the process ends");
}

// Covers: R17, R20, W9
#[tokio::test]
async fn one_line_is_the_key_and_the_newline_at_its_end_is_dropped() {
    for script in ["echo the-key-0", "printf the-key-0", r"printf 'the-key-0\r\n'"] {
        assert_eq!(sent(shell(script)).await.unwrap(), "the-key-0", "{script}");
    }
}

#[tokio::test]
async fn json_says_the_key_and_when_it_ends() {
    let end = Timestamp::from(SystemTime::now() + Duration::from_mins(10));
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = told.clone();
    let server = Script::of([answer(200, ME)]);
    let script =
        format!(r#"echo '{{"version": 1, "api_key": "the-key-0", "expires_at": "{end}", "and": ["more"]}}'"#);

    let client = Client::builder()
        .environment(Environment::empty())
        .credentials(shell(&script))
        .transport(server.clone())
        .on_expiry_within(Duration::from_hours(1), move |expiry| {
            hears.lock().unwrap().push(expiry.clone());
        })
        .build()
        .unwrap();
    client.users().me().send().await.unwrap();

    assert_eq!(server.seen()[0].headers["x-avala-api-key"], "the-key-0");
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].at, end);
    assert!(
        told[0].source.to_string().starts_with("the program `sh -c"),
        "{}",
        told[0].source
    );
}

#[tokio::test]
async fn each_output_that_is_no_answer_is_told_in_its_own_words() {
    for (script, words) in [
        ("true", "it printed no key"),
        ("echo; echo", "it printed no key"),
        ("echo one; echo two", "it printed several lines"),
        (r"printf 'the-\377-key'", "it printed something that is not text"),
        ("echo '{\"version\":1,'", "its JSON cannot be read"),
        (
            "echo '{\"version\":\"1\"}'",
            "the version in its JSON is no whole number",
        ),
        ("echo '{\"api_key\":\"the-key-0\"}'", "its JSON has no version"),
        (
            "echo '{\"version\":2,\"api_key\":\"the-key-0\"}'",
            "its JSON has version 2, and only version 1 is known",
        ),
        ("echo '{\"version\":1}'", "its JSON has no api_key"),
        ("echo '{\"version\":1,\"api_key\":\"\"}'", "it printed no key"),
        (
            "echo '{\"version\":1,\"api_key\":7}'",
            "a value in its JSON is no text",
        ),
        (
            "echo '{\"version\":1,\"api_key\":\"the-key-0\",\"expires_at\":\"soon\"}'",
            "expires_at in its JSON is no time as in RFC 3339",
        ),
        (
            "head -c 70000 /dev/zero | tr '\\0' a",
            "it printed more than 64 KiB",
        ),
        ("exit 7", "it failed with status 7 and said nothing"),
        ("kill -9 $$", "it was ended by signal 9"),
    ] {
        let text = refusal(shell(script)).await;
        assert!(text.contains(words), "{script}: {text}");
    }
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    std::fs::write(&plain, "no program").unwrap();
    for (arguments, words, hint) in [
        (vec![], "no program is named", "each as a text of its own"),
        (
            vec!["avala-no-such-program".to_owned()],
            "there is no such program",
            "PATH",
        ),
        (
            vec![plain.display().to_string()],
            "it may not be executed",
            "right to run it",
        ),
    ] {
        let error = sent(ExecKey::new(arguments)).await.unwrap_err();
        assert!(error.message().contains(words), "{error}");
        assert!(error.hint().unwrap().contains(hint), "{error:?}");
    }
}

/// These variables and the search path.
fn with(variables: &[(&str, &str)]) -> Environment {
    let path = std::env::var("PATH").unwrap();
    let path = [("PATH", path.as_str())];
    path.iter().chain(variables).copied().collect()
}

// Covers: W9
#[tokio::test]
async fn what_a_failing_program_says_is_shown_redacted_in_one_line_and_cut() {
    // It repeats its output, which has no known shape, and says a key of a known one.
    let says = format!(
        "first sign in: {CANARY}\n\"no-known-shape-0\" \u{1b}[31m{}",
        " words".repeat(9000)
    );
    let script = "echo \"$KEY\"; echo \"$SAYS\" >&2; exit 3";
    let key = shell(script).environment(with(&[("SAYS", &says), ("KEY", "no-known-shape-0")]));

    let text = refusal(key).await;

    let (_, said) = text.split_once("failed with status 3 and said: ").expect(&text);
    assert!(
        said.starts_with("first sign in: [redacted] \"[redacted]\"  [31m words words"),
        "{said}"
    );
    assert!(said.ends_with("….") && said.chars().count() == 202, "{said}");
}

#[tokio::test]
async fn a_program_can_read_nothing() {
    let script = "if read -r line; then echo asked; else echo the-key-0; fi";
    assert_eq!(sent(shell(script)).await.unwrap(), "the-key-0");
}

#[tokio::test]
async fn no_shell_looks_at_the_arguments() {
    let key = ExecKey::new(["printf", "%s", "$HOME;*`id`|&'\"\\"]);
    assert_eq!(sent(key).await.unwrap(), "$HOME;*`id`|&'\"\\");
}

#[tokio::test]
async fn a_program_gets_the_given_variables_and_no_others() {
    std::env::var("CARGO_MANIFEST_DIR").expect("a variable that is there");
    let key = || shell("echo \"key-${ONLY:-none}-${CARGO_MANIFEST_DIR:+there}\"");
    assert_eq!(sent(key()).await.unwrap(), "key-none-there");
    let only = key().environment(with(&[("ONLY", "this")]));
    assert_eq!(sent(only).await.unwrap(), "key-this-");
}

#[tokio::test]
async fn output_without_end_is_not_waited_for() {
    let began = Instant::now();
    let text = refusal(ExecKey::new(["yes"]).time_limit(LONG)).await;
    assert!(text.contains("more than 64 KiB"), "{text}");
    assert!(began.elapsed() < LONG);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_program_that_does_not_end_is_ended_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("child");
    let variables = with(&[("FILE", file.to_str().unwrap())]);
    let script = "sleep 600 & echo $! >\"$FILE\"; wait";

    let key = shell(script)
        .environment(variables)
        .time_limit(Duration::from_secs(2));
    let text = refusal(key).await;

    assert!(text.contains("it did not end within 2s"), "{text}");
    is_gone(&number_in(&file).await).await;
}

#[tokio::test]
async fn what_a_program_leaves_behind_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("agent");
    let variables = with(&[("FILE", file.to_str().unwrap())]);
    // An agent that stays, and keeps the end of the messages open.
    let script = "sleep 600 >/dev/null & echo $! >\"$FILE\"; echo avk_key";

    let begun = Instant::now();
    let key = shell(script).environment(variables);
    assert_eq!(sent(key).await.unwrap(), "avk_key");

    assert!(begun.elapsed() < LONG);
    let agent = number_in(&file).await.parse().unwrap();
    let agent = rustix::process::Pid::from_raw(agent).unwrap();
    rustix::process::kill_process(agent, rustix::process::Signal::KILL).expect("it goes on");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_program_ends_when_nobody_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("child");
    let variables = with(&[("FILE", file.to_str().unwrap())]);
    let key = shell("sleep 600 & echo $! >\"$FILE\"; wait").environment(variables);
    let server = Script::default();
    let client = client(key, &server);

    let child = tokio::select! {
        _ = client.users().me().send() => panic!("the program does not end"),
        number = number_in(&file) => number,
    };

    is_gone(&child).await;
}

// Covers: W8, R22
#[tokio::test]
async fn after_a_refusal_the_program_is_asked_again_and_once_for_all_calls() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("times");
    let variables = with(&[("FILE", file.to_str().unwrap())]);
    let script = "echo x >>\"$FILE\"; echo \"key-$(wc -l <\"$FILE\" | tr -d ' ')\"";
    let server = Script::of([
        answer(200, ME),
        answer(401, "{}"),
        answer(200, ME),
        answer(200, ME),
    ]);
    let client = client(shell(script).environment(variables), &server);

    for _ in 0..3 {
        client.users().me().send().await.unwrap();
    }

    let keys: Vec<_> = server
        .seen()
        .iter()
        .map(|seen| seen.headers["x-avala-api-key"].to_str().unwrap().to_owned())
        .collect();
    assert_eq!(keys, ["key-1", "key-1", "key-2", "key-2"]);
}

#[test]
fn the_blocking_client_asks_programs_too() {
    let server = Script::of([answer(200, ME)]);
    let client = blocking::Client::builder()
        .environment(Environment::empty())
        .credentials(shell("echo the-key-0"))
        .transport(server.clone())
        .build()
        .unwrap();
    client.users().me().send().unwrap();
    assert_eq!(server.seen()[0].headers["x-avala-api-key"], "the-key-0");
}

#[test]
fn arguments_are_shown_without_what_looks_like_a_secret() {
    let key = ExecKey::new([
        "fetch",
        "--token",
        "two words",
        "--password=two words",
        "--for=recorder",
        CANARY,
        "AVALA_API_KEY",
        "--plain",
    ]);
    let shown =
        "fetch --token [redacted] --password=[redacted] --for=recorder [redacted] AVALA_API_KEY --plain";
    assert_eq!(
        key.source(),
        Source::Exec {
            program: shown.to_owned()
        }
    );
    assert_eq!(key.source().to_string(), format!("the program `{shown}`"));
    let debug = format!("{key:?}");
    assert!(debug.contains(shown) && !debug.contains("two words"), "{debug}");
}
