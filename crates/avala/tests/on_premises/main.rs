//! Reaching a server of one's own: its CA, client certificates, a proxy, HTTP/2, and what is said when one of them is wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod site;

use std::{io::Write as _, sync::Mutex, time::Duration};

use avala::{ClientBuilder, Environment, Error, ErrorKind};
use site::{Authority, BASIC, Demands, NOTHING, Proxy, Server, client_of};
use support::CANARY;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

async fn calls(builder: ClientBuilder) -> Result<(), Error> {
    builder.build()?.webhooks().list().send().await.map(drop)
}

/// Nothing was sent, it was tried once only, and what is said begins like this and tells what to do.
fn assert_refused(error: &Error, says: &str, hint: &str) {
    assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
    assert!(error.message().starts_with(says), "{error}");
    assert!(error.hint().unwrap().contains(hint), "{error}");
    assert!(!error.may_have_been_sent(), "{error}");
}

fn file_of(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

// Covers: W10, R27
#[tokio::test]
async fn a_server_is_trusted_once_its_ca_is_named_in_any_of_four_ways() {
    let authority = Authority::new();
    let server = Server::start(&authority, NOTHING).await;

    // Given nobody vouches for the server, or somebody else does, then it gets nothing.
    for stranger in [None, Some(Authority::new().pem)] {
        let mut builder = server.client();
        if let Some(pem) = stranger {
            builder = builder.ca_bundle_pem(pem);
        }
        let error = calls(builder).await.unwrap_err();
        assert_refused(
            &error,
            "No TLS connection: invalid peer certificate",
            "AVALA_CA_BUNDLE",
        );
        assert_eq!(error.attempts(), 1, "a certificate does not mend itself");
    }
    assert_eq!(server.seen(|seen| seen.requests.len()), 0);

    // When its CA is named, then it is called.
    let file = file_of(&authority.pem);
    let variable = |name: &str| Environment::from_iter([(name, file.path().to_str().unwrap())]);
    for builder in [
        server.client().ca_bundle(file.path()),
        server.client().ca_bundle_pem(authority.pem.as_str()),
        server.client().environment(variable("AVALA_CA_BUNDLE")),
        server.client().environment(variable("SSL_CERT_FILE")),
        // What is named in several ways is trusted in all of them.
        server
            .client()
            .environment(variable("AVALA_CA_BUNDLE"))
            .ca_bundle_pem(Authority::new().pem),
    ] {
        calls(builder).await.unwrap();
    }
    assert_eq!(server.seen(|seen| seen.requests.len()), 5);
}

#[test]
fn certificates_that_cannot_be_read_are_named_when_the_client_is_built() {
    let empty = file_of("");
    let path = empty.path().to_str().unwrap();
    let address = "127.0.0.1:1".parse().unwrap();
    let missing = format!("{path}.missing");
    for (builder, says) in [
        (
            client_of(address).ca_bundle(&missing),
            ["The CA bundle", &missing, "cannot be read"],
        ),
        (
            client_of(address).ca_bundle(path),
            ["The CA bundle", path, "no PEM certificate"],
        ),
        (
            client_of(address).ca_bundle_pem("hello"),
            ["the CA bundle", "", "no PEM certificate"],
        ),
        (
            client_of(address).environment(Environment::from_iter([("AVALA_CA_BUNDLE", path)])),
            ["AVALA_CA_BUNDLE", path, "no PEM certificate"],
        ),
        (
            client_of(address).environment(Environment::from_iter([("SSL_CERT_FILE", path)])),
            ["SSL_CERT_FILE", path, "no PEM certificate"],
        ),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        for part in says {
            assert!(error.message().contains(part), "{error} lacks {part}");
        }
    }
}

// Covers: W10
#[tokio::test]
async fn a_server_that_wants_a_client_certificate_gets_the_right_one_or_nothing() {
    const OLD: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12];
    const NEW: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13];
    for versions in [OLD, NEW] {
        // Given a server that serves holders of its CA's certificates,
        let authority = Authority::new();
        let server = Server::start(
            &authority,
            Demands {
                versions,
                client_certificate: true,
            },
        )
        .await;
        let trusting = || server.client().ca_bundle_pem(authority.pem.as_str());

        // when a client has none, or a stranger's, then it is told so, and nothing of its call was read,
        let (chain, key) = Authority::new().signs("robot-7");
        let stranger = trusting().client_certificate(chain, key.as_str());
        assert!(!format!("{stranger:?}").contains("BEGIN"));
        for builder in [trusting(), stranger] {
            let error = calls(builder).await.unwrap_err();
            assert_refused(
                &error,
                "No TLS connection: received fatal alert",
                "client_certificate",
            );
            assert_eq!(error.attempts(), 1);
        }
        assert_eq!(server.seen(|seen| seen.requests.len()), 0);

        // and with the right one it is served.
        let (chain, key) = authority.signs("robot-7");
        calls(trusting().client_certificate(chain, key)).await.unwrap();
        assert_eq!(server.seen(|seen| seen.requests.len()), 1);
    }
}

#[test]
fn a_client_key_that_does_not_fit_is_an_error_that_does_not_quote_it() {
    let authority = Authority::new();
    let (chain, _) = authority.signs("robot-7");
    let (_, other_key) = authority.signs("robot-8");
    for (key, says) in [(other_key.as_str(), "TLS"), ("s3cr3t-but-no-key", "client key")] {
        let error = client_of("127.0.0.1:1".parse().unwrap())
            .client_certificate(chain.as_str(), key)
            .build()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(says), "{error}");
        let secret = key.lines().nth(1).unwrap_or(key);
        assert!(!format!("{error} {error:?}").contains(secret));
    }
}

// Covers: W10
#[tokio::test]
async fn a_proxy_learns_its_password_and_where_to_and_nothing_else() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(Mutex::new(log.reopen().unwrap()))
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    // Given a server behind a proxy,
    let authority = Authority::new();
    let server = Server::start(&authority, NOTHING).await;
    let proxy = Proxy::start().await;
    let through = |userinfo: &str| {
        server
            .client()
            .ca_bundle_pem(authority.pem.as_str())
            .proxy(format!("http://{userinfo}{}", proxy.address))
    };
    // when a call goes through it,
    let builder = through("robot:s3cr3t-word@");
    let shown = format!("{builder:?}");
    let client = builder.build().unwrap();
    client.webhooks().list().send().await.unwrap();
    // then the proxy was asked for a tunnel, and the server knows nothing of the proxy,
    let [head] = proxy.heads().try_into().unwrap();
    assert!(
        head.starts_with(&format!("CONNECT {} HTTP/1.1\r\n", server.address)),
        "{head}"
    );
    assert!(head.contains(BASIC) && !head.contains(CANARY), "{head}");
    let headers = server.seen(|seen| seen.requests[0].1.clone());
    assert!(!headers.contains_key("proxy-authorization"));
    assert_eq!(headers["x-avala-api-key"], CANARY);

    // and a wrong password is told, and shown nowhere.
    let error = calls(through("robot:wr0ng-word@")).await.unwrap_err();
    assert_refused(&error, "No way through the proxy: ", "credentials");
    let log = std::fs::read_to_string(log.path()).unwrap();
    assert!(log.contains("avala.operation"), "the log was on: {log}");
    let shown = format!("{shown} {client:?} {error} {error:?} {log}");
    for secret in ["robot", "s3cr3t", "wr0ng", BASIC] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_eq!(server.seen(|seen| seen.requests.len()), 1);
}

// Covers: W10
#[tokio::test]
async fn the_builder_overrules_the_environment_about_proxies() {
    let authority = Authority::new();
    let server = Server::start(&authority, NOTHING).await;
    let proxy = Proxy::start().await;
    let nobody = closed_port().await;
    let elsewhere = || {
        server
            .client()
            .base_url("https://avala.invalid/api/v1")
            .environment(Environment::from_iter([(
                "HTTPS_PROXY",
                format!("http://robot:s3cr3t-word@127.0.0.1:{nobody}"),
            )]))
    };
    // Given the environment names a proxy that is not there,
    let error = calls(elsewhere()).await.unwrap_err();
    assert_refused(&error, "No way through the proxy: ", "HTTPS_PROXY");
    assert!(!format!("{error} {error:?}").contains("s3cr3t"));
    // then another one can be chosen,
    let open = format!("http://{}", proxy.address);
    let error = calls(elsewhere().proxy(open)).await.unwrap_err();
    assert_refused(&error, "No way through the proxy: ", "proxy");
    assert!(
        proxy
            .heads()
            .iter()
            .all(|head| head.starts_with("CONNECT avala.invalid:443"))
    );
    assert_eq!(proxy.heads().len(), 2, "one for each attempt");
    // and none at all, where the name's own trouble shows.
    let error = calls(elsewhere().no_proxy()).await.unwrap_err();
    assert_refused(&error, "The host's name cannot be resolved: ", "name");
}

async fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

// Covers: W10
#[tokio::test]
#[cfg(feature = "http2")]
async fn http_2_carries_many_calls_over_one_connection_unless_switched_off() {
    let authority = Authority::new();
    for (is_off, version) in [(false, http::Version::HTTP_2), (true, http::Version::HTTP_11)] {
        let server = Server::start(&authority, NOTHING).await;
        let mut builder = server.client().ca_bundle_pem(authority.pem.as_str());
        if is_off {
            builder = builder.http1_only();
        }
        let client = builder.build().unwrap();
        client.webhooks().list().send().await.unwrap();
        let (one, other) = (client.webhooks().list().send(), client.webhooks().list().send());
        let (one, other) = tokio::join!(one, other);
        one.unwrap();
        other.unwrap();
        server.seen(|seen| {
            assert!(seen.requests.iter().all(|(spoken, _)| *spoken == version));
            assert_eq!(seen.requests.len(), 3);
            assert_eq!(seen.connections == 1, !is_off);
            // The headers of a call are the same, however it travels.
            assert!(
                seen.requests
                    .iter()
                    .all(|(_, headers)| headers["x-avala-api-key"] == CANARY)
            );
        });
    }
}

// Covers: W10
#[tokio::test]
async fn a_connection_is_kept_for_the_next_call_unless_none_may_be() {
    let authority = Authority::new();
    for (kept, connections) in [(64, 1), (0, 3)] {
        let server = Server::start(&authority, NOTHING).await;
        let client = server
            .client()
            .ca_bundle_pem(authority.pem.as_str())
            .http1_only()
            .pool_max_idle(kept)
            .build()
            .unwrap();
        for _ in 0..3 {
            client.webhooks().list().send().await.unwrap();
        }
        assert_eq!(server.seen(|seen| seen.connections), connections);
    }

    // One that was idle for too long is not trusted to be there.
    let server = Server::start(&authority, NOTHING).await;
    let client = server
        .client()
        .ca_bundle_pem(authority.pem.as_str())
        .http1_only()
        .pool_idle_timeout(Duration::from_millis(1))
        .build()
        .unwrap();
    for _ in 0..3 {
        client.webhooks().list().send().await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.seen(|seen| seen.connections), 3);
}

/// A socket that reads, writes this and then is silent until the client leaves. It serves any number of clients.
async fn silent_after(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                let _gone = stream.read(&mut buffer).await;
                let _gone = stream.write_all(bytes).await;
                while stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
            });
        }
    });
    port
}

// Covers: W3, W34
#[tokio::test]
async fn each_part_of_a_call_has_a_time_of_its_own() {
    let short = Duration::from_millis(100);
    // Connecting: a port where nobody answers the TLS handshake.
    let port = silent_after(b"").await;
    let builder = client_of(([127, 0, 0, 1], port).into()).connect_timeout(short);
    let error = calls(builder).await.unwrap_err();
    assert_refused(&error, "No connection: operation timed out", "reachable");
    assert_eq!(error.attempts(), 2);

    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{";
    for (said, set, says) in [
        (&cut[..], 0, "No answer in time: the server stopped"),
        (b"", 1, "No answer in time"),
        (b"", 2, "The call took longer"),
    ] {
        let port = silent_after(said).await;
        let builder = client_of(([127, 0, 0, 1], port).into())
            .base_url(format!("http://127.0.0.1:{port}/api/v1"))
            .allow_insecure_loopback();
        let builder = match set {
            0 => builder.idle_timeout(short),
            1 => builder.attempt_timeout(short),
            _ => builder.timeout(short),
        };
        let error = calls(builder).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert!(error.message().starts_with(says), "{error}");
        assert!(error.may_have_been_sent());
        assert!(
            error.request_id().is_some(),
            "what to look for in the server's log"
        );
    }
}

#[tokio::test]
async fn a_port_that_does_not_speak_tls_is_told_as_such() {
    let port = silent_after(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let error = calls(client_of(([127, 0, 0, 1], port).into())).await.unwrap_err();
    assert_refused(&error, "No TLS connection: ", "speaks TLS");
}

#[tokio::test]
async fn no_provider_of_cryptography_is_chosen_for_the_process() {
    let authority = Authority::new();
    let server = Server::start(&authority, NOTHING).await;
    calls(server.client().ca_bundle_pem(authority.pem)).await.unwrap();
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
}
