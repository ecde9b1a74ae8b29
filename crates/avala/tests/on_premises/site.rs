//! A site of one's own on loopback: its CA, its server, its proxy. They end with the test's runtime.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use avala::{Client, ClientBuilder, Environment, Retry};
use avala_http::crypto_provider;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, Version};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional, sink},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::support::{CANARY, page};

/// The site's own CA.
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

    /// A certificate and its key, both PEM.
    pub(crate) fn signs(&self, name: &str) -> (String, String) {
        let (certificate, key) = self.issues(name);
        (certificate.pem(), key.serialize_pem())
    }

    fn issues(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()])
            .unwrap()
            .signed_by(&key, &self.issuer)
            .unwrap();
        (certificate, key)
    }

    fn server(&self, demands: Demands) -> ServerConfig {
        let (certificate, key) = self.issues("127.0.0.1");
        let builder = ServerConfig::builder_with_provider(crypto_provider())
            .with_protocol_versions(demands.versions)
            .unwrap();
        let builder = if demands.client_certificate {
            let mut roots = RootCertStore::empty();
            roots.add(self.der.clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), crypto_provider());
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let mut configuration = builder
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        configuration.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        configuration
    }
}

/// What the site's server demands of a client.
#[derive(Clone, Copy)]
pub(crate) struct Demands {
    pub(crate) versions: &'static [&'static SupportedProtocolVersion],
    pub(crate) client_certificate: bool,
}

pub(crate) const NOTHING: Demands = Demands {
    versions: rustls::ALL_VERSIONS,
    client_certificate: false,
};

#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) connections: usize,
    pub(crate) requests: Vec<(Version, HeaderMap)>,
}

/// A TLS server that answers every request with a page of one webhook.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl Server {
    pub(crate) async fn start(authority: &Authority, demands: Demands) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(authority.server(demands)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
        };
        let seen = Arc::clone(&server.seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                seen.lock().unwrap().connections += 1;
                tokio::spawn(connection(acceptor.clone(), stream, Arc::clone(&seen)));
            }
        });
        server
    }

    pub(crate) fn client(&self) -> ClientBuilder {
        client_of(self.address)
    }

    pub(crate) fn seen<T>(&self, what: impl FnOnce(&Seen) -> T) -> T {
        what(&self.seen.lock().unwrap())
    }
}

/// A client with a key, no environment and a little patience.
pub(crate) fn client_of(address: SocketAddr) -> ClientBuilder {
    Client::builder()
        .environment(Environment::empty())
        .api_key(CANARY)
        .base_url(format!("https://{address}/api/v1"))
        .retry(Retry::attempts(2).with_delays(std::time::Duration::ZERO, std::time::Duration::ZERO))
}

async fn connection(acceptor: TlsAcceptor, stream: TcpStream, seen: Arc<Mutex<Seen>>) {
    let stream = match acceptor.accept(stream).into_fallible().await {
        Ok(stream) => stream,
        Err((_, mut refused)) => {
            // Leaves at the client's word only: a reset would overtake the reason.
            let _gone = refused.shutdown().await;
            let _gone = tokio::io::copy(&mut refused, &mut sink()).await;
            return;
        }
    };
    serve(stream, seen).await;
}

async fn serve(stream: TlsStream<TcpStream>, seen: Arc<Mutex<Seen>>) {
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let answer = service_fn(move |request: Request<Incoming>| {
        let seen = Arc::clone(&seen);
        async move {
            let head = (request.version(), request.headers().clone());
            seen.lock().unwrap().requests.push(head);
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(page(0, 1, None)))))
        }
    });
    let stream = TokioIo::new(stream);
    // However the client leaves, it was served.
    if is_h2 {
        let _gone = http2::Builder::new(TokioExecutor::new())
            .serve_connection(stream, answer)
            .await;
    } else {
        let _gone = http1::Builder::new().serve_connection(stream, answer).await;
    }
}

/// A proxy that makes tunnels for whoever has its password.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

/// `robot:s3cr3t-word` in base64.
pub(crate) const BASIC: &str = "Basic cm9ib3Q6czNjcjN0LXdvcmQ=";

impl Proxy {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            heads: Arc::default(),
        };
        let heads = Arc::clone(&proxy.heads);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(tunnel(stream, Arc::clone(&heads)));
            }
        });
        proxy
    }

    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn tunnel(mut stream: TcpStream, heads: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    let is_welcome = head.contains(BASIC);
    heads.lock().unwrap().push(head);
    if !is_welcome {
        let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
        let _gone = stream.write_all(refusal).await;
        return;
    }
    let mut onwards = TcpStream::connect(target).await.unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let _gone = copy_bidirectional(&mut stream, &mut onwards).await;
}
