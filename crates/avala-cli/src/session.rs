//! What a command works with: the options, the output, and leave to call one operation.

use std::{marker::PhantomData, pin::pin};

use avala::{Async, Client, ClientBuilder, CredentialProvider, Secret, profiles::Profile};
use avala_api::{Access, Job, Operation, Paged, Response, Wait, organizations::OrganizationSlug};
use futures_util::StreamExt as _;

use crate::{
    args::{Format, Global, Listing},
    env,
    failure::Failure,
    output::{Output, Record, Row},
    preferences, terminal,
};

/// The most rows a page is asked to have.
const PAGE: u64 = 100;

/// One run of the command.
pub(crate) struct Session {
    global: Global,
    pub(crate) out: Output,
}

/// Leave to call one operation, and no other.
pub(crate) struct Caller<O> {
    client: Client,
    operation: PhantomData<fn(O)>,
}

impl Session {
    pub(crate) fn new(global: Global, out: Output) -> Self {
        Self { global, out }
    }

    /// Leave to call `O`. Asked for before anything else is done, so that `--read-only` refuses before a question is
    /// asked or a file is read.
    pub(crate) fn may_call<O: Operation>(&self) -> Result<Caller<O>, Failure> {
        if self.global.read_only && !O::ROUTE.is_read_only() {
            return Err(Failure::read_only(O::ROUTE.operation));
        }
        let client = self.client(O::ROUTE.access == Access::Anonymous)?;
        Ok(Caller {
            client,
            operation: PhantomData,
        })
    }

    /// Calls it, and prints what it answers.
    pub(crate) async fn show<O: Operation<Answer: Record>>(&self, operation: O) -> Result<(), Failure> {
        let answer = self.may_call::<O>()?.send(operation).await?;
        Ok(self.out.record(&answer)?)
    }

    /// Prints a list, page by page as it comes. `tidy` is applied to each row first.
    pub(crate) async fn list<O: Paged<Item: Row>>(
        &self,
        operation: O,
        listing: Listing,
        tidy: impl Fn(&mut O::Item),
    ) -> Result<(), Failure> {
        let caller = self.may_call::<O>()?;
        let most = if listing.all { u64::MAX } else { listing.limit };
        let mut rows = self.out.rows();
        let mut printed = 0;
        let mut more = false;
        let mut pages = pin!(caller.client.call(operation).pages());
        'list: while let Some(page) = pages.next().await {
            let page = page?;
            let last = page.next_cursor(O::ROUTE.paging).is_none();
            for mut row in page {
                if printed == most {
                    more = true;
                    break 'list;
                }
                tidy(&mut row);
                rows.push(&row)?;
                printed += 1;
            }
            rows.flush()?;
            if printed == most {
                more = !last;
                break;
            }
        }
        rows.finish()?;
        if more {
            self.out.note(&format!(
                "These are the first {printed}; there are more (--limit N, --all)."
            ));
        } else if printed == 0 && self.out.terminal && !self.out.is_json() {
            self.out.note("There are none.");
        }
        Ok(())
    }

    /// Asks, calls it, and says that it is done.
    pub(crate) async fn confirmed<O: Operation<Answer = ()>>(
        &self,
        operation: O,
        yes: bool,
        question: &str,
        done: &str,
    ) -> Result<(), Failure> {
        let caller = self.may_call::<O>()?;
        terminal::confirm(question, yes)?;
        caller.send(operation).await?;
        self.out.note(done);
        Ok(())
    }

    /// A client with its key from wherever the options say.
    pub(crate) fn client(&self, anonymous: bool) -> Result<Client, Failure> {
        let mut builder = Self::named();
        if let Some(url) = &self.global.base_url {
            builder = builder.base_url(url);
        }
        if let Some(profile) = &self.global.profile {
            builder = builder.profile(profile);
        }
        if let Some(file) = &self.global.env_file {
            builder = builder.dotenv_file(file);
        }
        if let Some(timeout) = self.global.timeout {
            builder = builder.timeout(timeout);
        }
        if self.global.allow_insecure_loopback {
            builder = builder.allow_insecure_loopback();
        }
        if anonymous {
            builder = builder.anonymous();
        }
        builder.build().map_err(|error| {
            let failure = Failure::from(error);
            if failure.message.starts_with("No API key provided") {
                return failure.hint("Store one with `avala auth login`, set AVALA_API_KEY, or name a file that sets it: --env-file FILE.");
            }
            failure
        })
    }

    /// A client for this key and server, whatever the options say of keys.
    pub(crate) fn client_with(&self, key: &Secret, url: Option<&str>) -> Result<Client, Failure> {
        let mut builder = Self::named().api_key(key.clone());
        if let Some(url) = self.global.base_url.as_deref().or(url) {
            builder = builder.base_url(url);
        }
        if let Some(timeout) = self.global.timeout {
            builder = builder.timeout(timeout);
        }
        if self.global.allow_insecure_loopback || url.is_some_and(|url| url.starts_with("http:")) {
            builder = builder.allow_insecure_loopback();
        }
        Ok(builder.build()?)
    }

    /// A client whose key comes from there, for this server and no other.
    pub(crate) fn client_from(
        &self,
        provider: impl CredentialProvider,
        url: &str,
    ) -> Result<Client, Failure> {
        self.client_at(Self::named().credentials(provider), url)
    }

    /// A client for this key, for this server and no other.
    pub(crate) fn client_for(&self, key: &Secret, url: &str) -> Result<Client, Failure> {
        self.client_at(Self::named().api_key(key.clone()), url)
    }

    fn client_at(&self, builder: ClientBuilder, url: &str) -> Result<Client, Failure> {
        let mut builder = builder.base_url(url);
        if let Some(timeout) = self.global.timeout {
            builder = builder.timeout(timeout);
        }
        if url.starts_with("http:") {
            builder = builder.allow_insecure_loopback();
        }
        Ok(builder.build()?)
    }

    /// Refuses another server than that of a profile: its key belongs there.
    pub(crate) fn is_for(&self, profile: &Profile) -> Result<(), Failure> {
        let named = [
            ("--base-url", self.global.base_url.clone()),
            (env::BASE_URL.name, env::text(env::BASE_URL)),
        ];
        for (setting, url) in named {
            if url.is_some_and(|url| !profile.is_for(&url)) {
                return Err(Failure::usage(format!(
                    "The profile {} is for {}, and {setting} names another server.",
                    profile.name,
                    profile.url()
                ))
                .hint(format!("Leave {setting} out, or choose another --profile.")));
            }
        }
        Ok(())
    }

    fn named() -> ClientBuilder {
        Client::builder().user_agent_suffix(concat!("avala-cli/", env!("CARGO_PKG_VERSION")))
    }

    /// The profile that is named: by the options, else by its variable.
    pub(crate) fn profile(&self) -> Option<String> {
        self.global.profile.clone().or_else(|| env::text(env::PROFILE))
    }

    /// The form of output that the options name.
    pub(crate) fn format(&self) -> Option<Format> {
        self.global.output
    }

    /// The organization that is named, else that of the profile in use.
    pub(crate) fn organization(&self, named: Option<OrganizationSlug>) -> Option<OrganizationSlug> {
        named.or_else(|| preferences::organization(&self.global))
    }

    /// The server that the options name.
    pub(crate) fn base_url(&self) -> Option<&str> {
        self.global.base_url.as_deref()
    }

    /// Refuses what changes something on this machine or on a server.
    pub(crate) fn may_change(&self, what: &str) -> Result<(), Failure> {
        if self.global.read_only {
            return Err(Failure::read_only(what));
        }
        Ok(())
    }

    /// Refuses, before anything is sent, to receive a once-only secret that would end up on a terminal.
    pub(crate) fn may_print_secret(&self, shown: bool) -> Result<(), Failure> {
        if self.out.terminal && !shown {
            return Err(Failure::usage("The answer will hold a new secret, and stdout is a terminal.")
                .hint("Say --show-secret to see it here, or send stdout into a file or a program. Nothing was sent."));
        }
        Ok(())
    }
}

impl<O: Operation> Caller<O> {
    /// Leave to also call an operation that changes nothing, with the same key.
    pub(crate) fn and<P: Operation>(&self) -> Result<Caller<P>, Failure> {
        if !P::ROUTE.is_read_only() {
            return Err(Failure::read_only(P::ROUTE.operation));
        }
        Ok(Caller {
            client: self.client.clone(),
            operation: PhantomData,
        })
    }

    /// The client behind it, to report on.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Calls it.
    pub(crate) async fn send(&self, operation: O) -> Result<O::Answer, Failure> {
        Ok(self.client.call(operation).send().await?)
    }

    /// Calls it again and again, until the job it answers has ended.
    pub(crate) fn wait(&self, operation: O) -> Wait<O, Async>
    where
        O::Answer: Job,
    {
        self.client.call(operation).wait()
    }

    /// Calls it, and keeps what came around the answer.
    pub(crate) async fn send_with_response(&self, operation: O) -> Result<Response<O::Answer>, Failure> {
        Ok(self.client.call(operation).send_with_response().await?)
    }
}

impl Listing {
    /// How many rows to ask for at a time.
    pub(crate) fn page(self) -> u32 {
        let rows = if self.all { PAGE } else { self.limit.min(PAGE) };
        u32::try_from(rows).unwrap_or(u32::MAX)
    }
}
