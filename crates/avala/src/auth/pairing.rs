//! Where a key is sent. It goes to the URL that was given with it; an explicit `base_url` is given with every key.

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
        return BaseUrl::parse(text, insecure).map_err(Error::configuration);
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
    let paired = match &home.base_url {
        Some(text) => BaseUrl::parse(text, insecure)
            .map_err(|refusal| Error::configuration(refusal).with_hint(format!("See {}.", home.setting)))?,
        None if anonymous => return from_environment.map_or_else(default, Ok),
        None => default()?,
    };
    match from_environment {
        Some(other) if other != paired => Err(Error::configuration(format!(
            "{} belongs to {}, but {URL_VARIABLE} in the environment says {}.",
            home.name,
            paired.as_str(),
            other.as_str()
        ))
        .with_hint(format!(
            "Set {} to the URL that the key belongs to, or unset {URL_VARIABLE} in the environment.",
            home.setting
        ))),
        _ => Ok(paired),
    }
}
