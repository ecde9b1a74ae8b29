//! Which key, in which order the places are looked at, and what that has to do with the base URL. Local work only: no network, and no
//! other program but git, which is asked about a `.env` file.

use std::{path::PathBuf, sync::Arc};

use avala_api::Secret;
use futures_util::FutureExt as _;

use super::{
    Credential, CredentialProvider, CredentialReport, DotenvFile, Environment, KeyFile, ProviderError,
    Source, Tried,
    cache::failed,
    environment::{Variable, is_on},
    file::Named,
    key,
    pairing::{self, Home, INSECURE_VARIABLE, URL_VARIABLE},
    profiles::{Profiles, is_name},
    provider::Fixed,
    tracked,
    variables::{DotenvKey, EnvironmentKey},
};
use crate::{Error, base_url::BaseUrl};

/// The variable that holds the key.
const KEY_VARIABLE: &str = "AVALA_API_KEY";
/// The variable that names a file that holds the key.
const FILE_VARIABLE: &str = "AVALA_API_KEY_FILE";
/// The variable that names a profile.
const PROFILE_VARIABLE: &str = "AVALA_PROFILE";

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

/// A place that may have a key.
struct Place {
    source: Source,
    state: State,
}

enum State {
    Absent,
    There(Offer),
    /// It is there, and no key will come out of it.
    Broken(Error),
}

/// A key that can be had.
struct Offer {
    provider: Arc<dyn CredentialProvider>,
    /// Whether it can be read at once: no network, no other program.
    local: bool,
    home: Option<Home>,
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

impl Place {
    fn absent(source: Source) -> Self {
        Self {
            source,
            state: State::Absent,
        }
    }

    fn broken(source: Source, error: Error) -> Self {
        Self {
            source,
            state: State::Broken(error),
        }
    }

    fn there(provider: Arc<dyn CredentialProvider>, local: bool, home: Option<Home>) -> Self {
        Self {
            source: provider.source(),
            state: State::There(Offer {
                provider,
                local,
                home,
            }),
        }
    }
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

/// Every place, in the order in which they count. No key is read yet.
fn places(asked: &Asked) -> Result<Vec<Place>, Error> {
    let mut places = Vec::new();
    if let Some(handed_over) = handed_over(asked)? {
        places.push(Place::there(handed_over, asked.api_key.is_some(), None));
    }
    let profiles = Profiles::read(&asked.environment);
    if let Some(name) = &asked.profile {
        places.push(of_profile(&profiles, name));
    }
    let environment = &asked.environment;
    let variable = EnvironmentKey::new(environment.clone(), KEY_VARIABLE);
    places.push(if variable.read().is_none() {
        Place::absent(variable.source())
    } else {
        Place::there(Arc::new(variable), true, None)
    });
    places.push(of_variable(environment, FILE_VARIABLE, "a file", |path| {
        let provider = KeyFile::new(path);
        let source = provider.source();
        Place::there(Arc::new(Named { source, provider }), true, None)
    }));
    places.push(of_variable(environment, PROFILE_VARIABLE, "a profile", |name| {
        of_profile(&profiles, &name)
    }));
    if let Some(path) = &asked.dotenv {
        let file = DotenvKey::new(path.clone(), KEY_VARIABLE);
        // A file that is not used may be as broken as it likes.
        places.push(match DotenvFile::read(path) {
            Err(error) => Place::broken(file.source(), Error::configuration(error)),
            Ok(Some(read)) if read.get(KEY_VARIABLE).is_some() => {
                Place::there(Arc::new(file), true, Some(home_of_dotenv(&read)))
            }
            Ok(_) => Place::absent(file.source()),
        });
    }
    let default = Source::named("the default profile");
    places.push(match &profiles {
        Err(error) => Place::broken(default, error.clone().into_error()),
        Ok(read) => match read.default_name() {
            None => Place::absent(default),
            Some(name) => of_profile(&profiles, name),
        },
    });
    Ok(places)
}

/// What was given to the builder, as a source.
fn handed_over(asked: &Asked) -> Result<Option<Arc<dyn CredentialProvider>>, Error> {
    Ok(match (&asked.api_key, &asked.provider) {
        (Some(_), Some(provider)) => {
            return Err(Error::configuration(format!(
                "Two sources of the API key were handed to the builder: a key, and {}.",
                provider.source()
            ))
            .with_hint("Give one of them."));
        }
        (Some(key), None) => Some(Arc::new(Fixed {
            source: Source::Explicit,
            credential: Credential::new(key.clone()),
        })),
        (None, provider) => provider.clone(),
    })
}

/// A place that a variable names. One that is set but empty is a mistake, and not a reason to look elsewhere.
fn of_variable(
    environment: &Environment,
    variable: &str,
    what: &str,
    place: impl FnOnce(String) -> Place,
) -> Place {
    let source = Source::Environment {
        variable: variable.to_owned(),
    };
    let broken = |says: &str| {
        Error::configuration(format!("{variable} {says}."))
            .with_hint(format!("Set it to the name of {what}, or unset it."))
    };
    match environment.get(variable) {
        Variable::Absent => Place::absent(source),
        Variable::Unreadable => Place::broken(source, broken("is not UTF-8")),
        Variable::Text(text) if text.trim().is_empty() => Place::broken(source, broken("is set but empty")),
        Variable::Text(text) => place(text),
    }
}

fn of_profile(profiles: &Result<Profiles, ProviderError>, name: &str) -> Place {
    let unknown = || Source::Profile {
        // Anything may stand in a variable, and errors are one line.
        name: if is_name(name) {
            name
        } else {
            "with an impossible name"
        }
        .to_owned(),
        key_from: None,
    };
    let profiles = match profiles {
        Ok(profiles) => profiles,
        Err(error) => return Place::broken(unknown(), failed(&unknown(), error)),
    };
    let profile = match profiles.wanted(name) {
        Ok(profile) => profile,
        Err(error) => return Place::broken(unknown(), failed(&unknown(), &error)),
    };
    match profiles.provider_of(profile) {
        Ok(provider) => Place::there(
            provider,
            profile.source.is_local(),
            Some(home_of_profile(profiles, name)),
        ),
        Err(error) => {
            let source = profile.as_source();
            let error = failed(&source, &error);
            Place::broken(source, error)
        }
    }
}

fn home_of_profile(profiles: &Profiles, name: &str) -> Home {
    let profile = profiles.get(name);
    Home {
        name: format!("The profile {name}"),
        base_url: profile.and_then(|profile| profile.base_url.clone()),
        allow_insecure_loopback: profile.is_some_and(|profile| profile.allow_insecure_base_url),
        setting: format!("the base_url of the profile {name}"),
    }
}

fn home_of_dotenv(file: &DotenvFile) -> Home {
    Home {
        name: "The .env file".to_owned(),
        base_url: file.get(URL_VARIABLE).map(|url| url.expose().to_owned()),
        allow_insecure_loopback: file
            .get(INSECURE_VARIABLE)
            .is_some_and(|value| is_on(value.expose())),
        setting: format!("{URL_VARIABLE} in the same .env file"),
    }
}

/// Without a key the URL is that of the place that was named. The default profile gives way to a URL in the environment.
fn home_without_key(asked: &Asked) -> Result<Option<Home>, Error> {
    let named = asked
        .profile
        .clone()
        .or_else(|| asked.environment.text(PROFILE_VARIABLE));
    let profiles = || Profiles::open(&asked.environment);
    if let Some(name) = named {
        let profiles = profiles()?;
        let wanted = profiles.wanted(&name).map_err(ProviderError::into_error)?;
        return Ok(Some(home_of_profile(&profiles, &wanted.name)));
    }
    if let Some(path) = &asked.dotenv
        && let Some(file) = DotenvFile::read(path).map_err(Error::configuration)?
    {
        return Ok(Some(home_of_dotenv(&file)));
    }
    if asked.base_url.is_some() || asked.environment.get(URL_VARIABLE) != Variable::Absent {
        return Ok(None);
    }
    let profiles = profiles()?;
    Ok(profiles
        .default_name()
        .map(|name| home_of_profile(&profiles, name)))
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
    Error::configuration(format!("No API key provided. Looked at {}.", names(tried))).with_hint(
        "Set the AVALA_API_KEY environment variable, pass the key to Client::builder().api_key(…), or make a profile.",
    )
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
