//! Keys in Google Cloud Secret Manager, by a scripted server that checks who asks.
#![cfg(feature = "gcp")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod cloud;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use avala::GcpSecret;
use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use cloud::{Arrived, Avala, Scripted, alone, fails, who};
use serde_json::{Value, json};

const NAME: &str = "projects/robots/secrets/avala/versions/latest";
const OLD: &str = "avk_live_OldCanary0000_OldCanaryOldCanaryOldCanary";
const NEW: &str = "avk_live_NewCanary0000_NewCanaryNewCanaryNewCanary";
const BEARER: &str = "ya29.CanaryBearer";
/// What may be seen nowhere. That of the account is a private key.
const SECRETS: [&str; 5] = [
    "OldCanary",
    "NewCanary",
    "CanaryBearer",
    "CanaryRefresh",
    "PRIVATE KEY",
];
/// Google's libraries look for credentials there.
const CREDENTIALS: (&str, &str) = ("GOOGLE_APPLICATION_CREDENTIALS", "credentials.json");

fn leave_credentials(credentials: &Value) {
    std::fs::write(CREDENTIALS.1, credentials.to_string()).unwrap();
}

/// What an RSA key is, as a service account has it and as Google knows it.
fn service_account() -> (Value, Vec<u8>) {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(pkcs8.as_ref())
    );
    let account = json!({
        "type": "service_account",
        "project_id": "robots",
        "private_key_id": "number-1",
        "private_key": pem,
        "client_email": "reader@robots.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": "http://127.0.0.1:1/token",
    });
    (account, pair.public_key().as_ref().to_vec())
}

/// The claims of a token, if this account signed it.
fn claims(request: &Arrived, public_key: &[u8]) -> Option<Value> {
    let token = request.header("authorization")?.strip_prefix("Bearer ")?;
    let (signed, signature) = token.rsplit_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key)
        .verify(signed.as_bytes(), &signature)
        .ok()?;
    let (_, claims) = signed.split_once('.')?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

/// A version as Google hands it out; the checksums of the two keys are those that Google would have.
fn version(key: &str) -> String {
    let checksum = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI).checksum(key.as_bytes());
    let payload = json!({"data": STANDARD.encode(key), "dataCrc32c": checksum.to_string()});
    json!({"name": "projects/1/secrets/avala/versions/3", "payload": payload}).to_string()
}

fn secret(google: &Scripted) -> GcpSecret {
    GcpSecret::new(NAME).unwrap().endpoint(&google.url)
}

// Covers: R19, R20, R22, W8, W9
#[test]
fn a_key_that_is_rotated_in_google_cloud_is_followed() {
    let story = "a_key_that_is_rotated_in_google_cloud_is_followed";
    alone(story, &[CREDENTIALS], &SECRETS, || async {
        // Given a service account that may read a secret whose key Avala takes.
        let (account, public_key) = service_account();
        leave_credentials(&account);
        let stored = Arc::new(Mutex::new(format!("{OLD}\n")));
        let google = Scripted::answering({
            let stored = stored.clone();
            move |request| match claims(request, &public_key) {
                Some(claims)
                    if claims["iss"] == account["client_email"]
                        && claims["scope"].as_str().unwrap().contains("cloud-platform") =>
                {
                    (200, version(&stored.lock().unwrap()))
                }
                _ => (401, "{}".into()),
            }
        })
        .await;
        let avala = Avala::taking(OLD);
        let client = avala.client(secret(&google));
        assert_eq!(who(&client).await.unwrap(), "anna");
        assert_eq!(
            client.credential_report().source.to_string(),
            format!("{NAME} of Google Cloud Secret Manager")
        );

        // When a new version is added, and the old key is revoked.
        NEW.clone_into(&mut stored.lock().unwrap());
        avala.takes(NEW);

        for _ in 0..3 {
            assert_eq!(who(&client).await.unwrap(), "anna");
        }
        assert_eq!(avala.saw(), [OLD, OLD, NEW, NEW, NEW]);
        let asked: Vec<String> = google.arrived().into_iter().map(|request| request.line).collect();
        let [first, _second] = &asked[..] else {
            panic!("one read for each key: {asked:?}")
        };
        assert!(first.starts_with(&format!("GET /v1/{NAME}:access")), "{first}");
    });
}

// Covers: R19
#[test]
fn the_token_of_a_person_is_asked_for_where_the_credentials_say() {
    let story = "the_token_of_a_person_is_asked_for_where_the_credentials_say";
    alone(story, &[CREDENTIALS], &SECRETS, || async {
        let google = Scripted::answering(|request| {
            if request.line == "POST /token" {
                assert!(request.body.contains("CanaryRefresh"), "the person's credentials");
                let token = json!({"access_token": BEARER, "expires_in": 3600, "token_type": "Bearer"});
                (200, token.to_string())
            } else if request.header("authorization") == Some(&format!("Bearer {BEARER}")) {
                (200, version(OLD))
            } else {
                (401, "{}".into())
            }
        })
        .await;
        leave_credentials(&json!({
            "type": "authorized_user",
            "client_id": "1",
            "client_secret": "s",
            "refresh_token": "CanaryRefresh",
            "token_uri": format!("{}/token", google.url),
        }));
        let avala = Avala::taking(OLD);
        assert_eq!(who(&avala.client(secret(&google))).await.unwrap(), "anna");
        assert_eq!(google.arrived().len(), 2);
    });
}

// Covers: R19, W6
#[test]
fn whatever_google_refuses_is_told_in_words_of_our_own() {
    let story = "whatever_google_refuses_is_told_in_words_of_our_own";
    alone(story, &[CREDENTIALS], &SECRETS, || async {
        // Given a server that repeats what it should not.
        leave_credentials(&service_account().0);
        for (status, says) in [
            (400, "in its present state"),
            (401, "Google refuses the credentials"),
            (403, "Google denies access to it"),
            (404, "Google knows no such secret"),
            (409, "status 409"),
        ] {
            let google = Scripted::answering(move |request| {
                let said = format!("{OLD} {}", request.header("authorization").unwrap());
                let error = json!({"code": status, "message": said, "status": "X"});
                (status, json!({"error": error}).to_string())
            })
            .await;
            fails(secret(&google), says, &SECRETS).await;
            assert_eq!(google.arrived().len(), 1, "{status}");
        }
        for (answer, says) in [
            (
                version(OLD).replace("dataCrc32c\":\"", "dataCrc32c\":\"1"),
                "do not match their checksum",
            ),
            (format!("<h1>{OLD}</h1>"), "cannot be understood"),
        ] {
            let google = Scripted::answering(move |_| (200, answer.clone())).await;
            fails(secret(&google), says, &SECRETS).await;
        }
    });
}

#[test]
fn google_credentials_that_are_missing_or_broken_are_named_as_such() {
    let story = "google_credentials_that_are_missing_or_broken_are_named_as_such";
    alone(story, &[CREDENTIALS], &SECRETS, || async {
        let google = Scripted::answering(|_| (400, format!(r#"{{"error":"invalid_grant {OLD}"}}"#))).await;
        let says = "the Google credentials cannot be used";
        fails(secret(&google), says, &SECRETS).await;
        let broken = [
            json!({"type": "CanaryBearer"}),
            json!({"type": "service_account", "private_key": "CanaryRefresh"}),
            json!({
                "type": "authorized_user",
                "client_id": "1",
                "client_secret": "s",
                "refresh_token": "CanaryRefresh",
                "token_uri": format!("{}/token", google.url),
            }),
        ];
        for credentials in broken {
            leave_credentials(&credentials);
            fails(secret(&google), says, &SECRETS).await;
        }
        std::fs::write(PathBuf::from(CREDENTIALS.1), "no JSON").unwrap();
        fails(secret(&google), says, &SECRETS).await;
        let asked = google.arrived();
        assert!(
            asked.iter().all(|request| request.line == "POST /token"),
            "{asked:?}"
        );
    });
}
