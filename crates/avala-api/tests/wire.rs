//! What goes over the wire, in the cases where it is easy to get wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use avala_api::{
    CommaList, DecodeError, ErrorBody, EventName, Incoming, Job, Operation, Page, Paging, Patch, Progress,
    Secret, agents, auto_label_jobs::AutoLabelJob, datasets, exports::Export, inference_providers,
    organizations, storage_configs, webhooks,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn body_of<O: Operation>(operation: &O) -> Value {
    serde_json::from_slice(&operation.body().unwrap().unwrap()).unwrap()
}

#[test]
fn a_field_of_an_update_can_be_left_cleared_or_set() {
    let leave = webhooks::Update::new("w").is_active(false);
    let clear = webhooks::Update::new("w").secret(Patch::Null);
    let set = webhooks::Update::new("w").secret("s3cr3t");
    assert_eq!(body_of(&leave), json!({"is_active": false}));
    assert_eq!(body_of(&clear), json!({"secret": null}));
    assert_eq!(body_of(&set), json!({"secret": "s3cr3t"}));
    assert_eq!(
        body_of(&webhooks::Update::new("w")),
        json!({}),
        "nothing set is an empty object, as the clients send"
    );

    for operation in [leave, clear, set] {
        let body = operation.body().unwrap().unwrap();
        let path = [("uid", "w")];
        let read = webhooks::Update::decode(&Incoming {
            path: &path,
            query: "",
            body: &body,
        })
        .unwrap();
        assert_eq!(read, operation, "the server sees the same three values");
    }
}

#[test]
fn an_operation_without_a_body_sends_none() {
    assert_eq!(webhooks::Test::new("w").body().unwrap(), None);
    assert_eq!(webhooks::List::new().body().unwrap(), None);
}

#[test]
fn a_list_in_a_query_is_one_parameter() {
    let call = agents::ListExecutions::new("a")
        .task_types(["cuboid", "poly line"])
        .status("pending");
    assert_eq!(
        call.query().as_str(),
        "status=pending&task_types=cuboid%2Cpoly%20line"
    );
    let read = agents::ListExecutions::decode(&Incoming {
        path: &[("uid", "a")],
        query: "task_types=a,b,&limit=5",
        body: b"",
    });
    assert_eq!(read.unwrap().task_types, Some(CommaList::from(["a", "b"])));
}

#[test]
fn the_cursor_goes_under_the_lists_own_name() {
    assert_eq!(webhooks::List::new().cursor("c").query().as_str(), "cursor=c");
    assert_eq!(organizations::List::new().cursor("2").query().as_str(), "page=2");
}

#[test]
fn the_next_page_is_read_by_paging_kind_and_only_its_cursor_is_used() {
    let page =
        |next: &str| serde_json::from_value::<Page<Value>>(json!({"next": next, "results": []})).unwrap();
    let cursor = |next: &str, paging| {
        page(next)
            .next_cursor(paging)
            .map(|cursor| cursor.as_str().to_owned())
    };
    assert_eq!(
        cursor("https://evil.example/x?a=1&cursor=a%2Bb%3D#f", Paging::Cursor).as_deref(),
        Some("a+b=")
    );
    assert_eq!(
        cursor("https://h/organizations/?page=3", Paging::PageNumber).as_deref(),
        Some("3")
    );
    assert_eq!(cursor("https://h/organizations/?page=3", Paging::Cursor), None);
    assert_eq!(cursor("https://h/?cursor=", Paging::Cursor), None);
    assert_eq!(cursor("garbage", Paging::Cursor), None);
}

#[test]
fn a_page_may_be_an_object_or_an_array_but_not_an_error() {
    let of = |value: Value| serde_json::from_value::<Page<Value>>(value);
    assert_eq!(of(json!([1, 2])).unwrap().items.len(), 2);
    assert_eq!(of(json!({"results": [1]})).unwrap().items.len(), 1);
    assert!(of(json!({"detail": "no"})).is_err());
    assert_eq!(
        serde_json::to_value(
            of(json!({"count": 3, "next": null, "previous": null, "results": [1]})).unwrap()
        )
        .unwrap(),
        json!({"count": 3, "next": null, "previous": null, "results": [1]})
    );
}

#[test]
fn an_unknown_event_survives_and_a_known_one_is_never_hidden_in_other() {
    let name: EventName = serde_json::from_value(json!("robot.exploded")).unwrap();
    assert_eq!(serde_json::to_value(&name).unwrap(), json!("robot.exploded"));
    for known in EventName::KNOWN {
        assert!(!matches!(EventName::from(*known), EventName::Other(_)), "{known}");
    }
}

#[test]
fn every_bad_field_is_found_and_none_is_quoted_back() {
    let body = br#"{"target_url": null, "is_active": "avk_live_oops", "secret": 7}"#;
    let error = webhooks::Create::decode(&Incoming {
        body,
        ..Incoming::default()
    })
    .unwrap_err();
    let DecodeError::Fields(errors) = &error else {
        panic!("{error}")
    };
    let fields: Vec<&str> = errors.0.keys().map(String::as_str).collect();
    assert_eq!(fields, ["events", "is_active", "secret", "target_url"]);
    assert!(!error.to_string().contains("oops"));
}

#[test]
fn a_body_with_two_members_of_one_name_or_no_object_is_malformed() {
    for body in [
        &br#"{"name": "a", "name": "b"}"#[..],
        br#"{"name": "a", "events": [{"a": {"b": 1, "b": 1}}]}"#,
        b"[]",
        b"{",
        b"7",
        br#"{"a":1}x"#,
    ] {
        let read = agents::Create::decode(&Incoming {
            body,
            ..Incoming::default()
        });
        assert_eq!(read.unwrap_err(), DecodeError::Malformed);
    }
}

#[test]
fn a_path_step_or_a_control_character_is_no_identifier() {
    for bad in ["", ".", "..", "a\nb", "\u{7f}", "a\0"] {
        assert!(webhooks::Get::new(bad).path().is_err(), "{bad:?}");
    }
}

#[test]
fn a_secret_shows_in_no_debug() {
    let create =
        webhooks::Create::new("https://h", [EventName::TaskCompleted]).secret(Secret::from("the-canary"));
    assert!(!format!("{create:?}").contains("the-canary"));
    let webhook: webhooks::Webhook =
        serde_json::from_value(json!({"uid": "w", "target_url": "https://h", "secret": "the-canary"}))
            .unwrap();
    assert!(!format!("{webhook:?}").contains("the-canary"));
    let of_tomorrow: webhooks::Webhook = serde_json::from_value(
        json!({"uid": "w", "target_url": "https://h", "signing_secret": "the-canary"}),
    )
    .unwrap();
    assert!(!format!("{of_tomorrow:?}").contains("the-canary"));
    assert_eq!(
        serde_json::to_value(&of_tomorrow).unwrap()["signing_secret"],
        "the-canary",
        "only Debug is redacted"
    );
}

#[test]
fn the_credentials_of_buckets_and_models_show_in_no_debug_and_reach_the_wire() {
    let bucket = storage_configs::Create::new("b", "aws_s3")
        .s3_access_key_id("the-canary-id")
        .s3_secret_access_key("the-canary-key");
    let account = storage_configs::Create::new("b", "gc_storage").gc_storage_auth_json_content("the-canary");
    let model = inference_providers::Create::new("m", "http", [("some_header", "the-canary")]);
    let over = datasets::Create::new("d", "d", "image").provider_config([("x", "the-canary")]);
    let shown = format!("{bucket:?} {account:?} {model:?} {over:?}");
    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.contains("some_header"), "members are named: {shown}");
    assert_eq!(body_of(&bucket)["s3_secret_access_key"], "the-canary-key");
    assert_eq!(body_of(&account)["gc_storage_auth_json_content"], "the-canary");
    assert_eq!(body_of(&model)["config"], json!({"some_header": "the-canary"}));
    assert_eq!(body_of(&over)["provider_config"], json!({"x": "the-canary"}));

    let answered: inference_providers::InferenceProvider =
        serde_json::from_value(json!({"uid": "m", "name": "m", "config": {"some_header": "the-canary"}}))
            .unwrap();
    assert!(!format!("{answered:?}").contains("canary"));
}

#[test]
fn a_job_goes_on_until_a_known_status_ends_it() {
    fn progress<J: Job>(statuses: &[&str]) -> Vec<Progress> {
        let of = |status: Value| {
            serde_json::from_value::<J>(json!({"uid": "j", "name": "", "slug": "", "status": status}))
                .unwrap()
        };
        assert_eq!(of(Value::Null).progress(), Progress::Running);
        assert_eq!(of(json!("of tomorrow")).progress(), Progress::Running);
        assert_eq!(of(json!("of tomorrow")).status(), Some("of tomorrow"));
        statuses
            .iter()
            .map(|status| of(json!(status)).progress())
            .collect()
    }
    use Progress::{Failed, Running, Succeeded};
    assert_eq!(
        progress::<Export>(&[
            "requested",
            "pending",
            "processing",
            "exported",
            "completed",
            "failed"
        ]),
        [Running, Running, Running, Succeeded, Succeeded, Failed]
    );
    assert_eq!(
        progress::<AutoLabelJob>(&["pending", "running", "completed", "failed", "cancelled"]),
        [Running, Running, Succeeded, Failed, Failed]
    );
    assert_eq!(
        progress::<datasets::Dataset>(&["creating", "created"]),
        [Running, Succeeded]
    );
}

#[test]
fn what_a_test_found_is_read_in_every_form_of_field_errors() {
    let of = |errors: Value| {
        let result: storage_configs::TestResult =
            serde_json::from_value(json!({"verified": false, "errors": errors})).unwrap();
        result.errors.to_string()
    };
    assert_eq!(
        of(json!({"s3_bucket_name": ["Not found."]})),
        "s3_bucket_name: Not found."
    );
    assert_eq!(of(json!({"s3_role_arn": "Denied."})), "s3_role_arn: Denied.");
    assert_eq!(of(json!({"s3": {"region": ["Wrong."]}})), "s3.region: Wrong.");
    assert_eq!(of(json!({})), "");
    assert_eq!(of(Value::Null), "", "nothing wrong");
}

#[test]
fn a_field_that_is_called_like_a_member_of_errors_keeps_its_errors() {
    let fields = |body: &str| ErrorBody::parse(body.as_bytes()).fields.to_string();
    assert_eq!(
        fields(r#"{"limit":["Must be between 1 and 1000."]}"#),
        "limit: Must be between 1 and 1000."
    );
    assert_eq!(
        fields(r#"{"code":["Too long."],"doc_url":["No."]}"#),
        "code: Too long.; doc_url: No."
    );
    assert_eq!(
        fields(r#"{"detail":"Invalid input.","name":["Too long."]}"#),
        "name: Too long."
    );
    assert_eq!(
        ErrorBody::parse(br#"{"error":"invalid_request"}"#)
            .detail
            .as_deref(),
        Some("invalid_request")
    );
}

#[test]
fn an_error_body_that_nests_without_end_costs_little() {
    let inner: serde_json::Map<_, _> = (0..6000).map(|n| (n.to_string(), json!("x"))).collect();
    let body = json!({ ("n".repeat(60_000)): inner.clone(), "deep": inner });
    let parsed = ErrorBody::parse(body.to_string().as_bytes());
    let size: usize = parsed
        .fields
        .0
        .iter()
        .map(|(name, texts)| name.len() + texts.concat().len())
        .sum();
    assert!(size < 50_000, "{size}");
}

#[test]
fn the_debug_of_a_call_shows_no_header_value() {
    let request =
        avala_api::Request::new(webhooks::List::new(), ()).with_header("X-Proxy-Token", "the-canary");
    let shown = format!("{request:?}");
    assert!(
        shown.contains("X-Proxy-Token") && !shown.contains("the-canary"),
        "{shown}"
    );
}

proptest! {
    #[test]
    fn whatever_the_identifier_it_stays_one_segment(id in "\\PC{1,40}") {
        if let Ok(path) = webhooks::Get::new(id.as_str()).path() {
            let inner = path.strip_prefix("/webhooks/").unwrap().strip_suffix('/').unwrap();
            prop_assert!(inner.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)), "{}", path);
            prop_assert!(inner != "." && inner != "..");
        }
    }

    #[test]
    fn what_the_client_writes_the_server_reads(name in "\\PC{0,30}", reason in proptest::option::of("\\PC{0,30}"), limit in proptest::option::of(any::<u32>()), cursor in "\\PC{1,30}") {
        let mut create = agents::Create::new(name);
        create.description = reason;
        let body = create.body().unwrap().unwrap();
        prop_assert_eq!(agents::Create::decode(&Incoming { body: &body, ..Incoming::default() }).unwrap(), create);

        let mut list = webhooks::List::new().cursor(cursor.as_str());
        list.limit = limit;
        let query = list.query();
        prop_assert_eq!(webhooks::List::decode(&Incoming { query: query.as_str(), ..Incoming::default() }).unwrap(), list);
    }
}
