//! Who asks: one key header, its key, the state of the key, its rights.

mod header;

use std::{net::IpAddr, sync::Arc};

use avala_api::{Access, Scope, ScopeName};
use avala_keys::KeyId;
use http::HeaderMap;

use crate::{
    keys::{Authority, KeyRow},
    refusal::Refusal,
    store::Actor,
};

/// Who asks, proven by a key that is in force.
#[derive(Clone, Debug)]
pub(crate) struct Principal(Arc<KeyRow>);

/// Who proved to hold a key, whether it is in force or not: it opens nothing, and whoever is refused is called by it.
#[derive(Clone, Debug)]
pub(crate) struct Holder(Arc<KeyRow>);

/// Why nobody was identified.
#[derive(Debug)]
pub(crate) struct NotIdentified {
    pub(crate) refusal: Refusal,
    /// Whose key it was, if that was proven.
    pub(crate) holder: Option<Holder>,
}

impl Principal {
    /// Checks the presented key: form, class, possession, state and expiry, in this order. What is decided before
    /// possession is proven can be computed by anybody from the key alone, so it tells nothing about other keys.
    pub(crate) fn identify(headers: &HeaderMap, authority: &Authority) -> Result<Self, NotIdentified> {
        let row = Self::proven(headers, authority)?;
        match Self::is_in_force(&row, authority) {
            Ok(()) => Ok(Self(row)),
            Err(refusal) => Err(NotIdentified {
                refusal,
                holder: Some(Holder(row)),
            }),
        }
    }

    fn proven(headers: &HeaderMap, authority: &Authority) -> Result<Arc<KeyRow>, Refusal> {
        let key = header::presented_key(headers)?;
        if key.class() != authority.class() {
            return Err(Refusal::key("key_wrong_class"));
        }
        authority.prove(&key).ok_or_else(|| Refusal::key("key_invalid"))
    }

    fn is_in_force(row: &KeyRow, authority: &Authority) -> Result<(), Refusal> {
        if row.revoked_at.is_some() {
            return Err(Refusal::key("key_revoked"));
        }
        if authority.has_expired(row) {
            return Err(Refusal::key_expired());
        }
        if row.more.rotated_to.is_some() && authority.has_passed(row.more.grace_until) {
            return Err(Refusal::key("key_rotated"));
        }
        if row.more.disabled_at.is_some() {
            return Err(Refusal::key("key_disabled"));
        }
        Ok(())
    }

    pub(crate) fn holder(&self) -> Holder {
        Holder(self.0.clone())
    }

    /// Whether the key may be used from there.
    pub(crate) fn may_come_from(&self, address: IpAddr) -> Result<(), Refusal> {
        if self.0.allows(address) {
            Ok(())
        } else {
            Err(Refusal::address_not_allowed(address))
        }
    }

    /// The key's row.
    pub(crate) fn row(&self) -> &KeyRow {
        &self.0
    }

    /// Whether this caller may do what the matched route does.
    pub(crate) fn may(&self, access: Access) -> Result<(), Refusal> {
        match access {
            Access::Scope(scope) if !self.holds(scope) => Err(Refusal::scope_missing(scope)),
            Access::Either(one, other) if !self.holds(one) && !self.holds(other) => {
                Err(Refusal::scope_missing(one))
            }
            Access::Scope(_) | Access::Either(_, _) | Access::AnyKey | Access::Anonymous => Ok(()),
        }
    }

    pub(crate) fn holds(&self, scope: Scope) -> bool {
        self.0.access.holds(scope)
    }

    pub(crate) fn scopes(&self) -> Vec<ScopeName> {
        self.0.access.names()
    }

    pub(crate) fn key(&self) -> KeyId {
        self.0.id
    }

    pub(crate) fn user(&self) -> &str {
        &self.0.owner
    }

    /// The organization whose objects this caller reaches.
    pub(crate) fn organization(&self) -> &str {
        &self.0.organization
    }

    pub(crate) fn actor(&self) -> Actor {
        Actor::Key {
            id: self.key(),
            user: self.user().to_owned(),
        }
    }
}

impl Holder {
    pub(crate) fn key(&self) -> KeyId {
        self.0.id
    }

    pub(crate) fn user(&self) -> &str {
        &self.0.owner
    }

    pub(crate) fn organization(&self) -> &str {
        &self.0.organization
    }
}

impl From<Refusal> for NotIdentified {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            holder: None,
        }
    }
}

impl From<NotIdentified> for Refusal {
    fn from(not: NotIdentified) -> Self {
        not.refusal
    }
}
