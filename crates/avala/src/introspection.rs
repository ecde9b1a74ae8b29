//! Who the key belongs to, what it may do, and what is told of that before a call is sent.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use avala_api::{
    Access, CallOptions, Operation, Response, ScopeName, Timestamp,
    users::{self, Permissions, User},
};
use http::HeaderMap;
use tokio::time::Instant;

use crate::{Error, Source, auth::Held, client::Core, transport};

/// How long what a key may do is taken for known.
const KNOWN_FOR: Duration = Duration::from_mins(5);

/// Who the key belongs to, what it may do, and where it came from. No secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Whoami {
    /// Who the key belongs to.
    pub user: User,
    /// What the key may do.
    pub permissions: Permissions,
    /// The key, masked: its first eight and last four characters.
    pub masked_key: Option<String>,
    /// When the key ends, if its source says so.
    pub expires_at: Option<Timestamp>,
    /// The source that gave the key.
    pub source: Source,
    /// The origin the key is sent to, and no other.
    pub origin: String,
}

/// Asks both questions, and puts beside the answers what is known here.
pub(crate) async fn whoami(core: &Core) -> Result<Whoami, Error> {
    let user = ask(core, &users::Me::new()).await?.value;
    let permissions = permissions(core).await?;
    let report = core.credential_report();
    Ok(Whoami {
        user,
        permissions,
        masked_key: report.masked_key,
        expires_at: report.expires_at,
        source: report.source,
        origin: report.origin,
    })
}

/// Asks what the key may do, and remembers it.
pub(crate) async fn permissions(core: &Core) -> Result<Permissions, Error> {
    let before = core.held().map_or(0, |held| held.generation);
    let answer = ask(core, &users::GetPermissions::new()).await?;
    // If the key changed meanwhile, nobody knows whose answer it is.
    if let Some(held) = core.held().filter(|held| held.generation == before) {
        core.known.remember(&held, &answer);
    }
    Ok(answer.value)
}

async fn ask<O: Operation>(core: &Core, operation: &O) -> Result<Response<O::Answer>, Error> {
    transport::send(core, operation, &CallOptions::default()).await
}

/// What is known of the key in use.
#[derive(Default)]
pub(crate) struct Known {
    scopes: Mutex<Option<Scopes>>,
    other_class: Mutex<Option<OtherClass>>,
}

/// What a key may do.
struct Scopes {
    generation: u64,
    since: Instant,
    names: Vec<ScopeName>,
}

/// That a key is of another class than its server.
struct OtherClass {
    generation: u64,
    note: String,
}

impl Known {
    /// Which scope a call needs is known of servers of this contract: they tell the class of their keys. Of Avala's own it is
    /// not published, and a right that is there must not be denied. An empty list may mean all or nothing, and says neither.
    fn remember(&self, held: &Held, answer: &Response<Permissions>) {
        let permissions = &answer.value;
        let tells = avala_api::key_class(&answer.headers).is_some()
            && !permissions.is_staff_privileged
            && !permissions.scopes.is_empty();
        *lock(&self.scopes) = tells.then(|| Scopes {
            generation: held.generation,
            since: Instant::now(),
            names: permissions.scopes.clone(),
        });
    }

    /// An error if the key is known to lack what a call needs.
    pub(crate) fn check(&self, held: &Held, access: Access) -> Result<(), Error> {
        let scopes = lock(&self.scopes);
        let Some(scopes) = scopes
            .as_ref()
            .filter(|scopes| scopes.generation == held.generation && scopes.since.elapsed() < KNOWN_FOR)
        else {
            return Ok(());
        };
        let holds = |scope| scopes.names.iter().any(|name| *name == scope);
        let may = match access {
            Access::Scope(one) => holds(one),
            Access::Either(one, other) => holds(one) || holds(other),
            Access::AnyKey | Access::Anonymous => true,
        };
        if may {
            Ok(())
        } else {
            Err(Error::scope_missing(access))
        }
    }

    /// Compares the class of the key with the one that the server tells, and says once of each key that they differ.
    pub(crate) fn compare_class(&self, held: &Held, headers: &HeaderMap, origin: &str) {
        let Some(servers @ ("live" | "test")) = avala_api::key_class(headers) else {
            return;
        };
        let of_key = held.text().and_then(class_of);
        let Some(of_key) = of_key.filter(|of_key| *of_key != servers) else {
            return;
        };
        let mut other = lock(&self.other_class);
        if other
            .as_ref()
            .is_some_and(|other| other.generation == held.generation)
        {
            return;
        }
        let note = format!("The key is a {of_key} key, and {origin} takes {servers} keys.");
        tracing::warn!(
            key = of_key,
            server = servers,
            origin,
            "the key is of another class than the server"
        );
        *other = Some(OtherClass {
            generation: held.generation,
            note,
        });
    }

    /// What people should know of this key.
    pub(crate) fn notes(&self, held: &Held) -> Vec<String> {
        let other = lock(&self.other_class);
        let of_this = other.iter().filter(|other| other.generation == held.generation);
        of_this.map(|other| other.note.clone()).collect()
    }
}

/// A key says its class at its beginning, if it is one of a server of this contract.
fn class_of(key: &str) -> Option<&'static str> {
    ["live", "test"].into_iter().find(|class| {
        key.strip_prefix("avk_")
            .and_then(|rest| rest.strip_prefix(class))
            .is_some_and(|rest| rest.starts_with('_'))
    })
}

/// What is kept here stays whole, whatever panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
