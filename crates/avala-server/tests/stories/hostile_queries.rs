//! Whatever stands in a filter, a cursor or a limit: it is a value, and never a part of a statement.

use std::collections::BTreeSet;

use avala_api::{Paging, catalogue::DECLARED};
use serde_json::{Value, json};

use crate::{
    foreign_objects::contract,
    support::{On, Running, Tenant, start},
};

const HOSTILE: [&str; 24] = [
    "'",
    "''",
    "\"",
    "`",
    "\\",
    "%",
    "_",
    "%25' OR '1'='1",
    "' OR 1=1 --",
    "x' UNION SELECT mac FROM api_keys --",
    "'; DROP TABLE api_keys; --",
    "1; UPDATE meta SET seq = 0",
    "1) OR (1=1",
    "$1",
    "?1",
    ":a",
    "{\"kind\":\"full\"}",
    "NULL",
    "\u{0}",
    "a\u{0}b",
    "\u{fffd}\u{202e}\u{feff}",
    "-1",
    "1e400",
    "99999999999999999999999999",
];

fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let _infallible = write!(encoded, "%{byte:02X}");
        encoded
    })
}

/// Rows of each kind for two tenants: a filter that lets everything through shows the other's.
async fn with_rows(on: On) -> (Running, Tenant) {
    let running = start(on).await;
    let anna = running.tenant("anna@example.com").await;
    let ben = running.tenant("ben@example.com").await;
    for tenant in [&anna, &ben] {
        let name = tenant.user.email.clone().unwrap();
        let slug = &name[..3];
        for (path, body) in [
            ("/agents/", json!({ "name": name })),
            (
                "/webhooks/",
                json!({ "target_url": format!("https://localhost:1/{name}"), "events": ["task.completed"] }),
            ),
            (
                "/datasets/",
                json!({ "name": name, "slug": slug, "data_type": "image" }),
            ),
            (
                "/api-keys/",
                json!({ "name": name, "environment": name, "access": {"kind": "full"} }),
            ),
        ] {
            tenant.post(path, body).await.expect(201);
        }
    }
    (running, anna)
}

async fn no_parameter_of_a_list_is_a_part_of_a_statement(on: On) {
    let (running, anna) = with_rows(on).await;
    let before = running
        .dir
        .lines("SELECT name FROM api_keys ORDER BY position")
        .await;
    let mut asked = 0;
    let mut lists = BTreeSet::new();
    for row in contract() {
        let path = row["path"].as_str().unwrap();
        let served = DECLARED.iter().find(|route| {
            route.path == path && route.method.as_str() == row["method"] && row["method"] == "GET"
        });
        let Some(route) = served else { continue };
        let path = path
            .replace("{uid}", "x")
            .replace("{id}", &anna.key.id().to_string());
        if route.paging != Paging::Single {
            lists.insert(route.operation);
        }
        let names = row["query_parameters"].as_array().unwrap().iter();
        let names = names
            .map(|name| name.as_str().unwrap())
            .chain(["page", "ordering", "search"]);
        for name in names.collect::<BTreeSet<_>>() {
            for hostile in HOSTILE {
                let answer = anna.get(&format!("{path}?{name}={}", encoded(hostile))).await;
                asked += 1;
                let said = String::from_utf8_lossy(&answer.body).into_owned();
                assert!(
                    [200, 400, 404].contains(&answer.status),
                    "{path}?{name}={hostile:?}: {} {said}",
                    answer.status
                );
                assert!(!said.contains("ben@example.com"), "{path}?{name}={hostile:?}");
            }
        }
    }
    assert!(lists.len() >= 12 && asked > 700, "{lists:?} {asked}");
    let after = running
        .dir
        .lines("SELECT name FROM api_keys ORDER BY position")
        .await;
    assert_eq!(after, before);
}

async fn what_is_stored_is_found_by_its_own_name_and_by_no_pattern(on: On) {
    let running = start(on).await;
    let anna = running.tenant("anna@example.com").await;
    let mut stored = 0;
    for hostile in HOSTILE {
        let body = json!({ "name": hostile, "environment": hostile, "access": {"kind": "full"} });
        let made = anna.post("/api-keys/", body).await;
        if hostile.chars().any(char::is_control) {
            assert_eq!(made.status, 400, "{hostile:?}");
            continue;
        }
        let made = made.expect(201);
        stored += 1;
        assert_eq!(
            (&made["name"], &made["environment"]),
            (&json!(hostile), &json!(hostile))
        );
        let listed = anna
            .get(&format!("/api-keys/?environment={}", encoded(hostile)))
            .await
            .expect(200);
        let rows: Vec<&Value> = listed["results"].as_array().unwrap().iter().collect();
        assert_eq!(rows.len(), 1, "{hostile:?}");
        assert_eq!(rows[0]["id"], made["id"]);
    }
    assert!(stored > 15);
}

async fn numbers_that_no_counter_holds_are_refused_or_bounded(on: On) {
    let (_running, anna) = with_rows(on).await;
    for limit in [
        "0",
        "-1",
        "1.5",
        "1e3",
        "0x10",
        "4294967296",
        "18446744073709551616",
        "NaN",
        "+1",
        " 1",
        "",
    ] {
        let answer = anna.get(&format!("/api-keys/?limit={}", encoded(limit))).await;
        assert!([200, 400].contains(&answer.status), "{limit}: {}", answer.status);
    }
    let most = anna.get("/api-keys/?limit=4294967295").await;
    assert!([200, 400].contains(&most.status));
    for number in [
        "1e400",
        "-1e400",
        "1e308",
        "123456789012345678901234567890",
        "-0.0",
        "1E+2",
    ] {
        let body = format!("{{\"grace_seconds\":{number}}}");
        let request = crate::support::Request::new("POST", &format!("/api-keys/{}/rotate/", anna.key.id()))
            .key(anna.key.expose())
            .header("Content-Type", "application/json");
        let answer = request.body(body).send(anna.address).await;
        assert_eq!(answer.status, 400, "{number}");
    }
}

stories![
    no_parameter_of_a_list_is_a_part_of_a_statement,
    what_is_stored_is_found_by_its_own_name_and_by_no_pattern,
    numbers_that_no_counter_holds_are_refused_or_bounded,
];
