//! Which key, in which order the places are looked at, and what that has to do with the base URL. Local work only: no network, and no
//! other program but git, which is asked about a `.env` file.

use std::{path::PathBuf, sync::Arc};

use avala_api::Secret;
use futures_util::FutureExt as _;

use super::{
    Credential, CredentialProvider, CredentialReport, Environment, Source, Tried,
    cache::failed,
    key,
    pairing::{self, Home},
    places::{Offer, Place, State, home_without_key, places},
    tracked,
};
use crate::{Error, base_url::BaseUrl};

/// What the builder was told.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) api_key: Option<Secret>,
    pub(crate) provider: Option<Arc<dyn CredentialProvider>>,
    pub(crate) profile: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) allow_insecure_loopback: bool,
    pub(crate) dotenv: Option<PathBuf>,
    pub(crate) anonymous: bool,
    pub(crate) environment: Environment,
}

/// A source of keys and the only place they go to.
pub(crate) struct Resolved {
    /// None for an anonymous client.
    pub(crate) provider: Option<Arc<dyn CredentialProvider>>,
    /// What it gave, if it was read already.
    pub(crate) read: Option<Credential>,
    pub(crate) base_url: BaseUrl,
    pub(crate) report: CredentialReport,
}

pub(crate) fn resolve(asked: &Asked) -> Result<Resolved, Error> {
    if asked.anonymous {
        let home = home_without_key(asked)?;
        let base_url = paired(asked, home.as_ref())?;
        let report = report(Source::Anonymous, None, &base_url, Vec::new());
        return Ok(Resolved {
            provider: None,
            read: None,
            base_url,
            report,
        });
    }
    let found = find(asked)?;
    let base_url = paired(asked, found.home.as_ref())?;
    let mut report = report(found.source, found.read.as_ref(), &base_url, found.tried);
    if let Source::Dotenv { path } = &report.source
        && let Some(note) = tracked::note(path, &asked.environment)
    {
        tracing::warn!("{note}");
        report.notes.push(note);
    }
    Ok(Resolved {
        provider: Some(found.provider),
        read: found.read,
        base_url,
        report,
    })
}

fn paired(asked: &Asked, home: Option<&Home>) -> Result<BaseUrl, Error> {
    pairing::base_url(
        asked.base_url.as_deref(),
        asked.allow_insecure_loopback,
        &asked.environment,
        home,
        asked.anonymous,
    )
}

fn report(
    source: Source,
    read: Option<&Credential>,
    base_url: &BaseUrl,
    tried: Vec<(Source, Tried)>,
) -> CredentialReport {
    CredentialReport {
        source,
        masked_key: read.map(|read| avala_keys::mask(read.key.expose())),
        expires_at: read.and_then(|read| read.expires_at),
        origin: base_url.url().origin().ascii_serialization(),
        tried,
        notes: Vec::new(),
    }
}

/// The source that won.
struct Found {
    source: Source,
    provider: Arc<dyn CredentialProvider>,
    /// What it gave, if it was read already.
    read: Option<Credential>,
    home: Option<Home>,
    tried: Vec<(Source, Tried)>,
}

/// In order: the first that is there wins; one that is there and unusable stops the search.
fn find(asked: &Asked) -> Result<Found, Error> {
    let mut winner: Option<(Source, Offer, Option<Credential>)> = None;
    let mut tried = Vec::new();
    for Place { source, state } in places(asked)? {
        let outcome = match state {
            State::Absent => Tried::Absent,
            State::There(_) if winner.is_some() => Tried::Shadowed,
            State::Broken(_) if winner.is_some() => Tried::Failed,
            State::Broken(error) => return Err(after(&tried, error)),
            State::There(offer) => {
                let read = read_at_once(&offer).map_err(|error| after(&tried, error))?;
                let outcome = if read.is_some() {
                    Tried::Used
                } else {
                    Tried::Chosen
                };
                winner = Some((source.clone(), offer, read));
                outcome
            }
        };
        tried.push((source, outcome));
    }
    let Some((source, offer, read)) = winner else {
        return Err(no_key(&tried));
    };
    Ok(Found {
        source,
        provider: offer.provider,
        read,
        home: offer.home,
        tried,
    })
}

/// Reads a key that is on this machine; `None` if it is read when it is needed.
fn read_at_once(offer: &Offer) -> Result<Option<Credential>, Error> {
    if !offer.local {
        return Ok(None);
    }
    let source = offer.provider.source();
    let Some(given) = offer.provider.provide().now_or_never() else {
        return Ok(None);
    };
    let Some(mut credential) = given.map_err(|error| failed(&source, &error))? else {
        return Ok(None);
    };
    credential.key = key::usable(&credential.key).map_err(|reason| key::unusable(&source, reason))?;
    Ok(Some(credential))
}

/// The text begins as the official clients' does, so that their troubleshooting pages still help.
fn no_key(tried: &[(Source, Tried)]) -> Error {
    Error::configuration(format!("No API key provided. Looked at {}.", names(tried)))
}

/// The error of one place, with those before it: they had no key, or it would not have been looked at.
fn after(tried: &[(Source, Tried)], error: Error) -> Error {
    if tried.is_empty() {
        return error;
    }
    let told = Error::configuration(format!(
        "{} Looked before it at {}: no key there.",
        error.message(),
        names(tried)
    ));
    match error.hint() {
        Some(hint) => told.with_hint(hint),
        None => told,
    }
}

fn names(tried: &[(Source, Tried)]) -> String {
    let names: Vec<String> = tried.iter().map(|(source, _)| source.to_string()).collect();
    names.join(", ")
}
