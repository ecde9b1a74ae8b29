//! Which key, in which order the places are looked at, and what that has to do with the base URL. Local work only: no network.

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
    profiles::Profiles,
    provider::Fixed,
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
    let report = report(found.source, found.read.as_ref(), &base_url, found.tried);
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
        name: avala_keys::redact::text(name).into_owned(),
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
#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DEFAULT_BASE_URL, ErrorKind};

    fn env(variables: &[(&str, &str)]) -> Environment {
        variables.iter().copied().collect()
    }

    fn dotenv(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn outcome(asked: &Asked) -> Result<(String, String), String> {
        let text = |error: Error| {
            assert_eq!(error.kind(), ErrorKind::Configuration);
            error.message().to_owned()
        };
        let found = resolve(asked).map_err(text)?;
        Ok((
            found.read.unwrap().key.expose().to_owned(),
            found.base_url.as_str().to_owned(),
        ))
    }

    #[test]
    fn an_explicit_key_wins_and_the_report_shows_what_it_shadows() {
        let asked = Asked {
            api_key: Some("explicit-key-0123456789".into()),
            environment: env(&[(KEY_VARIABLE, "environment-key")]),
            ..Asked::default()
        };
        let found = resolve(&asked).unwrap();
        assert_eq!(found.read.unwrap().key.expose(), "explicit-key-0123456789");
        assert_eq!(found.report.source, Source::Explicit);
        assert_eq!(found.report.tried[1].1, Tried::Shadowed);
        let shown = format!("{:?}", found.report);
        assert!(
            !shown.contains("explicit-key-0123456789") && !shown.contains("environment-key"),
            "{shown}"
        );
    }

    #[test]
    fn without_any_source_the_error_lists_what_was_tried_and_what_to_do() {
        let asked = Asked {
            environment: Environment::empty(),
            ..Asked::default()
        };
        let error = resolve(&asked).err().unwrap();
        assert!(error.message().starts_with("No API key provided."));
        assert!(error.message().contains("AVALA_API_KEY"));
        assert!(error.hint().is_some());
    }

    #[test]
    fn a_key_that_is_set_but_empty_stops_the_search() {
        let (_folder, path) = dotenv("AVALA_API_KEY=from-the-file\n");
        for empty in ["", "  ", "\n"] {
            let asked = Asked {
                dotenv: Some(path.clone()),
                environment: env(&[(KEY_VARIABLE, empty)]),
                ..Asked::default()
            };
            assert!(outcome(&asked).unwrap_err().contains("is empty"));
        }
        let asked = Asked {
            api_key: Some("".into()),
            environment: env(&[(KEY_VARIABLE, "good")]),
            ..Asked::default()
        };
        assert!(outcome(&asked).unwrap_err().contains("is empty"));
    }

    #[test]
    fn a_newline_around_a_key_is_dropped_and_one_inside_is_refused_unquoted() {
        let asked = Asked {
            environment: env(&[(KEY_VARIABLE, "key-of-a-file\n")]),
            ..Asked::default()
        };
        assert_eq!(outcome(&asked).unwrap().0, "key-of-a-file");
        for bad in ["one\ntwo", "one two", "schlüssel", "a\u{7f}b"] {
            let asked = Asked {
                environment: env(&[(KEY_VARIABLE, bad)]),
                ..Asked::default()
            };
            let text = outcome(&asked).unwrap_err();
            assert!(!text.contains("one") && !text.contains("schl"), "{text}");
        }
    }

    #[test]
    fn a_dotenv_file_loses_against_the_environment_and_its_url_goes_with_its_key() {
        let (_folder, path) = dotenv(
            "AVALA_API_KEY=from-the-file\nAVALA_BASE_URL=http://localhost:9000/api/v1\nAVALA_ALLOW_INSECURE_BASE_URL=true\n",
        );
        let of_file = Asked {
            dotenv: Some(path.clone()),
            environment: Environment::empty(),
            ..Asked::default()
        };
        assert_eq!(
            outcome(&of_file).unwrap(),
            ("from-the-file".into(), "http://localhost:9000/api/v1".into())
        );

        let of_environment = Asked {
            dotenv: Some(path),
            environment: env(&[(KEY_VARIABLE, "from-the-environment")]),
            ..Asked::default()
        };
        assert_eq!(
            outcome(&of_environment).unwrap(),
            ("from-the-environment".into(), DEFAULT_BASE_URL.into()),
            "the file's URL must not receive the environment's key"
        );
    }

    #[test]
    fn a_dotenv_key_with_another_url_in_the_environment_is_an_error_that_names_both() {
        let (_folder, path) = dotenv("AVALA_API_KEY=from-the-file\n");
        let asked = Asked {
            dotenv: Some(path),
            environment: env(&[(URL_VARIABLE, "https://staging.example/api/v1")]),
            ..Asked::default()
        };
        let text = outcome(&asked).unwrap_err();
        assert!(
            text.contains("https://staging.example") && text.contains(DEFAULT_BASE_URL),
            "{text}"
        );
    }

    #[test]
    fn a_broken_dotenv_file_matters_only_when_it_is_needed() {
        let (_folder, path) = dotenv("my.prop=1\nAVALA_API_KEY=from-the-file\n");
        let with_key = Asked {
            dotenv: Some(path.clone()),
            environment: env(&[(KEY_VARIABLE, "from-the-environment")]),
            ..Asked::default()
        };
        assert_eq!(outcome(&with_key).unwrap().0, "from-the-environment");
        let without = Asked {
            dotenv: Some(path),
            environment: Environment::empty(),
            ..Asked::default()
        };
        assert!(outcome(&without).unwrap_err().contains("line 1"));
    }

    #[test]
    fn without_a_key_the_files_url_still_counts() {
        let (_folder, path) =
            dotenv("AVALA_BASE_URL=http://localhost:9000/api/v1\nAVALA_ALLOW_INSECURE_BASE_URL=1\n");
        let asked = Asked {
            anonymous: true,
            dotenv: Some(path),
            environment: Environment::empty(),
            ..Asked::default()
        };
        assert_eq!(
            resolve(&asked).unwrap().base_url.as_str(),
            "http://localhost:9000/api/v1"
        );
    }

    #[test]
    fn a_slash_at_the_end_makes_no_other_url() {
        let (_folder, path) = dotenv("AVALA_API_KEY=k\nAVALA_BASE_URL=https://h.example/api/v1\n");
        let asked = Asked {
            dotenv: Some(path),
            environment: env(&[(URL_VARIABLE, "https://h.example/api/v1/")]),
            ..Asked::default()
        };
        assert_eq!(outcome(&asked).unwrap().1, "https://h.example/api/v1");
    }

    #[test]
    fn an_explicit_url_looks_at_no_variable_and_takes_the_switch_of_the_keys_file() {
        let (_folder, path) = dotenv("AVALA_API_KEY=k\nAVALA_ALLOW_INSECURE_BASE_URL=1\n");
        let asked = Asked {
            base_url: Some("http://localhost:8000/api/v1".into()),
            dotenv: Some(path),
            environment: env(&[(URL_VARIABLE, "")]),
            ..Asked::default()
        };
        assert_eq!(outcome(&asked).unwrap().1, "http://localhost:8000/api/v1");
    }

    #[test]
    fn an_explicit_url_is_given_with_every_key() {
        let asked = Asked {
            base_url: Some("https://avala.example/api/v1/".into()),
            environment: env(&[(KEY_VARIABLE, "k"), (URL_VARIABLE, "https://other.example")]),
            ..Asked::default()
        };
        assert_eq!(outcome(&asked).unwrap().1, "https://avala.example/api/v1");
    }
}
