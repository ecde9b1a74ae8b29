//! A pepper: 32 secret bytes outside of the database, which its keys are checked and its rows are sealed with.

use std::fmt;

use avala_keys::{RandomnessFailed, Secret};
use chacha20poly1305::XChaCha20Poly1305;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    row::KeyRow,
    secrets::{KeyMaterial, PURPOSES, decrypt, encrypt},
};
use crate::random::Random;

/// Which of the server's peppers: they are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PepperId(pub(crate) i64);

impl PepperId {
    pub(crate) const FIRST: Self = Self(1);
}

impl fmt::Display for PepperId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
thread_local! {
    /// How many keys this thread has computed a MAC of.
    pub(super) static MACS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// A pepper, as keyed states. The bytes themselves are not kept.
pub(crate) struct Pepper {
    keys: Hmac<Sha256>,
    seals: Hmac<Sha256>,
    check: [u8; 32],
    /// What another pepper derived is encrypted with this.
    keeps: XChaCha20Poly1305,
}

impl Pepper {
    /// `None` unless there are exactly 32 bytes.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        let pepper = keyed(<&[u8; 32]>::try_from(bytes).ok()?)?;
        // A key is 60 characters and starts with `avk_`, or 40 without a space: no label can be one.
        let derived = |label: &str| tag(&pepper, label.as_bytes());
        Some(Self {
            seals: keyed(&derived("row seals, version 1"))?,
            check: derived("check value, version 1"),
            keeps: XChaCha20Poly1305::new(&derived("what a later pepper keeps, version 1").into()),
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

    /// What a server's own secrets are made of, if this is its first pepper.
    pub(super) fn derive(&self) -> KeyMaterial {
        let mut material = Zeroizing::new([0; 128]);
        let (keys, _) = material.as_chunks_mut::<32>();
        for (key, purpose) in keys.iter_mut().zip(PURPOSES) {
            *key = tag(&self.keys, purpose.as_bytes());
        }
        material
    }

    /// Encrypts what another pepper derived.
    pub(super) fn keep(&self, random: &Random, material: &KeyMaterial) -> Result<Vec<u8>, RandomnessFailed> {
        encrypt(&self.keeps, random, "key material", &material[..])
    }

    /// What was kept; `None` if it was altered.
    pub(super) fn kept(&self, sealed: &[u8]) -> Option<KeyMaterial> {
        let material = Zeroizing::new(decrypt(&self.keeps, "key material", sealed)?);
        material[..].try_into().ok().map(Zeroizing::new)
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

pub(super) fn keyed(key: &[u8]) -> Option<Hmac<Sha256>> {
    Hmac::new_from_slice(key).ok()
}

pub(super) fn tag(state: &Hmac<Sha256>, text: &[u8]) -> [u8; 32] {
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
        keys::{Access, Role},
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
    fn a_later_pepper_keeps_what_the_first_derived() {
        let random = Random::new(operating_system());
        let (first, later) = (Pepper::new(&[7; 32]).unwrap(), Pepper::new(&[8; 32]).unwrap());
        let kept = later.keep(&random, &first.derive()).unwrap();
        assert_eq!(later.kept(&kept), Some(first.derive()));
        assert_ne!(later.derive(), first.derive());
        assert!(first.kept(&kept).is_none());
        let altered = [&kept[..40], &[kept[40] ^ 1], &kept[41..]].concat();
        assert!(later.kept(&altered).is_none());
    }

    fn row() -> KeyRow {
        KeyRow {
            owner: "ab".into(),
            organization: "cd".into(),
            access: Access::Listed(vec![Scope::AgentsRead]),
            expires_at: Some(Timestamp::from_unix_millis(2)),
            ..KeyRow::plain(another_id(), [1; 32])
        }
    }

    fn another_id() -> KeyId {
        Random::new(operating_system()).key(Class::Live).unwrap().id()
    }

    #[test]
    fn the_seal_of_a_row_covers_every_column() {
        let row = row();
        let (at, id) = (Some(Timestamp::from_unix_millis(3)), Some(another_id()));
        let with = |change: &dyn Fn(&mut KeyRow)| {
            let mut row = row.clone();
            change(&mut row);
            row
        };
        let changes = [
            with(&|row| row.id = another_id()),
            with(&|row| row.class = Class::Test),
            with(&|row| row.owner = "x".into()),
            with(&|row| row.organization = "x".into()),
            with(&|row| row.mac = [2; 32]),
            with(&|row| row.pepper = PepperId(2)),
            with(&|row| row.access = Access::Full),
            with(&|row| row.access = Access::Listed(vec![])),
            with(&|row| row.role = Role::Member),
            with(&|row| row.role = Role::Admin),
            with(&|row| row.suspended_at = at),
            with(&|row| row.networks = vec!["10.0.0.0/8".parse().unwrap()]),
            with(&|row| row.expires_at = None),
            with(&|row| row.revoked_at = at),
            with(&|row| row.disabled_at = at),
            with(&|row| row.rotated_to = id),
            with(&|row| row.grace_until = at),
            with(&|row| row.seq = 2),
            with(&|row| row.about.name = "x".into()),
            with(&|row| row.about.created_at = Timestamp::from_unix_millis(9)),
            with(&|row| row.about.created_by = Some("x".into())),
            with(&|row| row.about.environment = Some("x".into())),
            with(&|row| row.about.revoked_by = Some("x".into())),
            with(&|row| row.about.revoked_reason = Some("x".into())),
            with(&|row| row.about.rotated_from = id),
            with(&|row| row.about.is_legacy = true),
            with(&|row| row.about.muted_hints = vec!["x".into()]),
            // Bytes that move to the neighbouring column.
            with(&|row| (row.owner, row.organization) = ("a".into(), "bcd".into())),
            with(&|row| (row.revoked_at, row.expires_at) = (row.expires_at, None)),
            with(&|row| {
                (row.about.revoked_by, row.about.revoked_reason) = (Some("y".into()), Some("x".into()));
            }),
            with(&|row| {
                (row.about.revoked_by, row.about.revoked_reason) = (Some("x".into()), Some("y".into()));
            }),
        ];
        let pepper = Pepper::new(&[7; 32]).unwrap();
        let seal = pepper.seal_row(&row);
        assert!(pepper.is_sealed(&row, &seal));
        for changed in &changes {
            assert!(!pepper.is_sealed(changed, &seal), "{:?}", changed.canonical());
        }
        let seals: HashSet<[u8; 32]> = changes.iter().map(|changed| pepper.seal_row(changed)).collect();
        assert_eq!(seals.len(), changes.len());
    }
}
