//! Keys in AWS Secrets Manager: a simulator that keeps them, and a server that refuses in every way.
#![cfg(feature = "aws")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod cloud;

use std::{
    ffi::OsString,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
};

use avala::AwsSecret;
use avala_http::{HttpClient, HttpOptions};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use cloud::{Avala, Scripted, alone, fails, who};
use serde_json::{Value, json};

const OLD: &str = "avk_live_OldCanary0000_OldCanaryOldCanaryOldCanary";
const NEW: &str = "avk_live_NewCanary0000_NewCanaryNewCanaryNewCanary";
const SECRET_KEY: &str = "canary/aws+secret+access+key";

/// Somebody who may ask AWS.
const SOMEBODY: [(&str, &str); 5] = [
    ("AWS_ACCESS_KEY_ID", "AKIACANARYCANARY0000"),
    ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
    ("AWS_REGION", "eu-central-1"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
    ("AWS_MAX_ATTEMPTS", "1"),
];
const SECRETS: [&str; 3] = ["OldCanary", "NewCanary", SECRET_KEY];

/// Ends with the process that started it, however that ends.
const MOTO: &str = "
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from moto.server import main
main(['-H', '127.0.0.1', '-p', '0'])
";

/// AWS, simulated by moto.
struct Moto {
    process: Child,
    url: String,
}

impl Moto {
    fn start() -> Self {
        let python = std::env::var_os("AVALA_TEST_PYTHON").unwrap();
        let mut process = Command::new(python)
            .args(["-c", MOTO])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stderr.take().unwrap());
        let mut lines = String::new();
        let url = loop {
            assert_ne!(said.read_line(&mut lines).unwrap(), 0, "{lines}");
            if let Some((_, url)) = lines.trim_end().split_once("Running on ") {
                break url.to_owned();
            }
        };
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Self { process, url }
    }

    fn secret(&self, id: &str) -> AwsSecret {
        AwsSecret::new(id).endpoint_url(&self.url)
    }

    async fn does(&self, action: &str, body: Value) -> Value {
        let request = http::Request::post(&self.url)
            .header("x-amz-target", format!("secretsmanager.{action}"))
            .header("content-type", "application/x-amz-json-1.1")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=a/20260101/eu-central-1/secretsmanager/aws4_request, SignedHeaders=host, Signature=0",
            )
            .body(Bytes::from(body.to_string()))
            .unwrap();
        let client = HttpClient::new(HttpOptions::default()).unwrap();
        let answer = client.send(request).await.unwrap();
        assert_eq!(answer.status(), 200, "{action}");
        let (mut body, mut bytes) = (answer.into_body(), Vec::new());
        while let Some(chunk) = body.chunk().await.unwrap() {
            bytes.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&bytes).unwrap()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// The interpreter that has moto, or that this is skipped.
fn moto() -> Option<OsString> {
    let python = std::env::var_os("AVALA_TEST_PYTHON");
    if python.is_none() {
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "AVALA_TEST_PYTHON is not set, and nothing may be skipped: run `cargo xtask test`"
        );
        let said =
            b"skipped: keys in a simulated AWS (AVALA_TEST_PYTHON is not set; run `cargo xtask test`)\n";
        let _best_effort = std::io::stderr().write_all(said);
    }
    python
}

fn with_moto<'a>(python: &'a OsString, region: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut environment = SOMEBODY.to_vec();
    environment[2].1 = region;
    environment.push(("AVALA_TEST_PYTHON", python.to_str().unwrap()));
    environment
}

// Covers: R18, R22, W8, W9
#[test]
fn a_key_that_is_rotated_in_aws_is_followed() {
    let Some(python) = moto() else { return };
    let story = "a_key_that_is_rotated_in_aws_is_followed";
    alone(story, &with_moto(&python, "eu-central-1"), &SECRETS, || async {
        // Given a key in AWS that Avala takes.
        let moto = Moto::start();
        let made = json!({"Name": "prod/avala", "SecretString": format!("{OLD}\n")});
        moto.does("CreateSecret", made).await;
        let avala = Avala::taking(OLD);
        let client = avala.client(moto.secret("prod/avala"));
        assert_eq!(who(&client).await.unwrap(), "anna");
        let report = client.credential_report();
        assert_eq!(
            report.source.to_string(),
            "the secret prod/avala of AWS Secrets Manager"
        );

        // When the next one is put there, and the old one is revoked.
        let next = json!({"SecretId": "prod/avala", "SecretString": NEW});
        moto.does("PutSecretValue", next).await;
        avala.takes(NEW);

        // Then calls go on, with one refusal and one replay.
        for _ in 0..3 {
            assert_eq!(who(&client).await.unwrap(), "anna");
        }
        assert_eq!(avala.saw(), [OLD, OLD, NEW, NEW, NEW]);
        let shown = format!("{client:?} {:?}", client.credential_report());
        assert!(!shown.contains("NewCanaryNewCanary"), "{shown}");

        // And the one before has a name of its own.
        let previous = moto.secret("prod/avala").version_stage("AWSPREVIOUS");
        assert_eq!(who(&Avala::taking(OLD).client(previous)).await.unwrap(), "anna");
    });
}

// Covers: R18, R20
#[test]
fn a_key_in_aws_is_a_text_or_bytes_or_a_field_and_an_arn_knows_its_region() {
    let Some(python) = moto() else { return };
    let story = "a_key_in_aws_is_a_text_or_bytes_or_a_field_and_an_arn_knows_its_region";
    // Somebody's own region is another one.
    alone(story, &with_moto(&python, "us-west-2"), &SECRETS, || async {
        let moto = Moto::start();
        let bytes = json!({"Name": "bytes", "SecretBinary": STANDARD.encode(OLD)});
        let arn = moto.does("CreateSecret", bytes).await["ARN"]
            .as_str()
            .unwrap()
            .to_owned();
        let object = json!({"api_key": OLD, "user": "CanaryUser"}).to_string();
        moto.does("CreateSecret", json!({"Name": "object", "SecretString": object}))
            .await;

        let avala = Avala::taking(OLD);
        who(&avala.client(moto.secret(&arn))).await.unwrap();
        let there = |id| moto.secret(id).region("eu-central-1");
        who(&avala.client(there("object").field("api_key")))
            .await
            .unwrap();
        fails(there("object"), "there are api_key, user", &["CanaryUser", OLD]).await;
        fails(there("object").field("key"), "no field key", &["CanaryUser", OLD]).await;
        fails(there("bytes").field("key"), "no JSON object", &[OLD]).await;
        // Where it is not, AWS says so.
        fails(moto.secret("object"), "AWS knows no such secret", &SECRETS).await;

        moto.does("DeleteSecret", json!({"SecretId": "object"})).await;
        fails(there("object"), "in its present state", &SECRETS).await;
    });
}

// Covers: R18, W6
#[test]
fn whatever_aws_refuses_is_told_in_words_of_our_own() {
    let story = "whatever_aws_refuses_is_told_in_words_of_our_own";
    // What a service says of an error is in the SDK's finest log; AWS does not repeat a value there.
    alone(story, &SOMEBODY, &[SECRET_KEY], || async {
        // Given a server that repeats what it should not.
        let aws = Scripted::answering(|request| {
            let body: Value = serde_json::from_str(&request.body).unwrap();
            let code = body["SecretId"].as_str().unwrap();
            let said = json!({"__type": code, "Message": format!("{OLD} {NEW}"), "message": OLD});
            (400, said.to_string())
        })
        .await;
        let secret = |id: &str| AwsSecret::new(id).endpoint_url(&aws.url);
        for (code, says) in [
            ("AccessDeniedException", "AWS denies access to it"),
            ("ResourceNotFoundException", "AWS knows no such secret"),
            ("DecryptionFailure", "AWS cannot decrypt it"),
            ("InvalidRequestException", "in its present state"),
            ("UnrecognizedClientException", "AWS refuses the AWS credentials"),
            ("ExpiredTokenException", "AWS refuses the AWS credentials"),
            ("ThrottlingException", "too many requests"),
            ("InternalServiceError", "internal error"),
            (
                "InvalidParameterException",
                "AWS refuses it: InvalidParameterException",
            ),
            ("avk_live_OldCanary0000", "AWS refuses it: an unknown error"),
        ] {
            // The name of the secret is shown, and here it is what the server said.
            let secrets = if code.starts_with("avk") {
                &SECRETS[1..]
            } else {
                &SECRETS[..]
            };
            fails(secret(code), says, secrets).await;
        }

        // It was asked as AWS is: signed, for this service and region.
        let asked = aws.arrived().remove(0);
        assert_eq!(asked.line, "POST /");
        assert_eq!(
            asked.header("x-amz-target"),
            Some("secretsmanager.GetSecretValue")
        );
        let signed = asked.header("authorization").unwrap();
        assert!(signed.contains("Credential=AKIACANARYCANARY0000/"), "{signed}");
        assert!(
            signed.contains("/eu-central-1/secretsmanager/aws4_request"),
            "{signed}"
        );

        let nobody = AwsSecret::new("x").endpoint_url("http://127.0.0.1:1");
        fails(nobody, "AWS cannot be reached", &SECRETS).await;
        let empty = Scripted::answering(|_| (200, r#"{"Name":"x"}"#.into())).await;
        let source = AwsSecret::new("x").endpoint_url(&empty.url);
        let error = who(&Avala::default().client(source)).await.unwrap_err();
        assert!(error.message().contains("it has no value"), "{error}");
    });
}

#[test]
fn without_aws_credentials_or_a_region_nothing_is_sent() {
    let story = "without_aws_credentials_or_a_region_nothing_is_sent";
    alone(story, &SOMEBODY[3..], &SECRETS, || async {
        let aws = Scripted::answering(|_| (500, String::new())).await;
        let secret = AwsSecret::new("prod/avala").endpoint_url(&aws.url);
        fails(secret.clone(), "no AWS region is configured", &[]).await;
        fails(
            secret.clone().region("eu-central-1"),
            "no AWS credentials were found",
            &[],
        )
        .await;
        // A configuration that contradicts itself is another matter than none.
        let folder = std::env::home_dir().unwrap().join(".aws");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(
            folder.join("config"),
            "[default]\nrole_arn = arn:aws:iam::1:role/x\n",
        )
        .unwrap();
        fails(
            secret.region("eu-central-1"),
            "the AWS configuration cannot be used",
            &[],
        )
        .await;
        assert!(aws.arrived().is_empty());
    });
}
