//! Which key and which base URL, resolved as a pair. Local work only: no network, no child process.

use std::{fmt, path::PathBuf};

use avala_api::Secret;

use super::{DotenvFile, Environment, environment::Variable, environment::is_on, key};
use crate::{DEFAULT_BASE_URL, Error, base_url::BaseUrl};

/// The variable that holds the key.
const KEY_VARIABLE: &str = "AVALA_API_KEY";
/// The variable that holds the base URL.
const URL_VARIABLE: &str = "AVALA_BASE_URL";
/// The switch that allows plain HTTP to this machine.
const INSECURE_VARIABLE: &str = "AVALA_ALLOW_INSECURE_BASE_URL";

/// Where a key came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// Handed to the builder.
    Explicit,
    /// A variable of the environment.
    Environment {
        /// Its name.
        variable: String,
    },
    /// A `.env` file.
    Dotenv {
        /// The file.
        path: PathBuf,
    },
    /// None: the client was asked to stay anonymous.
    Anonymous,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Explicit => f.write_str("an explicit key"),
            Self::Environment { variable } => write!(f, "the environment variable {variable}"),
            Self::Dotenv { path } => write!(f, "the file {}", path.display()),
            Self::Anonymous => f.write_str("no key"),
        }
    }
}

/// What became of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tried {
    /// It gave the key.
    Used,
    /// It has no key.
    Absent,
    /// It has a key, and an earlier source won.
    Shadowed,
}

/// How the key was found: every source that was looked at, in order, and no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CredentialReport {
    /// The source that gave the key.
    pub source: Source,
    /// The key, masked: its first eight and last four characters.
    pub masked_key: Option<String>,
    /// The origin the key is sent to, and no other.
    pub origin: String,
    /// Every source that was looked at, in order.
    pub tried: Vec<(Source, Tried)>,
}

/// What the builder was told.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) api_key: Option<Secret>,
    pub(crate) base_url: Option<String>,
    pub(crate) allow_insecure_loopback: bool,
    pub(crate) dotenv: Option<PathBuf>,
    pub(crate) anonymous: bool,
    pub(crate) environment: Environment,
}

/// A key and the only place it goes to.
pub(crate) struct Resolved {
    pub(crate) key: Option<Secret>,
    pub(crate) base_url: BaseUrl,
    pub(crate) report: CredentialReport,
}

pub(crate) fn resolve(asked: &Asked) -> Result<Resolved, Error> {
    // A file that is not used may be as broken as it likes, so its error waits until it is needed.
    let dotenv = asked.dotenv.as_deref().map(DotenvFile::read);
    let (key, source, tried) = if asked.anonymous {
        (None, Source::Anonymous, Vec::new())
    } else {
        let found = find_key(asked, dotenv.as_ref())?;
        (Some(found.0), found.1, found.2)
    };
    // The file's URL counts for its own key, and where there is no key at all.
    let dotenv = match (dotenv, &source) {
        (Some(read), Source::Dotenv { .. } | Source::Anonymous) => read.map_err(Error::configuration)?,
        _ => None,
    };
    let base_url = find_base_url(asked, dotenv.as_ref())?;
    let report = CredentialReport {
        source,
        masked_key: key.as_ref().map(|key| avala_keys::mask(key.expose())),
        origin: base_url.url().origin().ascii_serialization(),
        tried,
    };
    Ok(Resolved {
        key,
        base_url,
        report,
    })
}

type DotenvRead = Result<Option<DotenvFile>, String>;

type Found = (Secret, Source, Vec<(Source, Tried)>);

/// Explicit, environment, `.env`: the first that has a key wins; one that has an unusable key stops the search.
fn find_key(asked: &Asked, dotenv: Option<&DotenvRead>) -> Result<Found, Error> {
    let mut offers: Vec<(Source, Option<Secret>)> = Vec::new();
    if let Some(key) = &asked.api_key {
        offers.push((Source::Explicit, Some(key.clone())));
    }
    let variable = Source::Environment {
        variable: KEY_VARIABLE.to_owned(),
    };
    offers.push(match asked.environment.get(KEY_VARIABLE) {
        Variable::Absent => (variable, None),
        Variable::Text(text) => (variable, Some(text.into())),
        // A real key has nothing but ASCII: say so as for any other unusable key, if this source would have been used.
        Variable::Unreadable => (variable, Some("\u{fffd}".into())),
    });
    if let (Some(path), Some(read)) = (&asked.dotenv, dotenv) {
        let earlier = offers.iter().any(|(_, offer)| offer.is_some());
        let offer = match read {
            Ok(file) => file.as_ref().and_then(|file| file.get(KEY_VARIABLE)).cloned(),
            Err(_) if earlier => None,
            Err(error) => return Err(Error::configuration(error)),
        };
        offers.push((Source::Dotenv { path: path.clone() }, offer));
    }

    let mut winner = None;
    let mut tried = Vec::new();
    for (source, offer) in offers {
        let outcome = match offer {
            None => Tried::Absent,
            Some(_) if winner.is_some() => Tried::Shadowed,
            Some(raw) => {
                let key = key::usable(&raw).map_err(|reason| unusable(&source, reason))?;
                winner = Some((key, source.clone()));
                Tried::Used
            }
        };
        tried.push((source, outcome));
    }
    match winner {
        Some((key, source)) => Ok((key, source, tried)),
        None => Err(no_key(&tried)),
    }
}

fn unusable(source: &Source, reason: &str) -> Error {
    Error::configuration(format!("The API key of {source} {reason}.")).with_hint(match source {
        Source::Environment { .. } => {
            "Set AVALA_API_KEY to the whole key, or unset it to use another source."
        }
        _ => "Give the whole key, as it was shown when it was made.",
    })
}

/// The text begins as the official clients' does, so that their troubleshooting pages still help.
fn no_key(tried: &[(Source, Tried)]) -> Error {
    let sources: Vec<String> = tried.iter().map(|(source, _)| source.to_string()).collect();
    Error::configuration(format!("No API key provided. Looked at {}.", sources.join(", "))).with_hint(
        "Set the AVALA_API_KEY environment variable, or pass the key to Client::builder().api_key(…).",
    )
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
            found.key.unwrap().expose().to_owned(),
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
        assert_eq!(found.key.unwrap().expose(), "explicit-key-0123456789");
        assert_eq!(found.report.source, Source::Explicit);
        assert_eq!(found.report.tried.last().unwrap().1, Tried::Shadowed);
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
