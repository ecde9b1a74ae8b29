//! Changes of one key at the same time: whichever comes first, there is one outcome, and revoking wins.

use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    api_keys::{act, holder, make, path, refused, served, status},
    support::{Answer, On, Request, Tenant, start, within},
};

/// Each race is run on threads of their own, on both databases.
macro_rules! races {
    ($($race:ident),+ $(,)?) => {
        $(mod $race {
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn on_sqlite() {
                super::$race(crate::support::On::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn on_postgres() {
                if crate::home::has_postgres(module_path!()) {
                    super::$race(crate::support::On::Postgres).await;
                }
            }
        })+
    };
}

races![
    of_many_rotations_one_successor_is_left,
    a_rotation_beside_a_revocation_revives_nothing,
    a_rotation_beside_an_end_makes_one_successor_at_most,
    a_revocation_wins_over_whatever_comes_at_the_same_time,
    one_request_with_one_name_makes_one_key_however_many_send_it,
    a_change_waits_for_those_with_a_smaller_number,
];

const ROUNDS: u64 = 25;

async fn full(owner: &Tenant) -> Tenant {
    make(owner, json!({"access": {"kind": "full"}})).await
}

/// The keys that have this one as their predecessor, and are not revoked.
async fn successors(owner: &Tenant, of: &Tenant) -> Vec<Value> {
    let page = owner.get("/api-keys/?limit=1000").await.expect(200);
    let rows = page["results"].as_array().unwrap();
    let id = json!(of.key.id().to_string());
    rows.iter()
        .filter(|row| row["rotated_from"] == id && row["state"] != "revoked")
        .cloned()
        .collect()
}

/// Acts on a key a little later.
async fn later(by: &Tenant, on: &Tenant, verb: &str, random: &mut Rng) -> Answer {
    for _ in 0..random.usize(..30) {
        tokio::task::yield_now().await;
    }
    act(by, on, verb).await
}

async fn of_many_rotations_one_successor_is_left(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    for round in 0..ROUNDS {
        let key = full(&owner).await;
        let mut random: Vec<Rng> = (0..4).map(|lane| Rng::with_seed(round * 4 + lane)).collect();
        let answers = join_all(
            random
                .iter_mut()
                .map(|random| later(&owner, &key, "rotate", random)),
        )
        .await;
        let made: Vec<Value> = answers.iter().map(|answer| answer.expect(201)).collect();

        let left = successors(&owner, &key).await;
        assert_eq!(left.len(), 1, "round {round}");
        assert_eq!(
            owner.get(&path(&key, "")).await.expect(200)["rotated_to"],
            left[0]["id"]
        );
        let mut opens = 0;
        for made in &made {
            let (status, code) = status(&holder(&owner, made)).await;
            match status {
                200 => opens += 1,
                _ => assert_eq!(code, "key_revoked"),
            }
        }
        assert_eq!(opens, 1, "round {round}");
    }
}

async fn a_rotation_beside_a_revocation_revives_nothing(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    for round in 0..ROUNDS {
        let key = full(&owner).await;
        let (mut one, mut other) = (Rng::with_seed(round), Rng::with_seed(round + 1_000));
        let (rotation, revocation) = tokio::join!(
            later(&owner, &key, "rotate", &mut one),
            later(&owner, &key, "revoke", &mut other)
        );
        revocation.expect(200);
        assert_eq!(status(&key).await, refused("key_revoked"));
        let left = successors(&owner, &key).await;
        match rotation.status {
            201 => {
                assert_eq!(left.len(), 1);
                assert_eq!(
                    status(&holder(&owner, &rotation.json())).await,
                    served(),
                    "round {round}"
                );
            }
            _ => {
                assert_eq!(
                    (rotation.code().as_str(), left.len()),
                    ("key_revoked", 0),
                    "round {round}"
                );
            }
        }
        // Neither a rotation nor a switch brings it back.
        assert_eq!(act(&owner, &key, "rotate").await.code(), "key_revoked");
        assert_eq!(act(&owner, &key, "enable").await.code(), "key_revoked");
    }
}

async fn a_rotation_beside_an_end_makes_one_successor_at_most(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let past = "2020-01-01T00:00:00Z".parse().unwrap();
    for round in 0..ROUNDS {
        // Beside its expiry.
        let key = full(&owner).await;
        let mut random = Rng::with_seed(round);
        let (rotation, expiry) = tokio::join!(
            later(&owner, &key, "rotate", &mut random),
            running.server.keys().expire(key.key.id(), past)
        );
        expiry.unwrap();
        assert_eq!(status(&key).await, refused("key_expired"));
        let left = successors(&owner, &key).await;
        assert_eq!(left.len(), usize::from(rotation.status == 201), "round {round}");
        assert!(rotation.status == 201 || rotation.code() == "key_not_active");

        // Beside the end of its grace, once it has a successor that nobody used.
        let key = full(&owner).await;
        act(&owner, &key, "rotate").await.expect(201);
        let mut other = Rng::with_seed(round + 1_000);
        let (rotation, ended) = tokio::join!(
            later(&owner, &key, "rotate", &mut random),
            later(&owner, &key, "end-grace", &mut other)
        );
        ended.expect(200);
        assert!(rotation.status == 201 || rotation.code() == "already_rotated");
        assert_eq!(status(&key).await, refused("key_rotated"), "round {round}");
        assert_eq!(successors(&owner, &key).await.len(), 1, "round {round}");
    }
}

async fn a_revocation_wins_over_whatever_comes_at_the_same_time(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let less = json!({"access": {"kind": "listed", "scopes": ["agents.read"]}});
    for round in 0..ROUNDS {
        let key = full(&owner).await;
        act(&owner, &key, "disable").await.expect(200);
        let mut random: Vec<Rng> = (0..3).map(|lane| Rng::with_seed(round * 3 + lane)).collect();
        let [one, two, three] = &mut random[..] else {
            unreachable!()
        };
        let narrow = async {
            for _ in 0..round {
                tokio::task::yield_now().await;
            }
            owner.patch(&path(&key, ""), less.clone()).await
        };
        let (revoked, enabled, disabled, narrowed) = tokio::join!(
            later(&owner, &key, "revoke", one),
            later(&owner, &key, "enable", two),
            later(&owner, &key, "disable", three),
            narrow
        );
        revoked.expect(200);
        for answer in [enabled, disabled, narrowed] {
            assert!(
                answer.status == 200 || ["key_revoked", "key_not_active"].contains(&answer.code().as_str())
            );
        }
        assert_eq!(status(&key).await, refused("key_revoked"), "round {round}");
    }
}

async fn one_request_with_one_name_makes_one_key_however_many_send_it(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let body = json!({"name": "once", "access": {"kind": "full"}});
    for round in 0..ROUNDS {
        let before = owner.get("/api-keys/?limit=1000").await.expect(200)["results"]
            .as_array()
            .unwrap()
            .len();
        let ask = |_| {
            let request = Request::new("POST", "/api-keys/")
                .key(owner.key.expose())
                .header("Idempotency-Key", format!("round-{round}"));
            running.send(request.json(&body))
        };
        let answers = join_all((0..6).map(ask)).await;
        let told = answers
            .iter()
            .filter(|answer| answer.status == 201 && answer.json()["secret"].is_string());
        assert_eq!(told.count(), 1, "round {round}");
        for answer in &answers {
            assert!(answer.status == 201 || answer.code() == "idempotency_key_in_use");
        }
        let after = owner.get("/api-keys/?limit=1000").await.expect(200)["results"]
            .as_array()
            .unwrap()
            .len();
        assert_eq!(after, before + 1, "round {round}");
    }
}

async fn a_change_waits_for_those_with_a_smaller_number(on: On) {
    use sqlx::{Connection, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
    const TAKE_A_NUMBER: &str = "UPDATE meta SET seq = seq + 1";
    // Given somebody who took the next number, and is not done.
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let key = full(&owner).await;
    let before = newest(&running.dir).await;
    let (mut sqlite, mut postgres) = (None, None);
    match on {
        On::Sqlite => {
            let file = running.dir.path().join("data").join("avala.sqlite3");
            let options = SqliteConnectOptions::new().filename(file);
            let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
            for statement in ["BEGIN IMMEDIATE", TAKE_A_NUMBER] {
                sqlx::query(statement).execute(&mut connection).await.unwrap();
            }
            sqlite = Some(connection);
        }
        On::Postgres => {
            let url = String::from(running.dir.postgres_url());
            let mut connection = PgConnection::connect(&url).await.unwrap();
            for statement in ["BEGIN", TAKE_A_NUMBER] {
                sqlx::query(statement).execute(&mut connection).await.unwrap();
            }
            postgres = Some(connection);
        }
    }

    // When a key is revoked meanwhile, then that waits: its number would be seen before the smaller one.
    let revoking = tokio::spawn({
        let (address, key) = (running.address, key.key.id());
        let request = Request::new("POST", &format!("/api-keys/{key}/revoke/")).key(owner.key.expose());
        async move { request.json(&json!({})).send(address).await }
    });
    for _ in 0..50 {
        owner.get("/users/me/permissions/").await.expect(200);
    }
    assert!(!revoking.is_finished());
    assert_eq!(newest(&running.dir).await, before);

    // And once the other is done, it is done with the next number, and both are seen.
    if let Some(mut connection) = sqlite {
        sqlx::query("COMMIT").execute(&mut connection).await.unwrap();
    }
    if let Some(mut connection) = postgres {
        sqlx::query("COMMIT").execute(&mut connection).await.unwrap();
    }
    revoking.await.unwrap().expect(200);
    assert_eq!(status(&key).await, refused("key_revoked"));
    assert_eq!(newest(&running.dir).await, before + 2);
    let other = running.dir.authority().await;
    other.revoke(owner.key.id()).await.unwrap();
    within(Duration::from_secs(2), || async {
        status(&owner).await == refused("key_revoked")
    })
    .await;
}

/// The number of the newest change.
async fn newest(home: &crate::support::Home) -> i64 {
    home.lines("SELECT CAST(seq AS TEXT) FROM meta").await[0]
        .parse()
        .unwrap()
}
