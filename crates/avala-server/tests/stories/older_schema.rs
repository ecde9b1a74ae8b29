//! A data directory that an older version made: its rows are kept, and found as new ones are.

use std::fs;

use avala_server::{
    AuthorityError,
    audit::{Audit, AuditError},
    keys::{Access, NewKey},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::support::{Home, On, Request, start, start_in};

stories!(a_chain_that_was_begun_by_an_older_version_is_whole);

/// The second schema, as its version made it.
const SECOND: [&str; 2] = [
    include_str!("../../src/store/migrations/sqlite/0001_first.sql"),
    include_str!("../../src/store/migrations/sqlite/0002_revocations.sql"),
];

/// A user with a mixed-case e-mail address, an agent, and executions that name their project and task type only in
/// their payload; or not at all.
const ROWS: &str = r#"
INSERT INTO users (uid, email, created_at) VALUES ('u1', 'Ada.Lovelace@Example.com', 1000);
INSERT INTO organizations (uid, slug, name, created_at, updated_at) VALUES ('o1', 'ada', 'Ada', 1000, 1000);
INSERT INTO memberships (organization, user, role, joined_at) VALUES ('o1', 'u1', 'owner', 1000);
INSERT INTO audit (at, actor_kind, action, object) VALUES (1000, 'console', 'user.create', 'u1');
INSERT INTO agents (uid, organization, name, events, is_active, task_types, secret, created_at, updated_at)
    VALUES ('a1', 'o1', 'first', '["task.completed"]', 1, '[]', x'00', 1000, 1000);
INSERT INTO agent_executions (uid, registration, event_type, status, event_payload, created_at, updated_at) VALUES
    ('e1', 'a1', 'task.completed', 'pending', '{"project_uid":"p1","task_type":"cuboid"}', 1000, 1000),
    ('e2', 'a1', 'task.completed', 'pending', '{"project_uid":"p1","task_type":"polyline"}', 1000, 1000),
    ('e3', 'a1', 'task.completed', 'pending', '{"task_uid":"t1"}', 1000, 1000),
    ('e4', 'a1', 'task.completed', 'pending', '{"project_uid":null,"task_type":"cuboid"}', 1000, 1000);
"#;

/// A directory of the second schema; its pepper and what belongs to it are those of a server that ran.
async fn of_the_second_schema() -> Home {
    let home = start(On::Sqlite).await.stop().await;
    let file = home.path().join("data").join("avala.sqlite3");
    let options = SqliteConnectOptions::new().filename(&file);
    let mut today = SqliteConnection::connect_with(&options).await.unwrap();
    let (class, check): (String, Vec<u8>) = sqlx::query_as("SELECT class, check_value FROM meta, peppers")
        .fetch_one(&mut today)
        .await
        .unwrap();
    today.close().await.unwrap();
    // Emptied, so that it keeps its mode.
    fs::write(&file, "").unwrap();
    let mut then = SqliteConnection::connect_with(&options).await.unwrap();
    for statements in SECOND
        .into_iter()
        .chain([ROWS, "PRAGMA user_version = 2", "PRAGMA journal_mode = WAL"])
    {
        sqlx::raw_sql(AssertSqlSafe(statements))
            .execute(&mut then)
            .await
            .unwrap();
    }
    sqlx::query(
        "INSERT INTO meta (only_row, seq, class, pepper_check, created_at) VALUES (1, 0, $1, $2, 1000)",
    )
    .bind(class)
    .bind(check)
    .execute(&mut then)
    .await
    .unwrap();
    then.close().await.unwrap();
    home
}

#[tokio::test]
async fn rows_of_the_second_schema_are_found_by_columns_of_the_third() {
    // Given a directory of the second schema, when a server of today opens it.
    let running = start_in(of_the_second_schema().await, |_| {}).await;

    // Then the user is there: nobody else gets the address, however it is written.
    for email in ["ada.lovelace@example.com", "Ada.Lovelace@Example.com"] {
        let again = running.server.users().create(email).await;
        assert!(matches!(again, Err(AuthorityError::UserExists)), "{email}");
    }
    let new = NewKey {
        owner: "u1".to_owned().into(),
        name: "test".into(),
        access: Access::Full,
        expires_at: None,
    };
    let issued = running.server.keys().issue(new).await.unwrap();
    let get = async |path: &str| {
        Request::new("GET", path)
            .key(issued.key.expose())
            .send(running.address)
            .await
            .expect(200)
    };
    assert_eq!(get("/users/me/").await["email"], "Ada.Lovelace@Example.com");

    // Then each execution is found by what only its payload said.
    for (query, expected) in [
        ("", json!(["e4", "e3", "e2", "e1"])),
        ("?project=p1", json!(["e2", "e1"])),
        ("?task_types=cuboid", json!(["e4", "e1"])),
        ("?project=p1&task_types=cuboid", json!(["e1"])),
    ] {
        let page = get(&format!("/agents/a1/executions/{query}")).await;
        let found: Vec<&serde_json::Value> = page["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| &row["uid"])
            .collect();
        assert_eq!(json!(found), expected, "{query}");
    }

    // Then its audit goes on as a chain, which begins after what was written then.
    let whole = Audit::of(running.server.keys()).verify(&[]).await.unwrap();
    assert_eq!(whole.before, 1);
    assert_ne!(whole.head.to_string().split(':').next_back(), Some("0"));
    assert_eq!(
        running
            .dir
            .execute("UPDATE audit SET hash = x'00' WHERE position = 1")
            .await,
        1
    );
    let altered = Audit::of(running.server.keys()).verify(&[]).await;
    assert!(matches!(altered, Err(AuditError::Altered(1))), "{altered:?}");
    running.stop().await;
}

macro_rules! eleventh {
    ($database:literal) => {
        eleventh!($database, "0001_first" "0002_revocations" "0003_filters" "0004_rows" "0005_jobs"
            "0006_storage_and_inference" "0007_order_of_changes" "0008_life_of_keys" "0009_chain_of_the_audit"
            "0010_key_usage" "0011_idempotency_keys")
    };
    ($database:literal, $($file:literal)+) => {
        concat!($(include_str!(concat!("../../src/store/migrations/", $database, "/", $file, ".sql")), ";\n"),+)
    };
}

/// A line as the eleventh schema's version hashed it: nothing but when, who, what and to what.
fn link(previous: &[u8], position: i64, at: i64, object: &str) -> Vec<u8> {
    let mut bytes = [previous, &position.to_be_bytes()].concat();
    let fields: [Option<&[u8]>; 7] = [
        Some(&at.to_be_bytes()),
        Some(b"console"),
        None,
        None,
        Some(b"user.create"),
        Some(object.as_bytes()),
        None,
    ];
    for field in fields {
        bytes.push(field.is_some().into());
        let field = field.unwrap_or_default();
        bytes.extend((field.len() as u64).to_be_bytes());
        bytes.extend(field);
    }
    Sha256::digest(bytes).to_vec()
}

async fn a_chain_that_was_begun_by_an_older_version_is_whole(on: On) {
    // Given a database of the eleventh schema, whose audit is a chain of three lines.
    let home = start(on).await.stop().await;
    let (hex, literal) = match on {
        On::Sqlite => ("lower(hex(check_value))", "x'"),
        On::Postgres => ("encode(check_value, 'hex')", "'\\x"),
    };
    let check = home.lines(format!("SELECT {hex} FROM peppers").leak()).await;
    let overriding = if on == On::Postgres {
        "OVERRIDING SYSTEM VALUE"
    } else {
        ""
    };
    let in_hex = |bytes: &[u8]| -> String {
        let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap();
        let byte = |byte: &u8| [digit(byte >> 4), digit(byte & 15)];
        bytes.iter().flat_map(byte).collect()
    };
    let mut head = vec![0; 32];
    let lines: Vec<String> = (1..=3)
        .map(|position| {
            let object = format!("u{position}");
            head = link(&head, position, 1000, &object);
            let hash = in_hex(&head);
            format!(
                "INSERT INTO audit (position, at, actor_kind, action, object, hash) {overriding}
                 VALUES ({position}, 1000, 'console', 'user.create', '{object}', {literal}{hash}')"
            )
        })
        .collect();
    let lines = lines.join(";");
    let meta = format!(
        "INSERT INTO meta (only_row, seq, class, pepper_check, created_at, audit_count, audit_head)
         VALUES (1, 0, 'live', {literal}{}', 1000, 3, {literal}{}')",
        check[0],
        in_hex(&head)
    );
    match on {
        On::Sqlite => {
            let file = home.path().join("data").join("avala.sqlite3");
            fs::write(&file, "").unwrap();
            let schema = eleventh!("sqlite");
            home.run(&format!("{schema} {lines}; {meta}; PRAGMA user_version = 11"))
                .await;
            home.execute("PRAGMA journal_mode = WAL").await;
        }
        On::Postgres => {
            let schema = eleventh!("postgres");
            home.run(&format!(
                "DROP SCHEMA public CASCADE; CREATE SCHEMA public; {schema} {lines}; {meta};
                 UPDATE schema_version SET version = 11"
            ))
            .await;
        }
    }

    // When a server of today goes on with it.
    let running = start_in(home, |_| {}).await;
    let anna = running.tenant("anna@example.com").await;

    // Then the chain is whole from its first line, and leads to the head that was kept then.
    let audit = Audit::of(running.server.keys());
    let kept = format!("{}:3", in_hex(&head)).parse().unwrap();
    let whole = audit.verify(&[kept]).await.unwrap();
    assert_eq!((whole.head.count(), whole.before), (5, 0));
    // And what says nothing of an organization is nobody's to read.
    let page = anna.get("/audit/").await.expect(200);
    assert_eq!(page["results"].as_array().unwrap().len(), 2);
    // And it cannot be given to somebody unseen.
    running
        .dir
        .execute("UPDATE audit SET organization = (SELECT uid FROM organizations) WHERE position = 2")
        .await;
    let altered = audit.verify(&[]).await;
    assert!(matches!(altered, Err(AuditError::Altered(2))), "{altered:?}");
    running.stop().await;
}
