//! Those that are compared: each makes the same call, so many times, with so many in flight.

use std::hint::black_box;
use std::process::Command;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use avala_api::Page;
use avala_api::webhooks::Webhook;
use http::HeaderValue;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::series::seconds_each;

/// A well-formed key; the canned server looks at none.
const KEY: &str = "avk_test_000000000000000000000000000000000000000000000000000000";
/// Calls before the clock starts: connections are open and memory is warm.
const WARM_UP_CALLS: u32 = 200;

/// How much a peer has to do.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// How many calls.
    pub(crate) calls: u32,
    /// How many of them at a time.
    pub(crate) in_flight: u32,
}

impl Load {
    fn calls_per_lane(self) -> u32 {
        self.calls / self.in_flight
    }

    fn warm_up(self) -> Self {
        Self {
            calls: WARM_UP_CALLS.max(self.in_flight),
            ..self
        }
    }
}

/// One of those that are compared.
pub(crate) trait Peer {
    /// Seconds per call under that load.
    fn seconds_per_call(&self, load: Load) -> Result<f64>;
}

/// reqwest as it comes, and serde into the same types: what a program would do without us.
pub(crate) struct Bare {
    runtime: Runtime,
    http: reqwest::Client,
    url: String,
}

/// Our async client.
pub(crate) struct Async {
    runtime: Runtime,
    client: avala::Client,
}

/// Our blocking client.
pub(crate) struct Blocking(avala::blocking::Client);

/// The official Python client, in a process of its own.
pub(crate) struct Official {
    python: String,
    base_url: String,
}

impl Bare {
    pub(crate) fn new(base_url: &str) -> Result<Self> {
        // Without the environment's proxies, as the other peers on loopback.
        #[expect(clippy::disallowed_methods, reason = "it is what we are compared with")]
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self {
            runtime: Runtime::new()?,
            http,
            url: format!("{base_url}/webhooks/"),
        })
    }
}

impl Async {
    pub(crate) fn new(base_url: &str) -> Result<Self> {
        Ok(Self {
            runtime: Runtime::new()?,
            client: chosen(base_url).build()?,
        })
    }
}

impl Blocking {
    pub(crate) fn new(base_url: &str) -> Result<Self> {
        Ok(Self(chosen(base_url).build_blocking()?))
    }
}

fn chosen(base_url: &str) -> avala::ClientBuilder {
    avala::Client::builder()
        .api_key(KEY)
        .base_url(base_url)
        .allow_insecure_loopback()
}

impl Official {
    pub(crate) fn new(python: String, base_url: &str) -> Self {
        Self {
            python,
            base_url: base_url.to_owned(),
        }
    }

    /// What it consists of.
    pub(crate) fn versions(&self) -> Result<String> {
        let answer = self.run(Load {
            calls: 1,
            in_flight: 1,
        })?;
        Ok(answer["versions"]
            .as_str()
            .context("the official client names no versions")?
            .to_owned())
    }

    fn run(&self, load: Load) -> Result<serde_json::Value> {
        let answer = Command::new(&self.python)
            .args(["-B", concat!(env!("CARGO_MANIFEST_DIR"), "/peers/official.py")])
            .args([
                "--calls",
                &load.calls.to_string(),
                "--in-flight",
                &load.in_flight.to_string(),
            ])
            .env("AVALA_BASE_URL", &self.base_url)
            .env("AVALA_ALLOW_INSECURE_BASE_URL", "true")
            .env("AVALA_API_KEY", KEY)
            .output()
            .context("starting the official client")?;
        if !answer.status.success() {
            bail!(
                "the official client failed:\n{}",
                String::from_utf8_lossy(&answer.stderr)
            );
        }
        Ok(serde_json::from_slice(&answer.stdout)?)
    }
}

impl Peer for Bare {
    fn seconds_per_call(&self, load: Load) -> Result<f64> {
        let call = |http: reqwest::Client, url: String| async move {
            let answer = http
                .get(url)
                .header("accept", HeaderValue::from_static("application/json"))
                .header("x-avala-api-key", HeaderValue::from_static(KEY))
                .send()
                .await?
                .error_for_status()?;
            let page: Page<Webhook> = serde_json::from_slice(&answer.bytes().await?)?;
            anyhow::Ok(page)
        };
        let (http, url) = (self.http.clone(), self.url.clone());
        self.runtime
            .block_on(in_tasks(load, move || call(http.clone(), url.clone())))
    }
}

impl Peer for Async {
    fn seconds_per_call(&self, load: Load) -> Result<f64> {
        let client = self.client.clone();
        let call = move || {
            let client = client.clone();
            async move { Ok(client.webhooks().list().send().await?) }
        };
        self.runtime.block_on(in_tasks(load, call))
    }
}

impl Peer for Blocking {
    fn seconds_per_call(&self, load: Load) -> Result<f64> {
        let lane = |calls| -> Result<()> {
            for _ in 0..calls {
                whole(&self.0.webhooks().list().send()?)?;
            }
            Ok(())
        };
        let run = |load: Load| -> Result<f64> {
            let started = Instant::now();
            thread::scope(|scope| {
                let lanes: Vec<_> = (0..load.in_flight)
                    .map(|_| scope.spawn(|| lane(load.calls_per_lane())))
                    .collect();
                lanes.into_iter().try_for_each(|lane| match lane.join() {
                    Ok(outcome) => outcome,
                    Err(_) => bail!("a thread of the blocking client panicked"),
                })
            })?;
            Ok(seconds_each(
                started.elapsed(),
                load.calls_per_lane() * load.in_flight,
            ))
        };
        run(load.warm_up())?;
        run(load)
    }
}

impl Peer for Official {
    fn seconds_per_call(&self, load: Load) -> Result<f64> {
        self.run(load)?["seconds_per_call"]
            .as_f64()
            .context("the official client measured nothing")
    }
}

/// Makes the calls in as many tasks as may be in flight: first to warm up, then against the clock.
async fn in_tasks<F>(load: Load, call: impl Fn() -> F + Clone + Send + 'static) -> Result<f64>
where
    F: Future<Output = Result<Page<Webhook>>> + Send + 'static,
{
    all_lanes(load.warm_up(), call.clone()).await?;
    all_lanes(load, call).await
}

async fn all_lanes<F>(load: Load, call: impl Fn() -> F + Clone + Send + 'static) -> Result<f64>
where
    F: Future<Output = Result<Page<Webhook>>> + Send + 'static,
{
    let started = Instant::now();
    let mut lanes = JoinSet::new();
    for _ in 0..load.in_flight {
        let call = call.clone();
        lanes.spawn(async move {
            for _ in 0..load.calls_per_lane() {
                whole(&call().await?)?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(outcome) = lanes.join_next().await {
        outcome??;
    }
    Ok(seconds_each(
        started.elapsed(),
        load.calls_per_lane() * load.in_flight,
    ))
}

fn whole(page: &Page<Webhook>) -> Result<()> {
    ensure!(!black_box(page).items.is_empty(), "the page has no rows");
    Ok(())
}
