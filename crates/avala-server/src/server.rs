//! The server: opened once, served on a listener, and a way to seed it.

use std::{fmt, fs::File, net::SocketAddr, sync::Arc, time::Duration};

use avala_api::{
    EventName, Timestamp,
    agents::{AgentUid, ExecutionUid},
};
use avala_keys::ApiKey;
use ipnet::IpNet;
use serde_json::{Map, Value};
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet, time::Instant};
use url::Url;

use crate::{
    audit::Refusals,
    buckets::Buckets,
    config::{self, Config, PasswordCost},
    edge::{Hosts, Limits, Newcomers, Tls, TrustedProxies, accept},
    error::{AuthorityError, StartError},
    jobs,
    keys::{self, Authority, Follower},
    metrics::Metrics,
    outgoing::Outgoing,
    password::Passwords,
    random::Random,
    routes::Routes,
    service::{RequestIds, Service},
    store::{
        Actor, Entry, StoreError,
        agent_executions::{self, NewExecution},
        agents,
        data_dir::DataDir,
        webhook_deliveries,
    },
    usage::Usage,
    users::Users,
};

/// The age at which a delivery without an outcome was interrupted: the target has ten seconds, the database as long.
const INTERRUPTED_AFTER: Duration = Duration::from_mins(1);

/// How often it is said that a setup token was forgotten.
const FORGOTTEN_SAID_EVERY: Duration = Duration::from_hours(1);

/// A server on a data directory. As long as it lives, no other server opens the same one.
pub struct Server {
    authority: Authority,
    /// From the instant on when all keys were read, or a little earlier.
    follower: Follower,
    settings: Settings,
    usage: Usage,
    metrics: Metrics,
    #[cfg(feature = "measure")]
    pub(crate) measured: crate::measure::Measured,
    _lock: File,
}

/// What serving needs of the configuration.
struct Settings {
    public_url: Option<Url>,
    docs_url: Option<Url>,
    sign_up: bool,
    password_cost: PasswordCost,
    rate_limit: config::RateLimit,
    hosts: Vec<String>,
    trusted_proxies: Vec<IpNet>,
    tls: Option<Arc<Tls>>,
    limits: config::Limits,
    outgoing: Arc<Outgoing>,
    s3_endpoint: Option<Url>,
    google: config::GoogleEndpoints,
    aws_account_id: Option<String>,
}

impl Server {
    /// Opens a data directory, or makes it.
    pub async fn open(config: Config) -> Result<Self, StartError> {
        let tls = config.tls.map(Tls::open).transpose()?.map(Arc::new);
        let dir = DataDir::make(&config.data_dir)?;
        let lock = dir.lock()?;
        if let Err(error) = dir.clear_exports() {
            tracing::warn!(%error, "cannot remove unfinished files of exports");
        }
        let random = Arc::new(Random::new(config.randomness));
        let opened = Box::pin(keys::open(
            dir,
            &config.database,
            Some(config.class),
            &random,
            config.clock.now(),
        ))
        .await?;
        let keys_read = Instant::now();
        let authority = Box::pin(Authority::of(opened, random, config.clock)).await?;
        if let Err(error) = Box::pin(fail_interrupted(&authority)).await {
            tracing::error!(%error, "cannot look for interrupted deliveries");
        }
        let follower = Follower::new(keys_read, config.limits.keys_current_for);
        let usage = Usage::new(authority.store().clone());
        Ok(Self {
            metrics: Metrics::new(authority.clone(), follower.clone(), usage.clone()),
            authority,
            follower,
            usage,
            settings: Settings {
                outgoing: Arc::new(Outgoing::new(config.allow_webhook_targets)?),
                s3_endpoint: config.s3_endpoint,
                google: config.google,
                aws_account_id: config.aws_account_id,
                public_url: config.public_url,
                docs_url: config.docs_url,
                sign_up: config.sign_up,
                password_cost: config.password_cost,
                rate_limit: config.rate_limit,
                hosts: config.allowed_hosts,
                trusted_proxies: config.trusted_proxies,
                tls,
                limits: config.limits,
            },
            #[cfg(feature = "measure")]
            measured: crate::measure::Measured::default(),
            _lock: lock,
        })
    }

    /// Serves the listener's connections until the shutdown, then lets open requests end.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), StartError> {
        let address = listener.local_addr().map_err(StartError::Listener)?;
        let settings = &self.settings;
        let service = Service {
            authority: self.authority.clone(),
            routes: Routes::new().map_err(|error| StartError::Routes(error.to_string()))?,
            limits: Limits::new(settings.rate_limit),
            config: settings.limits,
            hosts: Hosts::new(&settings.hosts, settings.public_url.as_ref()),
            trusted_proxies: TrustedProxies::new(&settings.trusted_proxies),
            tls: settings.tls.clone(),
            public_url: public_url(settings.public_url.as_ref(), settings.tls.is_some(), address),
            docs_url: settings.docs_url.as_ref().map(Url::to_string),
            sign_up: settings.sign_up,
            passwords: Passwords::new(settings.password_cost),
            outgoing: settings.outgoing.clone(),
            buckets: Buckets::new(
                settings.outgoing.clone(),
                settings.s3_endpoint.clone(),
                settings.google.clone(),
            ),
            aws_account_id: settings.aws_account_id.clone(),
            deliveries: Arc::default(),
            jobs: Arc::default(),
            request_ids: RequestIds::new(self.authority.random().bytes()?),
            follower: self.follower.clone(),
            usage: self.usage.clone(),
            refusals: Refusals::new(self.authority.clone()),
            newcomers: Newcomers::default(),
            metrics: self.metrics.clone(),
            #[cfg(feature = "measure")]
            measured: self.measured.clone(),
        };
        // Ends with this call, however it ends.
        let mut following = JoinSet::new();
        following.spawn(self.follower.clone().follow(self.authority.clone()));
        following.spawn(keep_failing_interrupted(self.authority.clone()));
        following.spawn(keys::keep_renewing(self.authority.clone()));
        following.spawn(self.usage.clone().keep_flushing());
        following.spawn(self.usage.clone().keep_forgetting(self.authority.clone()));
        following.spawn(self.usage.clone().keep_writing_what_begins());
        following.spawn(keep_warning(self.authority.clone()));
        if let Some(tls) = &settings.tls {
            following.spawn(tls.clone().follow());
        }
        let refusals = service.refusals.clone();
        following.spawn(refusals.clone().keep_flushing());
        let jobs = service.jobs.clone();
        for worker in jobs::workers(&self.authority, &jobs, &service.deliveries) {
            following.spawn(worker.work());
        }
        let (stop, stopped) = oneshot::channel::<()>();
        // On the runtime's own threads: the caller's may be another one, and each connection would be handed over.
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::new(service), async {
            // Asked to, or left alone.
            let _ = stopped.await;
        }));
        tokio::select! {
            () = shutdown => jobs.close(),
            _ = accepting.join_next() => tracing::error!("the accept loop has ended by itself"),
        }
        drop(stop);
        accepting.join_all().await;
        if let Err(error) = self.usage.flush().await {
            tracing::error!(%error, "the usage of keys since the last time it was written is lost");
        }
        if let Err(error) = refusals.flush_all().await {
            tracing::error!(%error, "requests refused since the last time they were written are not in the audit");
        }
        Ok(())
    }

    /// The key authority.
    pub fn keys(&self) -> &Authority {
        &self.authority
    }

    /// How keys are used.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// What it tells a monitoring system, on a listener of its own.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The development key: a full key of a user of its own, the same one again after a restart.
    pub async fn dev_key(&self) -> Result<ApiKey, AuthorityError> {
        self.authority.dev_key().await
    }

    /// Users, for tests and demonstrations.
    pub fn users(&self) -> Users<'_> {
        self.authority.users()
    }

    /// Agents, for tests and demonstrations.
    pub fn agents(&self) -> Agents<'_> {
        Agents(&self.authority)
    }

    /// Closes the database, so that its file is complete without its log.
    pub async fn close(self) {
        self.authority.store().close().await;
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("authority", &self.authority)
            .finish_non_exhaustive()
    }
}

/// Says again and again that a setup token was forgotten, until it is dropped.
async fn keep_warning(authority: Authority) {
    let mut ticks = tokio::time::interval(FORGOTTEN_SAID_EVERY);
    loop {
        ticks.tick().await;
        match authority.has_forgotten_setup_token().await {
            Ok(false) => {}
            Ok(true) => tracing::warn!(
                "the setup token was not used for a day and opens nothing any more; a restart makes another one"
            ),
            Err(error) => tracing::error!(%error, "cannot look for a forgotten setup token"),
        }
    }
}

/// Fails interrupted deliveries, again and again, until it is dropped.
async fn keep_failing_interrupted(authority: Authority) {
    loop {
        tokio::time::sleep(INTERRUPTED_AFTER).await;
        if let Err(error) = fail_interrupted(&authority).await {
            tracing::error!(%error, "cannot look for interrupted deliveries");
        }
    }
}

/// Nobody is sending the deliveries that a killed process left behind, and nobody knows whether they arrived. Younger
/// ones may be under way at another server on the same database.
async fn fail_interrupted(authority: &Authority) -> Result<(), StoreError> {
    let now = authority.now();
    let age = i64::try_from(INTERRUPTED_AFTER.as_millis()).unwrap_or(i64::MAX);
    let before = Timestamp::from_unix_millis(now.unix_millis().saturating_sub(age));
    let mut change = authority.store().change().await?;
    let failed = webhook_deliveries::fail_pending(change.connection(), before, now).await?;
    let mut entries = failed.iter().map(|(uid, organization)| Entry {
        at: now,
        actor: &Actor::Server,
        action: "webhook_delivery.fail_interrupted",
        object: uid,
        organization: Some(organization),
    });
    let Some(last) = entries.next_back() else {
        return Ok(());
    };
    tracing::warn!(
        count = failed.len(),
        "deliveries were interrupted and count as failed"
    );
    for entry in entries {
        change.note(entry).await?;
    }
    change.commit(last).await
}

/// What links start with, without a slash at the end.
fn public_url(configured: Option<&Url>, has_tls: bool, address: SocketAddr) -> String {
    let scheme = if has_tls { "https" } else { "http" };
    match configured {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        // No client can connect to "any address".
        None if address.ip().is_unspecified() => format!("{scheme}://localhost:{}", address.port()),
        None => format!("{scheme}://{address}"),
    }
}

/// Agents, beside the API.
#[derive(Debug)]
pub struct Agents<'a>(&'a Authority);

impl Agents<'_> {
    /// Hands an event to an agent: a pending execution that its next poll finds.
    pub async fn enqueue_execution(
        &self,
        agent: &AgentUid,
        event: EventName,
        payload: Map<String, Value>,
    ) -> Result<ExecutionUid, AuthorityError> {
        let uid = self.0.random().uid()?;
        let new = NewExecution {
            uid: &uid,
            registration: agent.as_str(),
            event_type: event.as_str(),
            event_payload: &payload,
            created_at: self.0.now(),
        };
        let mut change = self.0.store().change().await?;
        let organization = agents::organization(change.connection(), agent.as_str())
            .await?
            .ok_or(AuthorityError::NotFound("agent"))?;
        agent_executions::insert(change.connection(), &new).await?;
        let entry = Entry {
            at: self.0.now(),
            actor: &Actor::Console,
            action: "agent_execution.enqueue",
            object: &uid,
            organization: Some(&organization),
        };
        change.commit(entry).await?;
        Ok(uid.into())
    }
}
