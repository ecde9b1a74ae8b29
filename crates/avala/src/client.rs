//! The async client: what all calls share, and the carrier that sends them.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use avala_api::{
    CallOptions, Carrier, Job, Operation, Page, Paged, Polling, Request, Response, Retry, Secret,
    users::Permissions,
};
use futures_core::Stream;
use futures_util::stream::{self, StreamExt, TryStreamExt as _};
use http::HeaderValue;
use url::Url;

use crate::{
    ClientBuilder, CredentialReport, Error, Tried, Whoami,
    auth::{Credentials, Held},
    base_url::BaseUrl,
    introspection::{self, Known},
    pager::Pager,
    poller::Poller,
    resources,
    transport::{self, Transport},
};

/// What every call of a client shares.
pub(crate) struct Core {
    pub(crate) base_url: BaseUrl,
    /// Where the key comes from, bound to `base_url`; `None` for an anonymous client.
    pub(crate) credentials: Option<Credentials>,
    /// What was found when the client was built.
    pub(crate) report: CredentialReport,
    pub(crate) user_agent: HeaderValue,
    pub(crate) retry: Retry,
    pub(crate) timeout: Duration,
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) transport: Arc<dyn Transport>,
    /// What answers told of the key.
    pub(crate) known: Known,
    /// Whether a call is sent even if its key is known to lack the scope it needs.
    pub(crate) without_permission_check: bool,
}

impl Core {
    /// The key that is in use, if one was read.
    pub(crate) fn held(&self) -> Option<Arc<Held>> {
        self.credentials.as_ref().and_then(Credentials::held)
    }

    pub(crate) fn credential_report(&self) -> CredentialReport {
        let mut report = self.report.clone();
        if let Some(held) = self.held() {
            report.masked_key = held.text().map(avala_keys::mask);
            report.expires_at = held.expires_at;
            report.notes.extend(self.known.notes(&held));
            for (_, tried) in &mut report.tried {
                if *tried == Tried::Chosen {
                    *tried = Tried::Used;
                }
            }
        }
        report
    }

    /// A number in 0..1 that spreads repetitions out.
    #[allow(
        clippy::unused_self,
        reason = "the one place that draws it, whatever it is drawn from"
    )]
    pub(crate) fn jitter(&self) -> f64 {
        fastrand::f64()
    }

    /// A name for a call that no other one has.
    #[allow(clippy::unused_self, reason = "as above")]
    pub(crate) fn request_id(&self) -> String {
        format!("{:032x}", fastrand::u128(..))
    }
}

/// An async client. Cloning it is cheap; clones share connections.
///
/// ```no_run
/// # async fn run() -> Result<(), avala::Error> {
/// let client = avala::Client::builder().api_key("avk_your_api_key").build()?;
/// let me = client.users().me().send().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[doc(alias = "AsyncClient")]
pub struct Client {
    core: Arc<Core>,
}

impl Client {
    /// A client whose key and base URL come from the environment. Local work only; no key is an error here.
    pub fn new() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// Everything that can be set.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    pub(crate) fn from_core(core: Core) -> Self {
        Self { core: Arc::new(core) }
    }

    #[cfg(test)]
    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    pub(crate) fn carrier(&self) -> Async {
        Async {
            core: Arc::clone(&self.core),
        }
    }

    /// Does what a call does to have its key, for measurements.
    #[cfg(feature = "measure")]
    #[doc(hidden)]
    pub async fn has_key(&self) -> bool {
        match &self.core.credentials {
            Some(credentials) => credentials.get(None).await.is_ok(),
            None => false,
        }
    }

    /// A call of any operation of [`crate::api`].
    pub fn call<O: Operation>(&self, operation: O) -> Request<O, Async> {
        Request::new(operation, self.carrier())
    }

    /// Where calls go, without a trailing slash.
    pub fn base_url(&self) -> &Url {
        self.core.base_url.url()
    }

    /// The key that calls are made with, read if it was not yet: for handing it to another program.
    pub async fn expose_api_key(&self) -> Result<Secret, Error> {
        let Some(credentials) = &self.core.credentials else {
            return Err(Error::configuration("This client was built to stay anonymous."));
        };
        let held = credentials.get(None).await?;
        Ok(Secret::from(held.text().unwrap_or_default()))
    }

    /// Which sources were looked at for the key, which one gave it, and where it is sent. No secret.
    pub fn credential_report(&self) -> CredentialReport {
        self.core.credential_report()
    }

    /// Who the key belongs to, what it may do, and where it came from: two calls, and what is known here.
    pub fn whoami(&self) -> Call<Whoami> {
        let core = Arc::clone(&self.core);
        Call(Box::pin(async move { introspection::whoami(&core).await }))
    }

    /// What the key may do. A client remembers it for five minutes, or until it uses another key: if the server is a
    /// self-hosted one, a call that needs a scope the key lacks then fails before it is sent
    /// ([`ErrorKind::Forbidden`](crate::ErrorKind::Forbidden), code `scope_missing`).
    pub fn permissions(&self) -> Call<Permissions> {
        let core = Arc::clone(&self.core);
        Call(Box::pin(async move { introspection::permissions(&core).await }))
    }
}

resources::handles_of!(Client, Async);

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.core.base_url.as_str())
            .field("key_from", &self.core.report.source.to_string())
            .finish_non_exhaustive()
    }
}

/// Sends calls from async code.
#[derive(Clone)]
pub struct Async {
    core: Arc<Core>,
}

impl fmt::Debug for Async {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Async")
            .field("base_url", &self.core.base_url.as_str())
            .finish_non_exhaustive()
    }
}

/// A call on its way. Dropping it gives the call up.
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<T>(Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>);

impl<T> Future for Call<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Call")
    }
}

/// A sequence fetched as it is read: pages, the rows of all pages, the states of a job. It ends after its first error.
#[must_use = "a stream does nothing until it is polled"]
pub struct Items<T>(Pin<Box<dyn Stream<Item = Result<T, Error>> + Send>>);

impl<T> Items<T> {
    /// The next one; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<T, Error>> {
        StreamExt::next(self).await
    }

    /// All of them. A long list is held in memory whole.
    pub async fn collect_all(self) -> Result<Vec<T>, Error> {
        self.try_collect().await
    }
}

impl<T> Stream for Items<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Items")
    }
}

impl Carrier for Async {
    type Sent<T: Send + 'static> = Call<T>;
    type Items<T: Send + 'static> = Items<T>;

    fn send<O: Operation>(self, operation: O, options: CallOptions) -> Call<O::Answer> {
        Call(Box::pin(async move {
            Ok(transport::send(&self.core, &operation, &options).await?.value)
        }))
    }

    fn send_with_response<O: Operation>(
        self,
        operation: O,
        options: CallOptions,
    ) -> Call<Response<O::Answer>> {
        Call(Box::pin(async move {
            transport::send(&self.core, &operation, &options).await
        }))
    }

    fn pages<O: Paged>(self, operation: O, options: CallOptions) -> Items<Page<O::Item>> {
        Items(Box::pin(pages(self.core, operation, options)))
    }

    fn items<O: Paged>(self, operation: O, options: CallOptions) -> Items<O::Item> {
        let pages = pages(self.core, operation, options);
        Items(Box::pin(
            pages
                .map_ok(|page| stream::iter(page.items.into_iter().map(Ok)))
                .try_flatten(),
        ))
    }

    fn wait<O: Operation<Answer: Job>>(
        self,
        operation: O,
        options: CallOptions,
        polling: Polling,
    ) -> Call<O::Answer> {
        Call(Box::pin(
            Poller::new(self.core, operation, options, polling).end(),
        ))
    }

    fn states<O: Operation<Answer: Job>>(
        self,
        operation: O,
        options: CallOptions,
        polling: Polling,
    ) -> Items<O::Answer> {
        let poller = Poller::new(self.core, operation, options, polling);
        Items(Box::pin(stream::unfold(poller, |mut poller| async move {
            Some((poller.next().await?, poller))
        })))
    }
}

fn pages<O: Paged>(
    core: Arc<Core>,
    operation: O,
    options: CallOptions,
) -> impl Stream<Item = Result<Page<O::Item>, Error>> + Send {
    stream::unfold(
        (core, Pager::new(operation), options),
        |(core, mut pager, options)| async move {
            let asked = pager.take()?;
            let outcome = match transport::send(&core, &asked, &options).await {
                Ok(answer) => pager.follow(asked, &answer.value).map(|()| answer.value),
                Err(error) => Err(error),
            };
            Some((outcome, (core, pager, options)))
        },
    )
}
