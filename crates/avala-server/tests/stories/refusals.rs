//! Refused requests in the audit: a few of each source one by one, all of them as a number.

use std::{sync::Arc, time::Duration};

use avala_api::Scope;
use avala_server::{
    RateLimit,
    audit::{Audit, Format},
    keys::Access,
};
use serde_json::{Value, json};

use crate::{
    relay::{Mode, Relay},
    support::{
        Home, ManualClock, On, Request, Running, Tenant, exchange, same_id_other_secret, start_in,
        start_with, unknown_key, within,
    },
};

stories!(
    ten_thousand_refusals_at_once_are_ten_lines_and_a_number,
    a_flood_from_everywhere_is_bounded_and_counted,
    what_a_proven_key_is_refused_is_its_organizations,
    whoever_has_proven_nothing_is_called_by_no_key,
    no_request_waits_for_the_audit,
);

/// Lines are written every ten seconds.
const WRITTEN_WITHIN: Duration = Duration::from_secs(20);

/// The lines about refused requests, oldest first: code, source, how many, and whose.
async fn refused(home: &Home) -> Vec<(String, String, i64, Option<String>)> {
    let audit = Audit::of(&home.authority().await);
    audit.verify(&[]).await.unwrap();
    let mut text = Vec::new();
    audit.export(Format::JsonLines, &mut text).await.unwrap();
    let lines = String::from_utf8(text).unwrap();
    assert!(!lines.contains("avk_"), "no key is in the audit");
    let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap());
    lines
        .filter(|line: &Value| line["action"] == "request.refuse")
        .map(|line| {
            let text = |member: &str| line[member].as_str().map(str::to_owned);
            assert_eq!(line["seq"], Value::Null);
            (
                text("code").unwrap(),
                text("object").unwrap(),
                line["requests"].as_i64().unwrap(),
                text("actor_key"),
            )
        })
        .collect()
}

/// Requests over one connection, one after the other; tells how many were answered with this status.
async fn flood(running: &Running, requests: usize, head: impl Fn(usize) -> String, status: u16) -> usize {
    let mut bytes = Vec::new();
    for number in 1..=requests {
        let close = if number == requests {
            "Connection: close\r\n"
        } else {
            ""
        };
        let head = head(number);
        bytes.extend(
            format!("GET /api/v1/users/me/ HTTP/1.1\r\nHost: localhost\r\n{head}{close}\r\n").bytes(),
        );
    }
    let answers = exchange(running.address, &bytes).await;
    let answers = String::from_utf8_lossy(&answers);
    answers.matches(&format!("HTTP/1.1 {status}")).count()
}

async fn listed(tenant: &Tenant) -> Vec<Value> {
    let page = tenant.get("/audit/?action=request.refuse").await.expect(200);
    page["results"].as_array().unwrap().clone()
}

/// Waits for lines about refused requests.
async fn are_written(running: &Running, lines: usize) {
    within(WRITTEN_WITHIN, || async {
        let written = "SELECT object FROM audit WHERE action = 'request.refuse'";
        running.dir.lines(written).await.len() >= lines
    })
    .await;
}

async fn ten_thousand_refusals_at_once_are_ten_lines_and_a_number(on: On) {
    // Given a server, and a key that nobody issued.
    let clock = ManualClock::at("2026-01-01T00:00:30Z");
    let running = start_with(on, |config| config.clock = Arc::new(clock.clone())).await;
    let tenant = running.tenant("a@example.com").await;
    let key = unknown_key(avala_keys::Class::Live);
    let with_key = |_| format!("X-Avala-Api-Key: {}\r\n", key.expose());

    // When it is sent ten thousand times, then others are served meanwhile.
    let floods = futures_util::future::join_all((0..20).map(|_| flood(&running, 500, with_key, 401)));
    let others = async {
        for _ in 0..50 {
            tenant.get("/users/me/permissions/").await.expect(200);
        }
    };
    let (refusals, ()) = tokio::join!(floods, others);
    assert_eq!(refusals.iter().sum::<usize>(), 10_000);

    // Then the audit has ten of them, and how many there were.
    assert_eq!(listed(&tenant).await, [] as [Value; 0], "it is nobody's");
    let home = running.stop().await;
    let mut expected = vec![("key_invalid".to_owned(), "127.0.0.1/32".to_owned(), 1, None); 10];
    expected.push(("key_invalid".to_owned(), "127.0.0.1/32".to_owned(), 9_990, None));
    assert_eq!(refused(&home).await, expected);
}

async fn a_flood_from_everywhere_is_bounded_and_counted(on: On) {
    // Given a server behind a proxy, and a tenant whose key may do nothing.
    let clock = ManualClock::at("2026-01-01T00:00:30Z");
    let running = start_with(on, |config| {
        config.clock = Arc::new(clock.clone());
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let tenant = running.tenant("a@example.com").await;
    let narrow = running.issue(&tenant.user, Access::Listed(vec![])).await;

    // When three thousand networks ask without a key, each once, and then the tenant asks with its key.
    let from = |connection: u32| {
        move |number: usize| format!("X-Forwarded-For: 2001:db8:{connection:x}:{number:x}::1\r\n")
    };
    let floods = (1..=6).map(|connection| flood(&running, 500, from(connection), 401));
    let answered = futures_util::future::join_all(floods).await;
    assert_eq!(answered.iter().sum::<usize>(), 3_000);
    running
        .send(Request::new("GET", "/webhooks/").key(narrow.key.expose()))
        .await
        .expect(403);

    // Then a hundred of them have a line, the others are a number, and the tenant's is not lost among them.
    let home = running.stop().await;
    let lines = refused(&home).await;
    assert_eq!(lines.len(), 102, "{lines:?}");
    let sum: i64 = lines.iter().map(|(_, _, requests, _)| requests).sum();
    assert_eq!(sum, 3_001);
    let others = ("key_missing".to_owned(), String::new(), 2_900, None);
    assert!(lines.contains(&others), "{lines:?}");
    let own = lines.iter().find(|(code, ..)| code == "scope_missing").unwrap();
    assert_eq!(own.3.as_deref(), Some(narrow.id.as_str()));
}

async fn what_a_proven_key_is_refused_is_its_organizations(on: On) {
    // Given a tenant with keys that are narrow, revoked, and bound to another network.
    let clock = ManualClock::at("2026-01-01T00:00:00Z");
    let running = start_with(on, |config| {
        config.clock = Arc::new(clock.clone());
        config.rate_limit = RateLimit::PerMinute(100);
    })
    .await;
    let anna = running.tenant("anna@example.com").await;
    let ben = running.tenant("ben@example.com").await;
    let narrow = running
        .issue(&anna.user, Access::Listed(vec![Scope::AuditRead]))
        .await;
    let revoked = running.issue(&anna.user, Access::Full).await;
    running.server.keys().revoke(revoked.id).await.unwrap();
    let body = json!({ "name": "far", "access": { "kind": "full" }, "allowed_networks": ["192.0.2.0/24"] });
    let far = anna.post("/api-keys/", body).await.expect(201);

    // When each is refused, the narrow one twelve times, and a full one for asking too often.
    let ask = async |key: &str, path: &str| {
        let answer = running.send(Request::new("GET", path).key(key)).await;
        (answer.status, answer.code())
    };
    for _ in 0..12 {
        assert_eq!(ask(narrow.key.expose(), "/webhooks/").await.0, 403);
    }
    ask(revoked.key.expose(), "/users/me/").await;
    ask(far["secret"].as_str().unwrap(), "/users/me/").await;
    while ask(anna.key.expose(), "/users/me/").await.0 != 429 {}

    // Then all of it is in its organization's audit once the minute is over, and in no other's.
    clock.advance_millis(61_000);
    are_written(&running, 14).await;
    let lines = listed(&anna).await;
    let of = |code: &str| -> Vec<(&Value, &Value, &Value)> {
        lines
            .iter()
            .filter(|line| line["code"] == code)
            .map(|line| (&line["requests"], &line["actor"]["key"], &line["object"]))
            .collect()
    };
    let (once, here) = (json!(1), json!("127.0.0.1/32"));
    let narrow = json!(narrow.id.as_str());
    let mut expected = vec![(&once, &narrow, &here); 11];
    let twice = json!(2);
    expected[0].0 = &twice;
    assert_eq!(of("scope_missing"), expected);
    assert_eq!(of("key_revoked"), [(&once, &json!(revoked.id.as_str()), &here)]);
    assert_eq!(of("address_not_allowed"), [(&once, &far["id"], &here)]);
    assert_eq!(of("throttled"), [(&once, &json!(anna.key.id().as_str()), &here)]);
    for line in &lines {
        assert_eq!(line["actor"]["user"], json!(anna.user.uid), "{line}");
    }
    assert_eq!(listed(&ben).await, [] as [Value; 0]);
    running.stop().await;
}

async fn whoever_has_proven_nothing_is_called_by_no_key(on: On) {
    let running = start_with(on, |_| {}).await;
    let tenant = running.tenant("a@example.com").await;
    let expired = running.issue(&tenant.user, Access::Full).await;
    running
        .server
        .keys()
        .expire(expired.id, avala_api::Timestamp::from_unix_millis(0))
        .await
        .unwrap();
    let guess = same_id_other_secret(&tenant.key);
    let guess_of_expired = same_id_other_secret(&expired.key);
    for key in [guess.expose(), guess_of_expired.expose(), "avk_live_x"] {
        let answer = running.send(Request::new("GET", "/users/me/").key(key)).await;
        answer.expect(401);
    }
    // Even beside the right key, one in a URL is somebody's mistake and nobody's key.
    let in_url = format!("/users/me/?api_key={}", guess.expose());
    tenant.get(&in_url).await.expect(400);
    tenant.get("/webhooks/none/").await.expect(404);
    tenant.get("/webhooks/?limit=0").await.expect(400);

    assert_eq!(listed(&tenant).await, [] as [Value; 0]);
    let home = running.stop().await;
    let mut codes: Vec<String> = Vec::new();
    for (code, source, requests, key) in refused(&home).await {
        assert_eq!((source.as_str(), requests, key), ("127.0.0.1/32", 1, None));
        codes.push(code);
    }
    codes.sort();
    assert_eq!(
        codes,
        ["key_in_url", "key_invalid", "key_invalid", "key_malformed"]
    );
}

async fn no_request_waits_for_the_audit(on: On) {
    // Given a server whose database goes away for a while.
    let home = Home::new(on).await;
    let relay = match on {
        On::Sqlite => None,
        On::Postgres => Some(Relay::to(home.postgres_address()).await),
    };
    let database = match &relay {
        None => home.database(),
        Some(relay) => home.database_at(relay.address),
    };
    let running = start_in(home, |config| {
        config.database = database;
        config.limits.keys_current_for = Duration::from_mins(1);
    })
    .await;
    let tenant = running.tenant("a@example.com").await;
    if let Some(relay) = &relay {
        relay.set(Mode::Cut);
    }

    // When requests are refused meanwhile, then they are at once, and the right key opens.
    for _ in 0..20 {
        let began = std::time::Instant::now();
        running
            .send(Request::new("GET", "/users/me/permissions/"))
            .await
            .expect(401);
        tenant.get("/users/me/permissions/").await.expect(200);
        assert!(began.elapsed() < Duration::from_secs(1));
    }
    if let Some(relay) = &relay {
        relay.set(Mode::Pass(Duration::ZERO));
    }

    // Then they are in the audit while the server goes on, and the number of the others when it ends.
    are_written(&running, 10).await;
    let home = running.stop().await;
    let sum: i64 = refused(&home).await.iter().map(|line| line.2).sum();
    assert_eq!(sum, 20);
}
