//! What becomes of calls when a key is refused, replaced, or moved to another place.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;
mod vault;

use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

use avala::{Client, Credential, Environment, ErrorKind};
use futures_util::future::join_all;
use support::{CANARY, Script, answer};
use tokio::time::sleep;
use vault::{Guard, ME, Vault, who};

// Covers: R22, W8
#[tokio::test(start_paused = true)]
async fn a_key_is_rotated_under_five_hundred_calls_and_none_of_them_fails() {
    // Given calls that are on their way with the old key, reading and writing.
    let vault = Vault::with("avk_old").takes(Duration::from_millis(300));
    let guard = Guard::taking("avk_old");
    let client = guard.client(&vault);
    who(&client).await.unwrap();
    *guard.0.way.lock().unwrap() = Duration::from_millis(200);
    let calls: Vec<_> = (0..600)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move {
                sleep(Duration::from_millis(number % 50)).await;
                if number % 2 == 0 {
                    who(&client).await.map(|_| ())
                } else {
                    let name = format!("agent {number}");
                    let made = client.agents().create(name).send().await;
                    // The guard answers all alike.
                    match made {
                        Err(error) if error.kind() == ErrorKind::Decode => Ok(()),
                        other => other.map(|_| ()),
                    }
                }
            })
        })
        .collect();
    sleep(Duration::from_millis(100)).await;

    // When the place has another one, and the old one is revoked.
    guard.take("avk_new");
    vault.now_has("avk_new");
    guard.refuse("avk_old");

    for call in join_all(calls).await {
        call.unwrap().unwrap();
    }
    assert!(
        guard.0.refused.load(Ordering::SeqCst) >= 500,
        "they were on their way"
    );
    assert_eq!(vault.asked(), 2, "one read for each key");
    let made: Vec<String> = guard
        .served()
        .into_iter()
        .filter(|line| line.starts_with("POST"))
        .collect();
    let different: BTreeSet<&String> = made.iter().collect();
    assert_eq!(
        (made.len(), different.len()),
        (300, 300),
        "each was acted on once"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_that_comes_again_is_the_callers_error_and_asked_for_once() {
    let vault = Vault::with(CANARY);
    let guard = Guard::default();
    let client = guard.client(&vault);
    let failed = join_all((0..50).map(|_| who(&client))).await;
    for error in failed {
        let error = error.unwrap_err();
        assert_eq!(
            (error.kind(), error.code(), error.attempts()),
            (ErrorKind::Authentication, Some("key_revoked"), 1)
        );
        assert!(!format!("{error:?} {error}").contains(CANARY));
    }
    assert_eq!(vault.asked(), 2);
    // A while later it is worth another look: somebody may have put a new one there.
    sleep(Duration::from_secs(31)).await;
    guard.take("avk_new");
    vault.now_has("avk_new");
    assert_eq!(who(&client).await.unwrap(), "anna");
    assert_eq!(vault.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_is_replayed_once_and_an_explicit_key_never() {
    // Given a source whose every key is new, and a server that takes none of them.
    let keys = (0..9).map(|number| Ok(Some(Credential::new(format!("avk_{number}")))));
    let vault = Vault::giving(keys);
    let error = who(&Guard::default().client(&vault)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.attempts(), vault.asked()),
        (ErrorKind::Authentication, 2, 2)
    );

    let script = Script::of([answer(401, "{}"), answer(200, ME)]);
    let error = who(&script.client()).await.unwrap_err();
    assert_eq!(
        (error.kind(), script.seen().len()),
        (ErrorKind::Authentication, 1)
    );

    // Nor is it when one attempt is all there may be.
    let vault = Vault::giving([
        Ok(Some(Credential::new("avk_a"))),
        Ok(Some(Credential::new("avk_b"))),
    ]);
    let guard = Guard::taking("avk_b");
    let mut retry = avala::Retry::default();
    retry.attempts = 1;
    let client = guard.builder(&vault).retry(retry).build().unwrap();
    assert_eq!(who(&client).await.unwrap_err().attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_does_not_wait_for_what_another_one_asks_the_source() {
    // Given a call that was refused and asks the source, which takes its time.
    let credential = |key| {
        Ok(Some(
            Credential::new(key).read_again_after(Duration::from_secs(10)),
        ))
    };
    let vault = Vault::giving([credential("avk_a"), credential("avk_b")]);
    let guard = Guard::taking("avk_a");
    let client = guard.client(&vault);
    who(&client).await.unwrap();
    guard.refuse("avk_a");
    guard.take("avk_b");
    sleep(Duration::from_secs(9)).await;
    let vault = vault.takes(Duration::from_secs(3));
    let refused = tokio::spawn({
        let client = client.clone();
        async move { who(&client).await }
    });
    // When it is time to read the key anew, then another call is sent at once, with the key that there is.
    sleep(Duration::from_secs(2)).await;
    let other = tokio::spawn(async move { who(&client).await });
    sleep(Duration::from_millis(1)).await;
    assert_eq!(guard.0.refused.load(Ordering::SeqCst), 2);
    for call in [refused, other] {
        call.await.unwrap().unwrap();
    }
    assert_eq!(vault.asked(), 2);
}

// Covers: W8
#[tokio::test]
async fn a_dotenv_file_that_changes_is_followed_after_a_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".env");
    std::fs::write(&path, "AVALA_API_KEY=avk_a\n").unwrap();
    let guard = Guard::taking("avk_a");
    let client = Client::builder()
        .environment(Environment::empty())
        .dotenv_file(&path)
        .transport(guard.clone())
        .build()
        .unwrap();
    who(&client).await.unwrap();
    guard.refuse("avk_a");
    guard.take("avk_b");
    std::fs::write(&path, "AVALA_API_KEY=avk_b\n").unwrap();
    who(&client).await.unwrap();
}

// Covers: R23, W8
#[tokio::test(start_paused = true)]
async fn a_key_that_comes_with_another_url_later_is_not_sent_to_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".env");
    let writes = |key: &str, url: &str| {
        std::fs::write(&path, format!("AVALA_API_KEY={key}\nAVALA_BASE_URL={url}\n")).unwrap();
    };
    writes("avk_production", "https://avala.example/api/v1");
    let guard = Guard::taking("avk_production");
    let client = Client::builder()
        .environment(Environment::empty())
        .dotenv_file(&path)
        .transport(guard.clone())
        .build()
        .unwrap();
    who(&client).await.unwrap();

    // When the file is that of another place, then the client goes on with the key it has.
    guard.take("avk_staging");
    writes("avk_staging", "https://staging.example/api/v1");
    sleep(Duration::from_secs(11)).await;
    who(&client).await.unwrap();
    // And without it, too, it does not take the other's.
    guard.refuse("avk_production");
    let error = who(&client).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    // The same URL in another spelling is no other place.
    writes("avk_next", "https://avala.example:443/api/v1/");
    guard.take("avk_next");
    sleep(Duration::from_secs(31)).await;
    who(&client).await.unwrap();
    let served = guard.served();
    assert!(!served.iter().any(|line| line.contains("staging")), "{served:?}");
}
