//! Waiting for a job, on virtual time: when it is looked at, how a wait ends, and what the end carries.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod support;

use std::time::Duration;

use avala::{
    Error, ErrorKind,
    api::{
        auto_label_jobs::{AutoLabelJob, AutoLabelStatus},
        datasets::Dataset,
        exports::{Export, ExportStatus},
    },
};
use support::{CANARY, Script, Turn, answer, seconds};
use tokio::time::Instant;

fn export(status: &str) -> Turn {
    answer(200, format!(r#"{{"uid":"e1","status":"{status}"}}"#))
}

fn exports<'a>(statuses: impl IntoIterator<Item = &'a str>) -> Script {
    Script::of(statuses.into_iter().map(export))
}

fn last_seen(error: &Error) -> Option<&str> {
    error
        .job::<Export>()
        .and_then(|export| export.status.as_ref())
        .map(ExportStatus::as_str)
}

#[tokio::test(start_paused = true)]
async fn a_job_is_looked_at_at_once_and_then_ever_more_rarely_until_it_is_done() {
    let script = exports([
        "requested",
        "pending",
        "processing",
        "processing",
        "processing",
        "processing",
        "processing",
        "processing",
        "processing",
        "exported",
    ]);
    let began = Instant::now();

    let done = script.client().exports().wait("e1").await.unwrap();

    assert_eq!(done.status, Some(ExportStatus::Exported));
    assert_eq!(script.seen()[0].at, began, "the first look waits for nothing");
    let around = [1.0, 1.5, 2.25, 3.375, 5.0625, 7.59375, 10.0, 10.0, 10.0];
    assert_eq!(script.waits().len(), around.len());
    for (wait, around) in script.waits().into_iter().zip(around) {
        assert!(
            (around * 0.9..=around * 1.1).contains(&wait),
            "{wait} is not around {around}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn many_waiters_do_not_look_at_the_same_moment() {
    let mut waits = Vec::new();
    for _ in 0..8 {
        let script = exports(["pending", "exported"]);
        script.client().exports().wait("e1").await.unwrap();
        waits.push(script.waits()[0]);
    }
    waits.sort_by(f64::total_cmp);
    waits.dedup();
    assert!(waits.len() > 1, "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn the_first_wait_can_be_set_and_never_spins() {
    let patient = exports(["pending", "pending", "exported"]);
    let wait = patient.client().exports().wait("e1").with_interval(seconds(60));
    wait.send().await.unwrap();
    for wait in patient.waits() {
        assert!((54.0..=66.0).contains(&wait), "it grows no further: {wait}");
    }
    let eager = exports(["pending", "exported"]);
    let wait = eager.client().exports().wait("e1").with_interval(Duration::ZERO);
    wait.await.unwrap();
    assert!(eager.waits()[0] >= 0.09, "{:?}", eager.waits());
}

#[tokio::test(start_paused = true)]
async fn a_failed_export_is_an_error_that_carries_it() {
    let script = exports(["processing", "failed"]);
    let error = script.client().exports().wait("e1").send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobFailed);
    assert_eq!(error.operation(), Some("exports.get"));
    assert_eq!(error.message(), "The job ended as `failed`.");
    let export = error.job::<Export>().unwrap();
    assert_eq!((export.uid.as_str(), last_seen(&error)), ("e1", Some("failed")));
    assert!(
        error.job::<Dataset>().is_none(),
        "it is an export and nothing else"
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_that_tells_why_it_failed_is_quoted_without_the_key() {
    let of = |status: &str| {
        let reason = format!("no model for {CANARY}");
        Script::of([answer(
            200,
            serde_json::json!({"uid": "j1", "status": status, "error_message": reason}).to_string(),
        )])
    };
    for (status, known) in [
        ("failed", AutoLabelStatus::Failed),
        ("cancelled", AutoLabelStatus::Cancelled),
    ] {
        let error = of(status)
            .client()
            .auto_label_jobs()
            .wait("j1")
            .await
            .unwrap_err();
        assert_eq!(
            error.message(),
            format!("The job ended as `{status}`: no model for [redacted]")
        );
        assert!(!format!("{error} {error:?}").contains(&CANARY[22..]));
        assert_eq!(error.job::<AutoLabelJob>().unwrap().status, Some(known));
    }
}

#[tokio::test(start_paused = true)]
async fn the_states_are_handed_on_as_they_are_seen_unknown_ones_too() {
    let script = exports(["pending", "queued-in-2031", "exported"]);
    let mut states = script.client().exports().wait("e1").states();
    let mut seen = Vec::new();
    while let Some(state) = states.next().await {
        seen.push(state.unwrap().status.unwrap().to_string());
    }
    assert_eq!(seen, ["pending", "queued-in-2031", "exported"]);

    let script = exports(["pending", "failed"]);
    let mut states = script.client().exports().wait("e1").states();
    assert!(states.next().await.unwrap().is_ok());
    let error = states.next().await.unwrap().unwrap_err();
    assert_eq!(last_seen(&error), Some("failed"));
    assert!(states.next().await.is_none(), "an error is the end");
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_its_time_after_one_last_look() {
    let script = exports(["processing"; 40]);
    let began = Instant::now();
    let wait = script.client().exports().wait("e1").with_timeout(seconds(60));
    let error = wait.await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(last_seen(&error), Some("processing"));
    assert_eq!(
        error.message(),
        "The job was still `processing` when the time for waiting was over."
    );
    let took = began.elapsed();
    assert!(took <= seconds(60) && took >= seconds(58), "{took:?}");
    let last = script.seen().last().unwrap().at - began;
    assert_eq!(
        last,
        seconds(59),
        "the last wait is shortened so that the look still fits"
    );
}

#[tokio::test(start_paused = true)]
async fn a_look_that_hangs_does_not_hold_a_wait_past_its_time() {
    let script = Script::of([export("processing"), Turn::Forever]);
    let began = Instant::now();
    let wait = script.client().exports().wait("e1").with_timeout(seconds(20));
    let error = wait.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(began.elapsed(), seconds(20));
    assert_eq!(last_seen(&error), Some("processing"));
}

#[tokio::test(start_paused = true)]
async fn a_look_is_repeated_like_any_call_and_a_refusal_ends_the_wait() {
    let script = Script::of([
        export("processing"),
        answer(503, ""),
        answer(502, ""),
        export("processing"),
        answer(404, r#"{"detail":"Not found."}"#),
    ]);
    let error = script.client().exports().wait("e1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(last_seen(&error), Some("processing"));

    let script = Script::of([answer(503, "")]);
    let once = script
        .client()
        .exports()
        .get("e1")
        .with_retry(avala::Retry::NEVER);
    let error = once.wait().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.attempts()),
        (ErrorKind::Server, 1),
        "the options of the call hold for each look"
    );
    assert!(error.job::<Export>().is_none(), "none was seen");
}

#[tokio::test(start_paused = true)]
async fn a_dataset_is_waited_for_the_same_way() {
    let dataset = |status: &str| {
        let body = serde_json::json!({"uid": "d", "name": "n", "slug": "s", "status": status});
        answer(200, body.to_string())
    };
    let script = Script::of([dataset("creating"), dataset("created")]);
    let done = script.client().datasets().wait("d").await.unwrap();
    assert_eq!(done.slug.as_str(), "s");
    assert_eq!(script.seen()[0].uri, "https://avala.example/api/v1/datasets/d/");
}

#[test]
fn the_blocking_client_waits_the_same_way() {
    let script = exports(["pending", "exported", "pending", "failed"]);
    let client = script.builder().build_blocking().unwrap();
    let wait = || client.exports().wait("e1").with_interval(Duration::ZERO);
    assert_eq!(wait().send().unwrap().status, Some(ExportStatus::Exported));

    let mut states = wait().states();
    assert_eq!(
        states.next().unwrap().unwrap().status,
        Some(ExportStatus::Pending)
    );
    let error = states.next().unwrap().unwrap_err();
    assert_eq!(
        (error.kind(), last_seen(&error)),
        (ErrorKind::JobFailed, Some("failed"))
    );
    assert!(states.next().is_none());
}
