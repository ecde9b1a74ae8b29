//! Sources of keys: asked when they are needed, once at a time, and again before a key ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;
mod vault;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use avala::{Client, Credential, CredentialChain, Environment, ErrorKind, ProviderError, Timestamp, Tried};
use futures_util::future::join_all;
use support::CANARY;
use tokio::time::{sleep, timeout};
use vault::{Guard, Vault, in_seconds, who};

#[tokio::test(start_paused = true)]
async fn a_source_is_asked_when_its_key_is_needed_and_once_for_all_who_need_it() {
    let vault = Vault::with(CANARY).takes(Duration::from_secs(1));
    let guard = Guard::taking(CANARY);
    let client = guard.client(&vault);
    assert_eq!(vault.asked(), 0, "building a client is local work");
    let report = client.credential_report();
    assert_eq!((report.masked_key, &report.tried[0].1), (None, &Tried::Chosen));

    let calls = join_all((0..100).map(|_| who(&client))).await;
    assert!(
        calls
            .iter()
            .all(|call| call.as_ref().is_ok_and(|name| name == "anna"))
    );
    assert_eq!(vault.asked(), 1);
    let report = client.credential_report();
    assert_eq!(report.tried[0].1, Tried::Used);
    assert!(
        report
            .masked_key
            .as_ref()
            .is_some_and(|mask| mask.len() < 20 && CANARY.starts_with(&mask[..8]))
    );
    let shown = format!("{report:?} {client:?} {vault:?}");
    assert!(!shown.contains("Canary000000_C"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_key_is_read_anew_before_its_end_by_one_call_and_the_others_do_not_wait() {
    let first = Credential::new("avk_a").expires_at(in_seconds(1000));
    let vault = Vault::giving([
        Ok(Some(first)),
        Ok(Some(Credential::new("avk_b").expires_at(in_seconds(9000)))),
    ]);
    let guard = Guard::taking("avk_a");
    guard.take("avk_b");
    let client = guard.client(&vault);
    who(&client).await.unwrap();
    sleep(Duration::from_secs(790)).await;
    who(&client).await.unwrap();
    assert_eq!(vault.asked(), 1, "not before a fifth of its life is left");

    // When its last minutes have come, and its source takes its time.
    sleep(Duration::from_mins(2)).await;
    let vault = vault.takes(Duration::from_secs(2));
    let calls = join_all((0..20).map(|_| who(&client))).await;
    assert!(calls.iter().all(Result::is_ok));
    assert_eq!(vault.asked(), 2);
    let with_old = guard
        .served()
        .iter()
        .filter(|line| line.contains("avk_a"))
        .count();
    assert_eq!(with_old, 2 + 19);
    assert_eq!(
        client
            .credential_report()
            .expires_at
            .map(|at| at.unix_seconds() > in_seconds(5000).unix_seconds()),
        Some(true)
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_still_good_outlives_a_source_that_fails_until_its_end() {
    let fails = || Err(ProviderError::new("no route to host"));
    let first = Credential::new("avk_a").expires_at(in_seconds(1000));
    let vault = Vault::giving([Ok(Some(first)), fails()]);
    let guard = Guard::taking("avk_a");
    let client = guard.client(&vault);
    who(&client).await.unwrap();
    sleep(Duration::from_secs(950)).await;
    for _ in 0..10 {
        who(&client).await.unwrap();
    }
    assert_eq!(vault.asked(), 2, "a failing source is left in peace for a while");

    // When its time is over, then the failure is told, and not once for each who needs the key.
    sleep(Duration::from_secs(51)).await;
    let failed = join_all((0..10).map(|_| who(&client))).await;
    for error in failed {
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(
            error.message().contains("the vault") && error.message().contains("no route to host"),
            "{error}"
        );
        assert!(!error.may_have_been_sent());
    }
    assert_eq!(vault.asked(), 3);
    // And once it works again, so do calls.
    sleep(Duration::from_secs(2)).await;
    vault.now_has("avk_a");
    who(&client).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_key_that_has_ended_is_not_sent_however_its_source_is_left_in_peace() {
    let first = Credential::new("avk_a").expires_at(in_seconds(1000));
    let vault = Vault::giving([Ok(Some(first)), Err(ProviderError::new("no route to host"))]);
    let guard = Guard::taking("avk_a");
    let client = guard.client(&vault);
    who(&client).await.unwrap();
    sleep(Duration::from_secs(990)).await;
    who(&client).await.unwrap();
    sleep(Duration::from_secs(11)).await;
    let error = who(&client).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Configuration, 0));
    assert_eq!((vault.asked(), guard.served().len()), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_takes_from_a_key_that_is_still_good_neither_a_call_nor_its_time() {
    let first = Credential::new("avk_a").expires_at(in_seconds(1000));
    let vault = Vault::giving([Ok(Some(first))]);
    let guard = Guard::taking("avk_a");
    let client = guard.client(&vault);
    who(&client).await.unwrap();

    // Given calls with little time, and a source that hangs when it is asked for the next key.
    sleep(Duration::from_secs(950)).await;
    let vault = vault.takes(Duration::from_hours(1));
    *guard.0.way.lock().unwrap() = Duration::from_millis(500);
    for _ in 0..5 {
        let call = client.users().me().with_timeout(Duration::from_secs(2));
        call.send().await.unwrap();
    }
    assert_eq!(vault.asked(), 2, "one call waited, and had time left to be sent");

    *guard.0.way.lock().unwrap() = Duration::ZERO;

    // And when the call that asks is given up, the next one does not wait in its place.
    sleep(Duration::from_secs(30)).await;
    let given_up = timeout(Duration::from_millis(1), who(&client)).await;
    assert!(given_up.is_err() && vault.asked() == 3);
    let call = timeout(Duration::from_millis(1), who(&client)).await;
    assert_eq!(call.unwrap().unwrap(), "anna");
}

#[tokio::test(start_paused = true)]
async fn what_a_source_gives_that_is_no_good_is_an_error_that_quotes_nothing() {
    let expired = Credential::new(CANARY).expires_at(Timestamp::from_unix_millis(0));
    for (what, says) in [
        (Ok(None), "No API key provided."),
        (Ok(Some(Credential::new(" \n"))), "is empty"),
        (
            Ok(Some(Credential::new(format!("{CANARY}\n{CANARY}")))),
            "white space",
        ),
        (Ok(Some(expired)), "ended at 1970-01-01"),
        (
            Err(ProviderError::new(format!("denied for {CANARY}"))),
            "cannot be read from the vault: denied for",
        ),
    ] {
        let vault = Vault::giving([what]);
        let error = who(&Guard::taking(CANARY).client(&vault)).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Configuration, 0));
        let text = format!("{error} {error:?}");
        assert!(error.message().contains(says) && !text.contains(CANARY), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_ends_with_the_call_and_the_next_call_asks_it_again() {
    let vault = Vault::with(CANARY).takes(Duration::from_hours(1));
    let guard = Guard::taking(CANARY);
    let client = guard.client(&vault);
    let call = client
        .users()
        .me()
        .with_timeout(Duration::from_secs(3))
        .send()
        .await;
    let error = call.unwrap_err();
    assert_eq!(
        (error.kind(), error.may_have_been_sent()),
        (ErrorKind::Timeout, false)
    );
    let error = who(&client).await.unwrap_err();
    assert!(error.message().contains("30 seconds"), "{error}");
    let vault = vault.takes(Duration::ZERO);
    sleep(Duration::from_secs(2)).await;
    who(&client).await.unwrap();
    assert_eq!(vault.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_chain_gives_what_the_first_has_and_stops_where_one_fails() {
    let guard = Guard::taking("avk_b");
    let none = || Vault::giving([Ok(None)]);
    let chain = CredentialChain::default()
        .then(none())
        .then(Vault::with("avk_b"))
        .then(Vault::with("avk_c"));
    let client = |chain: CredentialChain| {
        Client::builder()
            .environment(Environment::empty())
            .credentials(chain)
            .transport(guard.clone())
            .build()
            .unwrap()
    };
    who(&client(chain)).await.unwrap();
    let broken = Vault::giving([Err(ProviderError::new("locked"))]);
    let chain = CredentialChain::default()
        .then(none())
        .then(broken)
        .then(Vault::with("avk_b"));
    assert!(
        who(&client(chain))
            .await
            .unwrap_err()
            .message()
            .contains("the vault: locked")
    );
    let error = who(&client(CredentialChain::default().then(none())))
        .await
        .unwrap_err();
    assert!(error.message().starts_with("No API key provided."));
}

#[tokio::test(start_paused = true)]
async fn whoever_wants_to_hears_once_of_each_key_that_ends_soon() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let first = Credential::new("avk_a").expires_at(in_seconds(3600));
    let vault = Vault::giving([Ok(Some(first))]);
    let guard = Guard::taking("avk_a");
    let client = guard
        .builder(&vault)
        .on_expiry_within(Duration::from_mins(30), {
            let heard = heard.clone();
            move |expiry| {
                heard.lock().unwrap().push(expiry.source.to_string());
                panic!("a hook that fails");
            }
        })
        .build()
        .unwrap();
    who(&client).await.unwrap();
    assert!(heard.lock().unwrap().is_empty());
    sleep(Duration::from_secs(1801)).await;
    for _ in 0..3 {
        who(&client).await.unwrap();
    }
    assert_eq!(*heard.lock().unwrap(), ["the vault"]);
    // Nor again, when the source was asked anew and has no other key.
    sleep(Duration::from_secs(1650)).await;
    who(&client).await.unwrap();
    assert_eq!(vault.asked(), 2);
    sleep(Duration::from_secs(1801)).await;
    who(&client).await.unwrap();
    assert_eq!(heard.lock().unwrap().len(), 1);
}

#[test]
fn two_keys_that_were_handed_over_are_one_too_many() {
    let error = Client::builder()
        .environment(Environment::empty())
        .api_key("avk_a")
        .credentials(Vault::with("avk_b"))
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains("the vault"));
}
