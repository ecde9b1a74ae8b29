//! Secrets: never by argument, once to a program, and not to a terminal unless asked.

use super::{avala::avala, server::server};

// Covers: W20
#[test]
fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
    for line in [
        "--api-key hunter2-hunter2 whoami",
        "whoami --api-key=hunter2-hunter2",
        "webhooks create --secret hunter2-hunter2",
    ] {
        let text = avala(line).run().failed(2);
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("hint: "), "the way to do it is named: {text}");
    }
}

#[test]
fn a_key_typed_in_the_wrong_place_is_not_quoted_back() {
    let server = server();
    for line in [
        format!("whoami {}", server.key()),
        format!("webhooks list --limit {}", server.key()),
    ] {
        let text = avala(&line).run().failed(2);
        assert!(
            !text.contains(server.key()) && text.contains("[redacted]"),
            "{text}"
        );
        let error = avala(&line).arg("-ojson").run().error_object(2).to_string();
        assert!(!error.contains(server.key()), "{error}");
    }
}

// Covers: W37
#[test]
fn a_program_gets_a_new_secret_once() {
    let server = server();
    let text = server
        .avala("webhooks create --target-url https://example.com/ --events dataset.created")
        .run()
        .printed();
    let field = |text: &str, name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(&format!("{name}\t")))
            .map(str::to_owned)
    };
    let (uid, secret) = (field(&text, "uid").unwrap(), field(&text, "secret").unwrap());
    for line in [
        format!("webhooks get {uid}"),
        "webhooks list".into(),
        format!("webhooks update {uid} --active true"),
    ] {
        for form in ["", " -o json"] {
            let again = server.avala(&format!("{line}{form}")).run().printed();
            assert!(!again.contains(&secret), "{line}: {again}");
        }
    }
    let text = server
        .avala(&format!("webhooks update {uid} --new-secret"))
        .run()
        .printed();
    assert_ne!(field(&text, "secret").unwrap(), secret);
}

// Covers: W37
#[test]
fn an_own_secret_comes_from_stdin_and_is_not_printed() {
    let server = server();
    let line =
        "webhooks create --target-url https://example.com/ --events dataset.created --secret-stdin -o json";
    let made = server.avala(line).stdin("a secret of my own\n").run();
    assert!(!made.stdout.contains("a secret of my own"), "{made:?}");
    let uid = made.json()["uid"].as_str().unwrap().to_owned();
    let changed = server
        .avala(&format!("webhooks update {uid} --secret-stdin"))
        .stdin("another of my own")
        .run()
        .printed();
    assert!(!changed.contains("another of my own"), "{changed}");
    server
        .avala("agents create --name a --secret-stdin")
        .stdin("\n")
        .run()
        .failed(2);
}
