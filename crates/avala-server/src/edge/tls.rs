//! The server's certificate: read at the start, read again when its files change, and never lost to a broken file.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio_rustls::TlsAcceptor;

use crate::{config::TlsFiles, error::StartError, store::data_dir::refuse_exposed};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The certificate in use.
#[derive(Debug)]
pub(crate) struct Tls {
    files: TlsFiles,
    current: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    pub(crate) fn open(files: TlsFiles) -> Result<Self, StartError> {
        let current = RwLock::new(read(&files)?);
        Ok(Self { files, current })
    }

    /// What new connections shake hands by; open ones keep what they began with.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(current.clone())
    }

    /// Takes up changed files, for ever. What cannot be used is logged, once for each change, and changes nothing.
    pub(crate) async fn follow(self: Arc<Self>) {
        let mut known = self.files.versions();
        let mut looks = tokio::time::interval(LOOK_EVERY);
        loop {
            looks.tick().await;
            let found = self.files.versions();
            if found == known {
                continue;
            }
            match read(&self.files) {
                Ok(config) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
                    tracing::info!("the TLS certificate was renewed");
                }
                Err(error) => {
                    tracing::error!(%error, "the new TLS certificate cannot be used; the earlier one stays");
                }
            }
            known = found;
        }
    }
}

/// What tells one version of a file from another.
#[derive(Debug, PartialEq, Eq)]
struct Version {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl TlsFiles {
    fn versions(&self) -> [Option<Version>; 2] {
        [&self.certificate, &self.key].map(|path| fs::metadata(path).ok().map(|found| Version::of(&found)))
    }
}

impl Version {
    fn of(found: &fs::Metadata) -> Self {
        Self {
            modified: found.modified().ok(),
            length: found.len(),
            #[cfg(unix)]
            inode: std::os::unix::fs::MetadataExt::ino(found),
            #[cfg(not(unix))]
            inode: 0,
        }
    }
}

fn read(files: &TlsFiles) -> Result<Arc<ServerConfig>, StartError> {
    let certificate = read_file(&files.certificate)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&certificate)
        .collect::<Result<_, _>>()
        .map_err(|error| unusable(&files.certificate, &error))?;
    if chain.is_empty() {
        return Err(unusable(&files.certificate, &"it holds no certificate"));
    }
    refuse_exposed(&files.key)?;
    let key = zeroize::Zeroizing::new(read_file(&files.key)?);
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|error| unusable(&files.key, &error))?;
    let mut config = ServerConfig::builder_with_provider(avala_http::crypto_provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&files.certificate, &error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => unusable(
                &files.certificate,
                &format!(
                    "it and {} do not belong together: the key is not the certificate's",
                    files.key.display()
                ),
            ),
            error => unusable(&files.certificate, &error),
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn read_file(path: &Path) -> Result<Vec<u8>, StartError> {
    fs::read(path).map_err(|error: io::Error| StartError::File {
        doing: "read",
        path: path.to_owned(),
        error,
    })
}

fn unusable(path: &Path, why: &dyn std::fmt::Display) -> StartError {
    StartError::Tls {
        path: PathBuf::from(path),
        why: why.to_string(),
    }
}
