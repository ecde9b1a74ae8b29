//! TLS: the provider, whom we trust, and who we are.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use zeroize::Zeroizing;

use crate::{BuildError, HttpOptions, TlsVersion};

#[cfg(not(any(feature = "ring", feature = "aws-lc")))]
compile_error!("choose the cryptography behind TLS: feature `ring` or feature `aws-lc`");

/// The provider of cryptography: ring if its feature is on, else aws-lc-rs. For whoever configures TLS by hand.
pub fn crypto_provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let provider = || {
        #[cfg(feature = "ring")]
        let provider = rustls::crypto::ring::default_provider();
        #[cfg(all(feature = "aws-lc", not(feature = "ring")))]
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        Arc::new(provider)
    };
    Arc::clone(PROVIDER.get_or_init(provider))
}

/// Certificates in PEM, one or more.
#[derive(Clone)]
pub struct Certificates {
    name: String,
    pem: Vec<u8>,
}

impl Certificates {
    /// Takes the certificates, and what to call them in an error: a variable, a file.
    pub fn new(name: impl Into<String>, pem: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            pem: pem.into(),
        }
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificates({})", self.name)
    }
}

/// A certificate chain and its private key, shown to servers that ask for one. The key is wiped on drop.
#[derive(Clone)]
pub struct ClientCertificate {
    chain: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl ClientCertificate {
    /// Takes both in PEM; they may come from one file, given twice.
    pub fn new(chain_pem: impl Into<Vec<u8>>, key_pem: impl Into<Vec<u8>>) -> Self {
        Self {
            chain: chain_pem.into(),
            key: Zeroizing::new(key_pem.into()),
        }
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate([redacted])")
    }
}

pub(crate) fn configuration(options: &HttpOptions) -> Result<ClientConfig, BuildError> {
    let provider = crypto_provider();
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions(options.tls_min_version))?
        .dangerous()
        .with_custom_certificate_verifier(verifier(options, provider)?);
    let mut configuration = match &options.client_certificate {
        None => builder.with_no_client_auth(),
        Some(certificate) => {
            let chain = certificates("client certificate", &certificate.chain)?;
            let key =
                PrivateKeyDer::from_pem_slice(&certificate.key).map_err(|_| BuildError::Certificates {
                    what: "client key".to_owned(),
                    reason: "no private key in it".to_owned(),
                })?;
            builder.with_client_auth_cert(chain, key)?
        }
    };
    configuration.alpn_protocols = if cfg!(feature = "http2") && options.http2 {
        vec![b"h2".to_vec()]
    } else {
        Vec::new()
    };
    configuration.alpn_protocols.push(b"http/1.1".to_vec());
    Ok(configuration)
}

fn versions(at_least: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    match at_least {
        TlsVersion::V1_2 => rustls::ALL_VERSIONS,
        TlsVersion::V1_3 => TLS13_ONLY,
    }
}

static TLS13_ONLY: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

fn verifier(
    options: &HttpOptions,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, BuildError> {
    let mut extra = Vec::new();
    for more in &options.extra_roots {
        extra.extend(certificates(&more.name, &more.pem)?);
    }
    let Some(only) = &options.only_roots else {
        return Ok(Arc::new(OperatingSystemRoots {
            extra,
            provider,
            verifier: OnceLock::new(),
        }));
    };
    let mut roots = RootCertStore::empty();
    for root in certificates(&only.name, &only.pem)?.into_iter().chain(extra) {
        roots.add(root)?;
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map(|verifier| verifier as Arc<dyn ServerCertVerifier>)
        .map_err(|error| BuildError::Certificates {
            what: only.name.clone(),
            reason: error.to_string(),
        })
}

fn certificates(what: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    let unusable = |reason: String| BuildError::Certificates {
        what: what.to_owned(),
        reason,
    };
    let found = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unusable(error.to_string()))?;
    if found.is_empty() {
        return Err(unusable("no PEM certificate in it".to_owned()));
    }
    Ok(found)
}

/// The operating system's roots and some more, read at the first handshake.
///
/// Reading them takes longer than a whole command that never speaks TLS.
struct OperatingSystemRoots {
    extra: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
    verifier: OnceLock<rustls_platform_verifier::Verifier>,
}

impl OperatingSystemRoots {
    fn verifier(&self) -> Result<&rustls_platform_verifier::Verifier, rustls::Error> {
        let read = || {
            rustls_platform_verifier::Verifier::new_with_extra_roots(
                self.extra.iter().cloned(),
                Arc::clone(&self.provider),
            )
        };
        kept_if_read(&self.verifier, read)
    }
}

/// What was read before, or is read now. A failure is not kept: the next handshake tries again.
fn kept_if_read<T, E>(kept: &OnceLock<T>, read: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
    if let Some(value) = kept.get() {
        return Ok(value);
    }
    let value = read()?;
    // Two handshakes may read at once; both use what came first.
    Ok(kept.get_or_init(|| value))
}

impl fmt::Debug for OperatingSystemRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperatingSystemRoots")
            .field("extra", &self.extra.len())
            .field("read", &self.verifier.get().is_some())
            .finish_non_exhaustive()
    }
}

impl ServerCertVerifier for OperatingSystemRoots {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.verifier()?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier()?
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier()?
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_not_read_before_the_first_handshake() {
        let configuration = verifier(&HttpOptions::default(), crypto_provider()).unwrap();
        assert!(!configuration.supported_verify_schemes().is_empty());
        assert_eq!(
            format!("{configuration:?}"),
            "OperatingSystemRoots { extra: 0, read: false, .. }"
        );
    }

    #[test]
    fn a_failed_reading_is_tried_again_and_a_good_one_is_kept() {
        let kept = OnceLock::new();
        assert_eq!(
            kept_if_read(&kept, || Err("too many open files")),
            Err("too many open files")
        );
        assert_eq!(kept_if_read(&kept, || Ok::<_, &str>(1)), Ok(&1));
        assert_eq!(kept_if_read(&kept, || Err("not read again")), Ok(&1));
    }
}
