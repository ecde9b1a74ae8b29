//! Keys in Google Cloud Secret Manager.

use std::time::Duration;

use avala_api::Secret;
use crc::{CRC_32_ISCSI, Crc};
use google_cloud_secretmanager_v1::{Error as CallError, client::SecretManagerService, model::SecretPayload};
use tokio::time::timeout;

use super::{Credential, CredentialProvider, ProviderError, ProviderFuture, Source};
use crate::Error;

/// How long credentials and secret may take together.
const LONGEST: Duration = Duration::from_secs(25);
/// How long Google has for one answer.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(8);

const FORM: &str = "projects/<project>/secrets/<secret>/versions/<version>";

/// A key in Google Cloud Secret Manager, by Google's own client.
///
/// The credentials are Google's application default ones: the file that `GOOGLE_APPLICATION_CREDENTIALS` names, what
/// `gcloud auth application-default login` left, or the account of the machine. They are looked up anew at each reading,
/// which happens seldom. After one, Google's client leaves a task that sleeps until its token nears its end, an hour at most;
/// it sends nothing then.
///
/// Google's client has its own way out: proxies come from `HTTPS_PROXY` and `NO_PROXY`, roots from the operating system;
/// `AVALA_CA_BUNDLE` does not count for it.
///
/// ```no_run
/// # fn main() -> Result<(), avala::Error> {
/// let secret = avala::GcpSecret::new("projects/robots/secrets/avala/versions/latest")?;
/// let client = avala::Client::builder().credentials(secret).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a source does nothing until a client has it"]
pub struct GcpSecret {
    name: String,
    endpoint: Option<String>,
}

impl GcpSecret {
    /// This version of a secret, as in `projects/robots/secrets/avala/versions/latest`; one of a location, as in
    /// `projects/robots/locations/europe-west3/secrets/avala/versions/7`, is asked for there. Its bytes are the key.
    pub fn new(name: impl Into<String>) -> Result<Self, Error> {
        let name = name.into();
        let parts: Vec<&str> = name.split('/').collect();
        let location = match parts[..] {
            ["projects", project, "secrets", secret, "versions", version]
                if [project, secret, version].into_iter().all(is_id) =>
            {
                None
            }
            [
                "projects",
                project,
                "locations",
                location,
                "secrets",
                secret,
                "versions",
                version,
            ] if [project, location, secret, version].into_iter().all(is_id)
                && !location.contains(['.', ':']) =>
            {
                Some(location)
            }
            _ => {
                return Err(Error::configuration(format!(
                    "A secret of Google Cloud is named as {FORM}, and this is not."
                ))
                .with_hint("`gcloud secrets versions list <secret> --uri` shows the whole names."));
            }
        };
        let endpoint =
            location.map(|location| format!("https://secretmanager.{location}.rep.googleapis.com"));
        Ok(Self { name, endpoint })
    }

    /// Another address of Secret Manager, such as that of a private endpoint or of a simulator.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    async fn read(&self) -> Result<Secret, ProviderError> {
        let mut builder = SecretManagerService::builder().with_attempt_timeout(LONGEST_ATTEMPT);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let client = builder.build().await.map_err(|error| {
            if error.is_default_credentials() {
                no_credentials()
            } else {
                ProviderError::new("Google Cloud cannot be asked with these settings")
                    .with_hint("Check the endpoint.")
            }
        })?;
        let answer = client
            .access_secret_version()
            .set_name(&self.name)
            .send()
            .await
            .map_err(|error| refused(&error))?;
        key(&answer.payload.unwrap_or_default())
    }
}

impl CredentialProvider for GcpSecret {
    fn source(&self) -> Source {
        Source::GoogleSecretManager {
            name: self.name.clone(),
        }
    }

    fn provide(&self) -> ProviderFuture<'_> {
        Box::pin(async {
            let read = timeout(LONGEST, self.read()).await.map_err(|_| no_answer())?;
            Ok(Some(Credential::new(read?)))
        })
    }
}

/// What may stand between two slashes: it goes into a URL as it is.
fn is_id(part: &str) -> bool {
    !part.is_empty()
        && !part.starts_with('.')
        && part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

/// The payload, if it is what was stored. The checksum guards against damage on Google's side of TLS; the service makes one
/// for each version, but its contract calls it optional, so that none is no reason to refuse.
fn key(payload: &SecretPayload) -> Result<Secret, ProviderError> {
    let checksum = Crc::<u32>::new(&CRC_32_ISCSI).checksum(&payload.data);
    if payload
        .data_crc32c
        .is_some_and(|stored| stored != i64::from(checksum))
    {
        return Err(ProviderError::new("its bytes do not match their checksum")
            .with_hint("Try again; if it stays so, add a new version of the secret."));
    }
    str::from_utf8(&payload.data)
        .map(Secret::from)
        .map_err(|_| ProviderError::new("its bytes are not UTF-8"))
}

fn no_credentials() -> ProviderError {
    ProviderError::new("the Google credentials cannot be used").with_hint(
        "Set GOOGLE_APPLICATION_CREDENTIALS to a file of credentials, or run `gcloud auth application-default login`.",
    )
}

fn no_answer() -> ProviderError {
    ProviderError::new("Google Cloud gave no answer in time")
        .with_hint("Check the proxy, and the way to Google from this machine.")
}

/// Texts of our own only: what the client and the service say may hold what they were given.
fn refused(error: &CallError) -> ProviderError {
    if error.is_authentication() {
        return no_credentials();
    }
    let (message, hint) = match error.http_status_code() {
        Some(401) => (
            "Google refuses the credentials",
            "They ended or are wrong: get new ones.",
        ),
        Some(403) => (
            "Google denies access to it",
            "Give this account the role roles/secretmanager.secretAccessor on the secret; it may also not exist.",
        ),
        Some(404) => (
            "Google knows no such secret, or no such version of it",
            "Check the project, the name and the version.",
        ),
        // What the service says of versions that are disabled or destroyed.
        Some(400) => (
            "Google does not give it out in its present state",
            "The version may be disabled or destroyed: enable it or use another one.",
        ),
        Some(429) => ("Google says: too many requests", "Try again later."),
        Some(status) => {
            return ProviderError::new(format!("Google answers with status {status}"))
                .with_hint("Try again later.");
        }
        None if error.is_timeout() || error.is_exhausted() => return no_answer(),
        None if error.is_deserialization() => (
            "Google gave an answer that cannot be understood",
            "Check the endpoint and the proxy.",
        ),
        None => (
            "Google Cloud cannot be reached",
            "Check the proxy, and the way to Google from this machine.",
        ),
    };
    ProviderError::new(message).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_of_versions_are_taken() {
        for good in [
            "projects/robots/secrets/avala/versions/latest",
            "projects/example.com:robots/secrets/AVALA_key-1/versions/7",
        ] {
            assert!(GcpSecret::new(good).unwrap().endpoint.is_none(), "{good}");
        }
        for bad in [
            "",
            "avala",
            "projects/robots/secrets/avala",
            "projects/robots/secrets/avala/versions/",
            "projects/robots/secrets/../versions/latest",
            "projects/robots/secrets/a?b/versions/latest",
            "/projects/robots/secrets/avala/versions/latest",
            "projects/robots/secrets/avala/versions/latest:access/x",
            "projects/robots/locations/evil.example/secrets/avala/versions/1",
        ] {
            let error = GcpSecret::new(bad).unwrap_err();
            assert!(
                error.message().contains(FORM) && error.hint().is_some(),
                "{error}"
            );
        }
    }

    #[test]
    fn a_secret_of_a_location_is_asked_for_there() {
        let secret = GcpSecret::new("projects/p/locations/europe-west3/secrets/s/versions/1").unwrap();
        assert_eq!(
            secret.endpoint.as_deref(),
            Some("https://secretmanager.europe-west3.rep.googleapis.com")
        );
    }

    #[test]
    fn a_payload_is_the_key_if_its_checksum_fits_or_there_is_none() {
        // The check value of CRC32C, as catalogues of checksums give it.
        let of = |checksum: Option<i64>| {
            let payload = SecretPayload::new().set_data(b"123456789".to_vec());
            key(&payload.set_or_clear_data_crc32c(checksum)).map(|key| key.expose().to_owned())
        };
        assert_eq!(of(Some(0xE306_9283_i64)).unwrap(), "123456789");
        assert_eq!(of(None).unwrap(), "123456789");
        for wrong in [0_i64, 0xE306_9284, -1, 0x1_E306_9283] {
            assert!(of(Some(wrong)).unwrap_err().message().contains("checksum"));
        }
        let bytes = SecretPayload::new().set_data(vec![0xff]);
        assert_eq!(key(&bytes).unwrap_err().message(), "its bytes are not UTF-8");
    }
}
