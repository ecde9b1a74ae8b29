//! The command on a real terminal, where people read along.

use std::{
    io::{Read as _, Write as _},
    process::Command,
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    time::{Duration, Instant},
};

use rustix::termios::{LocalModes, tcgetattr};

use super::{
    api_keys,
    canned::in_turn,
    jobs::{WAIT, exports},
    server::{TestServer, server},
};

/// Runs a line on a terminal of 100 columns, typing each text of `answers` when its question has appeared.
fn on_a_terminal(server: &TestServer, line: &str, answers: &[(&str, &str)]) -> (Option<i32>, String) {
    typed_on_a_terminal(&server.base_url, server.key(), line, answers)
}

fn typed_on_a_terminal(
    base_url: &str,
    key: &str,
    line: &str,
    answers: &[(&str, &str)],
) -> (Option<i32>, String) {
    let environment = [
        ("AVALA_API_KEY", key),
        ("AVALA_BASE_URL", base_url),
        ("AVALA_ALLOW_INSECURE_BASE_URL", "true"),
    ];
    typed_with(environment, line, answers)
}

/// The same, with this environment and no other.
pub(crate) fn typed_with<'a>(
    environment: impl IntoIterator<Item = (&'a str, &'a str)>,
    line: &str,
    answers: &[(&str, &str)],
) -> (Option<i32>, String) {
    let (mut pty, pts) = pty_process::blocking::open().unwrap();
    pty.resize(pty_process::Size::new(40, 100)).unwrap();
    let mut child = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_avala"))
        .args(line.split(' '))
        .env_clear()
        .envs(environment)
        .spawn(pts)
        .unwrap();
    let mut seen = String::new();
    let mut answers = answers.iter().peekable();
    let over = end_in_time(child.id());
    let mut bytes = [0; 4096];
    // The read fails when the last program on the terminal has left it.
    while let Ok(read @ 1..) = pty.read(&mut bytes) {
        seen.push_str(&String::from_utf8_lossy(&bytes[..read]));
        if let Some((question, answer)) = answers.next_if(|(question, _)| seen.contains(question)) {
            if [PASSWORD, AGAIN, KEY].contains(question) {
                wait_until_typing_is_hidden(&pty);
            }
            pty.write_all(answer.as_bytes()).unwrap();
        }
    }
    drop(over);
    let code = child.wait().unwrap().code();
    assert!(
        tcgetattr(&pty).unwrap().local_modes.contains(LocalModes::ECHO),
        "the terminal is left as it was: {seen}"
    );
    (code, seen.replace("\r\n", "\n"))
}

/// Kills a command that does not end by itself, unless the answer is dropped before.
fn end_in_time(process: u32) -> Sender<()> {
    let (over, told) = channel();
    std::thread::spawn(move || {
        if told.recv_timeout(LONGEST) == Err(RecvTimeoutError::Timeout) {
            let _gone = Command::new("kill")
                .args(["-KILL", &process.to_string()])
                .status();
        }
    });
    over
}

/// A question about a password appears just before the echo goes off, and people do not answer that fast.
fn wait_until_typing_is_hidden(pty: &pty_process::blocking::Pty) {
    let began = Instant::now();
    while tcgetattr(pty).unwrap().local_modes.contains(LocalModes::ECHO) {
        assert!(began.elapsed() < LONGEST, "what is typed would be shown");
        std::thread::yield_now();
    }
}

/// How long a command may be at the terminal.
const LONGEST: Duration = Duration::from_secs(30);
const PASSWORD: &str = "Password: ";
const AGAIN: &str = "Once more: ";
pub(crate) const KEY: &str = "/api/v1: ";
const CREATE: &str = "webhooks create --target-url https://example.com/ --events dataset.created";

#[test]
fn a_new_secret_is_shown_only_when_asked_for_and_nothing_is_sent_before() {
    let server = server();
    for line in [CREATE.to_owned(), format!("{CREATE} --output json")] {
        let (code, text) = on_a_terminal(&server, &line, &[]);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains("--show-secret"), "{text}");
    }
    assert_eq!(server.avala("webhooks list").run().printed(), "");

    let (code, text) = on_a_terminal(&server, &format!("{CREATE} --show-secret"), &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("secret"), "{text}");
}

#[test]
fn a_key_of_a_sign_up_is_shown_only_when_asked_for() {
    let (code, text) = on_a_terminal(&server(), "signup ada@example.com", &[]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("--out FILE") && text.contains("--show"), "{text}");
}

#[test]
fn a_new_key_is_shown_only_when_asked_for_and_nothing_is_sent_before() {
    for line in [
        api_keys::CREATE.to_owned(),
        format!("{} --output json", api_keys::CREATE),
        format!("keys rotate {}", api_keys::ID),
    ] {
        let server = in_turn(&[("201 Created", &api_keys::made().to_string())]);
        let (code, text) = typed_on_a_terminal(&server.base_url, "key", &line, &[]);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains("--out FILE") && text.contains("--show"), "{text}");
        assert!(server.lines().is_empty(), "{line}");

        let (code, text) = typed_on_a_terminal(&server.base_url, "key", &format!("{line} --show"), &[]);
        assert_eq!(
            (code, text.matches(api_keys::SECRET).count()),
            (Some(0), 1),
            "{text}"
        );
    }
}

#[test]
fn a_revocation_is_asked_about() {
    let server = in_turn(&[("200 OK", &api_keys::key().to_string())]);
    let line = format!("keys revoke {}", api_keys::ID);
    let (code, text) = typed_on_a_terminal(&server.base_url, "key", &line, &[("[y/N]", "\n")]);
    assert_eq!((code, server.lines().len()), (Some(1), 0), "{text}");
    let (code, text) = typed_on_a_terminal(&server.base_url, "key", &line, &[("[y/N]", "y\n")]);
    assert_eq!((code, server.lines().len()), (Some(0), 1), "{text}");
    let (code, text) = typed_on_a_terminal(&server.base_url, "key", &format!("{line} --yes"), &[]);
    assert_eq!((code, server.lines().len()), (Some(0), 2), "{text}");
    assert!(!text.contains("[y/N]"), "{text}");
}

#[test]
fn a_password_is_asked_for_twice_and_never_shown() {
    let server = server();
    let file = server.directory.path().join("ada.key");
    let line = format!("signup ada@example.com --out {}", file.display());
    let (code, text) = on_a_terminal(
        &server,
        &line,
        &[(PASSWORD, "correct horse\n"), (AGAIN, "correct horse\n")],
    );
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(AGAIN) && !text.contains("correct horse"), "{text}");
    assert!(file.exists());
}

#[test]
fn a_deletion_is_asked_about() {
    let server = server();
    let made = server.avala(&format!("{CREATE} --output json")).run().json();
    let line = format!("webhooks delete {}", made["uid"].as_str().unwrap());
    let (code, text) = on_a_terminal(&server, &line, &[("[y/N]", "\n")]);
    assert_eq!(code, Some(1), "{text}");
    server.avala(&line.replace("delete", "get")).run().printed();
    let (code, text) = on_a_terminal(&server, &line, &[("[y/N]", "y\n")]);
    assert_eq!(code, Some(0), "{text}");
    server.avala(&line.replace("delete", "get")).run().failed(3);
}

#[test]
fn a_table_fits_the_terminal() {
    let server = server();
    server
        .avala("webhooks create --events dataset.created,dataset.updated,dataset.deleted --target-url")
        .arg(&format!("https://example.com/{}", "long/".repeat(30)))
        .run()
        .printed();
    let (_, text) = on_a_terminal(&server, "webhooks list", &[]);
    let plain = text.replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
    assert_ne!(plain, text, "titles stand out");
    assert!(plain.lines().all(|line| line.chars().count() <= 100), "{plain}");
    assert!(plain.contains('…') && plain.contains(" UTC"), "{plain}");
}

#[test]
fn a_development_server_prints_the_lines_to_paste() {
    let server = server();
    let line = format!(
        "serve --dev --bind 127.0.0.1:0 --data-dir {}/other",
        server.directory.path().display()
    );
    let (code, text) = on_a_terminal(&server, &line, &[("AVALA_ALLOW_INSECURE_BASE_URL=true", "\u{3}")]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("\nexport AVALA_API_KEY=avk_test_"), "{text}");
}

#[test]
fn a_wait_shows_how_it_goes_on_in_one_line_that_is_gone_at_the_end() {
    let server = exports(&["pending", "processing", "exported"]);
    let (code, text) = typed_on_a_terminal(&server.base_url, "key", WAIT, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("\rprocessing · 4 of 9 tasks · 0 s"), "{text:?}");
    let (line, printed) = text.rsplit_once('\r').unwrap();
    assert!(
        line.ends_with("     ") && !line.contains('\n'),
        "written over: {text:?}"
    );
    assert!(printed.contains("exported"), "{text:?}");

    let json = format!("{WAIT} -o json");
    let (_, text) = typed_on_a_terminal(&exports(&["pending", "exported"]).base_url, "key", &json, &[]);
    assert!(text.starts_with('{'), "programs read no line: {text:?}");
}

#[test]
fn logs_can_be_read_on_a_terminal() {
    let (code, text) = on_a_terminal(&server(), "whoami --log trace,", &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("TRACE") || text.contains("DEBUG"), "{text}");
}

#[test]
fn the_audit_is_a_table_that_says_who_did_what() {
    let server = server();
    let made = server
        .avala("webhooks create --target-url https://example.com/ --events task.completed -o json")
        .run()
        .json();
    let (code, seen) = on_a_terminal(&server, "audit list --limit 2", &[]);
    assert_eq!(code, Some(0), "{seen}");
    let plain = seen.replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
    let lines: Vec<&str> = plain.lines().collect();
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>(),
        ["TIME", "ACTOR", "ACTION", "OBJECT", "REFUSED"],
        "{seen}"
    );
    let uid = made["uid"].as_str().unwrap();
    let id = &server.key()["avk_test_".len()..][..12];
    for text in [" UTC  ", &format!("  key:{id}  webhook.create  "), &uid[..12]] {
        assert!(lines[1].contains(text), "{text}: {seen}");
    }
    assert!(lines[2].contains("  console "), "{seen}");
}
