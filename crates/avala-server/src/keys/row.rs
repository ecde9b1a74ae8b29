//! What is known about one key: everything but the key itself.

use std::{fmt, net::IpAddr};

use avala_api::{Scope, ScopeName, Timestamp, api_keys::RevokeReason};
use avala_keys::{Class, KeyId};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::store::Actor;

/// What a key may do. There is no default: an empty list is nothing, never everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "scopes", rename_all = "lowercase")]
pub enum Access {
    /// Every scope, present and future.
    Full,
    /// These scopes and no others.
    Listed(Vec<Scope>),
}

impl Access {
    pub(crate) fn holds(&self, scope: Scope) -> bool {
        match self {
            Self::Full => true,
            Self::Listed(scopes) => scopes.contains(&scope),
        }
    }

    /// The scopes by name, sorted.
    pub(crate) fn names(&self) -> Vec<ScopeName> {
        let names = |scopes: &[Scope]| scopes.iter().copied().map(ScopeName::from).collect();
        match self {
            Self::Full => names(Scope::ALL),
            Self::Listed(scopes) => {
                let mut scopes = scopes.clone();
                // In the order of their names.
                scopes.sort_unstable();
                scopes.dedup();
                names(&scopes)
            }
        }
    }
}

/// The row of a key.
#[derive(Clone)]
pub(crate) struct KeyRow {
    pub(crate) id: KeyId,
    pub(crate) class: Class,
    /// The user it belongs to.
    pub(crate) owner: String,
    /// The organization whose objects it reaches.
    pub(crate) organization: String,
    pub(crate) name: String,
    /// HMAC-SHA256 of the whole key under the pepper.
    pub(crate) mac: [u8; 32],
    pub(crate) access: Access,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) revoked_at: Option<Timestamp>,
    /// The number of the last change to this row.
    pub(crate) seq: i64,
    /// What most keys have none of.
    pub(crate) more: More,
}

/// What a key may have besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct More {
    pub(crate) environment: Option<String>,
    /// Where it may be used from; anywhere, if there are none.
    pub(crate) networks: Vec<IpNet>,
    pub(crate) created_by: Option<String>,
    pub(crate) disabled_at: Option<Timestamp>,
    pub(crate) revoked_by: Option<String>,
    pub(crate) revoked_reason: Option<String>,
    pub(crate) rotated_from: Option<KeyId>,
    pub(crate) rotated_to: Option<KeyId>,
    /// Until when a key with a successor still opens.
    pub(crate) grace_until: Option<Timestamp>,
}

impl KeyRow {
    /// Every field, each with its length before it, so that no bytes can move from one field to the next.
    pub(crate) fn canonical(&self) -> Vec<u8> {
        // Destructured, so that a new field cannot be forgotten.
        let Self {
            id,
            class,
            owner,
            organization,
            name,
            mac,
            access,
            created_at,
            expires_at,
            revoked_at,
            seq,
            more,
        } = self;
        let access = match access {
            Access::Full => "full".to_owned(),
            Access::Listed(scopes) => scopes
                .iter()
                .fold("listed".to_owned(), |text, scope| format!("{text} {scope}")),
        };
        let instant = |at: Option<Timestamp>| at.map_or_else(String::new, |at| at.unix_millis().to_string());
        let mut bytes = Vec::with_capacity(256);
        for field in [
            id.as_str().as_bytes(),
            class.as_str().as_bytes(),
            owner.as_bytes(),
            organization.as_bytes(),
            name.as_bytes(),
            mac,
            access.as_bytes(),
            instant(Some(*created_at)).as_bytes(),
            instant(*expires_at).as_bytes(),
            instant(*revoked_at).as_bytes(),
            seq.to_string().as_bytes(),
        ] {
            push(&mut bytes, field);
        }
        // Behind a fixed number of fields, and each with its name: a row without any is sealed as it was before there
        // were any.
        for (name, value) in more.fields() {
            push(&mut bytes, name.as_bytes());
            push(&mut bytes, value.as_bytes());
        }
        bytes
    }

    /// Ends it, for ever. The first time counts.
    pub(crate) fn revoke(&mut self, at: Timestamp, by: &Actor, reason: Option<&RevokeReason>) {
        if self.revoked_at.is_none() {
            self.revoked_at = Some(at);
            self.more.revoked_by = Some(by.name());
            self.more.revoked_reason = reason.map(|reason| reason.as_str().to_owned());
        }
    }

    /// The instant from which on it opens nothing, if none is later.
    pub(crate) fn end(&self) -> Option<Timestamp> {
        let ends = [self.expires_at, self.more.grace_until];
        ends.into_iter().flatten().min()
    }

    /// Whether it may be used from there.
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        let networks = &self.more.networks;
        let address = address.to_canonical();
        networks.is_empty() || networks.iter().any(|network| network.contains(&address))
    }
}

impl More {
    /// Those that are there, with their names.
    fn fields(&self) -> impl Iterator<Item = (&'static str, String)> {
        let Self {
            environment,
            networks,
            created_by,
            disabled_at,
            revoked_by,
            revoked_reason,
            rotated_from,
            rotated_to,
            grace_until,
        } = self;
        let instant = |at: &Option<Timestamp>| at.map(|at| at.unix_millis().to_string());
        let id = |id: &Option<KeyId>| id.map(|id| id.to_string());
        let networks = (!networks.is_empty()).then(|| {
            let networks: Vec<String> = networks.iter().map(ToString::to_string).collect();
            networks.join(" ")
        });
        [
            ("environment", environment.clone()),
            ("networks", networks),
            ("created_by", created_by.clone()),
            ("disabled_at", instant(disabled_at)),
            ("revoked_by", revoked_by.clone()),
            ("revoked_reason", revoked_reason.clone()),
            ("rotated_from", id(rotated_from)),
            ("rotated_to", id(rotated_to)),
            ("grace_until", instant(grace_until)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}

fn push(bytes: &mut Vec<u8>, field: &[u8]) {
    bytes.extend_from_slice(&(field.len() as u64).to_be_bytes());
    bytes.extend_from_slice(field);
}

impl fmt::Debug for KeyRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRow")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_does_not_show_its_mac() {
        let row = KeyRow {
            id: "7Hk2mQ9xTbWc".parse().unwrap(),
            class: Class::Live,
            owner: "owner".into(),
            organization: "organization".into(),
            name: "name".into(),
            mac: [77; 32],
            access: Access::Full,
            created_at: Timestamp::from_unix_millis(1),
            expires_at: None,
            revoked_at: None,
            seq: 1,
            more: More::default(),
        };
        let shown = format!("{row:?}");
        assert!(shown.contains("7Hk2mQ9xTbWc") && !shown.contains("77"), "{shown}");
    }
}
