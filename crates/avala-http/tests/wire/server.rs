//! A server that answers with given bytes and remembers what it was asked. It ends with the test's runtime.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use avala_http::crypto_provider;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) connections: usize,
    pub(crate) heads: Vec<String>,
    pub(crate) alpn: Vec<String>,
    pub(crate) client_certificates: Vec<CertificateDer<'static>>,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl Server {
    pub(crate) async fn plain(answer: &'static str) -> Self {
        Self::start(answer, None).await
    }

    pub(crate) async fn tls(configuration: ServerConfig) -> Self {
        Self::start(OK, Some(TlsAcceptor::from(Arc::new(configuration)))).await
    }

    async fn start(answer: &'static str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let server = Self {
            address,
            seen: Arc::clone(&seen),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                seen.lock().unwrap().connections += 1;
                let (tls, seen) = (tls.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    let Some(tls) = tls else {
                        return exchange(stream, answer, &seen).await;
                    };
                    // A client that refuses the certificate ends the handshake: nothing to remember.
                    let Ok(stream) = tls.accept(stream).await else {
                        return;
                    };
                    {
                        let mut seen = seen.lock().unwrap();
                        let session = stream.get_ref().1;
                        seen.alpn.push(
                            String::from_utf8(session.alpn_protocol().unwrap_or_default().to_vec()).unwrap(),
                        );
                        let chain = session.peer_certificates().unwrap_or_default();
                        seen.client_certificates
                            .extend(chain.first().map(|one| one.clone().into_owned()));
                    }
                    exchange(stream, answer, &seen).await;
                });
            }
        });
        server
    }

    pub(crate) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}/", self.address)
    }

    pub(crate) fn seen<T>(&self, what: impl FnOnce(&Seen) -> T) -> T {
        what(&self.seen.lock().unwrap())
    }
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str, seen: &Mutex<Seen>) {
    let Some(head) = read_head(&mut stream).await else {
        return;
    };
    seen.lock().unwrap().heads.push(head);
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// A proxy that makes one tunnel, and tells what it was asked.
pub(crate) struct Tunneller {
    pub(crate) address: SocketAddr,
    pub(crate) head: oneshot::Receiver<String>,
}

impl Tunneller {
    pub(crate) async fn start(tls: Option<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, head) = oneshot::channel();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            match tls {
                None => tunnel(stream, tell).await,
                Some(tls) => {
                    let stream = TlsAcceptor::from(Arc::new(tls)).accept(stream).await.unwrap();
                    tunnel(stream, tell).await;
                }
            }
        });
        Self { address, head }
    }
}

async fn tunnel(mut stream: impl AsyncRead + AsyncWrite + Unpin, tell: oneshot::Sender<String>) {
    let head = read_head(&mut stream).await.unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    tell.send(head).unwrap();
    let mut onwards = tokio::net::TcpStream::connect(target).await.unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    // Either end may break off.
    let _ = tokio::io::copy_bidirectional(&mut stream, &mut onwards).await;
}

/// The head of a request, unless the client goes away first.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

/// A certificate authority that lives as long as the test.
pub(crate) struct Authority {
    pub(crate) pem: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        Self {
            pem: certificate.pem(),
            der: certificate.der().clone(),
            issuer: Issuer::new(parameters, key),
        }
    }

    pub(crate) fn signs(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()])
            .unwrap()
            .signed_by(&key, &self.issuer)
            .unwrap();
        (certificate, key)
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        Arc::new(roots)
    }

    /// A server for 127.0.0.1 with a certificate of this authority.
    pub(crate) fn server(&self) -> ServerConfig {
        self.server_with(rustls::ALL_VERSIONS, false)
    }

    pub(crate) fn server_with(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        asks_for_certificate: bool,
    ) -> ServerConfig {
        let (certificate, key) = self.signs("127.0.0.1");
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let builder = ServerConfig::builder_with_provider(crypto_provider())
            .with_protocol_versions(versions)
            .unwrap();
        let builder = if asks_for_certificate {
            let verifier = WebPkiClientVerifier::builder_with_provider(self.roots(), crypto_provider());
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        builder
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap()
    }
}
