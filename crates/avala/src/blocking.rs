//! The same client for code that is not async. It runs its own thread with its own runtime, so it works inside async programs too.

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, mpsc},
    thread::{self, ThreadId},
};

use avala_api::{
    CallOptions, Carrier, Job, Operation, Page, Paged, Polling, Request, Response, users::Permissions,
};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use url::Url;

use crate::{Async, ClientBuilder, CredentialReport, Error, Secret, Whoami, resources};

/// A blocking client. Cloning it is cheap; clones share connections and the one thread.
///
/// ```no_run
/// # fn run() -> Result<(), avala::Error> {
/// let client = avala::blocking::Client::new()?;
/// println!("{}", client.users().me().send()?.username);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[doc(alias = "Avala")]
pub struct Client {
    client: crate::Client,
    runtime: Arc<Runtime>,
}

impl Client {
    /// A client whose key and base URL come from the environment. Local work only; no key is an error here.
    pub fn new() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// Everything that can be set.
    pub fn builder() -> ClientBuilder<Blocking> {
        ClientBuilder::default()
    }

    pub(crate) fn around(client: crate::Client) -> Result<Self, Error> {
        Ok(Self {
            client,
            runtime: Arc::new(Runtime::start()?),
        })
    }

    pub(crate) fn carrier(&self) -> Blocking {
        Blocking {
            inner: self.client.carrier(),
            runtime: Arc::clone(&self.runtime),
        }
    }

    /// A call of any operation of [`crate::api`].
    pub fn call<O: Operation>(&self, operation: O) -> Request<O, Blocking> {
        Request::new(operation, self.carrier())
    }

    /// Where calls go, without a trailing slash.
    pub fn base_url(&self) -> &Url {
        self.client.base_url()
    }

    /// The key that calls are made with, read if it was not yet: for handing it to another program.
    pub fn expose_api_key(&self) -> Result<Secret, Error> {
        let client = self.client.clone();
        self.runtime
            .wait_for(async move { client.expose_api_key().await })
    }

    /// Which sources were looked at for the key, which one gave it, and where it is sent. No secret.
    pub fn credential_report(&self) -> CredentialReport {
        self.client.credential_report()
    }

    /// Who the key belongs to, what it may do, and where it came from: two calls, and what is known here.
    pub fn whoami(&self) -> Result<Whoami, Error> {
        self.runtime.wait_for(self.client.whoami())
    }

    /// What the key may do, remembered as [`crate::Client::permissions`] says.
    pub fn permissions(&self) -> Result<Permissions, Error> {
        self.runtime.wait_for(self.client.permissions())
    }
}

resources::handles_of!(Client, Blocking);

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.client.fmt(f)
    }
}

/// Sends calls from code that waits.
#[derive(Clone, Debug)]
pub struct Blocking {
    inner: Async,
    runtime: Arc<Runtime>,
}

impl Carrier for Blocking {
    type Sent<T: Send + 'static> = Result<T, Error>;
    type Items<T: Send + 'static> = Items<T>;

    fn send<O: Operation>(self, operation: O, options: CallOptions) -> Result<O::Answer, Error> {
        self.runtime.wait_for(self.inner.send(operation, options))
    }

    fn send_with_response<O: Operation>(
        self,
        operation: O,
        options: CallOptions,
    ) -> Result<Response<O::Answer>, Error> {
        self.runtime
            .wait_for(self.inner.send_with_response(operation, options))
    }

    fn pages<O: Paged>(self, operation: O, options: CallOptions) -> Items<Page<O::Item>> {
        self.runtime.read(self.inner.pages(operation, options))
    }

    fn items<O: Paged>(self, operation: O, options: CallOptions) -> Items<O::Item> {
        // Only pages cross to the client's thread, not every row.
        let mut pages = self.pages(operation, options);
        let mut rows = VecDeque::new();
        Items(Box::new(std::iter::from_fn(move || {
            loop {
                if let Some(row) = rows.pop_front() {
                    return Some(Ok(row));
                }
                match pages.next()? {
                    Ok(page) => rows.extend(page.items),
                    Err(error) => return Some(Err(error)),
                }
            }
        })))
    }

    fn wait<O: Operation<Answer: Job>>(
        self,
        operation: O,
        options: CallOptions,
        polling: Polling,
    ) -> Result<O::Answer, Error> {
        self.runtime
            .wait_for(self.inner.wait(operation, options, polling))
    }

    fn states<O: Operation<Answer: Job>>(
        self,
        operation: O,
        options: CallOptions,
        polling: Polling,
    ) -> Items<O::Answer> {
        self.runtime.read(self.inner.states(operation, options, polling))
    }
}

/// A sequence fetched as it is read: pages, the rows of all pages, the states of a job. It ends after its first error.
#[must_use = "an iterator does nothing until it is read"]
pub struct Items<T>(Box<dyn Iterator<Item = Result<T, Error>> + Send>);

impl<T> Iterator for Items<T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Items")
    }
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One thread that runs the calls of a client and its clones. It ends when the last of them is dropped.
#[derive(Debug)]
struct Runtime {
    tasks: UnboundedSender<Task>,
    thread: ThreadId,
}

impl Runtime {
    fn start() -> Result<Self, Error> {
        let failed = |error: std::io::Error| {
            Error::configuration(format!(
                "The blocking client's thread cannot be started: {}.",
                error.kind()
            ))
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let (tasks, mut queue) = unbounded_channel::<Task>();
        let running = thread::Builder::new()
            .name("avala-blocking".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    while let Some(task) = queue.recv().await {
                        tokio::spawn(task);
                    }
                });
            })
            .map_err(failed)?;
        Ok(Self {
            tasks,
            thread: running.thread().id(),
        })
    }

    fn wait_for<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        if thread::current().id() == self.thread {
            return Err(Error::configuration(
                "A hook or a source of keys called the blocking client that it belongs to, and would wait for itself.",
            )
            .with_hint("Let another thread do it, or give it a client of its own."));
        }
        let (answer, outcome) = mpsc::sync_channel(1);
        let task = Box::pin(async move {
            // The caller may be gone by then, and nobody is left to tell.
            let _gone = answer.send(call.await);
        });
        self.tasks.send(task).map_err(|_| Error::cancelled())?;
        // A panic in the call drops its sender, and becomes an error here.
        outcome.recv().unwrap_or_else(|_| Err(Error::cancelled()))
    }

    /// A stream as an iterator: each item is fetched on the client's thread when it is asked for.
    fn read<T: Send + 'static>(self: Arc<Self>, stream: crate::Items<T>) -> Items<T> {
        let mut rest = Some(stream);
        Items(Box::new(std::iter::from_fn(move || {
            let mut stream = rest.take()?;
            let read = self.wait_for(async move { Ok((stream.next().await, stream)) });
            match read {
                Ok((item, stream)) => {
                    rest = Some(stream);
                    item
                }
                Err(error) => Some(Err(error)),
            }
        })))
    }
}
