//! Where a key is sent: to the URL that was given with it. A key that came without one is sent where the builder, else the
//! environment, says.

use super::{Environment, environment::Variable};
use crate::{DEFAULT_BASE_URL, Error, base_url::BaseUrl};

/// The variable that holds the base URL.
pub(crate) const URL_VARIABLE: &str = "AVALA_BASE_URL";
/// The switch that allows plain HTTP to this machine.
pub(crate) const INSECURE_VARIABLE: &str = "AVALA_ALLOW_INSECURE_BASE_URL";

/// What a key came with, if it came from a place that says where it is sent.
#[derive(Debug)]
pub(crate) struct Home {
    /// For people: `The profile staging`.
    pub(crate) name: String,
    /// None if that place says nothing of it.
    pub(crate) base_url: Option<String>,
    pub(crate) allow_insecure_loopback: bool,
    /// Where its URL is written.
    pub(crate) setting: String,
}

/// The URL of a key, or of no key. `explicit` and `allow_insecure_loopback` are what the builder was told.
pub(crate) fn base_url(
    explicit: Option<&str>,
    allow_insecure_loopback: bool,
    environment: &Environment,
    home: Option<&Home>,
    anonymous: bool,
) -> Result<BaseUrl, Error> {
    let insecure = allow_insecure_loopback
        || environment.is_on(INSECURE_VARIABLE)
        || home.is_some_and(|home| home.allow_insecure_loopback);
    if let Some(text) = explicit {
        let asked = BaseUrl::parse(text, insecure).map_err(Error::configuration)?;
        // Without a key there is nothing that could go to the wrong place.
        if let Some(home) = home.filter(|_| !anonymous)
            && let Some(bound) = home.bound_to(insecure)?
            && bound != asked
        {
            let conflict = Conflict {
                says: "the base URL that was given is",
                mend: "give no other one",
            };
            return Err(conflict.error(home, &bound, &asked));
        }
        return Ok(asked);
    }
    let from_environment = match environment.get(URL_VARIABLE) {
        Variable::Absent => None,
        Variable::Text(text) if text.trim().is_empty() => {
            return Err(Error::configuration(format!("{URL_VARIABLE} is set but empty."))
                .with_hint("Set it to a URL such as https://api.avala.ai/api/v1, or unset it."));
        }
        Variable::Text(text) => {
            let seen =
                |refusal: &str| Error::configuration(refusal).with_hint(format!("See {URL_VARIABLE}."));
            Some(BaseUrl::parse(&text, insecure).map_err(seen)?)
        }
        Variable::Unreadable => return Err(Error::configuration(format!("{URL_VARIABLE} is not UTF-8."))),
    };
    let default = || BaseUrl::parse(DEFAULT_BASE_URL, false).map_err(Error::configuration);
    let Some(home) = home else {
        return from_environment.map_or_else(default, Ok);
    };
    let bound = match home.bound_to(insecure)? {
        Some(bound) => bound,
        None if anonymous => return from_environment.map_or_else(default, Ok),
        None => default()?,
    };
    match from_environment {
        Some(other) if other != bound => {
            let conflict = Conflict {
                says: "AVALA_BASE_URL in the environment says",
                mend: "unset AVALA_BASE_URL in the environment",
            };
            Err(conflict.error(home, &bound, &other))
        }
        _ => Ok(bound),
    }
}

impl Home {
    fn bound_to(&self, insecure: bool) -> Result<Option<BaseUrl>, Error> {
        let parsed = |text: &String| {
            BaseUrl::parse(text, insecure)
                .map_err(|refusal| Error::configuration(refusal).with_hint(format!("See {}.", self.setting)))
        };
        self.base_url.as_ref().map(parsed).transpose()
    }
}

/// Two URLs for one key.
struct Conflict {
    says: &'static str,
    mend: &'static str,
}

impl Conflict {
    fn error(&self, home: &Home, bound: &BaseUrl, other: &BaseUrl) -> Error {
        Error::configuration(format!(
            "{} belongs to {}, but {} {}.",
            home.name,
            bound.as_str(),
            self.says,
            other.as_str()
        ))
        .with_hint(format!(
            "Set {} to the URL that the key belongs to, or {}.",
            home.setting, self.mend
        ))
    }
}
