//! What the server signs and encrypts with, besides keys: cursors, links, names for others, secrets that it keeps.
//!
//! It was derived from the first pepper. Each later pepper keeps it, encrypted, so that links, names and kept secrets stay
//! what they are when a pepper is retired.

use std::fmt;

use avala_keys::{RandomnessFailed, Secret};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use hmac::{Hmac, KeyInit};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::pepper::{keyed, tag};
use crate::random::Random;

const NONCE: usize = 24;

/// The keys of four purposes, 32 bytes each, one behind the other.
pub(super) type KeyMaterial = Zeroizing<[u8; 128]>;

/// What each of the four is derived for, in their order.
pub(super) const PURPOSES: [&str; 4] = [
    "cursors, version 1",
    "external ids, version 1",
    "links to files, version 1",
    "signing secrets, version 1",
];

/// The server's own secrets, as keyed states.
pub(crate) struct ServerSecrets {
    cursors: Hmac<Sha256>,
    external_ids: Hmac<Sha256>,
    links: Hmac<Sha256>,
    kept: XChaCha20Poly1305,
}

impl ServerSecrets {
    pub(super) fn new(material: &KeyMaterial) -> Option<Self> {
        let (keys, _) = material.as_chunks::<32>();
        let [cursors, external_ids, links, kept] = keys else {
            return None;
        };
        Some(Self {
            cursors: keyed(cursors)?,
            external_ids: keyed(external_ids)?,
            links: keyed(links)?,
            kept: XChaCha20Poly1305::new(kept.into()),
        })
    }

    pub(crate) fn cursor_tag(&self, text: &[u8]) -> [u8; 32] {
        tag(&self.cursors, text)
    }

    /// What a role's trust policy knows an organization by: always the same, and nothing to guess another's from.
    pub(crate) fn external_id(&self, organization: &str) -> [u8; 32] {
        tag(&self.external_ids, organization.as_bytes())
    }

    pub(crate) fn link_tag(&self, text: &[u8]) -> [u8; 32] {
        tag(&self.links, text)
    }

    /// Encrypts a secret for this row and no other.
    pub(crate) fn seal_secret(
        &self,
        random: &Random,
        row: &str,
        secret: &Secret,
    ) -> Result<Vec<u8>, RandomnessFailed> {
        encrypt(&self.kept, random, row, secret.expose().as_bytes())
    }

    /// The secret of this row; `None` if the column was changed or moved.
    pub(crate) fn open_secret(&self, row: &str, sealed: &[u8]) -> Option<Secret> {
        String::from_utf8(decrypt(&self.kept, row, sealed)?)
            .ok()
            .map(Secret::new)
    }
}

/// Encrypts for one place and no other; the nonce comes first.
pub(super) fn encrypt(
    cipher: &XChaCha20Poly1305,
    random: &Random,
    place: &str,
    text: &[u8],
) -> Result<Vec<u8>, RandomnessFailed> {
    let nonce = random.bytes::<NONCE>()?;
    let payload = Payload {
        msg: text,
        aad: place.as_bytes(),
    };
    let sealed = cipher
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| RandomnessFailed)?;
    Ok([&nonce[..], &sealed].concat())
}

/// What was encrypted for this place.
pub(super) fn decrypt(cipher: &XChaCha20Poly1305, place: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
    let payload = Payload {
        msg: sealed,
        aad: place.as_bytes(),
    };
    cipher.decrypt(&XNonce::from(*nonce), payload).ok()
}

impl fmt::Debug for ServerSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerSecrets([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::operating_system;

    fn secrets(byte: u8) -> ServerSecrets {
        ServerSecrets::new(&Zeroizing::new([byte; 128])).unwrap()
    }

    #[test]
    fn a_sealed_secret_opens_in_its_own_row_only() {
        let secrets_of_a_server = secrets(7);
        let random = Random::new(operating_system());
        let sealed = secrets_of_a_server
            .seal_secret(&random, "webhook 1", &Secret::new("s3cret"))
            .unwrap();
        let open = |row, sealed| secrets_of_a_server.open_secret(row, sealed);
        assert_eq!(open("webhook 1", &sealed).unwrap().expose(), "s3cret");
        assert!(open("webhook 2", &sealed).is_none());
        assert!(open("webhook 1", &sealed[..10]).is_none());
        assert!(secrets(8).open_secret("webhook 1", &sealed).is_none());
    }
}
