//! Keys in variables: of the environment, and of a `.env` file.

use std::path::PathBuf;

use avala_api::Secret;

use super::{
    Credential, CredentialProvider, DotenvFile, Environment, ProviderError, ProviderFuture, Source,
    environment::Variable, file::FILE_AGAIN, pairing::URL_VARIABLE,
};
use crate::{DEFAULT_BASE_URL, base_url::BaseUrl};

/// A key in a variable of the environment.
#[derive(Debug)]
pub(crate) struct EnvironmentKey {
    environment: Environment,
    variable: String,
}

impl EnvironmentKey {
    pub(crate) fn new(environment: Environment, variable: impl Into<String>) -> Self {
        Self {
            environment,
            variable: variable.into(),
        }
    }

    /// The key; one that cannot be read is none that can be used.
    pub(crate) fn read(&self) -> Option<Secret> {
        match self.environment.get(&self.variable) {
            Variable::Absent => None,
            Variable::Text(text) => Some(text.into()),
            // A real key has nothing but ASCII: say so as for any other unusable key.
            Variable::Unreadable => Some("\u{fffd}".into()),
        }
    }
}

impl CredentialProvider for EnvironmentKey {
    fn source(&self) -> Source {
        Source::Environment {
            variable: self.variable.clone(),
        }
    }

    fn provide(&self) -> ProviderFuture<'_> {
        Box::pin(async { Ok(self.read().map(Credential::new)) })
    }
}

/// A key in a `.env` file.
#[derive(Debug)]
pub(crate) struct DotenvKey {
    path: PathBuf,
    variable: &'static str,
    /// Where the file says that its key is sent, as it was when the source was made: a key that comes with another URL
    /// later is not sent to this one.
    url: Option<BaseUrl>,
}

impl DotenvKey {
    pub(crate) fn new(path: PathBuf, variable: &'static str, file: &DotenvFile) -> Self {
        let url = url_of(file);
        Self { path, variable, url }
    }
}

/// The URL of a file's key; none if it cannot be one.
fn url_of(file: &DotenvFile) -> Option<BaseUrl> {
    let written = file.get(URL_VARIABLE).map(Secret::expose);
    BaseUrl::parse(written.unwrap_or(DEFAULT_BASE_URL), true).ok()
}

impl CredentialProvider for DotenvKey {
    fn source(&self) -> Source {
        Source::Dotenv {
            path: self.path.clone(),
        }
    }

    fn provide(&self) -> ProviderFuture<'_> {
        Box::pin(async {
            let Some(file) = DotenvFile::read(&self.path)? else {
                return Ok(None);
            };
            let key = file.get(self.variable);
            if key.is_some() && url_of(&file) != self.url {
                return Err(
                    ProviderError::new(format!("its {URL_VARIABLE} is another one by now"))
                        .with_hint("Start anew what is to use the key that belongs to it."),
                );
            }
            Ok(key.map(|key| Credential::new(key.clone()).read_again_after(FILE_AGAIN)))
        })
    }
}
