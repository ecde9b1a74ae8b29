//! The directory of both files: where it is, and that nobody else can change what is in it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use avala_api::Secret;

use crate::auth::{
    Environment, ProviderError,
    environment::Variable,
    small_file::{self, Reach},
};

/// The variable that names the directory.
const FOLDER_VARIABLE: &str = "AVALA_CONFIG_DIR";

/// The directory of settings and secrets, whether it exists or not.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Finds it. None where there is no home directory.
    pub(super) fn find(environment: &Environment) -> Result<Option<Self>, ProviderError> {
        match environment.get(FOLDER_VARIABLE) {
            Variable::Absent => {}
            Variable::Text(text) if !text.trim().is_empty() => return Ok(Some(Self(text.into()))),
            Variable::Text(_) => {
                return Err(ProviderError::new(format!("{FOLDER_VARIABLE} is set but empty"))
                    .with_hint("Set it to a directory, or unset it."));
            }
            Variable::Unreadable => {
                return Err(ProviderError::new(format!("{FOLDER_VARIABLE} is not UTF-8")));
            }
        }
        // A relative one is to be ignored, says the XDG base directory specification.
        let base = environment
            .text("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .filter(|base| base.is_absolute())
            .or_else(|| Some(environment.home()?.join(".config")));
        Ok(base.map(|base| Self(base.join("avala"))))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn settings(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    pub(super) fn secrets(&self) -> PathBuf {
        self.0.join("credentials.toml")
    }

    /// The text of the settings. They say where keys are sent and which programs are run, so nobody else may write them.
    pub(super) fn read_settings(&self) -> Result<Option<Secret>, ProviderError> {
        self.read(&self.settings(), Reach::WeWrite)
    }

    /// The text of the secrets. Nobody else may as much as look into the directory.
    pub(super) fn read_secrets(&self) -> Result<Option<Secret>, ProviderError> {
        self.read(&self.secrets(), Reach::WeAlone)
    }

    fn read(&self, path: &Path, reach: Reach) -> Result<Option<Secret>, ProviderError> {
        match fs::metadata(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                let error = ProviderError::new(format!("cannot be read: {}", error.kind()));
                return Err(error.about(self.0.display()));
            }
            Ok(found) => small_file::check_reach(&self.0, &found, reach)
                .map_err(|refused| refused.about(self.0.display()))?,
        }
        small_file::read(path, reach).map_err(|refused| refused.about(path.display()))
    }
}
