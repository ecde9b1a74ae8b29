//! A server that is a list of answers: no socket, no clock of its own.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each test file uses its part"
)]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use avala::{
    Client, ClientBuilder, Environment,
    transport::{Limits, Transport, TransportError, TransportFailure, TransportFuture},
};
use bytes::Bytes;
use tokio::time::Instant;

/// The key that must never be seen where it does not belong.
pub const CANARY: &str = "avk_test_Canary000000_CanaryCanaryCanaryCanaryCanaryCanar";

/// What the scripted server does with one request.
#[derive(Clone, Debug)]
pub enum Turn {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    Fail(TransportFailure, bool),
    /// Never answers within its limits.
    Hang,
    /// Never comes back at all, whatever its limits.
    Forever,
}

pub fn answer(status: u16, body: impl Into<String>) -> Turn {
    Turn::Answer {
        status,
        headers: Vec::new(),
        body: body.into(),
    }
}

pub fn answer_with(status: u16, headers: &[(&'static str, &str)], body: &str) -> Turn {
    let headers = headers
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    Turn::Answer {
        status,
        headers,
        body: body.to_owned(),
    }
}

/// A request as the server saw it, and when.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub uri: String,
    pub headers: http::HeaderMap,
    pub body: Bytes,
    pub at: Instant,
}

#[derive(Clone, Debug, Default)]
pub struct Script {
    turns: Arc<Mutex<VecDeque<Turn>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Script {
    pub fn of(turns: impl IntoIterator<Item = Turn>) -> Self {
        Self {
            turns: Arc::new(Mutex::new(turns.into_iter().collect())),
            seen: Arc::default(),
        }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Seconds between one request and the next.
    pub fn waits(&self) -> Vec<f64> {
        let seen = self.seen();
        seen.windows(2)
            .map(|pair| (pair[1].at - pair[0].at).as_secs_f64())
            .collect()
    }

    pub fn builder(&self) -> ClientBuilder {
        Client::builder()
            .environment(Environment::empty())
            .api_key(CANARY)
            .base_url("https://avala.example/api/v1")
            .transport(self.clone())
    }

    pub fn client(&self) -> Client {
        self.builder().build().unwrap()
    }
}

impl Transport for Script {
    fn call(&self, request: http::Request<Bytes>, limits: Limits) -> TransportFuture<'_> {
        self.seen.lock().unwrap().push(Seen {
            method: request.method().to_string(),
            uri: request.uri().to_string(),
            headers: request.headers().clone(),
            body: request.body().clone(),
            at: Instant::now(),
        });
        let turn = self
            .turns
            .lock()
            .unwrap()
            .pop_front()
            .expect("the script has no answer left");
        Box::pin(async move {
            match turn {
                Turn::Answer {
                    status,
                    headers,
                    body,
                } => {
                    let mut response = http::Response::builder().status(status);
                    for (name, value) in headers {
                        response = response.header(name, value);
                    }
                    Ok(response.body(Bytes::from(body)).unwrap())
                }
                Turn::Fail(failure, sent) => Err(TransportError::new(failure, sent, "scripted")),
                Turn::Forever => std::future::pending().await,
                Turn::Hang => {
                    tokio::time::sleep(limits.timeout).await;
                    Err(TransportError::new(TransportFailure::Timeout, true, "scripted"))
                }
            }
        })
    }
}

/// A page of webhooks `w<from>..w<to>`, with a link to the next if there is one.
pub fn page(from: u32, to: u32, next: Option<&str>) -> String {
    let rows: Vec<_> = (from..to)
        .map(|n| serde_json::json!({"uid": format!("w{n}"), "target_url": "https://h.example/", "events": ["task.completed"]}))
        .collect();
    serde_json::json!({"next": next, "previous": null, "results": rows}).to_string()
}

pub fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A prerequisite that the set-up brings. Without it a test says what it skips; under `CI=true` it fails instead.
pub fn prerequisite(variable: &str, checks: &str) -> Option<std::path::PathBuf> {
    let found = std::env::var_os(variable).map(Into::into);
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none_or(|value| value != "true"),
            "{variable} is not set, and nothing may be skipped: run `cargo xtask test`"
        );
        let mut stderr = std::io::stderr();
        let _best_effort = std::io::Write::write_all(
            &mut stderr,
            format!("skipped: {checks} ({variable} is not set; run `cargo xtask test`)\n").as_bytes(),
        );
    }
    found
}
