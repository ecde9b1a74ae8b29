//! A key in a file of its own, as orchestrators mount secrets.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Credential, CredentialProvider, ProviderError, ProviderFuture, Source,
    small_file::{self, Reach},
};

/// How often a file that may change is looked at.
pub(crate) const FILE_AGAIN: Duration = Duration::from_secs(10);

/// A file that holds a key and nothing else. White space around the key is dropped.
///
/// It is read again every ten seconds while calls are made, and once after a 401, so a key is rotated by replacing the file.
/// Links are followed. Refused are files that others may write, files of more than 64 KiB, and what is no regular file. A
/// missing file is no key here: in a [`CredentialChain`](super::CredentialChain), the next source is asked.
///
/// ```no_run
/// # fn main() -> Result<(), avala::Error> {
/// let client = avala::Client::builder()
///     .credentials(avala::KeyFile::new("/run/secrets/avala"))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    /// The key is in this file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl CredentialProvider for KeyFile {
    fn source(&self) -> Source {
        Source::File {
            path: self.path.clone(),
        }
    }

    fn provide(&self) -> ProviderFuture<'_> {
        Box::pin(async {
            let text = small_file::read(&self.path, Reach::OwnerWrites)
                .map_err(|refused| refused.about("the file"))?;
            Ok(text.map(|key| Credential::new(key).read_again_after(FILE_AGAIN)))
        })
    }
}

/// A source that was named on purpose: having no key is a failure there, and no reason to look elsewhere.
#[derive(Debug)]
pub(crate) struct Named<P> {
    pub(crate) source: Source,
    pub(crate) provider: P,
}

impl<P: CredentialProvider> CredentialProvider for Named<P> {
    fn source(&self) -> Source {
        self.source.clone()
    }

    fn provide(&self) -> ProviderFuture<'_> {
        Box::pin(async {
            let given = self.provider.provide().await?;
            if given.is_none() {
                return Err(ProviderError::new(match self.provider.source() {
                    Source::File { .. } => "there is no such file".to_owned(),
                    Source::Environment { variable } => format!("{variable} is not set"),
                    other => format!("{other} has none"),
                }));
            }
            Ok(given)
        })
    }

    fn may_change(&self) -> bool {
        self.provider.may_change()
    }
}
