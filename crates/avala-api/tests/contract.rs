//! Every declared operation is held against the wire contract, `contract/operations.json`: names, types, access, paging.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};

use avala_api::{Access, Incoming, Operation, Paging, catalogue::DECLARED, for_each_operation};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
struct Contract {
    operation: String,
    method: String,
    path: String,
    access: String,
    query_parameters: Vec<String>,
    #[serde(default)]
    request: Option<BTreeMap<String, Property>>,
    success: Vec<String>,
    #[serde(default)]
    answer: Option<BTreeMap<String, Property>>,
    paging: String,
}

#[derive(Deserialize)]
struct Property {
    types: Vec<String>,
    required: bool,
}

/// What the contract lists and we leave out, each with its reason.
const WAIVERS: &[(&str, &str, &str)] = &[(
    "organizations.list",
    "cursor",
    "the server ignores it: this list pages by number",
)];

fn contract() -> BTreeMap<String, Contract> {
    let all: Vec<Contract> = serde_json::from_str(include_str!("../contract/operations.json")).unwrap();
    all.into_iter()
        .map(|operation| (operation.operation.clone(), operation))
        .collect()
}

/// A value that the property may have.
fn example(name: &str, property: &Property) -> Value {
    match property.types[0].as_str() {
        "string" if name.ends_with("_at") || ["at", "grace_until"].contains(&name) => {
            json!("2026-01-31T12:00:00Z")
        }
        "string" => json!("some-text"),
        "boolean" => json!(true),
        "integer" => json!(7),
        "number" => json!(0.5),
        "array" if name == "buckets" => {
            json!([{"start": "2026-01-31T12:00:00Z", "requests": 7, "refused": 1, "by_group": {"agents": 7}, "by_status": {"2xx": 6, "refused": 1}}])
        }
        "array" if name == "keys" => json!([]),
        "array" if name == "hints" => json!([{"rule": "unused", "text": "some-text"}]),
        "array" => json!(["some-text"]),
        "object" if name == "user" => {
            json!({"uid": "u", "username": "n", "email": null, "first_name": null, "last_name": null, "in_waitlist": false})
        }
        "object" if name == "access" => json!({"kind": "listed", "scopes": ["datasets.read"]}),
        "object" if name == "filter" => json!({"environment": "some-text", "legacy": true}),
        "object" if name == "actor" => json!({"kind": "key", "key": "some-text", "user": null}),
        "object" if name == "errors" => json!({"some": ["text"]}),
        "object" => json!({"some": 7}),
        other => panic!("{name}: no example of type {other}"),
    }
}

fn full(properties: &BTreeMap<String, Property>) -> Map<String, Value> {
    properties
        .iter()
        .map(|(name, property)| (name.clone(), example(name, property)))
        .collect()
}

fn is_waived(operation: &str, name: &str) -> bool {
    WAIVERS
        .iter()
        .any(|(waived, field, _)| (*waived, *field) == (operation, name))
}

fn check<O: Operation>(contract: &BTreeMap<String, Contract>) {
    let route = O::ROUTE;
    let id = route.operation;
    let wanted = contract
        .get(id)
        .unwrap_or_else(|| panic!("{id} is not in the contract"));

    assert_eq!(route.method.as_str(), wanted.method, "{id}: method");
    assert_eq!(route.path, wanted.path, "{id}: path");
    let access = match route.access {
        Access::Anonymous => "anonymous".to_owned(),
        Access::AnyKey => "any valid key".to_owned(),
        Access::Scope(scope) => scope.as_str().to_owned(),
        Access::Either(one, other) => format!("{one} or {other}"),
    };
    assert_eq!(access, wanted.access, "{id}: access");
    assert!(
        wanted.success.contains(&route.success.to_string()),
        "{id}: success {}",
        route.success
    );
    let paging = match wanted.paging.as_str() {
        "cursor" => Paging::Cursor,
        "page-number" => Paging::PageNumber,
        "array" => Paging::Array,
        "single" => Paging::Single,
        _ => Paging::Nothing,
    };
    assert_eq!(route.paging, paging, "{id}: paging");

    check_request::<O>(wanted);
    check_answer::<O>(wanted);
}

/// A request with everything the contract knows is read, and written back with nothing missing.
fn check_request<O: Operation>(wanted: &Contract) {
    let id = O::ROUTE.operation;
    let path: Vec<(&str, &str)> = O::ROUTE.parameters().map(|name| (name, "a/b?c#d %")).collect();
    let value = |name: &str| {
        if ["limit", "page"].contains(&name) {
            "7"
        } else if ["from", "to"].contains(&name) {
            "2026-01-31T12%3A00%3A00Z"
        } else {
            "some-text"
        }
    };
    let query = wanted
        .query_parameters
        .iter()
        .map(|name| format!("{name}={}", value(name)))
        .collect::<Vec<_>>()
        .join("&");
    // A body in which nothing can stand may as well be left out.
    let body = wanted
        .request
        .as_ref()
        .filter(|request| !request.is_empty())
        .map(full);
    let bytes = body
        .as_ref()
        .map(|body| serde_json::to_vec(body).unwrap())
        .unwrap_or_default();

    let operation = O::decode(&Incoming {
        path: &path,
        query: &query,
        body: &bytes,
    })
    .unwrap_or_else(|error| panic!("{id} does not take what the contract sends: {error}"));

    let template = O::ROUTE.path.to_owned();
    let filled = path.iter().fold(template, |text, (name, _)| {
        text.replace(&format!("{{{name}}}"), "a%2Fb%3Fc%23d%20%25")
    });
    assert_eq!(operation.path().unwrap(), filled, "{id}: path");

    let sent: BTreeSet<String> = pairs(operation.query().as_str());
    let expected: BTreeSet<String> = pairs(&query)
        .into_iter()
        .filter(|pair| !is_waived(id, pair.split('=').next().unwrap()))
        .collect();
    assert_eq!(sent, expected, "{id}: query");

    let sent: Option<Value> = operation
        .body()
        .unwrap()
        .map(|body| serde_json::from_slice(&body).unwrap());
    assert_eq!(sent, body.map(Value::Object), "{id}: body");
}

fn pairs(query: &str) -> BTreeSet<String> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A full answer survives a round trip with members of tomorrow in it; one with only the required members is read.
fn check_answer<O: Operation>(wanted: &Contract) {
    let id = O::ROUTE.operation;
    let Some(properties) = &wanted.answer else { return };
    let wrap = |row: Map<String, Value>| match O::ROUTE.paging {
        Paging::Cursor => json!({"next": "https://h/?cursor=c", "previous": null, "results": [row]}),
        Paging::PageNumber => json!({"count": 1, "next": null, "previous": null, "results": [row]}),
        Paging::Array => json!([row]),
        _ => Value::Object(row),
    };

    let mut row = full(properties);
    row.insert("a_member_of_tomorrow".to_owned(), json!({"nested": [1, null]}));
    let answer = wrap(row);
    let read: O::Answer =
        serde_json::from_value(answer.clone()).unwrap_or_else(|error| panic!("{id}: {error}"));
    let written = serde_json::to_value(&read).unwrap();
    for_each_row(&answer, &written, |told, kept| {
        for (name, value) in told {
            assert_eq!(kept.get(name), Some(value), "{id}: answer member {name}");
        }
    });
    // A member that fell into `extra` would survive as well: only the one of tomorrow may be there.
    let shown = format!("{read:?}");
    if let Some((_, extra)) = shown.rsplit_once("extra: Object {") {
        for name in properties.keys() {
            assert!(
                !extra.contains(&format!("\"{name}\":")),
                "{id}: the model does not know `{name}`: {shown}"
            );
        }
    }

    let required: Map<String, Value> = full(properties)
        .into_iter()
        .filter(|(name, _)| properties[name].required)
        .collect();
    serde_json::from_value::<O::Answer>(wrap(required))
        .unwrap_or_else(|error| panic!("{id}, required only: {error}"));

    let nulls: Map<String, Value> = full(properties)
        .into_iter()
        .map(|(name, value)| {
            let nullable = properties[&name].types.iter().any(|kind| kind == "null");
            (name, if nullable { Value::Null } else { value })
        })
        .collect();
    serde_json::from_value::<O::Answer>(wrap(nulls))
        .unwrap_or_else(|error| panic!("{id}, with nulls: {error}"));
}

fn for_each_row(told: &Value, kept: &Value, check: impl Fn(&Map<String, Value>, &Map<String, Value>)) {
    let rows = |value: &Value| -> Vec<Map<String, Value>> {
        match value.get("results").unwrap_or(value) {
            Value::Array(rows) => rows.iter().map(|row| row.as_object().unwrap().clone()).collect(),
            row => vec![row.as_object().unwrap().clone()],
        }
    };
    let (told, kept) = (rows(told), rows(kept));
    assert_eq!(told.len(), kept.len());
    for (told, kept) in told.iter().zip(&kept) {
        check(told, kept);
    }
}

#[test]
fn every_declared_operation_is_what_the_contract_says() {
    let contract = contract();
    macro_rules! check_all {
        ($($Operation:ty),* $(,)?) => { $(check::<$Operation>(&contract);)* };
    }
    for_each_operation!(check_all);
}

#[test]
fn no_operation_is_declared_twice_and_no_two_routes_clash() {
    let mut names = BTreeSet::new();
    let mut places = BTreeSet::new();
    for route in DECLARED {
        assert!(
            names.insert(route.operation),
            "{} is declared twice",
            route.operation
        );
        let shape: Vec<&str> = route
            .path
            .split('/')
            .map(|segment| if segment.starts_with('{') { "{}" } else { segment })
            .collect();
        assert!(
            places.insert((route.method.as_str(), shape.join("/"))),
            "{} clashes",
            route.operation
        );
        assert!(
            route.path.starts_with('/') && route.path.ends_with('/'),
            "{}",
            route.operation
        );
    }
}

#[test]
fn reading_is_idempotent_and_anonymous_operations_are_few() {
    for route in DECLARED {
        assert!(!route.is_read_only() || route.idempotent, "{}", route.operation);
        if route.access == Access::Anonymous {
            assert_eq!(
                route.operation, "signup.create",
                "a new operation without a key deserves a second look"
            );
        }
    }
}
