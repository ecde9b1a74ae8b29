//! What a source of keys is: something with a name that gives a key, has none, or fails.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use super::{Credential, Source};

/// A source of keys.
///
/// It gives a key; or has none here (`Ok(None)`), and the next source of a [`CredentialChain`] is asked; or fails, and the
/// search ends: a source that is there and broken is not passed over. A client asks it before its first call, before a known
/// end, and once after a 401; never twice at the same time. A client that was handed one source has no other: there, having
/// no key is an error of the call.
///
/// ```
/// use avala::{Credential, CredentialProvider, ProviderFuture, Source};
///
/// #[derive(Debug)]
/// struct Vault;
///
/// impl CredentialProvider for Vault {
///     fn source(&self) -> Source {
///         Source::named("our vault")
///     }
///
///     fn provide(&self) -> ProviderFuture<'_> {
///         Box::pin(async { Ok(Some(Credential::new("avk_your_api_key"))) })
///     }
/// }
///
/// # fn main() -> Result<(), avala::Error> {
/// let client = avala::Client::builder().credentials(Vault).build()?;
/// # Ok(())
/// # }
/// ```
pub trait CredentialProvider: fmt::Debug + Send + Sync + 'static {
    /// What it is, for people. Never a secret.
    fn source(&self) -> Source;

    /// Reads the key, anew each time.
    fn provide(&self) -> ProviderFuture<'_>;

    /// Whether another key may come out of it later. If not, a 401 is no reason to ask again.
    fn may_change(&self) -> bool {
        true
    }
}

/// What becomes of asking a source.
pub type ProviderFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Option<Credential>, ProviderError>> + Send + 'a>>;

/// Why a source that is there gives no key. Its texts are redacted when it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderError {
    message: String,
    hint: Option<String>,
}

impl ProviderError {
    /// A failure, in one sentence that does not name the source: that is added.
    pub fn new(message: impl AsRef<str>) -> Self {
        Self {
            message: avala_keys::redact::text(message.as_ref()).into_owned(),
            hint: None,
        }
    }

    /// What to do about it.
    pub fn with_hint(mut self, hint: impl AsRef<str>) -> Self {
        self.hint = Some(avala_keys::redact::text(hint.as_ref()).into_owned());
        self
    }

    /// The same, of something that was left out of the message.
    pub(crate) fn about(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what} {}", self.message);
        self
    }

    /// The error of a client that cannot be built.
    pub(crate) fn into_error(self) -> crate::Error {
        let error = crate::Error::configuration(format!("{}.", self.message.trim_end_matches('.')));
        match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    /// What went wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ProviderError {}

impl<P: CredentialProvider + ?Sized> CredentialProvider for Arc<P> {
    fn source(&self) -> Source {
        (**self).source()
    }

    fn provide(&self) -> ProviderFuture<'_> {
        (**self).provide()
    }

    fn may_change(&self) -> bool {
        (**self).may_change()
    }
}

/// A key that was handed over as it is, and stays what it is.
pub(crate) struct Fixed {
    pub(crate) source: Source,
    pub(crate) credential: Credential,
}

impl CredentialProvider for Fixed {
    fn source(&self) -> Source {
        self.source.clone()
    }

    fn provide(&self) -> ProviderFuture<'_> {
        let credential = self.credential.clone();
        Box::pin(async { Ok(Some(credential)) })
    }

    fn may_change(&self) -> bool {
        false
    }
}

impl fmt::Debug for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fixed").field(&self.source).finish()
    }
}

/// Several sources as one: the first that has a key.
///
/// ```
/// # use avala::{CredentialChain, Credential, CredentialProvider};
/// # fn chain(vault: impl CredentialProvider, disk: impl CredentialProvider) -> CredentialChain {
/// CredentialChain::default().then(vault).then(disk)
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct CredentialChain(Vec<Arc<dyn CredentialProvider>>);

impl CredentialChain {
    /// Asks this source, too, if those before it have no key.
    pub fn then(mut self, provider: impl CredentialProvider) -> Self {
        self.0.push(Arc::new(provider));
        self
    }
}

impl CredentialProvider for CredentialChain {
    fn source(&self) -> Source {
        let names: Vec<String> = self.0.iter().map(|one| one.source().to_string()).collect();
        Source::named(names.join(", "))
    }

    fn provide(&self) -> ProviderFuture<'_> {
        Box::pin(async {
            for provider in &self.0 {
                let asked = provider.provide().await.map_err(|error| ProviderError {
                    message: format!("{}: {}", provider.source(), error.message),
                    hint: error.hint,
                })?;
                if asked.is_some() {
                    return Ok(asked);
                }
            }
            Ok(None)
        })
    }

    fn may_change(&self) -> bool {
        self.0.iter().any(CredentialProvider::may_change)
    }
}
