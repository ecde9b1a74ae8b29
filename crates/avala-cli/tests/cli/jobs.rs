//! Waiting for jobs: what is printed at the end, and the exit code of each end.

use serde_json::json;

use super::{
    avala::avala,
    canned::{Canned, in_turn},
};

fn export(status: &str) -> String {
    json!({"uid": "e1", "status": status, "total_task_count": 9, "exported_task_count": 4}).to_string()
}

pub(super) fn exports(statuses: &[&str]) -> Canned {
    let bodies: Vec<String> = statuses.iter().map(|status| export(status)).collect();
    let answers: Vec<(&str, &str)> = bodies.iter().map(|body| ("200 OK", body.as_str())).collect();
    in_turn(&answers)
}

/// A wait that does not keep a test waiting.
pub(super) const WAIT: &str = "exports wait e1 --interval 100ms";

#[test]
fn a_wait_ends_with_the_export_and_says_nothing_meanwhile() {
    let server = exports(&["pending", "processing", "exported"]);
    let printed = avala(WAIT).on(&server.base_url, "key").run().printed();
    assert!(printed.contains("status\texported\n"), "{printed}");
    assert_eq!(server.lines(), ["GET /exports/e1/"; 3]);

    let server = exports(&["pending", "exported"]);
    let done = avala(WAIT).arg("-ojson").on(&server.base_url, "key").run().json();
    assert_eq!(done["status"], "exported");
}

#[test]
fn a_failed_export_is_printed_and_is_11() {
    let server = exports(&["processing", "failed"]);
    let outcome = avala(WAIT).on(&server.base_url, "key").run();
    assert_eq!(outcome.code, Some(11));
    assert!(outcome.stdout.contains("status\tfailed\n"), "{outcome:?}");
    assert_eq!(outcome.stderr, "error: The job ended as `failed`.\n");

    let outcome = avala(WAIT)
        .arg("-ojson")
        .on(&exports(&["failed"]).base_url, "key")
        .run();
    let printed: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let said: serde_json::Value = serde_json::from_str(&outcome.stderr).unwrap();
    assert_eq!(
        (&printed["status"], &said["kind"]),
        (&json!("failed"), &json!("job_failed"))
    );
}

#[test]
fn a_wait_whose_time_is_over_is_7_and_prints_nothing_that_could_pass_for_an_end() {
    let server = exports(&["processing"]);
    let text = avala(WAIT)
        .arg("--wait-timeout=1200ms")
        .on(&server.base_url, "key")
        .run()
        .failed(7);
    assert!(
        text.contains("still `processing`")
            && text.contains("The job goes on.")
            && text.contains("--wait-timeout"),
        "{text}"
    );
    assert!(server.lines().len() > 1, "it looked more than once");
}

#[test]
fn an_export_can_be_waited_for_as_soon_as_it_is_made() {
    let server = exports(&["requested", "exported"]);
    let outcome = avala("exports create --project p1 --wait --wait-timeout 1m --interval 100ms")
        .on(&server.base_url, "key")
        .run();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("status\texported\n"), "{outcome:?}");
    assert_eq!(
        outcome.stderr, "The export e1 is being made.\n",
        "whoever interrupts knows what to ask for"
    );
    assert_eq!(server.lines(), ["POST /exports/", "GET /exports/e1/"]);
}

#[test]
fn an_auto_label_job_is_waited_for_the_same_way() {
    let job = |status: &str| json!({"uid": "j1", "status": status, "error_message": "No model."}).to_string();
    let server = in_turn(&[("200 OK", &job("running")), ("200 OK", &job("cancelled"))]);
    let outcome = avala("auto-label-jobs wait j1 --interval 100ms")
        .on(&server.base_url, "key")
        .run();
    assert_eq!(outcome.code, Some(11));
    assert_eq!(outcome.stderr, "error: The job ended as `cancelled`: No model.\n");

    let server = in_turn(&[("201 Created", &job("pending")), ("200 OK", &job("completed"))]);
    let outcome = avala("auto-label-jobs create --project p1 --wait")
        .on(&server.base_url, "key")
        .run();
    assert_eq!(
        (outcome.code, outcome.stderr.as_str()),
        (Some(0), "The auto-label job j1 is started.\n")
    );
}

#[test]
fn an_export_that_is_not_there_is_3() {
    let server = in_turn(&[("404 Not Found", r#"{"detail": "Not found."}"#)]);
    avala(WAIT).on(&server.base_url, "key").run().failed(3);
}

#[test]
fn patience_is_for_those_who_wait() {
    for line in [
        "exports create --project p1 --wait-timeout 1m",
        "auto-label-jobs create --project p1 --interval 1s",
    ] {
        let text = avala(line).run().failed(2);
        assert!(text.contains("--wait"), "{text}");
    }
}
