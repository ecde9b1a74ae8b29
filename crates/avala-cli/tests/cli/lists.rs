//! Lists: how much of them is shown, and that what is left out is said.

use super::{
    avala::avala,
    canned::canned,
    server::{TestServer, server},
};

fn make_agents(server: &TestServer, how_many: usize) {
    for number in 0..how_many {
        server
            .avala(&format!("agents create --name agent-{number:03} --output json"))
            .run()
            .json();
    }
}

#[test]
fn a_limit_counts_rows_and_says_when_there_are_more() {
    let server = server();
    make_agents(&server, 5);
    let outcome = server.avala("agents list --limit 3").run();
    assert_eq!(outcome.stdout.lines().count(), 3);
    assert!(
        outcome.stderr.contains("first 3") && outcome.stderr.contains("--all"),
        "{outcome:?}"
    );

    let text = server.avala("agents list --limit 5").run().printed();
    assert_eq!(text.lines().count(), 5, "exactly all of them: nothing to say");
    let text = server.avala("agents list").run().printed();
    assert_eq!(text.lines().count(), 5);
}

#[test]
fn all_goes_over_every_page() {
    let server = server();
    make_agents(&server, 120);
    let outcome = server.avala("agents list").run();
    assert_eq!(outcome.stdout.lines().count(), 100, "the default");
    assert!(outcome.stderr.contains("there are more"));
    let rows = server.avala("agents list --all --output json").run().json();
    let names: Vec<&str> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        (names.len(), names[0], names[119]),
        (120, "agent-119", "agent-000")
    );
    assert_eq!(
        server
            .avala("agents list --limit 110")
            .run()
            .stdout
            .lines()
            .count(),
        110
    );
}

#[test]
fn a_next_page_that_cannot_be_asked_for_is_an_error_and_not_the_end() {
    for link in [
        "https://example.com/webhooks/",
        "https://example.com/webhooks/?from=abc",
        "",
    ] {
        let page = serde_json::json!({ "results": [], "next": link, "previous": null });
        let url = canned("200 OK", "", &page.to_string());
        for line in [
            "webhooks list",
            "webhooks list --all -o json",
            "webhooks list --limit 1",
        ] {
            let text = avala(line).on(&url, "key").run().failed(1);
            assert!(text.contains("has no cursor"), "{link}: {text}");
        }
    }
}

#[test]
fn an_empty_list_is_empty_in_every_form() {
    let server = server();
    assert_eq!(server.avala("webhook-deliveries list").run().printed(), "");
    assert_eq!(
        server.avala("webhook-deliveries list -o json").run().printed(),
        "[]\n"
    );
}

#[test]
fn organizations_are_listed_and_read_by_their_slug() {
    let server = server();
    let text = server.avala("organizations list --ordering name").run().printed();
    let slug = text.split('\t').next().unwrap();
    let text = server.avala(&format!("organizations get {slug}")).run().printed();
    assert!(text.contains("role\towner\n"), "{text}");
}

#[test]
fn a_webhook_is_made_changed_tested_and_deleted() {
    let server = server();
    let made = server
        .avala("webhooks create --target-url https://example.com/a --events dataset.created,task.completed -o json")
        .run()
        .json();
    let uid = made["uid"].as_str().unwrap();
    assert_eq!(
        made["events"],
        serde_json::json!(["dataset.created", "task.completed"])
    );

    let changed = server
        .avala(&format!(
            "webhooks update {uid} --events export.failed --active false -o json"
        ))
        .run()
        .json();
    assert_eq!(changed["events"], serde_json::json!(["export.failed"]));
    assert_eq!(
        (&changed["is_active"], &changed["target_url"]),
        (&false.into(), &made["target_url"])
    );
    server.avala(&format!("webhooks test {uid}")).run().failed(9);

    let outcome = server.avala(&format!("webhooks delete {uid} --yes")).run();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""));
    server.avala(&format!("webhooks get {uid}")).run().failed(3);
}

#[test]
fn a_test_delivery_that_is_not_taken_is_a_failure() {
    let server = server();
    let made = server
        .avala("webhooks create --target-url http://127.0.0.1:9/ --events dataset.created -o json")
        .run()
        .json();
    let outcome = server
        .avala(&format!("webhooks test {}", made["uid"].as_str().unwrap()))
        .run();
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stdout.contains("delivered\tfalse"), "{outcome:?}");
    let log = server.avala("webhook-deliveries list -o json").run().json();
    let uid = log[0]["uid"].as_str().unwrap();
    let text = server
        .avala(&format!("webhook-deliveries get {uid}"))
        .run()
        .printed();
    assert!(text.contains("webhook\t"), "{text}");
}

#[test]
fn an_agents_fields_are_set_left_alone_and_cleared() {
    let server = server();
    let made = server
        .avala("agents create --name inspector --callback-url https://example.com/ --project p --task-types box,line -o json")
        .run()
        .json();
    let uid = made["uid"].as_str().unwrap();
    let changed = server
        .avala(&format!(
            "agents update {uid} --clear-callback-url --description d -o json"
        ))
        .run()
        .json();
    assert_eq!(changed["callback_url"], serde_json::Value::Null);
    assert_eq!(
        (&changed["description"], &changed["project"]),
        (&"d".into(), &"p".into())
    );

    assert_eq!(
        server
            .avala(&format!("agents executions {uid} --status pending"))
            .run()
            .printed(),
        ""
    );
    server
        .avala("agent-actions create --execution nothing --action approve --reason why")
        .run()
        .failed(3);
    server.avala(&format!("agents delete {uid} -y")).run();
    server.avala(&format!("agents get {uid}")).run().failed(3);
}
