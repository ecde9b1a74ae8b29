//! TLS: a certificate of its own, changed while the server runs.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use avala_keys::Class;
use avala_server::{Config, Server, StartError, TlsFiles};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion,
        crypto::ring,
        pki_types::{CertificateDer, ServerName},
        version::{TLS12, TLS13},
    },
};

use crate::site::{Answer, CLOSE, PATIENCE, Site, ask, deaf, exchange, request, rest};

/// A certificate for `localhost` that signs itself, written where the server looks for it.
fn certify(files: &TlsFiles) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    // The key first, under its own name: between the two the pair does not match, and the earlier one stays.
    replace(&files.key, &made.signing_key.serialize_pem());
    replace(&files.certificate, &made.cert.pem());
    made.cert.der().clone()
}

fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(&new, path).unwrap();
}

fn files(dir: &Path) -> TlsFiles {
    TlsFiles {
        certificate: dir.join("certificate.pem"),
        key: dir.join("key.pem"),
    }
}

async fn site_with(files: &TlsFiles) -> Site {
    Site::open(|config| config.tls = Some(files.clone())).await
}

async fn shake_hands(
    site: &Site,
    trusted: &CertificateDer<'static>,
    version: &'static SupportedProtocolVersion,
) -> std::io::Result<TlsStream<TcpStream>> {
    shake_hands_over(site.connect().await, trusted, version).await
}

async fn shake_hands_over(
    stream: TcpStream,
    trusted: &CertificateDer<'static>,
    version: &'static SupportedProtocolVersion,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from("localhost").unwrap(), stream)
        .await
}

#[tokio::test]
async fn requests_are_answered_over_tls_1_2_and_1_3_and_the_answers_say_to_stay_there() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = certify(&files(dir.path()));
    let site = site_with(&files(dir.path())).await;
    for (version, name) in [
        (&TLS12, ProtocolVersion::TLSv1_2),
        (&TLS13, ProtocolVersion::TLSv1_3),
    ] {
        let mut stream = shake_hands(&site, &certificate, version).await.unwrap();
        let (_, session) = stream.get_ref();
        assert_eq!(session.protocol_version(), Some(name));
        assert_eq!(session.alpn_protocol(), Some(&b"http/1.1"[..]));
        let list = format!("GET /api/v1/agents/ HTTP/1.1\r\n{}\r\n", site.lines());
        let answer = ask(&mut stream, list.as_bytes()).await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("strict-transport-security"),
            Some("max-age=31536000")
        );
        // What is no request is refused in the same words as over plain HTTP, and the connection ends.
        let answers = exchange(&mut stream, b"GET / HTTP/9\r\n\r\n").await;
        assert_eq!((answers.len(), answers[0].status), (1, 505));
    }
}

#[tokio::test]
async fn links_begin_with_https() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = certify(&files(dir.path()));
    let site = site_with(&files(dir.path())).await;
    let mut stream = shake_hands(&site, &certificate, &TLS13).await.unwrap();
    for n in 0..2 {
        let body = format!(r#"{{"name":"a{n}"}}"#);
        let post = format!(
            "POST /api/v1/agents/ HTTP/1.1\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            site.lines(),
            body.len()
        );
        assert_eq!(ask(&mut stream, post.as_bytes()).await.status, 201);
    }
    let list = format!("GET /api/v1/agents/?limit=1 HTTP/1.1\r\n{}\r\n", site.lines());
    let page = ask(&mut stream, list.as_bytes()).await.json();
    let next = page["next"].as_str().unwrap();
    assert!(next.starts_with(&format!("https://{}/", site.address)), "{next}");
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_up_and_open_connections_stay() {
    // Given a connection under the first certificate.
    let dir = tempfile::tempdir().unwrap();
    let files = files(dir.path());
    let first = certify(&files);
    let site = site_with(&files).await;
    let mut open = shake_hands(&site, &first, &TLS13).await.unwrap();
    let health = request("GET", "/healthz", "");
    assert_eq!(ask(&mut open, health.as_bytes()).await.status, 200);

    // When the files are replaced, first by garbage.
    replace(&files.certificate, "garbage");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    shake_hands(&site, &first, &TLS13)
        .await
        .expect("a broken file changes nothing");
    let second = certify(&files);

    // Then new connections see the new one within seconds, and the open one goes on.
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while shake_hands(&site, &second, &TLS13).await.is_err() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the new certificate is not used"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(shake_hands(&site, &first, &TLS13).await.is_err());
    assert_eq!(ask(&mut open, health.as_bytes()).await.status, 200);
}

#[tokio::test]
async fn plain_http_to_the_tls_port_is_told_what_it_did() {
    let dir = tempfile::tempdir().unwrap();
    certify(&files(dir.path()));
    let site = site_with(&files(dir.path())).await;
    let answers = site.exchange(request("GET", "/healthz", CLOSE).as_bytes()).await;
    assert_eq!((answers.len(), answers[0].status), (1, 400));
    assert_eq!(answers[0].code(), "tls_needed");
}

#[tokio::test]
async fn half_a_handshake_ends() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = certify(&files(dir.path()));
    let site = Site::open(|config| {
        config.tls = Some(files(dir.path()));
        config.limits.handshake_timeout = Duration::from_millis(200);
        config.limits.head_timeout = Duration::from_millis(200);
    })
    .await;
    let mut half = site.connect().await;
    half.write_all(&[0x16, 3, 1]).await.unwrap();
    assert_eq!(rest(&mut half).await, b"");

    // And so does silence after a whole one.
    let mut silent = shake_hands(&site, &certificate, &TLS13).await.unwrap();
    assert_eq!(Answer::all(&rest(&mut silent).await).len(), 0);
}

#[tokio::test]
async fn a_client_that_does_not_read_small_answers_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = certify(&files(dir.path()));
    let site = Site::open(|config| {
        config.tls = Some(files(dir.path()));
        config.limits.write_timeout = Duration::from_millis(300);
    })
    .await;
    for version in [&TLS12, &TLS13] {
        let mut silent = shake_hands_over(deaf(&site).await, &certificate, version)
            .await
            .unwrap();
        let ahead = request("GET", "/healthz", "").repeat(200_000);
        let sent = tokio::time::timeout(PATIENCE, silent.write_all(ahead.as_bytes())).await;
        assert!(sent.expect("the connection ends").is_err());
    }
}

#[tokio::test]
async fn a_server_does_not_start_with_files_it_cannot_use() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(dir.path());
    let open = || async {
        let mut config = Config::new(dir.path().join("data"), Class::Live);
        config.tls = Some(files.clone());
        Server::open(config).await.unwrap_err()
    };
    assert!(matches!(open().await, StartError::File { .. }));

    certify(&files);
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(open().await, StartError::Exposed { .. }));

    // The key of another certificate.
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    replace(&files.key, &other.signing_key.serialize_pem());
    let error = open().await;
    assert!(matches!(error, StartError::Tls { .. }));
    assert!(error.to_string().contains("do not belong together"), "{error}");
    replace(&files.certificate, "");
    assert!(matches!(open().await, StartError::Tls { .. }));
    assert!(!dir.path().join("data").exists(), "nothing was made");
}
