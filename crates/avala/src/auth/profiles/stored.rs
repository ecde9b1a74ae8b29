//! Keys in `credentials.toml`: each under its profile's name, with the URL that it was stored for.

use avala_api::{Secret, Timestamp};

use super::{
    Profile,
    folder::Folder,
    settings::{Bad, at_line, document, string, table, unknown},
};
use crate::auth::{Credential, CredentialProvider, ProviderError, ProviderFuture, Source, file::FILE_AGAIN};

/// A profile's key in our own file, read again when it changes.
#[derive(Debug)]
pub(super) struct StoredKey {
    pub(super) source: Source,
    pub(super) folder: Folder,
    /// As it was when the source was made: a key that is stored for another URL later is not sent to this one.
    pub(super) profile: Profile,
}

/// What is stored for a profile.
struct Entry {
    key: Secret,
    base_url: Option<String>,
    expires_at: Option<Timestamp>,
}

impl StoredKey {
    fn read(&self) -> Result<Option<Credential>, ProviderError> {
        let path = self.folder.secrets();
        let text = self.folder.read_secrets()?;
        let entry = match &text {
            Some(text) => entry_of(&self.profile.name, text.expose(), &path.display().to_string())
                .map_err(|bad| at_line(&path, text.expose(), bad))?,
            None => None,
        };
        let Some(entry) = entry else {
            return Err(ProviderError::new("no key is stored for it")
                .with_hint("Store one with `avala auth login`, or give the profile another source."));
        };
        if let Some(url) = &entry.base_url
            && !self.profile.is_for(url)
        {
            return Err(ProviderError::new(format!(
                "its key was stored for {url}, but its base_url is {}",
                self.profile.url()
            ))
            .with_hint("Store the key that belongs to that URL, or set the base_url back."));
        }
        let mut credential = Credential::new(entry.key).read_again_after(FILE_AGAIN);
        if let Some(at) = entry.expires_at {
            credential = credential.expires_at(at);
        }
        Ok(Some(credential))
    }
}

impl CredentialProvider for StoredKey {
    fn source(&self) -> Source {
        self.source.clone()
    }

    fn provide(&self) -> ProviderFuture<'_> {
        Box::pin(async { self.read() })
    }
}

/// The parser borrows from the text, so nothing of other profiles' keys is copied.
fn entry_of(name: &str, text: &str, shown: &str) -> Result<Option<Entry>, Bad> {
    let document = document(text)?;
    let Some(profiles) = document.get("profiles") else {
        return Ok(None);
    };
    let Some(found) = table("profiles", profiles)?.get(name) else {
        return Ok(None);
    };
    let (mut key, mut base_url, mut expires_at) = (None, None, None);
    for (field, value) in table("a profile", found)? {
        match field.get_ref().as_ref() {
            "api_key" => key = Some(Secret::from(string("api_key", value)?)),
            "base_url" => base_url = Some(string("base_url", value)?.to_owned()),
            "expires_at" => {
                let at = string("expires_at", value)?.parse();
                expires_at =
                    Some(at.map_err(|_| (value.span().start, "expires_at is not a time".to_owned()))?);
            }
            other => unknown(shown, other),
        }
    }
    let key = key.ok_or_else(|| (found.span().start, "this profile has no api_key".to_owned()))?;
    Ok(Some(Entry {
        key,
        base_url,
        expires_at,
    }))
}
