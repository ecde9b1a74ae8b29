//! Keys in variables: of the environment, and of a `.env` file.

use std::path::PathBuf;

use avala_api::Secret;

use super::{
    Credential, CredentialProvider, DotenvFile, Environment, ProviderFuture, Source, environment::Variable,
    file::FILE_AGAIN,
};

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
}

impl DotenvKey {
    pub(crate) fn new(path: PathBuf, variable: &'static str) -> Self {
        Self { path, variable }
    }
}

impl CredentialProvider for DotenvKey {
    fn source(&self) -> Source {
        Source::Dotenv {
            path: self.path.clone(),
        }
    }

    fn provide(&self) -> ProviderFuture<'_> {
        Box::pin(async {
            let file = DotenvFile::read(&self.path)?;
            let key = file.as_ref().and_then(|file| file.get(self.variable));
            Ok(key.map(|key| Credential::new(key.clone()).read_again_after(FILE_AGAIN)))
        })
    }
}
