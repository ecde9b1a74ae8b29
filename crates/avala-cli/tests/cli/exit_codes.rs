//! Every exit code, from the situation that causes it.

use avala_api::Scope;
use avala_server::RateLimit;

use super::{
    avala::avala,
    canned::canned,
    server::{TestServer, server},
};

#[test]
fn what_does_not_exist_is_3() {
    let text = server()
        .avala("webhooks get 00000000-0000-4000-8000-000000000000")
        .run()
        .failed(3);
    assert!(
        text.starts_with("error: Not found.\n") && text.contains("request id: "),
        "{text}"
    );
}

// Covers: W19
#[test]
fn a_key_that_is_not_accepted_is_4_for_status_too() {
    let server = server();
    let wrong = "0123456789abcdef0123456789abcdef01234567";
    for line in ["whoami", "webhooks list"] {
        let text = avala(line).on(&server.base_url, wrong).run().failed(4);
        assert!(text.starts_with("error: Invalid API key."), "{text}");
    }
    let status = avala("status").on(&server.base_url, wrong).run();
    assert_eq!(status.code, Some(4), "{status:?}");
    assert!(status.stdout.contains("key is\trefused"), "{status:?}");
    assert!(status.stderr.contains("error: Invalid API key."), "{status:?}");
}

#[test]
fn a_key_without_the_right_is_5() {
    let server = server();
    let key = server.key_for(&[Scope::WebhooksRead]);
    avala("webhooks list")
        .on(&server.base_url, key.expose())
        .run()
        .printed();
    avala("agents list")
        .on(&server.base_url, key.expose())
        .run()
        .failed(5);
}

// Covers: W20
#[test]
fn too_many_requests_are_6_and_the_wait_is_told() {
    let server = TestServer::start(|config| config.rate_limit = RateLimit::PerMinute(1));
    server.avala("organizations list").run().printed();
    // The server asks for more time than the call has.
    let error = server
        .avala("organizations list --timeout 1s --output json")
        .run()
        .error_object(6);
    assert_eq!(
        (&error["kind"], &error["status"]),
        (&"rate_limited".into(), &429.into())
    );
    assert!(error["retry_after"].as_f64().unwrap() > 0.0, "{error}");
}

#[test]
fn a_server_that_is_not_there_is_7() {
    let text = avala("whoami --timeout 5s")
        .on("http://127.0.0.1:9/api/v1", "key")
        .run()
        .failed(7);
    assert!(text.starts_with("error: No connection"), "{text}");
    let status = avala("status --output json --timeout 5s")
        .on("http://127.0.0.1:9/api/v1", "key")
        .run();
    assert_eq!(status.code, Some(7));
    let report: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(
        (&report["reachable"], &report["key"]),
        (&false.into(), &"unknown".into())
    );
}

#[test]
fn a_server_that_fails_is_8() {
    let url = canned(
        "500 Internal Server Error",
        "retry-after: 0\r\n",
        "<html>oops</html>",
    );
    avala("whoami").on(&url, "key").run().failed(8);
}

// Covers: W20
#[test]
fn values_that_are_not_accepted_are_9_and_named() {
    let server = server();
    let line = "webhooks create --target-url ftp://example.com/ --events dataset.created";
    let text = server.avala(line).run().failed(9);
    assert!(text.contains("\n  target_url: "), "{text}");
    let error = server.avala(line).arg("--output=json").run().error_object(9);
    assert!(error["fields"]["target_url"].is_array(), "{error}");
}

#[test]
fn a_quota_that_is_used_up_is_10() {
    let url = canned(
        "413 Payload Too Large",
        "",
        r#"{"detail":"Storage is full.","limit":10,"used":10}"#,
    );
    avala("webhooks list").on(&url, "key").run().failed(10);
}

#[test]
fn an_answer_that_is_none_is_1() {
    let url = canned("200 OK", "", "<html>a proxy's page</html>");
    let text = avala("webhooks list").on(&url, "key").run().failed(1);
    assert!(!text.contains("proxy"), "an answer is not quoted: {text}");
}

/// The request is read and never answered, so that there is time to interrupt.
#[cfg(unix)]
#[test]
fn ctrl_c_is_130() {
    use std::{
        io::Read as _,
        process::{Command, Stdio},
    };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api/v1", listener.local_addr().unwrap());
    let mut typed = avala("whoami").on(&url, "key");
    let child = typed
        .command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();

    // A connection alone would be too early: the kernel makes it before the command waits, and listens, for the first
    // time. A request is sent after that.
    let (mut connection, _) = listener.accept().unwrap();
    connection.read_exact(&mut [0; 4]).unwrap();
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());

    let outcome = super::avala::Outcome::from(child.wait_with_output().unwrap());
    assert_eq!(outcome.failed(130), "error: Interrupted.\n");
}
