//! Keys in variables: of the environment, and of a `.env` file.

use std::path::PathBuf;

use avala_api::Secret;

use super::{
    Credential, CredentialProvider, DotenvFile, Environment, ProviderError, ProviderFuture, Source,
    environment::Variable, file::FILE_AGAIN, pairing::URL_VARIABLE, places::KEY_VARIABLE,
};
use crate::base_url::is_same;

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
    /// What the file said when the source was made: a key that is written there with another URL later is not sent to this
    /// one.
    base_url: Option<String>,
}

impl DotenvKey {
    pub(crate) fn new(path: PathBuf, base_url: Option<String>) -> Self {
        Self { path, base_url }
    }

    fn read(&self) -> Result<Option<Credential>, ProviderError> {
        let Some(file) = DotenvFile::read(&self.path)? else {
            return Ok(None);
        };
        let Some(key) = file.get(KEY_VARIABLE) else {
            return Ok(None);
        };
        let moved = match (&self.base_url, file.get(URL_VARIABLE)) {
            (None, None) => false,
            (Some(then), Some(now)) => !is_same(then, now.expose()),
            _ => true,
        };
        if moved {
            return Err(ProviderError::new(format!(
                "its {URL_VARIABLE} is another one than when the client was built"
            ))
            .with_hint("Build the client anew, and it takes the key and the URL together."));
        }
        Ok(Some(Credential::new(key.clone()).read_again_after(FILE_AGAIN)))
    }
}

impl CredentialProvider for DotenvKey {
    fn source(&self) -> Source {
        Source::Dotenv {
            path: self.path.clone(),
        }
    }

    fn provide(&self) -> ProviderFuture<'_> {
        Box::pin(async { self.read() })
    }
}
