//! Keepers of buckets on this machine: one that speaks S3 and checks signatures by the specification, one that speaks
//! as Google does and checks the service account's assertion.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    net::SocketAddr,
    sync::{Arc, LazyLock, Mutex},
};

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use url::Url;

use crate::support::Answer;

/// A request, as it arrived.
pub(crate) struct Arrived {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Headers by lower-case name, and the body.
    pub(crate) rest: Answer,
}

/// Answers every request, until it is dropped.
pub(crate) struct Keeper {
    pub(crate) address: SocketAddr,
    pub(crate) arrived: Arc<Mutex<Vec<Arrived>>>,
    serving: JoinHandle<()>,
}

impl Keeper {
    pub(crate) async fn answering(answer: impl Fn(&Arrived) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let seen = arrived.clone();
        let serving = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = Vec::new();
                let request = loop {
                    if stream.read_buf(&mut bytes).await.unwrap() == 0 {
                        break None;
                    }
                    if let Some(request) = parse(&bytes) {
                        break Some(request);
                    }
                };
                let Some(request) = request else { continue };
                let (status, body) = answer(&request);
                seen.lock().unwrap().push(request);
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status} x\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: {length}\r\n\r\n{body}"
                );
                // Whoever had enough of a long answer has hung up.
                let _gone = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self {
            address,
            arrived,
            serving,
        }
    }

    pub(crate) fn url(&self) -> Url {
        Url::parse(&format!("http://{}/", self.address)).unwrap()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn parse(bytes: &[u8]) -> Option<Arrived> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let (line, headers) = head.split_once("\r\n")?;
    let mut words = line.split(' ');
    let rest = Answer::parse(&[b"HTTP/1.1 0 x\r\n", headers.as_bytes(), &bytes[end..]].concat())?;
    let length = rest
        .header("content-length")
        .map_or(0, |text| text.parse().unwrap());
    (rest.body.len() >= length).then(|| Arrived {
        method: words.next().unwrap().to_owned(),
        target: words.next().unwrap().to_owned(),
        rest,
    })
}

pub(crate) const ACCESS_KEY: &str = "CANARYACCESSKEYID";
pub(crate) const SECRET_KEY: &str = "canary/secret+access+key";

/// Speaks S3 for one access key, in eu-central-1. The bucket's name says what becomes of the listing.
pub(crate) async fn s3() -> Keeper {
    Keeper::answering(|request| {
        let error = |code: &str| format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>");
        let (path, query) = request.target.split_once('?').unwrap();
        let credential = value(query, "X-Amz-Credential");
        assert_eq!(request.method, "GET");
        if !credential.starts_with(&format!("{ACCESS_KEY}/")) {
            return (403, error("InvalidAccessKeyId"));
        }
        if !is_signed(request, path, query) {
            return (403, error("SignatureDoesNotMatch"));
        }
        if !credential.ends_with("/eu-central-1/s3/aws4_request") {
            return (400, error("AuthorizationQueryParametersError"));
        }
        match path.trim_matches('/') {
            "absent" => (404, error("NoSuchBucket")),
            "locked" => (403, error("AccessDenied")),
            "elsewhere" => (301, error("PermanentRedirect")),
            "no-s3-at-all" => (200, "<h1>It works!</h1>".into()),
            "endless" => (200, "x".repeat(64 * 1024 * 1024)),
            _ => (
                200,
                "<?xml version=\"1.0\"?>\n<ListBucketResult></ListBucketResult>".into(),
            ),
        }
    })
    .await
}

/// AWS Signature Version 4, in the query, as its specification has it.
fn is_signed(request: &Arrived, path: &str, query: &str) -> bool {
    let signature = value(query, "X-Amz-Signature");
    let mut pairs: Vec<String> = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name != "X-Amz-Signature")
        .map(|(name, value)| format!("{}={}", encoded(&name), encoded(&value)))
        .collect();
    pairs.sort();
    assert_eq!(value(query, "X-Amz-Algorithm"), "AWS4-HMAC-SHA256");
    assert_eq!(value(query, "X-Amz-SignedHeaders"), "host");
    assert!(value(query, "X-Amz-Expires").parse::<u64>().unwrap() <= 300);
    let canonical = format!(
        "GET\n{path}\n{}\nhost:{}\n\nhost\nUNSIGNED-PAYLOAD",
        pairs.join("&"),
        request.rest.header("host").unwrap()
    );
    let credential = value(query, "X-Amz-Credential");
    let (_, scope) = credential.split_once('/').unwrap();
    let date = value(query, "X-Amz-Date");
    assert!(scope.starts_with(&date[..8]));
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        hex(&Sha256::digest(canonical.as_bytes()))
    );
    let key = scope
        .split('/')
        .fold(format!("AWS4{SECRET_KEY}").into_bytes(), |key, part| {
            mac(&key, part)
        });
    hex(&mac(&key, &to_sign)) == signature
}

fn value(query: &str, name: &str) -> String {
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(given, _)| given == name)
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut done, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            done.push(byte.into());
        } else {
            write!(done, "%{byte:02X}").unwrap();
        }
        done
    })
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// The service account's key, made anew by each run.
static RSA_KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());
pub(crate) const ACCESS_TOKEN: &str = "canary-access-token";

/// The key file of a service account.
pub(crate) fn key_file(email: &str) -> String {
    let der: Pkcs8V1Der<'_> = RSA_KEY.as_der().unwrap();
    let body = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    json!({ "type": "service_account", "client_email": email, "private_key": pem }).to_string()
}

/// Speaks as Google does, for one service account. The bucket's name says what becomes of the listing.
pub(crate) async fn google(email: &'static str) -> Keeper {
    Keeper::answering(move |request| {
        if request.method == "POST" {
            let form = String::from_utf8(request.rest.body.clone()).unwrap();
            assert_eq!(
                value(&form, "grant_type"),
                "urn:ietf:params:oauth:grant-type:jwt-bearer"
            );
            let claims = claims(&value(&form, "assertion"));
            assert!(
                claims["scope"]
                    .as_str()
                    .unwrap()
                    .ends_with("devstorage.read_only")
            );
            let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
            assert!((1..=3600).contains(&life));
            let host = request.rest.header("host").unwrap();
            assert_eq!(claims["aud"], format!("http://{host}/token"));
            if claims["iss"] == email {
                (
                    200,
                    json!({ "access_token": ACCESS_TOKEN, "expires_in": 3599 }).to_string(),
                )
            } else {
                (400, json!({ "error": "invalid_grant" }).to_string())
            }
        } else {
            let bearer = format!("Bearer {ACCESS_TOKEN}");
            assert_eq!(request.rest.header("authorization"), Some(bearer.as_str()));
            let (path, query) = request.target.split_once('?').unwrap();
            assert_eq!(value(query, "maxResults"), "1");
            match path {
                "/storage/v1/b/absent/o" => (404, "{}".into()),
                "/storage/v1/b/locked/o" => (403, "{}".into()),
                "/storage/v1/b/open_bucket/o" => (200, json!({ "kind": "storage#objects" }).to_string()),
                other => panic!("{other}"),
            }
        }
    })
    .await
}

/// The claims of an assertion whose signature is right.
fn claims(assertion: &str) -> Value {
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, RSA_KEY.public_key().as_ref())
        .verify(signed.as_bytes(), &decode(signature))
        .unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let header: BTreeMap<String, String> = serde_json::from_slice(&decode(header)).unwrap();
    assert_eq!(header["alg"], "RS256");
    serde_json::from_slice(&decode(claims)).unwrap()
}
