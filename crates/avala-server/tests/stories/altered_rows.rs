//! Somebody who can write to the database: no row of a key that the server did not write opens anything.

use std::time::Duration;

use avala_keys::ApiKey;
use avala_server::keys::Access;
use serde_json::json;

use crate::{
    api_keys::{act, make},
    support::{Home, On, Request, Running, Tenant, start, start_in, within},
};

/// The order of lists is no right.
const OPENS_NOTHING: &str = "position";

/// Every column of the table of keys, as the database itself tells, and its type.
async fn columns(home: &Home, on: On) -> Vec<(String, String)> {
    let statement = match on {
        On::Sqlite => "SELECT name || ' ' || lower(type) FROM pragma_table_info('api_keys')",
        On::Postgres => {
            "SELECT column_name::text || ' ' || data_type::text FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name = 'api_keys'"
        }
    };
    let lines = home.lines(statement).await;
    let split = |line: String| {
        let (name, kind) = line.split_once(' ').unwrap();
        (name.to_owned(), kind.to_owned())
    };
    lines.into_iter().map(split).collect()
}

/// Runs a statement that has to change one row.
async fn change(home: &Home, statement: String) {
    assert_eq!(home.execute(statement.clone().leak()).await, 1, "{statement}");
}

async fn asks(address: std::net::SocketAddr, key: &ApiKey) -> (u16, String) {
    let request = Request::new("GET", "/users/me/permissions/").key(key.expose());
    let answer = request.send(address).await;
    let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
    (answer.status, code)
}

/// None of these keys opens anything, soon and after a restart; the tenant's own still does.
async fn none_opens(running: Running, tenant: &Tenant, altered: &[(String, ApiKey)]) {
    for (what, key) in altered {
        within(Duration::from_secs(5), || async {
            let (status, code) = asks(running.address, key).await;
            // Until it is noticed, the key is what it was: some are for another network.
            assert!(matches!(status, 200 | 401 | 403), "{what}: {status}");
            code == "key_invalid"
        })
        .await;
    }
    assert_eq!(asks(running.address, &tenant.key).await.0, 200);
    let running = start_in(running.stop().await, |_| {}).await;
    for (what, key) in altered {
        assert_eq!(asks(running.address, key).await.1, "key_invalid", "{what}");
    }
    assert_eq!(asks(running.address, &tenant.key).await.0, 200);
}

async fn whichever_column_of_a_key_is_changed_it_opens_nothing(on: On) {
    // Given a key for each column.
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let other = running.tenant("b@example.com").await;
    let elsewhere = other.get("/api-keys/").await.expect(200)["results"][0]["owner"].clone();
    let columns = columns(&running.dir, on).await;
    assert!(columns.len() >= 22, "{columns:?}");

    // When somebody changes that column of that key.
    let mut altered = Vec::new();
    for (column, kind) in columns {
        if column == OPENS_NOTHING {
            continue;
        }
        let key = running.issue(&tenant.user, Access::Listed(vec![])).await;
        let text = |text: &str| format!("'{text}'");
        let bytes = match on {
            On::Sqlite => format!("x'{}'", "07".repeat(32)),
            On::Postgres => format!("'\\x{}'::bytea", "07".repeat(32)),
        };
        let value = match (column.as_str(), kind.as_str()) {
            // It is the other's public id now, and the secret is still this one.
            ("id", _) => text("000000000000"),
            ("class", _) => text("test"),
            ("owner", _) => text(elsewhere.as_str().unwrap()),
            ("organization", _) => format!(
                "(SELECT uid FROM organizations
                  WHERE uid <> (SELECT organization FROM api_keys WHERE id = '{}'))",
                key.id
            ),
            ("access", _) => text(r#"{"kind":"full"}"#),
            ("networks", _) => text(r#"["0.0.0.0/0"]"#),
            ("rotated_from" | "rotated_to", _) => text(&tenant.key.id().to_string()),
            (_, "text") => text("x"),
            (_, "blob" | "bytea") => bytes,
            (_, "boolean") => format!("NOT {column}"),
            // Numbers, and what is null.
            _ => format!("coalesce({column}, 4000000000000) + 1"),
        };
        change(
            &running.dir,
            format!("UPDATE api_keys SET {column} = {value} WHERE id = '{}'", key.id),
        )
        .await;
        altered.push((column, key.key));
    }
    Box::pin(none_opens(running, &tenant, &altered)).await;
}

async fn nothing_that_was_taken_from_a_key_is_given_back_by_hand(on: On) {
    // Given keys that were ended, switched off, narrowed.
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let narrow = json!({
        "access": {"kind": "listed", "scopes": []}, "allowed_networks": ["192.0.2.1"],
        "expires_at": "2999-01-01T00:00:00Z",
    });
    let mut altered = Vec::new();
    for (what, set) in [
        (
            "revoke",
            "revoked_at = NULL, revoked_by = NULL, revoked_reason = NULL",
        ),
        ("disable", "disabled_at = NULL"),
        ("rotate", "grace_until = NULL, rotated_to = NULL"),
        ("narrow", r#"access = '{"kind":"full"}'"#),
        ("narrow", "networks = '[]'"),
        ("narrow", "expires_at = NULL"),
    ] {
        let key = make(
            &tenant,
            if what == "narrow" {
                narrow.clone()
            } else {
                json!({"access": {"kind": "full"}})
            },
        )
        .await;
        match what {
            "rotate" => {
                act(&tenant, &key, "rotate").await.expect(201);
                act(&tenant, &key, "end-grace").await.expect(200);
            }
            "narrow" => {}
            end => _ = act(&tenant, &key, end).await.expect(200),
        }
        // When somebody writes over it.
        let id = key.key.id();
        change(
            &running.dir,
            format!("UPDATE api_keys SET {set} WHERE id = '{id}'"),
        )
        .await;
        altered.push((format!("{what}: {set}"), key.key));
    }
    Box::pin(none_opens(running, &tenant, &altered)).await;
}

async fn a_planted_key_opens_nothing(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let narrow = json!({"access": {"kind": "listed", "scopes": []}});

    // Given somebody with a key that may do nothing, who copies the row of a full key over it, but for what tells
    // the two apart.
    let own = make(&tenant, narrow.clone()).await;
    let (own_id, full) = (own.key.id(), tenant.key.id());
    let of_full = |column: &str| format!("{column} = (SELECT {column} FROM api_keys WHERE id = '{full}')");
    let copied = ["access", "created_at", "seal", "name", "created_by"]
        .map(of_full)
        .join(", ");
    change(
        &running.dir,
        format!("UPDATE api_keys SET {copied} WHERE id = '{own_id}'"),
    )
    .await;

    // And who takes the MAC of a key of his own for that of a row made up.
    let other = make(&tenant, narrow).await;
    let other_id = other.key.id();
    running
        .dir
        .execute("CREATE TABLE planted AS SELECT * FROM api_keys WHERE 1 = 0")
        .await;
    change(
        &running.dir,
        format!("INSERT INTO planted SELECT * FROM api_keys WHERE id = '{full}'"),
    )
    .await;
    change(
        &running.dir,
        format!(
            "UPDATE planted SET id = '{other_id}', position = 4000,
             (mac, seq) = (SELECT mac, seq FROM api_keys WHERE id = '{other_id}')"
        ),
    )
    .await;
    change(
        &running.dir,
        format!("DELETE FROM api_keys WHERE id = '{other_id}'"),
    )
    .await;
    change(
        &running.dir,
        "INSERT INTO api_keys SELECT * FROM planted".to_owned(),
    )
    .await;

    let altered = [("copied".to_owned(), own.key), ("planted".to_owned(), other.key)];
    Box::pin(none_opens(running, &tenant, &altered)).await;
}

stories![
    whichever_column_of_a_key_is_changed_it_opens_nothing,
    nothing_that_was_taken_from_a_key_is_given_back_by_hand,
    a_planted_key_opens_nothing,
];
