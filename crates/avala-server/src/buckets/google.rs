//! Google Cloud Storage: a token for the service account, and a listing with it.

use avala_api::{Timestamp, storage_configs::StorageConfig};
use avala_keys::Secret;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{
    HeaderValue, Request,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use rustls::{
    SignatureScheme,
    pki_types::{PrivateKeyDer, pem::PemObject},
    sign::Signer,
};
use serde::Deserialize;
use serde_json::json;
use url::{Url, form_urlencoded};

use super::{ANSWER_BYTES, Problem, TIMEOUT, unreachable};
use crate::{config::GoogleEndpoints, outgoing::Outgoing};

const TOKEN_ENDPOINT: &str = "https://oauth2.googleapis.com/token";
const STORAGE_ENDPOINT: &str = "https://storage.googleapis.com";
const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_only";

/// For how many seconds the assertion is good.
const ASSERTED_FOR: i64 = 300;

const FIELD: &str = "gc_storage_bucket_name";
const KEY_FIELD: &str = "gc_storage_auth_json_content";

/// A service account, from its key file.
pub(crate) struct ServiceAccount {
    email: String,
    signer: Box<dyn Signer>,
}

#[derive(Deserialize)]
struct KeyFile {
    r#type: String,
    client_email: String,
    private_key: Secret,
}

#[derive(Deserialize)]
struct Token {
    access_token: Secret,
}

impl ServiceAccount {
    /// `None` unless it is a key file of a service account, with a key that signs.
    pub(crate) fn read(key_file: &Secret) -> Option<Self> {
        let file: KeyFile = serde_json::from_str(key_file.expose()).ok()?;
        let key = PrivateKeyDer::from_pem_slice(file.private_key.expose().as_bytes()).ok()?;
        let key = avala_http::crypto_provider()
            .key_provider
            .load_private_key(key)
            .ok()?;
        let signer = key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])?;
        (file.r#type == "service_account" && !file.client_email.is_empty()).then_some(Self {
            email: file.client_email,
            signer,
        })
    }

    /// What the account says of itself to the token endpoint, signed (RFC 7523).
    fn assertion(&self, audience: &Url, now: Timestamp) -> Option<Secret> {
        let issued = now.unix_millis() / 1000;
        let header = json!({ "alg": "RS256", "typ": "JWT" });
        let claims = json!({
            "iss": self.email, "scope": SCOPE, "aud": audience.as_str(), "iat": issued, "exp": issued + ASSERTED_FOR,
        });
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let signed = [header, claims]
            .map(|json| part(json.to_string().as_bytes()))
            .join(".");
        let signature = self.signer.sign(signed.as_bytes()).ok()?;
        Some(Secret::new(format!("{signed}.{}", part(&signature))))
    }
}

pub(super) async fn look(
    outgoing: &Outgoing,
    endpoints: &GoogleEndpoints,
    config: &StorageConfig,
    key_file: &Secret,
    now: Timestamp,
) -> Result<(), Problem> {
    let account = ServiceAccount::read(key_file).ok_or_else(|| unreachable(FIELD))?;
    let at = |endpoint: &Option<Url>, default| {
        let url = endpoint.clone().map_or_else(|| Url::parse(default), Ok);
        url.map_err(|_| unreachable(FIELD))
    };
    let token = token(outgoing, &at(&endpoints.token, TOKEN_ENDPOINT)?, &account, now).await?;
    let storage = at(&endpoints.storage, STORAGE_ENDPOINT)?;
    let request = listing(storage, config, &token).ok_or_else(|| unreachable(FIELD))?;
    let received = outgoing
        .send(request, TIMEOUT, ANSWER_BYTES)
        .await
        .map_err(|_| unreachable(FIELD))?;
    match received.status {
        200 if received.text().contains("storage#objects") => Ok(()),
        401 | 403 => Err(Problem(
            FIELD,
            "Google refused the listing: give the service account the role Storage Object Viewer on the bucket.",
        )),
        404 => Err(Problem(FIELD, "There is no such bucket.")),
        _ => Err(unreachable(FIELD)),
    }
}

async fn token(
    outgoing: &Outgoing,
    endpoint: &Url,
    account: &ServiceAccount,
    now: Timestamp,
) -> Result<Token, Problem> {
    let assertion = account
        .assertion(endpoint, now)
        .ok_or_else(|| unreachable(FIELD))?;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
        .append_pair("assertion", assertion.expose())
        .finish();
    let request = Request::post(endpoint.as_str())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from(form))
        .map_err(|_| unreachable(FIELD))?;
    let received = outgoing
        .send(request, TIMEOUT, ANSWER_BYTES)
        .await
        .map_err(|_| unreachable(FIELD))?;
    match received.status {
        200 => serde_json::from_slice(&received.body).map_err(|_| unreachable(FIELD)),
        400 | 401 => Err(Problem(
            KEY_FIELD,
            "Google does not accept this key: it may be deleted, or its service account switched off.",
        )),
        _ => Err(unreachable(FIELD)),
    }
}

fn listing(storage: Url, config: &StorageConfig, token: &Token) -> Option<Request<Bytes>> {
    let mut url = storage;
    url.path_segments_mut().ok()?.pop_if_empty().extend([
        "storage",
        "v1",
        "b",
        config.gc_storage_bucket_name.as_deref()?,
        "o",
    ]);
    url.query_pairs_mut()
        .append_pair("maxResults", "1")
        .append_pair("fields", "kind")
        .append_pair("prefix", config.gc_storage_prefix.as_deref().unwrap_or_default());
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.access_token.expose())).ok()?;
    bearer.set_sensitive(true);
    Request::get(url.as_str())
        .header(AUTHORIZATION, bearer)
        .body(Bytes::new())
        .ok()
}
