//! Profiles: a name for a base URL and the place where its key comes from, kept in files that outlive programs.
//!
//! `config.toml` holds the settings and `credentials.toml` the keys of profiles whose source is `stored`. Both are in
//! `$AVALA_CONFIG_DIR`, else in `$XDG_CONFIG_HOME/avala`, else in `~/.config/avala`.
//!
//! ```toml
//! default = "staging"
//!
//! [profiles.staging]
//! base_url = "https://staging.example/api/v1"
//! source = "keychain:staging"
//! organization = "acme"
//! output = "json"
//! ```
//!
//! A profile's key is sent to the profile's URL and to no other.

#[cfg(feature = "edit-profiles")]
mod edit;
mod folder;
#[cfg(feature = "edit-profiles")]
mod private;
#[cfg(feature = "edit-profiles")]
mod rotation;
mod settings;
mod stored;

use std::{path::Path, sync::Arc};

#[cfg(feature = "edit-profiles")]
pub use self::rotation::Rotation;
use self::{folder::Folder, stored::StoredKey};
pub use super::spec::{InvalidSource, SourceSpec};
use super::{CredentialProvider, Environment, ProviderError, Source, file::Named, spec};
use crate::{DEFAULT_BASE_URL, Error, base_url::is_same};

/// One profile's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profile {
    /// Letters, digits, `-`, `_` and `.`: at most 64 of them.
    pub name: String,
    /// Where its key is sent: Avala's own service, unless set.
    pub base_url: Option<String>,
    /// Whether `base_url` may be plain HTTP to this machine.
    pub allow_insecure_base_url: bool,
    /// Where its key comes from.
    pub source: SourceSpec,
    /// Which organization commands are about, unless they are told otherwise.
    pub organization: Option<String>,
    /// How commands print, unless they are told otherwise.
    pub output: Option<String>,
}

impl Profile {
    /// A profile for Avala's own service, whose key is stored here.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            base_url: None,
            allow_insecure_base_url: false,
            source: SourceSpec::Stored,
            organization: None,
            output: None,
        }
    }

    /// Where its key is sent.
    pub fn url(&self) -> &str {
        self.base_url.as_deref().unwrap_or(DEFAULT_BASE_URL)
    }

    /// Whether this names the same server: its key belongs there and nowhere else.
    pub fn is_for(&self, url: &str) -> bool {
        is_same(self.url(), url)
    }

    /// It as a source, for reports.
    pub(crate) fn as_source(&self) -> Source {
        Source::Profile {
            name: self.name.clone(),
            key_from: Some(self.source.to_string()),
        }
    }
}

/// The profiles of one person on one machine, as they were when they were read.
#[derive(Clone, Debug)]
pub struct Profiles {
    /// None where there is no home to keep them in.
    folder: Option<Folder>,
    environment: Environment,
    default: Option<String>,
    all: Vec<Profile>,
}

impl Profiles {
    /// Reads the settings; without a file there are no profiles. No key is read. Refused are settings that others could have
    /// written: they say where keys are sent.
    pub fn open(environment: &Environment) -> Result<Self, Error> {
        Self::read(environment).map_err(ProviderError::into_error)
    }

    pub(crate) fn read(environment: &Environment) -> Result<Self, ProviderError> {
        let folder = Folder::find(environment)?;
        let found = match &folder {
            Some(folder) => settings::read(folder)?,
            None => settings::Settings::default(),
        };
        Ok(Self {
            folder,
            environment: environment.clone(),
            default: found.default,
            all: found.profiles,
        })
    }

    /// The directory of both files, whether they exist or not. None where there is no home directory.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(Folder::path)
    }

    /// All profiles, by name.
    pub fn list(&self) -> &[Profile] {
        &self.all
    }

    /// One profile.
    pub fn get(&self, name: &str) -> Option<&Profile> {
        self.all.iter().find(|profile| profile.name == name)
    }

    /// Which profile is used when nothing else is said. It may be missing from the list.
    pub fn default_name(&self) -> Option<&str> {
        self.default.as_deref()
    }

    /// What gives a profile's key.
    pub fn provider(&self, name: &str) -> Result<Arc<dyn CredentialProvider>, Error> {
        self.provider_of(self.usable(name)?)
            .map_err(|error| unusable(name, error))
    }

    pub(crate) fn provider_of(
        &self,
        profile: &Profile,
    ) -> Result<Arc<dyn CredentialProvider>, ProviderError> {
        let source = profile.as_source();
        Ok(match (&profile.source, &self.folder) {
            (SourceSpec::Stored, Some(folder)) => Arc::new(StoredKey {
                source,
                folder: folder.clone(),
                profile: profile.clone(),
            }),
            (from, _) => Arc::new(Named {
                provider: spec::provider(from, &self.environment)?,
                source,
            }),
        })
    }

    /// A profile that was asked for, or the whole error of its absence.
    pub(crate) fn usable(&self, name: &str) -> Result<&Profile, Error> {
        self.wanted(name).map_err(|error| unusable(name, error))
    }

    /// A profile that was asked for.
    pub(crate) fn wanted(&self, name: &str) -> Result<&Profile, ProviderError> {
        self.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.all.iter().map(|profile| profile.name.as_str()).collect();
            let there = match (&self.folder, names.as_slice()) {
                (None, _) => "there is no home directory to keep profiles in".to_owned(),
                (Some(folder), []) => format!("{} has no profiles", folder.settings().display()),
                (Some(folder), names) => {
                    format!("{} has {}", folder.settings().display(), names.join(", "))
                }
            };
            ProviderError::new(format!("there is no such profile: {there}"))
                .with_hint("Name one of those, or make it.")
        })
    }
}

fn unusable(name: &str, error: ProviderError) -> Error {
    let name = if is_name(name) { name } else { "of that name" };
    error
        .about(format_args!("The profile {name} cannot be used:"))
        .into_error()
}

/// Whether a text can be a profile's name: it is printed, and stands in TOML and in paths of keychains.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
