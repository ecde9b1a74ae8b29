//! The pepper: 32 secret bytes outside of the database, and the keys made from them.

use std::fmt;

use avala_keys::{RandomnessFailed, Secret};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::row::KeyRow;
use crate::random::Random;

const NONCE: usize = 24;

#[cfg(test)]
thread_local! {
    /// How many keys this thread has computed a MAC of.
    pub(super) static MACS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The pepper, as keyed states. The bytes themselves are not kept.
pub(crate) struct Pepper {
    keys: Hmac<Sha256>,
    seals: Hmac<Sha256>,
    cursors: Hmac<Sha256>,
    external_ids: Hmac<Sha256>,
    links: Hmac<Sha256>,
    check: [u8; 32],
    secrets: XChaCha20Poly1305,
}

impl Pepper {
    /// `None` unless there are exactly 32 bytes.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        let pepper = keyed(<&[u8; 32]>::try_from(bytes).ok()?)?;
        // A key is 60 characters and starts with `avk_`: no label can be one.
        let derived = |label: &str| tag(&pepper, label.as_bytes());
        Some(Self {
            seals: keyed(&derived("row seals, version 1"))?,
            cursors: keyed(&derived("cursors, version 1"))?,
            external_ids: keyed(&derived("external ids, version 1"))?,
            links: keyed(&derived("links to files, version 1"))?,
            check: derived("check value, version 1"),
            secrets: XChaCha20Poly1305::new(&derived("signing secrets, version 1").into()),
            keys: pepper,
        })
    }

    /// What the database stores to recognise its pepper by.
    pub(crate) fn check_value(&self) -> [u8; 32] {
        self.check
    }

    pub(crate) fn mac(&self, key: &str) -> [u8; 32] {
        #[cfg(test)]
        MACS.set(MACS.get() + 1);
        tag(&self.keys, key.as_bytes())
    }

    pub(crate) fn seal_row(&self, row: &KeyRow) -> [u8; 32] {
        tag(&self.seals, &row.canonical())
    }

    pub(crate) fn is_sealed(&self, row: &KeyRow, seal: &[u8]) -> bool {
        self.seal_row(row)[..].ct_eq(seal).into()
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
        let nonce = random.bytes::<NONCE>()?;
        let payload = Payload {
            msg: secret.expose().as_bytes(),
            aad: row.as_bytes(),
        };
        let sealed = self
            .secrets
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| RandomnessFailed)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// The secret of this row; `None` if the column was changed or moved.
    pub(crate) fn open_secret(&self, row: &str, sealed: &[u8]) -> Option<Secret> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let payload = Payload {
            msg: sealed,
            aad: row.as_bytes(),
        };
        let text = self.secrets.decrypt(&XNonce::from(*nonce), payload).ok()?;
        String::from_utf8(text).ok().map(Secret::new)
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper([redacted])")
    }
}

/// HMAC-SHA256 of a text, as deliveries are signed. A key of any length will do, so there is always one.
pub(crate) fn sign(secret: &Secret, text: &[u8]) -> Option<[u8; 32]> {
    Some(tag(&keyed(secret.expose().as_bytes())?, text))
}

fn keyed(key: &[u8]) -> Option<Hmac<Sha256>> {
    Hmac::new_from_slice(key).ok()
}

fn tag(state: &Hmac<Sha256>, text: &[u8]) -> [u8; 32] {
    state.clone().chain_update(text).finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use avala_api::{Scope, Timestamp};
    use avala_keys::{Class, KeyId};

    use super::*;
    use crate::{
        config::operating_system,
        hex,
        keys::{Access, More},
    };

    #[test]
    fn signatures_are_those_of_rfc_4231() {
        let short = Secret::new("Jefe");
        assert_eq!(
            hex::encode(&sign(&short, b"what do ya want for nothing?").unwrap()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let long = Secret::new("k".repeat(131));
        let direct = Hmac::<Sha256>::new_from_slice("k".repeat(131).as_bytes()).unwrap();
        assert_eq!(sign(&long, b"text"), Some(tag(&direct, b"text")));
    }

    #[test]
    fn a_sealed_secret_opens_in_its_own_row_only() {
        let pepper = Pepper::new(&[7; 32]).unwrap();
        let random = Random::new(operating_system());
        let sealed = pepper
            .seal_secret(&random, "webhook 1", &Secret::new("s3cret"))
            .unwrap();
        assert_eq!(
            pepper.open_secret("webhook 1", &sealed).unwrap().expose(),
            "s3cret"
        );
        assert!(pepper.open_secret("webhook 2", &sealed).is_none());
        assert!(
            Pepper::new(&[8; 32])
                .unwrap()
                .open_secret("webhook 1", &sealed)
                .is_none()
        );
        assert!(pepper.open_secret("webhook 1", &sealed[..10]).is_none());
    }

    fn row() -> KeyRow {
        KeyRow {
            id: another_id(),
            class: Class::Live,
            owner: "ab".into(),
            organization: "cd".into(),
            name: "name".into(),
            mac: [1; 32],
            access: Access::Listed(vec![Scope::AgentsRead]),
            created_at: Timestamp::from_unix_millis(1),
            expires_at: Some(Timestamp::from_unix_millis(2)),
            revoked_at: None,
            seq: 1,
            more: More::default(),
        }
    }

    fn another_id() -> KeyId {
        Random::new(operating_system()).key(Class::Live).unwrap().id()
    }

    /// Each of these rows has a seal of its own.
    fn assert_sealed_apart(row: &KeyRow, changes: &[KeyRow]) {
        let pepper = Pepper::new(&[7; 32]).unwrap();
        let seal = pepper.seal_row(row);
        assert!(pepper.is_sealed(row, &seal));
        for changed in changes {
            assert!(!pepper.is_sealed(changed, &seal), "{:?}", changed.canonical());
        }
        let seals: HashSet<[u8; 32]> = changes.iter().map(|changed| pepper.seal_row(changed)).collect();
        assert_eq!(seals.len(), changes.len());
    }

    #[test]
    fn the_seal_of_a_row_covers_every_column() {
        let row = row();
        let changes: Vec<KeyRow> = vec![
            KeyRow {
                id: another_id(),
                ..row.clone()
            },
            KeyRow {
                class: Class::Test,
                ..row.clone()
            },
            KeyRow {
                owner: "x".into(),
                ..row.clone()
            },
            KeyRow {
                organization: "x".into(),
                ..row.clone()
            },
            KeyRow {
                name: "x".into(),
                ..row.clone()
            },
            KeyRow {
                mac: [2; 32],
                ..row.clone()
            },
            KeyRow {
                access: Access::Full,
                ..row.clone()
            },
            KeyRow {
                access: Access::Listed(vec![]),
                ..row.clone()
            },
            KeyRow {
                created_at: Timestamp::from_unix_millis(9),
                ..row.clone()
            },
            KeyRow {
                expires_at: None,
                ..row.clone()
            },
            KeyRow {
                revoked_at: Some(Timestamp::from_unix_millis(2)),
                ..row.clone()
            },
            KeyRow {
                expires_at: None,
                revoked_at: row.expires_at,
                ..row.clone()
            },
            KeyRow {
                seq: 2,
                ..row.clone()
            },
            // Bytes that move to the neighbouring column.
            KeyRow {
                owner: "a".into(),
                organization: "bcd".into(),
                ..row.clone()
            },
        ];
        assert_sealed_apart(&row, &changes);
    }

    #[test]
    fn the_seal_of_a_row_covers_what_most_keys_have_none_of() {
        let row = row();
        let with = |more: More| KeyRow { more, ..row.clone() };
        let (at, id) = (Some(Timestamp::from_unix_millis(2)), Some(another_id()));
        let changes = [
            with(More {
                environment: Some("x".into()),
                ..More::default()
            }),
            with(More {
                networks: vec!["10.0.0.0/8".parse().unwrap()],
                ..More::default()
            }),
            with(More {
                created_by: Some("x".into()),
                ..More::default()
            }),
            with(More {
                disabled_at: at,
                ..More::default()
            }),
            with(More {
                revoked_by: Some("x".into()),
                ..More::default()
            }),
            with(More {
                revoked_reason: Some("x".into()),
                ..More::default()
            }),
            with(More {
                rotated_from: id,
                ..More::default()
            }),
            with(More {
                rotated_to: id,
                ..More::default()
            }),
            with(More {
                grace_until: at,
                ..More::default()
            }),
            // A value that moves to the neighbouring column.
            with(More {
                revoked_by: Some("y".into()),
                revoked_reason: Some("x".into()),
                ..More::default()
            }),
            with(More {
                revoked_by: Some("x".into()),
                revoked_reason: Some("y".into()),
                ..More::default()
            }),
        ];
        assert_sealed_apart(&row, &changes);
    }
}
