//! Sources of keys: asked when they are needed, once at a time, and again when a key ends or is refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use avala::{
    Client, ClientBuilder, Credential, CredentialChain, CredentialProvider, Environment, ErrorKind,
    ProviderError, ProviderFuture, Source, Timestamp, Tried,
    transport::{Limits, Transport, TransportFuture},
};
use bytes::Bytes;
use futures_util::future::join_all;
use http::StatusCode;
use support::{CANARY, Script, answer};
use tokio::time::{sleep, timeout};

const ME: &str = r#"{"uid":"u","username":"anna"}"#;

/// A place that holds a key, or none, or is broken; it counts how often it is asked.
#[derive(Clone, Debug, Default)]
struct Vault(Arc<VaultState>);

#[derive(Debug, Default)]
struct VaultState {
    has: Mutex<VecDeque<Result<Option<Credential>, ProviderError>>>,
    asked: AtomicUsize,
    takes: Mutex<Duration>,
}

impl Vault {
    fn with(key: &str) -> Self {
        Self::giving([Ok(Some(Credential::new(key)))])
    }

    /// One after the other; the last for ever.
    fn giving(what: impl IntoIterator<Item = Result<Option<Credential>, ProviderError>>) -> Self {
        let vault = Self::default();
        vault.0.has.lock().unwrap().extend(what);
        vault
    }

    fn now_has(&self, key: &str) {
        *self.0.has.lock().unwrap() = VecDeque::from([Ok(Some(Credential::new(key)))]);
    }

    fn takes(self, time: Duration) -> Self {
        *self.0.takes.lock().unwrap() = time;
        self
    }

    fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }
}

impl CredentialProvider for Vault {
    fn source(&self) -> Source {
        Source::named("the vault")
    }

    fn provide(&self) -> ProviderFuture<'_> {
        Box::pin(async {
            self.0.asked.fetch_add(1, Ordering::SeqCst);
            let takes = *self.0.takes.lock().unwrap();
            sleep(takes).await;
            let mut has = self.0.has.lock().unwrap();
            if has.len() > 1 {
                has.pop_front().unwrap()
            } else {
                has[0].clone()
            }
        })
    }
}

/// A server that takes some keys, and remembers which calls had an effect.
#[derive(Clone, Debug, Default)]
struct Guard(Arc<GuardState>);

#[derive(Debug, Default)]
struct GuardState {
    good: Mutex<BTreeSet<String>>,
    served: Mutex<Vec<String>>,
    refused: AtomicUsize,
    /// How long a request is on its way to it.
    way: Mutex<Duration>,
}

impl Guard {
    fn taking(key: &str) -> Self {
        let guard = Self::default();
        guard.take(key);
        guard
    }

    fn take(&self, key: &str) {
        self.0.good.lock().unwrap().insert(key.to_owned());
    }

    fn refuse(&self, key: &str) {
        self.0.good.lock().unwrap().remove(key);
    }

    fn served(&self) -> Vec<String> {
        self.0.served.lock().unwrap().clone()
    }

    fn client(&self, vault: &Vault) -> Client {
        self.builder(vault).build().unwrap()
    }

    fn builder(&self, vault: &Vault) -> ClientBuilder {
        Client::builder()
            .environment(Environment::empty())
            .base_url("https://avala.example/api/v1")
            .credentials(vault.clone())
            .transport(self.clone())
    }
}

impl Transport for Guard {
    fn call(&self, request: http::Request<Bytes>, _limits: Limits) -> TransportFuture<'_> {
        Box::pin(async move {
            let way = *self.0.way.lock().unwrap();
            sleep(way).await;
            let key = request.headers()["x-avala-api-key"].to_str().unwrap().to_owned();
            let (status, body) = if self.0.good.lock().unwrap().contains(&key) {
                let body = String::from_utf8(request.body().to_vec()).unwrap();
                self.0
                    .served
                    .lock()
                    .unwrap()
                    .push(format!("{} {key} {body}", request.method()));
                (200, ME.to_owned())
            } else {
                self.0.refused.fetch_add(1, Ordering::SeqCst);
                let said = format!(r#"{{"detail":"Invalid API key. You sent {key}","code":"key_revoked"}}"#);
                (401, said)
            };
            let mut answer = http::Response::new(Bytes::from(body));
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            Ok(answer)
        })
    }
}

fn in_seconds(seconds: u64) -> Timestamp {
    (SystemTime::now() + Duration::from_secs(seconds)).into()
}

async fn who(client: &Client) -> Result<String, avala::Error> {
    Ok(client.users().me().send().await?.username)
}

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

// Covers: W8
#[tokio::test]
async fn a_variable_of_the_environment_that_changes_is_followed_after_a_refusal() {
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
