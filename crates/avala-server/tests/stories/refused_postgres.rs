//! What a server does not start on in PostgreSQL, and what it says then.

use std::{
    fs,
    time::{Duration, Instant},
};

use avala_keys::Secret;
use avala_server::{Config, Database, Server, StartError};
use serde_json::json;

use crate::{
    relay::{Mode, Relay},
    support::{Home, On, config, start, start_in},
};

/// Whoever starts a server wants to know at once.
const SAID_WITHIN: Duration = Duration::from_millis(5500);

/// A story that has nothing to tell about SQLite.
macro_rules! on_postgres {
    ($($story:ident),+ $(,)?) => {
        $(mod $story {
            #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
            async fn only() {
                if crate::home::has_postgres(module_path!()) {
                    super::$story().await;
                }
            }
        })+
    };
}

fn configured(home: &Home) -> Config {
    Config {
        database: home.database(),
        ..config(home.path())
    }
}

async fn refused(config: Config) -> StartError {
    let began = Instant::now();
    let error = Server::open(config).await.unwrap_err();
    assert!(began.elapsed() < SAID_WITHIN, "{:?}", began.elapsed());
    error
}

/// A server that has run and ended.
async fn used() -> Home {
    let running = start(On::Postgres).await;
    running.tenant("a@example.com").await;
    running.stop().await
}

async fn a_database_that_nobody_serves_or_that_is_silent_is_named_within_seconds() {
    let home = Home::new(On::Postgres).await;
    let relay = Relay::to(home.postgres_address()).await;
    for mode in [Mode::Cut, Mode::Silent] {
        relay.set(mode);
        // The relay closes its door a moment later.
        if mode == Mode::Cut {
            crate::support::within(Duration::from_secs(5), || async {
                tokio::net::TcpStream::connect(relay.address).await.is_err()
            })
            .await;
        }
        let error = refused(Config {
            database: home.database_at(relay.address),
            ..config(home.path())
        })
        .await;
        assert!(matches!(error, StartError::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains(&relay.address.to_string()), "{error}");
    }
}

async fn a_wrong_password_is_refused_and_repeated_nowhere() {
    const CANARY: &str = "canary-of-a-password";
    let home = Home::new(On::Postgres).await;
    let mut url = home.postgres_url();
    url.set_password(Some(CANARY)).unwrap();
    let config = Config {
        database: Database::Postgres(Secret::new(String::from(url))),
        ..config(home.path())
    };
    assert!(!format!("{config:?}").contains(CANARY));

    let error = refused(config).await;

    assert!(matches!(error, StartError::Unreachable { .. }), "{error}");
    for said in [error.to_string(), format!("{error:?}"), format!("{error:#?}")] {
        assert!(!said.contains(CANARY) && !said.contains("postgres://"), "{said}");
    }
}

async fn a_database_that_would_not_wait_for_the_disk_is_overruled() {
    // Given a database whose sessions do not wait for the disk, and which takes no webhook from one that does not.
    let home = used().await;
    home.execute(
        "DO $$ BEGIN
             EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database());
         END $$",
    )
    .await;
    home.execute(
        "CREATE FUNCTION wait_for_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF current_setting('synchronous_commit') <> 'on' THEN RAISE 'not durable'; END IF;
             RETURN NEW;
         END $$",
    )
    .await;
    home.execute(
        "CREATE TRIGGER wait_for_disk BEFORE INSERT ON webhooks FOR EACH ROW EXECUTE FUNCTION wait_for_disk()",
    )
    .await;

    let running = start_in(home, |_| {}).await;

    let tenant = running.tenant("b@example.com").await;
    let webhook = json!({ "target_url": "https://example.com/", "events": ["task.completed"] });
    tenant.post("/webhooks/", webhook).await.expect(201);
    running.stop().await;
}

async fn a_pepper_that_is_lost_or_foreign_is_refused() {
    let home = used().await;
    let pepper = home.path().join("data").join("pepper");
    for wrong in [vec![7; 32], vec![7; 31]] {
        fs::write(&pepper, wrong).unwrap();
        let error = refused(configured(&home)).await;
        assert!(matches!(error, StartError::PepperWrong(_)), "{error}");
    }
    fs::remove_file(&pepper).unwrap();
    let error = refused(configured(&home)).await;
    assert!(matches!(error, StartError::PepperLost(_)), "{error}");
    assert!(!pepper.exists(), "no new pepper is made in its place");
}

async fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let home = used().await;
    home.execute("UPDATE schema_version SET version = 99").await;
    let before = home.every_row().await;
    let error = refused(configured(&home)).await;
    assert!(
        matches!(error, StartError::NewerSchema { found: 99, .. }),
        "{error}"
    );
    assert_eq!(home.every_row().await, before);
}

async fn an_empty_database_beside_a_pepper_is_not_filled() {
    let home = Home::new(On::Postgres).await;
    let other = used().await;
    let error = refused(Config {
        database: home.database(),
        ..config(other.path())
    })
    .await;
    assert!(matches!(error, StartError::DatabaseLost(_)), "{error}");
}

async fn of_two_servers_that_first_use_a_database_one_wins() {
    for _ in 0..3 {
        let home = Home::new(On::Postgres).await;
        let other = tempfile::tempdir().unwrap();
        let at_other = Config {
            database: home.database(),
            ..config(other.path())
        };
        let opened = tokio::join!(Server::open(configured(&home)), Server::open(at_other));
        let (winner, loser) = match opened {
            (Ok(winner), Err(loser)) | (Err(loser), Ok(winner)) => (winner, loser),
            (first, second) => panic!("{first:?} {second:?}"),
        };
        // It has made a pepper of its own, or came too late even for that.
        assert!(
            matches!(loser, StartError::PepperWrong(_) | StartError::PepperLost(_)),
            "{loser}"
        );
        winner.users().create("a@example.com").await.unwrap();
        winner.close().await;
    }
}

on_postgres![
    a_database_that_nobody_serves_or_that_is_silent_is_named_within_seconds,
    a_wrong_password_is_refused_and_repeated_nowhere,
    a_database_that_would_not_wait_for_the_disk_is_overruled,
    a_pepper_that_is_lost_or_foreign_is_refused,
    a_database_of_a_newer_version_is_refused_and_left_alone,
    an_empty_database_beside_a_pepper_is_not_filled,
    of_two_servers_that_first_use_a_database_one_wins,
];
