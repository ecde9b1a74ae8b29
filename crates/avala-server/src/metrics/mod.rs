//! What a server tells a monitoring system: counts and times by route group, method and status class, never by key.

mod listener;

use std::{fmt, sync::Arc, time::Duration};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
    },
    registry::Registry,
};
use tokio::net::TcpListener;

use crate::{
    keys::{Authority, Follower},
    usage::Usage,
};

/// Seconds: from an answer out of memory to one that is given up.
const BUCKETS: [f64; 11] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0,
];

/// What a server tells a monitoring system, in the text format of Prometheus. Every label has a fixed set of values,
/// and none names a key, a user or an address.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<GroupLabels, Histogram, fn() -> Histogram>,
    refusals: Family<RefusalLabels, Counter>,
    connections: Gauge,
    connections_refused: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    group: &'static str,
    method: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GroupLabels {
    group: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    code: &'static str,
}

/// A connection that counts as open until this is dropped.
pub(crate) struct Open(Metrics);

impl Metrics {
    pub(crate) fn new(authority: Authority, follower: Follower, usage: Usage) -> Self {
        let mut registry = Registry::with_prefix("avala");
        let inner = Inner {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            refusals: Family::default(),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            registry: Registry::default(),
        };
        registry.register("http_requests", "Requests answered", inner.requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time from a request's head to its answer",
            inner.durations.clone(),
        );
        registry.register(
            "http_refusals",
            "Requests refused, by code of the answer",
            inner.refusals.clone(),
        );
        registry.register("connections", "Connections open", inner.connections.clone());
        registry.register(
            "connections_refused",
            "Connections refused, since their address had too many",
            inner.connections_refused.clone(),
        );
        registry.register_collector(Box::new(Looked {
            authority,
            follower,
            usage,
        }));
        Self(Arc::new(Inner { registry, ..inner }))
    }

    /// Answers `GET /metrics` on a listener, to whoever asks, until it is dropped. It is meant for loopback, or for a
    /// network of its own: nothing here asks for a key. On loopback, it answers to addresses and `localhost` only.
    pub async fn serve(&self, listener: TcpListener) {
        listener::serve(listener, self.clone()).await;
    }

    pub(crate) fn request(
        &self,
        group: &'static str,
        method: &'static str,
        status: &'static str,
        took: Duration,
    ) {
        let labels = RequestLabels {
            group,
            method,
            status,
        };
        self.0.requests.get_or_create(&labels).inc();
        self.0
            .durations
            .get_or_create(&GroupLabels { group })
            .observe(took.as_secs_f64());
    }

    pub(crate) fn refusal(&self, code: &'static str) {
        self.0.refusals.get_or_create(&RefusalLabels { code }).inc();
    }

    pub(crate) fn connection(&self) -> Open {
        self.0.connections.inc();
        Open(self.clone())
    }

    pub(crate) fn connection_refused(&self) {
        self.0.connections_refused.inc();
    }

    fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.0.registry)?;
        Ok(text)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.connections.dec();
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// What is looked up when somebody asks.
#[derive(Debug)]
struct Looked {
    authority: Authority,
    follower: Follower,
    usage: Usage,
}

impl Collector for Looked {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut tell = |name, help, metric: &dyn Tell| metric.tell(&mut encoder, name, help);
        tell(
            "keys",
            "Keys in the set, whatever their state",
            &ConstGauge::new(self.authority.len()),
        )?;
        tell(
            "key_set_age_seconds",
            "Time since the last successful look at the database",
            &ConstGauge::new(self.follower.age().as_secs_f64()),
        )?;
        tell(
            "usage_unwritten",
            "Counts of the usage of keys that wait to be written",
            &ConstGauge::new(self.usage.unwritten()),
        )?;
        tell(
            "usage_flush_failures",
            "Times that the usage of keys could not be written",
            &ConstCounter::new(self.usage.failures()),
        )?;
        tell(
            "usage_lost",
            "Requests missing in the usage of keys, since too much waited to be written",
            &ConstCounter::new(self.usage.lost()),
        )
    }
}

/// A value with its name.
trait Tell {
    fn tell(&self, encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str) -> fmt::Result;
}

impl<M: EncodeMetric> Tell for M {
    fn tell(&self, encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str) -> fmt::Result {
        self.encode(encoder.encode_descriptor(name, help, None, self.metric_type())?)
    }
}
