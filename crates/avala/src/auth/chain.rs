//! Which key and which base URL, resolved as a pair. Local work only: no network, no child process.

use std::{path::PathBuf, sync::Arc};

use avala_api::Secret;

use super::{
    Credential, CredentialProvider, CredentialReport, DotenvFile, Environment, Source, Tried,
    environment::{Variable, is_on},
    key,
    provider::Fixed,
    variables::{DotenvKey, EnvironmentKey},
};
use crate::{DEFAULT_BASE_URL, Error, base_url::BaseUrl};

/// The variable that holds the key.
const KEY_VARIABLE: &str = "AVALA_API_KEY";
/// The variable that holds the base URL.
const URL_VARIABLE: &str = "AVALA_BASE_URL";
/// The switch that allows plain HTTP to this machine.
const INSECURE_VARIABLE: &str = "AVALA_ALLOW_INSECURE_BASE_URL";

/// What the builder was told.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) api_key: Option<Secret>,
    pub(crate) provider: Option<Arc<dyn CredentialProvider>>,
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
    // A file that is not used may be as broken as it likes, so its error waits until it is needed.
    let dotenv = asked.dotenv.as_deref().map(DotenvFile::read);
    let found = if asked.anonymous {
        Found {
            source: Source::Anonymous,
            provider: None,
            key: None,
            tried: Vec::new(),
        }
    } else {
        find(asked, dotenv.as_ref())?
    };
    // The file's URL counts for its own key, and where there is no key at all.
    let dotenv = match (dotenv, &found.source) {
        (Some(read), Source::Dotenv { .. } | Source::Anonymous) => read.map_err(Error::configuration)?,
        _ => None,
    };
    let base_url = find_base_url(asked, dotenv.as_ref())?;
    let report = CredentialReport {
        source: found.source,
        masked_key: found.key.as_ref().map(|key| avala_keys::mask(key.expose())),
        expires_at: None,
        origin: base_url.url().origin().ascii_serialization(),
        tried: found.tried,
        notes: Vec::new(),
    };
    Ok(Resolved {
        provider: found.provider,
        read: found.key.map(Credential::new),
        base_url,
        report,
    })
}

type DotenvRead = Result<Option<DotenvFile>, String>;

/// The source that won.
struct Found {
    source: Source,
    provider: Option<Arc<dyn CredentialProvider>>,
    /// Its key, if it was read already.
    key: Option<Secret>,
    tried: Vec<(Source, Tried)>,
}

/// A source that is configured, and how its key is read.
struct Offer {
    source: Source,
    /// None if it has no key here.
    provider: Option<Arc<dyn CredentialProvider>>,
    /// None also if it is read when it is needed.
    key: Option<Secret>,
}

impl Offer {
    fn absent(source: Source) -> Self {
        Self {
            source,
            provider: None,
            key: None,
        }
    }

    fn read(source: Source, key: Secret, provider: impl CredentialProvider) -> Self {
        Self {
            source,
            provider: Some(Arc::new(provider)),
            key: Some(key),
        }
    }
}

/// In order: the first that is there wins; one whose key is unusable stops the search.
fn find(asked: &Asked, dotenv: Option<&DotenvRead>) -> Result<Found, Error> {
    let mut winner: Option<Offer> = None;
    let mut tried = Vec::new();
    for mut offer in offers(asked, dotenv)? {
        let outcome = if offer.provider.is_none() {
            Tried::Absent
        } else if winner.is_some() {
            Tried::Shadowed
        } else {
            let outcome = match &offer.key {
                Some(raw) => {
                    let key = key::usable(raw).map_err(|reason| key::unusable(&offer.source, reason))?;
                    offer.key = Some(key);
                    Tried::Used
                }
                None => Tried::Chosen,
            };
            tried.push((offer.source.clone(), outcome));
            winner = Some(offer);
            continue;
        };
        tried.push((offer.source, outcome));
    }
    let Some(winner) = winner else {
        return Err(no_key(&tried));
    };
    Ok(Found {
        source: winner.source,
        provider: winner.provider,
        key: winner.key,
        tried,
    })
}

/// What there is, in the order in which it counts.
fn offers(asked: &Asked, dotenv: Option<&DotenvRead>) -> Result<Vec<Offer>, Error> {
    let mut offers = Vec::new();
    match (&asked.api_key, &asked.provider) {
        (Some(_), Some(provider)) => {
            return Err(Error::configuration(format!(
                "Two sources of the API key were handed to the builder: a key, and {}.",
                provider.source()
            ))
            .with_hint("Give one of them."));
        }
        (Some(key), None) => {
            let fixed = Fixed {
                source: Source::Explicit,
                credential: Credential::new(key.clone()),
            };
            offers.push(Offer::read(Source::Explicit, key.clone(), fixed));
        }
        (None, Some(provider)) => offers.push(Offer {
            source: provider.source(),
            provider: Some(provider.clone()),
            key: None,
        }),
        (None, None) => {}
    }
    let variable = EnvironmentKey::new(asked.environment.clone(), KEY_VARIABLE);
    let source = variable.source();
    offers.push(match variable.read() {
        None => Offer::absent(source),
        Some(key) => Offer::read(source, key, variable),
    });
    if let (Some(path), Some(read)) = (&asked.dotenv, dotenv) {
        let earlier = offers.iter().any(|offer| offer.provider.is_some());
        let key = match read {
            Ok(file) => file.as_ref().and_then(|file| file.get(KEY_VARIABLE)).cloned(),
            Err(_) if earlier => None,
            Err(error) => return Err(Error::configuration(error)),
        };
        let file = DotenvKey::new(path.clone(), KEY_VARIABLE);
        let source = file.source();
        offers.push(match key {
            None => Offer::absent(source),
            Some(key) => Offer::read(source, key, file),
        });
    }
    Ok(offers)
}

/// The text begins as the official clients' does, so that their troubleshooting pages still help.
fn no_key(tried: &[(Source, Tried)]) -> Error {
    let sources: Vec<String> = tried.iter().map(|(source, _)| source.to_string()).collect();
    Error::configuration(format!("No API key provided. Looked at {}.", sources.join(", ")))
}

/// A key goes to the URL that was given with it; an explicit `base_url` is given with every key. `dotenv` is the file that
/// counts, if one does.
fn find_base_url(asked: &Asked, dotenv: Option<&DotenvFile>) -> Result<BaseUrl, Error> {
    let insecure = asked.allow_insecure_loopback
        || asked.environment.is_on(INSECURE_VARIABLE)
        || dotenv
            .and_then(|file| file.get(INSECURE_VARIABLE))
            .is_some_and(|value| is_on(value.expose()));
    if let Some(text) = &asked.base_url {
        return BaseUrl::parse(text, insecure).map_err(Error::configuration);
    }
    let from_environment = match asked.environment.get(URL_VARIABLE) {
        Variable::Absent => None,
        Variable::Text(text) if text.trim().is_empty() => {
            return Err(Error::configuration(format!("{URL_VARIABLE} is set but empty."))
                .with_hint("Set it to a URL such as https://api.avala.ai/api/v1, or unset it."));
        }
        Variable::Text(text) => Some(BaseUrl::parse(&text, insecure).map_err(in_variable)?),
        Variable::Unreadable => return Err(Error::configuration(format!("{URL_VARIABLE} is not UTF-8."))),
    };
    let default = || BaseUrl::parse(DEFAULT_BASE_URL, false).map_err(Error::configuration);
    let Some(file) = dotenv else {
        return from_environment.map_or_else(default, Ok);
    };
    let paired = match file.get(URL_VARIABLE) {
        Some(text) => BaseUrl::parse(text.expose(), insecure).map_err(in_variable)?,
        None if asked.anonymous => return from_environment.map_or_else(default, Ok),
        None => default()?,
    };
    match from_environment {
        Some(other) if other != paired => Err(Error::configuration(format!(
            "The .env file belongs to {}, but {URL_VARIABLE} in the environment says {}.",
            paired.as_str(),
            other.as_str()
        ))
        .with_hint("Put AVALA_BASE_URL into the same file as the key, or unset it in the environment.")),
        _ => Ok(paired),
    }
}

fn in_variable(refusal: &str) -> Error {
    Error::configuration(refusal).with_hint(format!("See {URL_VARIABLE}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

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

    // Covers: R8, R10
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
        assert_eq!(found.report.tried.last().unwrap().1, Tried::Shadowed);
        let shown = format!("{:?}", found.report);
        assert!(
            !shown.contains("explicit-key-0123456789") && !shown.contains("environment-key"),
            "{shown}"
        );
    }

    // Covers: R9, R31
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

    // Covers: W17
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

    // Covers: R20, W5
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

    // Covers: R11, R12
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

    // Covers: R27
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
