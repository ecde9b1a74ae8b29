//! The parts of a serving server, shared by all requests.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use http::StatusCode;
use tokio::sync::RwLock;

use crate::{
    audit::Refusals,
    buckets::Buckets,
    config,
    edge::{Hosts, Limits, Newcomers, Reply, Tls, TrustedProxies},
    hex,
    jobs::Jobs,
    keys::{Authority, Follower},
    metrics::Metrics,
    outgoing::Outgoing,
    password::Passwords,
    routes::Routes,
    store::Store,
    usage::Usage,
};

/// The parts of a serving server.
pub(crate) struct Service {
    pub(crate) authority: Authority,
    pub(crate) routes: Routes,
    pub(crate) limits: Option<Limits>,
    pub(crate) config: config::Limits,
    pub(crate) hosts: Hosts,
    pub(crate) trusted_proxies: TrustedProxies,
    /// `None` over plain HTTP.
    pub(crate) tls: Option<Arc<Tls>>,
    /// What links start with. No slash at its end.
    pub(crate) public_url: String,
    pub(crate) docs_url: Option<String>,
    /// Whether anybody may make an account.
    pub(crate) sign_up: bool,
    pub(crate) passwords: Passwords,
    pub(crate) outgoing: Arc<Outgoing>,
    pub(crate) buckets: Buckets,
    /// The AWS account that roles are to trust.
    pub(crate) aws_account_id: Option<String>,
    /// Shared by the deliveries and jobs under way; who has it alone, knows that there is none.
    pub(crate) deliveries: Arc<RwLock<()>>,
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) request_ids: RequestIds,
    pub(crate) follower: Follower,
    pub(crate) usage: Usage,
    pub(crate) refusals: Refusals,
    pub(crate) newcomers: Newcomers,
    pub(crate) metrics: Metrics,
    #[cfg(feature = "measure")]
    pub(crate) measured: crate::measure::Measured,
}

impl Service {
    pub(crate) fn store(&self) -> &Store {
        self.authority.store()
    }

    /// The two paths that are no part of the API: whether the process lives, and whether it can work.
    /// Anybody may ask, as often as they like: no I/O.
    pub(crate) fn health(&self, path: &str) -> Option<Reply> {
        let ready = match path {
            "/healthz" => true,
            "/readyz" => self.follower.hears(),
            _ => return None,
        };
        Some(if ready {
            Reply {
                status: StatusCode::OK,
                body: Some(r#"{"status":"ok"}"#.into()),
            }
        } else {
            Reply {
                status: StatusCode::SERVICE_UNAVAILABLE,
                body: Some(r#"{"status":"unavailable"}"#.into()),
            }
        })
    }
}

/// Numbers requests; unique across restarts.
pub(crate) struct RequestIds {
    process: String,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new(process: [u8; 6]) -> Self {
        Self {
            process: hex::encode(&process),
            next: AtomicU64::new(1),
        }
    }

    pub(crate) fn next(&self) -> String {
        format!("{}-{:x}", self.process, self.next.fetch_add(1, Ordering::Relaxed))
    }
}
