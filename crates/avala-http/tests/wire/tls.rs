//! Whom a client trusts and what it shows of itself.

use avala_http::{
    BuildError, Certificates, ClientCertificate, Failure, HttpClient, HttpOptions, SendError, TlsVersion,
};

use crate::server::{Authority, Server};
use crate::{everything, get};

async fn reaches(server: &Server, options: HttpOptions) -> Result<(), SendError> {
    get(&HttpClient::new(options).unwrap(), &server.url("https"))
        .await
        .map(|answer| assert_eq!(answer.status(), 200))
}

fn trusting(only: Option<&Authority>, extra: Option<&Authority>) -> HttpOptions {
    HttpOptions {
        only_roots: only.map(|authority| Certificates::new("roots", authority.pem.as_str())),
        extra_roots: extra
            .map(|authority| Certificates::new("extra roots", authority.pem.as_str()))
            .into_iter()
            .collect(),
        ..HttpOptions::default()
    }
}

#[tokio::test]
async fn a_private_authority_is_trusted_only_when_it_is_given() {
    let authority = Authority::new();
    let server = Server::tls(authority.server()).await;
    assert_eq!(
        reaches(&server, trusting(None, None))
            .await
            .unwrap_err()
            .failure(),
        Failure::Tls
    );
    assert_eq!(
        reaches(&server, trusting(Some(&Authority::new()), None))
            .await
            .unwrap_err()
            .failure(),
        Failure::Tls
    );
    assert_eq!(server.seen(|seen| seen.heads.len()), 0);
    reaches(&server, trusting(None, Some(&authority))).await.unwrap();
    reaches(&server, trusting(Some(&authority), None)).await.unwrap();
}

#[tokio::test]
async fn extra_roots_add_and_only_roots_replace() {
    let (one, other) = (Authority::new(), Authority::new());
    let (of_one, of_other) = (Server::tls(one.server()).await, Server::tls(other.server()).await);
    let both = trusting(Some(&one), Some(&other));
    reaches(&of_one, both.clone()).await.unwrap();
    reaches(&of_other, both).await.unwrap();
    let error = reaches(&of_other, trusting(Some(&one), None)).await.unwrap_err();
    assert!(
        everything(&error).contains("InvalidCertificate"),
        "{}",
        everything(&error)
    );
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let server = Server::tls(authority.server()).await;
    let client = HttpClient::new(trusting(Some(&authority), None)).unwrap();
    let url = format!("https://localhost:{}/", server.address.port());
    assert_eq!(get(&client, &url).await.unwrap_err().failure(), Failure::Tls);
}

#[tokio::test]
async fn the_client_certificate_is_shown_to_a_server_that_asks() {
    // Given a server that admits holders of a certificate,
    let authority = Authority::new();
    let server = Server::tls(authority.server_with(rustls::ALL_VERSIONS, true)).await;
    let (certificate, key) = authority.signs("robot-7");
    // when one comes without, it is not served,
    assert!(reaches(&server, trusting(Some(&authority), None)).await.is_err());
    assert_eq!(server.seen(|seen| seen.heads.len()), 0);
    // and when one comes with it, it is.
    let options = HttpOptions {
        client_certificate: Some(ClientCertificate::new(certificate.pem(), key.serialize_pem())),
        ..trusting(Some(&authority), None)
    };
    assert!(!format!("{options:?}").contains("BEGIN"));
    reaches(&server, options).await.unwrap();
    assert_eq!(
        server.seen(|seen| seen.client_certificates.clone()),
        [certificate.der().clone()]
    );
}

#[tokio::test]
async fn an_old_version_of_tls_is_refused_when_a_newer_one_is_demanded() {
    let authority = Authority::new();
    let server = Server::tls(authority.server_with(&[&rustls::version::TLS12], false)).await;
    reaches(&server, trusting(Some(&authority), None)).await.unwrap();
    let strict = HttpOptions {
        tls_min_version: TlsVersion::V1_3,
        ..trusting(Some(&authority), None)
    };
    assert_eq!(
        reaches(&server, strict).await.unwrap_err().failure(),
        Failure::Tls
    );
}

#[tokio::test]
#[cfg(feature = "http2")]
async fn http_2_is_offered_unless_switched_off() {
    let authority = Authority::new();
    let mut configuration = authority.server();
    configuration.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let server = Server::tls(configuration).await;
    let with = trusting(Some(&authority), None);
    // The server agrees to HTTP/2 but cannot speak it; only the agreement matters.
    let _ = reaches(&server, with.clone()).await;
    reaches(&server, HttpOptions { http2: false, ..with })
        .await
        .unwrap();
    assert_eq!(server.seen(|seen| seen.alpn.clone()), ["h2", "http/1.1"]);
}

#[test]
fn certificates_that_cannot_be_read_are_refused_at_once() {
    let (certificate, key) = Authority::new().signs("robot-7");
    let (_, other_key) = Authority::new().signs("robot-8");
    let with = |chain: &str, key: &str| HttpOptions {
        client_certificate: Some(ClientCertificate::new(chain, key)),
        ..HttpOptions::default()
    };
    let broken = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
    for (options, what) in [
        (
            HttpOptions {
                extra_roots: vec![Certificates::new("extra roots", "")],
                ..HttpOptions::default()
            },
            "extra roots",
        ),
        (
            HttpOptions {
                extra_roots: vec![Certificates::new("extra roots", broken)],
                ..HttpOptions::default()
            },
            "extra roots",
        ),
        (
            HttpOptions {
                only_roots: Some(Certificates::new("roots", "hello")),
                ..HttpOptions::default()
            },
            "roots",
        ),
        (with("", &key.serialize_pem()), "client certificate"),
        (with(&certificate.pem(), "secret-but-no-key"), "client key"),
        (with(&certificate.pem(), &other_key.serialize_pem()), "TLS"),
    ] {
        let error = HttpClient::new(options).unwrap_err();
        assert!(error.to_string().starts_with(what), "{error}");
        assert!(!everything(&error).contains("secret-but-no-key"));
        assert!(matches!(
            error,
            BuildError::Certificates { .. } | BuildError::Tls(_)
        ));
    }
}
