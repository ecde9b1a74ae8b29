//! What is known about one key: everything but the key itself.

use std::{fmt, net::IpAddr};

use avala_api::{Scope, ScopeName, Timestamp, api_keys::RevokeReason};
use avala_keys::{Class, KeyId};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{pepper::PepperId, resources::Resources, role::Role};
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

/// The row of a key. What each request looks at stands here; the rest stands apart, so that the rows lie close together.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct KeyRow {
    pub(crate) id: KeyId,
    pub(crate) class: Class,
    /// The user or service account it belongs to.
    pub(crate) owner: String,
    /// The organization whose objects it reaches.
    pub(crate) organization: String,
    /// HMAC-SHA256 of the whole key under its pepper.
    pub(crate) mac: [u8; 32],
    /// Which pepper that is.
    pub(crate) pepper: PepperId,
    pub(crate) access: Access,
    /// The owner's role in the organization: the key may do what both let it do.
    pub(crate) role: Role,
    /// Since when its owner is switched off, and the key with it.
    pub(crate) suspended_at: Option<Timestamp>,
    /// Where it may be used from; anywhere, if there are none.
    pub(crate) networks: Vec<IpNet>,
    /// The objects it is restricted to; none, if it reaches all that its organization has.
    pub(crate) resources: Option<Box<Resources>>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) revoked_at: Option<Timestamp>,
    pub(crate) disabled_at: Option<Timestamp>,
    pub(crate) rotated_to: Option<KeyId>,
    /// Until when a key with a successor still opens.
    pub(crate) grace_until: Option<Timestamp>,
    /// The number of the last change to this row.
    pub(crate) seq: i64,
    pub(crate) about: Box<About>,
}

/// What is known about a key and never looked at when it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) revoked_by: Option<String>,
    pub(crate) revoked_reason: Option<String>,
    pub(crate) rotated_from: Option<KeyId>,
    /// Whether it is a key of forty hexadecimal digits, taken over from elsewhere.
    pub(crate) is_legacy: bool,
    /// The rules whose hints about it nobody wants to see.
    pub(crate) muted_hints: Vec<String>,
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
            mac,
            pepper,
            access,
            role,
            suspended_at,
            networks,
            resources,
            expires_at,
            revoked_at,
            disabled_at,
            rotated_to,
            grace_until,
            seq,
            about,
        } = self;
        let About {
            name,
            created_at,
            created_by,
            environment,
            revoked_by,
            revoked_reason,
            rotated_from,
            is_legacy,
            muted_hints,
        } = &**about;
        let access = match access {
            Access::Full => "full".to_owned(),
            Access::Listed(scopes) => scopes
                .iter()
                .fold("listed".to_owned(), |text, scope| format!("{text} {scope}")),
        };
        let instant = |at: &Option<Timestamp>| at.map(|at| at.unix_millis().to_string());
        let id_text = |id: &Option<KeyId>| id.map(|id| id.to_string());
        let mut bytes = Vec::with_capacity(256);
        for field in [
            id.as_str().as_bytes(),
            class.as_str().as_bytes(),
            owner.as_bytes(),
            organization.as_bytes(),
            name.as_bytes(),
            mac,
            access.as_bytes(),
            created_at.unix_millis().to_string().as_bytes(),
            instant(expires_at).unwrap_or_default().as_bytes(),
            instant(revoked_at).unwrap_or_default().as_bytes(),
            seq.to_string().as_bytes(),
        ] {
            push(&mut bytes, field);
        }
        // Behind a fixed number of fields, and each with its name: a row without any is sealed as it was before there
        // were any.
        let named = [
            ("environment", environment.clone()),
            ("networks", list(networks)),
            ("created_by", created_by.clone()),
            ("disabled_at", instant(disabled_at)),
            ("revoked_by", revoked_by.clone()),
            ("revoked_reason", revoked_reason.clone()),
            ("rotated_from", id_text(rotated_from)),
            ("rotated_to", id_text(rotated_to)),
            ("grace_until", instant(grace_until)),
            ("pepper", (*pepper != PepperId::FIRST).then(|| pepper.to_string())),
            ("role", (*role != Role::Owner).then(|| role.as_str().to_owned())),
            ("suspended_at", instant(suspended_at)),
            ("is_legacy", is_legacy.then(|| "true".to_owned())),
            ("muted_hints", list(muted_hints)),
            (
                "resources",
                resources.as_ref().map(|resources| resources.names().join(" ")),
            ),
        ];
        for (name, value) in named {
            if let Some(value) = value {
                push(&mut bytes, name.as_bytes());
                push(&mut bytes, value.as_bytes());
            }
        }
        bytes
    }

    /// Whether nothing was changed about the key since: another pepper is no change of the key.
    pub(crate) fn is_still(&self, earlier: &Self) -> bool {
        let apart_from_pepper = |row: &Self| Self {
            mac: [0; 32],
            pepper: PepperId::FIRST,
            seq: 0,
            ..row.clone()
        };
        self.seq == earlier.seq
            || apart_from_pepper(self).canonical() == apart_from_pepper(earlier).canonical()
    }

    /// Whether the key may do this: its own access and its owner's role must both say so.
    pub(crate) fn may(&self, scope: Scope) -> bool {
        self.access.holds(scope) && self.role.allows(scope)
    }

    /// What the key may do at this moment.
    pub(crate) fn effective_access(&self) -> Access {
        match &self.access {
            Access::Full if self.role.allows_everything() => Access::Full,
            _ => Access::Listed(
                Scope::ALL
                    .iter()
                    .copied()
                    .filter(|scope| self.may(*scope))
                    .collect(),
            ),
        }
    }

    /// Ends it, for ever. The first time counts.
    pub(crate) fn revoke(&mut self, at: Timestamp, by: &Actor, reason: Option<&RevokeReason>) {
        if self.revoked_at.is_none() {
            self.revoked_at = Some(at);
            self.about.revoked_by = Some(by.name());
            self.about.revoked_reason = reason.map(|reason| reason.as_str().to_owned());
        }
    }

    /// The instant from which on it opens nothing, if none is later.
    pub(crate) fn end(&self) -> Option<Timestamp> {
        let ends = [self.expires_at, self.grace_until];
        ends.into_iter().flatten().min()
    }

    /// Whether it may be used from there.
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.is_empty() || self.networks.iter().any(|network| network.contains(&address))
    }
}

/// Words without spaces, in one text; none, if there are none.
fn list(words: &[impl ToString]) -> Option<String> {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    (!words.is_empty()).then(|| words.join(" "))
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

#[cfg(any(test, feature = "measure"))]
impl KeyRow {
    /// A key that may do everything, for ever.
    pub(crate) fn plain(id: KeyId, mac: [u8; 32]) -> Self {
        Self {
            id,
            class: Class::Live,
            owner: "owner".into(),
            organization: "organization".into(),
            mac,
            pepper: PepperId::FIRST,
            access: Access::Full,
            role: Role::Owner,
            suspended_at: None,
            networks: Vec::new(),
            resources: None,
            expires_at: None,
            revoked_at: None,
            disabled_at: None,
            rotated_to: None,
            grace_until: None,
            seq: 1,
            about: Box::new(About {
                name: "name".into(),
                created_at: Timestamp::from_unix_millis(1),
                created_by: None,
                environment: None,
                revoked_by: None,
                revoked_reason: None,
                rotated_from: None,
                is_legacy: false,
                muted_hints: Vec::new(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_does_not_show_its_mac() {
        let row = KeyRow::plain("7Hk2mQ9xTbWc".parse().unwrap(), [77; 32]);
        let shown = format!("{row:?}");
        assert!(shown.contains("7Hk2mQ9xTbWc") && !shown.contains("77"), "{shown}");
    }

    #[test]
    fn a_key_that_moved_to_another_pepper_is_still_the_same_and_one_that_was_narrowed_is_not() {
        let row = KeyRow::plain("7Hk2mQ9xTbWc".parse().unwrap(), [1; 32]);
        let mut later = row.clone();
        (later.seq, later.pepper, later.mac) = (2, PepperId(2), [2; 32]);
        assert!(later.is_still(&row));
        later.access = Access::Listed(vec![]);
        assert!(!later.is_still(&row));
    }

    #[test]
    fn a_key_may_do_what_its_access_and_its_owners_role_let_it_do() {
        let mut row = KeyRow::plain("7Hk2mQ9xTbWc".parse().unwrap(), [0; 32]);
        assert_eq!(row.effective_access(), Access::Full);

        row.role = Role::Member;
        assert!(row.may(Scope::DatasetsWrite) && !row.may(Scope::KeysManage));
        let Access::Listed(scopes) = row.effective_access() else {
            panic!("a member's key is not full");
        };
        assert!(scopes.contains(&Scope::DatasetsWrite) && !scopes.contains(&Scope::KeysManage));

        row.access = Access::Listed(vec![Scope::KeysManage, Scope::TasksRead]);
        assert_eq!(row.effective_access(), Access::Listed(vec![Scope::TasksRead]));
    }
}
