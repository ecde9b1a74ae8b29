//! Building a client: everything that can be set, and what is checked before anything is sent.

use std::{fmt, marker::PhantomData, path::PathBuf, sync::Arc, time::Duration};

use avala_api::{Retry, Secret};

use crate::{
    Async, Client, CredentialProvider, Environment, Error, Expiry,
    auth::{Asked, Credentials, ExpiryHook, resolve},
    blocking::{self, Blocking},
    client::Core,
    introspection::Known,
    transport::{Network, Transport, WayOut, user_agent},
};

/// A client under construction, async or blocking. `build` does local work only: it reads the environment, the settings of
/// profiles and, if asked to, a `.env` file.
#[must_use = "a builder does nothing until it builds"]
pub struct ClientBuilder<Kind = Async> {
    asked: Asked,
    user_agent_suffix: Option<String>,
    retry: Retry,
    timeout: Option<Duration>,
    attempt_timeout: Option<Duration>,
    pub(crate) way_out: WayOut,
    transport: Option<Arc<dyn Transport>>,
    expiry_hook: Option<ExpiryHook>,
    without_permission_check: bool,
    kind: PhantomData<fn() -> Kind>,
}

impl<Kind> Default for ClientBuilder<Kind> {
    fn default() -> Self {
        Self {
            asked: Asked::default(),
            user_agent_suffix: None,
            retry: Retry::default(),
            timeout: None,
            attempt_timeout: None,
            way_out: WayOut::default(),
            transport: None,
            expiry_hook: None,
            without_permission_check: false,
            kind: PhantomData,
        }
    }
}

impl ClientBuilder<Async> {
    /// The async client.
    pub fn build(self) -> Result<Client, Error> {
        self.async_client()
    }
}

impl ClientBuilder<Blocking> {
    /// The blocking client.
    pub fn build(self) -> Result<blocking::Client, Error> {
        self.build_blocking()
    }
}

impl<Kind> ClientBuilder<Kind> {
    /// The key to use, before any other source. An empty one is an error, not a reason to look elsewhere.
    pub fn api_key(mut self, key: impl Into<Secret>) -> Self {
        self.asked.api_key = Some(key.into());
        self
    }

    /// The source of the key, before any other. It is asked when the first call is made, before a known end, and once after
    /// a server refused its key.
    pub fn credentials(mut self, provider: impl CredentialProvider) -> Self {
        self.asked.provider = Some(Arc::new(provider));
        self
    }

    /// The profile whose key and base URL are used, unless a key is handed over. See [`crate::profiles`].
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.asked.profile = Some(name.into());
        self
    }

    /// Hears once of each key that it ends within this time, when a call is made. The source must know when it ends.
    pub fn on_expiry_within(
        mut self,
        time: Duration,
        tell: impl Fn(&Expiry) + Send + Sync + 'static,
    ) -> Self {
        self.expiry_hook = Some(ExpiryHook {
            within: time,
            tell: Box::new(tell),
        });
        self
    }

    /// Where calls go: HTTPS, with the path under which the API stands (`https://api.avala.ai/api/v1`).
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.asked.base_url = Some(url.into());
        self
    }

    /// Allows plain HTTP to `localhost`, `127.0.0.1` and `::1`, as `AVALA_ALLOW_INSECURE_BASE_URL=true` does.
    pub fn allow_insecure_loopback(mut self) -> Self {
        self.asked.allow_insecure_loopback = true;
        self
    }

    /// Lets the key come from `.env` in the working directory, if no earlier source has one.
    #[doc(alias = "load_dotenv")]
    pub fn dotenv(self) -> Self {
        self.dotenv_file(".env")
    }

    /// Lets the key come from this file, if no earlier source has one.
    pub fn dotenv_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.asked.dotenv = Some(path.into());
        self
    }

    /// Looks for no key. Only operations that need none can be called, such as sign-up.
    pub fn anonymous(mut self) -> Self {
        self.asked.anonymous = true;
        self
    }

    /// Reads variables from here instead of from the process's environment.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.asked.environment = environment;
        self
    }

    /// How long a call may take: waiting, all attempts, and reading the answer. 60 seconds unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How long one attempt may take. Unless set: 30 seconds, or its share of a longer timeout; the whole timeout for a call
    /// that is not repeated.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// How often and how patiently calls are repeated.
    #[doc(alias = "max_retries")]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// What to add to the User-Agent, such as the name and version of your program.
    pub fn user_agent_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.user_agent_suffix = Some(suffix.into());
        self
    }

    /// Sends calls even if the key is known to lack the scope they need: the server's word alone counts.
    pub fn without_permission_check(mut self) -> Self {
        self.without_permission_check = true;
        self
    }

    /// Another way to the server than the network.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    fn async_client(self) -> Result<Client, Error> {
        let resolved = resolve(&self.asked)?;
        let user_agent = user_agent(self.user_agent_suffix.as_deref())?;
        let credentials = resolved
            .provider
            .map(|provider| Credentials::new(provider, resolved.read, self.expiry_hook))
            .transpose()?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => Arc::new(Network::new(
                self.way_out,
                user_agent.to_str().unwrap_or_default(),
                &self.asked.environment,
            )?),
        };
        Ok(Client::from_core(Core {
            base_url: resolved.base_url,
            credentials,
            report: resolved.report,
            user_agent,
            retry: self.retry,
            timeout: self.timeout.unwrap_or(Duration::from_mins(1)),
            attempt_timeout: self.attempt_timeout,
            transport,
            known: Known::default(),
            without_permission_check: self.without_permission_check,
        }))
    }

    /// The blocking client, whichever was begun.
    pub fn build_blocking(self) -> Result<blocking::Client, Error> {
        blocking::Client::around(self.async_client()?)
    }
}

impl<Kind> fmt::Debug for ClientBuilder<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("api_key", &self.asked.api_key.as_ref().map(|_| "[redacted]"))
            .field("profile", &self.asked.profile)
            .field("dotenv", &self.asked.dotenv)
            .field("environment", &self.asked.environment)
            .field("retry", &self.retry)
            .field("way_out", &self.way_out)
            .finish_non_exhaustive()
    }
}
