//! What the stories of keys need: a place that holds one, and a server that takes some.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each test file uses its part"
)]

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use avala::{
    Client, ClientBuilder, Credential, CredentialProvider, Environment, ProviderError, ProviderFuture,
    Source, Timestamp,
    transport::{Limits, Transport, TransportFuture},
};
use bytes::Bytes;
use http::StatusCode;
use tokio::time::sleep;

pub const ME: &str = r#"{"uid":"u","username":"anna"}"#;

/// A place that holds a key, or none, or is broken; it counts how often it is asked.
#[derive(Clone, Debug, Default)]
pub struct Vault(Arc<VaultState>);

#[derive(Debug, Default)]
pub struct VaultState {
    has: Mutex<VecDeque<Result<Option<Credential>, ProviderError>>>,
    asked: AtomicUsize,
    takes: Mutex<Duration>,
}

impl Vault {
    pub fn with(key: &str) -> Self {
        Self::giving([Ok(Some(Credential::new(key)))])
    }

    /// One after the other; the last for ever.
    pub fn giving(what: impl IntoIterator<Item = Result<Option<Credential>, ProviderError>>) -> Self {
        let vault = Self::default();
        vault.0.has.lock().unwrap().extend(what);
        vault
    }

    pub fn now_has(&self, key: &str) {
        *self.0.has.lock().unwrap() = VecDeque::from([Ok(Some(Credential::new(key)))]);
    }

    pub fn takes(self, time: Duration) -> Self {
        *self.0.takes.lock().unwrap() = time;
        self
    }

    pub fn asked(&self) -> usize {
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
pub struct Guard(pub Arc<GuardState>);

#[derive(Debug, Default)]
pub struct GuardState {
    good: Mutex<BTreeSet<String>>,
    pub served: Mutex<Vec<String>>,
    pub refused: AtomicUsize,
    /// How long a request is on its way to it.
    pub way: Mutex<Duration>,
}

impl Guard {
    pub fn taking(key: &str) -> Self {
        let guard = Self::default();
        guard.take(key);
        guard
    }

    pub fn take(&self, key: &str) {
        self.0.good.lock().unwrap().insert(key.to_owned());
    }

    pub fn refuse(&self, key: &str) {
        self.0.good.lock().unwrap().remove(key);
    }

    pub fn served(&self) -> Vec<String> {
        self.0.served.lock().unwrap().clone()
    }

    pub fn client(&self, vault: &Vault) -> Client {
        self.builder(vault).build().unwrap()
    }

    pub fn builder(&self, vault: &Vault) -> ClientBuilder {
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

pub fn in_seconds(seconds: u64) -> Timestamp {
    (SystemTime::now() + Duration::from_secs(seconds)).into()
}

pub async fn who(client: &Client) -> Result<String, avala::Error> {
    Ok(client.users().me().send().await?.username)
}
