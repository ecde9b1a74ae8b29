//! What stdout and stderr look like to a program.

use std::process::{Command, Stdio};

use super::{avala::avala, server::server};

fn make_webhook(server: &super::server::TestServer, number: usize) -> serde_json::Value {
    let line = format!(
        "webhooks create --target-url https://example.com/{number} --events dataset.created --output json"
    );
    server.avala(&line).run().json()
}

#[test]
fn whoami_says_who_what_and_from_where_and_never_the_key() {
    let server = server();
    let text = server.avala("whoami").run().printed();
    assert!(text.contains("user\tdeveloper@localhost\n"), "{text}");
    assert!(text.contains("the environment variable AVALA_API_KEY"), "{text}");
    assert!(text.contains("webhooks.write"), "{text}");
    let json = server.avala("whoami -o json").run();
    assert!(!text.contains(server.key()) && !json.stdout.contains(server.key()));
    let json = json.json();
    assert_eq!(json["user"]["username"], "developer@localhost");
    assert!(
        json["credential"]["masked_key"]
            .as_str()
            .unwrap()
            .starts_with("avk_test...")
    );
}

#[test]
fn a_key_of_an_env_file_is_used_with_its_url_and_named() {
    let server = server();
    let file = server.directory.path().join("keys.env");
    std::fs::write(
        &file,
        format!(
            "AVALA_API_KEY={}\nAVALA_BASE_URL={}\n",
            server.key(),
            server.base_url
        ),
    )
    .unwrap();
    let text = avala("whoami --allow-insecure-loopback --env-file")
        .arg(file.to_str().unwrap())
        .run()
        .printed();
    assert!(text.contains("keys.env"), "{text}");
}

#[test]
fn status_reports_what_is_in_order() {
    let server =
        super::server::TestServer::start(|config| config.rate_limit = avala_server::RateLimit::PerMinute(50));
    let status = server.avala("status --output json").run().json();
    assert_eq!(status["reachable"], true);
    assert_eq!(status["key"], "accepted");
    assert_eq!(status["rate_limit"]["limit"], 50);
    let text = server.avala("status").run().printed();
    assert!(text.contains("rate limit\t48 of 50 left"), "{text}");
}

#[test]
fn in_a_pipe_a_list_is_rows_of_tabs_with_exact_times() {
    let server = server();
    let made = make_webhook(&server, 1);
    let text = server.avala("webhooks list").run().printed();
    let cells: Vec<&str> = text.trim_end().split('\t').collect();
    assert_eq!(
        cells,
        [
            made["uid"].as_str().unwrap(),
            "https://example.com/1",
            "dataset.created",
            "true",
            made["created_at"].as_str().unwrap()
        ]
    );
}

#[test]
fn json_is_the_type_of_the_api_itself() {
    let server = server();
    let made = make_webhook(&server, 1);
    let uid = made["uid"].as_str().unwrap();
    let got = server
        .avala(&format!("webhooks get {uid} --output json"))
        .run()
        .json();
    let webhook: avala_api::webhooks::Webhook = serde_json::from_value(got.clone()).unwrap();
    assert_eq!(serde_json::to_value(&webhook).unwrap(), got);
    let listed = server.avala("webhooks list --output json").run().json();
    assert_eq!(listed, serde_json::json!([got]));
}

#[test]
fn an_asked_for_table_has_titles_and_readable_times_even_in_a_pipe() {
    let server = server();
    make_webhook(&server, 1);
    let text = server.avala("webhooks list --output table").run().printed();
    let (titles, row) = text.split_once('\n').unwrap();
    assert!(
        titles.starts_with("UID ") && titles.ends_with("CREATED"),
        "{text}"
    );
    assert!(
        row.trim_end().ends_with(" UTC") && row.contains(" yes "),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "no colours in a pipe: {text:?}");
}

#[test]
fn an_error_is_one_object_when_json_was_asked_for() {
    let server = server();
    let error = server
        .avala("agents get nobody --output json")
        .run()
        .error_object(3);
    assert_eq!(
        (&error["kind"], &error["status"]),
        (&"not_found".into(), &404.into())
    );
    assert_eq!(
        (&error["message"], &error["code"]),
        (&"Not found.".into(), &"not_found".into())
    );
    assert!(error["request_id"].is_string(), "{error}");
    for member in ["hint", "retry_after", "fields"] {
        assert!(error.get(member).is_some(), "{member}: {error}");
    }
}

#[test]
fn a_mistake_on_the_command_line_is_one_object_too() {
    for line in [
        "--output json webhooks get",
        "-ojson nonsense",
        "whoami --output json",
        "whoami --api-key x --output=json",
    ] {
        let error = avala(line).run().error_object(2);
        assert!(error["message"].as_str().unwrap().len() > 10, "{line}: {error}");
    }
    assert_eq!(avala("-ojson nonsense").run().error_object(2)["kind"], "usage");
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let server = server();
    for number in 0..3 {
        make_webhook(&server, number);
    }
    let mut typed = server.avala("webhooks list");
    let mut child = typed
        .command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), &b""[..])
    );
}

#[test]
fn logs_go_to_stderr_and_hold_no_key() {
    let server = server();
    let outcome = server.avala("whoami --log trace,").run();
    assert_eq!(outcome.code, Some(0));
    assert!(!outcome.stderr.is_empty());
    assert!(!outcome.stderr.contains(server.key()) && !outcome.stdout.contains(server.key()));
}

/// A runtime or a TLS library would show as threads or as files read.
#[test]
fn the_version_is_told_without_looking_at_the_environment() {
    let output = Command::new(env!("CARGO_BIN_EXE_avala"))
        .arg("--version")
        .env_clear()
        .env("AVALA_API_KEY", "")
        .env("AVALA_BASE_URL", "nonsense")
        .output()
        .unwrap();
    assert!(output.status.success());
}
