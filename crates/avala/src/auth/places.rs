//! Every place that may have a key, in the order in which they count. Looking at them reads no key.

use std::sync::Arc;

use super::{
    Credential, CredentialProvider, DotenvFile, Environment, KeyFile, ProviderError, Source,
    cache::failed,
    chain::Asked,
    environment::{Variable, is_on},
    file::Named,
    pairing::{Home, INSECURE_VARIABLE, URL_VARIABLE},
    profiles::{Profile, Profiles, is_name},
    provider::Fixed,
    variables::{DotenvKey, EnvironmentKey},
};
use crate::Error;

/// The variable that holds the key.
const KEY_VARIABLE: &str = "AVALA_API_KEY";
/// The variable that names a file that holds the key.
const FILE_VARIABLE: &str = "AVALA_API_KEY_FILE";
/// The variable that names a profile.
const PROFILE_VARIABLE: &str = "AVALA_PROFILE";

/// A place that may have a key.
pub(super) struct Place {
    pub(super) source: Source,
    pub(super) state: State,
}

pub(super) enum State {
    Absent,
    There(Offer),
    /// It is there, and no key will come out of it.
    Broken(Error),
}

/// A key that can be had.
pub(super) struct Offer {
    pub(super) provider: Arc<dyn CredentialProvider>,
    /// Whether it can be read at once: no network, no other program.
    pub(super) local: bool,
    /// What it came with.
    pub(super) home: Option<Home>,
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

/// Every place, in the order in which they count. No key is read yet.
pub(super) fn places(asked: &Asked) -> Result<Vec<Place>, Error> {
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
        let source = Source::Dotenv { path: path.clone() };
        // A file that is not used may be as broken as it likes.
        places.push(match DotenvFile::read(path) {
            Err(error) => Place::broken(source, error.into_error()),
            Ok(Some(file)) if file.get(KEY_VARIABLE).is_some() => {
                let key = DotenvKey::new(path.clone(), KEY_VARIABLE, &file);
                Place::there(Arc::new(key), true, Some(home_of_dotenv(&file)))
            }
            Ok(_) => Place::absent(source),
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
            Some(home_of_profile(profile)),
        ),
        Err(error) => {
            let source = profile.as_source();
            let error = failed(&source, &error);
            Place::broken(source, error)
        }
    }
}

fn home_of_profile(profile: &Profile) -> Home {
    let name = &profile.name;
    Home {
        name: format!("The profile {name}"),
        base_url: profile.base_url.clone(),
        allow_insecure_loopback: profile.allow_insecure_base_url,
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
pub(super) fn home_without_key(asked: &Asked) -> Result<Option<Home>, Error> {
    let named = asked
        .profile
        .clone()
        .or_else(|| asked.environment.text(PROFILE_VARIABLE));
    let profiles = || Profiles::open(&asked.environment);
    if let Some(name) = named {
        return Ok(Some(home_of_profile(profiles()?.usable(&name)?)));
    }
    if let Some(path) = &asked.dotenv
        && let Some(file) = DotenvFile::read(path).map_err(ProviderError::into_error)?
    {
        return Ok(Some(home_of_dotenv(&file)));
    }
    if asked.base_url.is_some() || asked.environment.get(URL_VARIABLE) != Variable::Absent {
        return Ok(None);
    }
    let profiles = profiles()?;
    let default = profiles.default_name().map(|name| profiles.usable(name));
    Ok(default.transpose()?.map(home_of_profile))
}
