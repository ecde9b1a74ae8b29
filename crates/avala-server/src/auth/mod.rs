//! Who asks: one key header, its key, the state of the key, its rights.

mod header;

use std::{net::IpAddr, sync::Arc};

use avala_api::{Access, Scope, ScopeName};
use avala_keys::KeyId;
use header::Presented;
use http::{HeaderMap, StatusCode};

use crate::{
    keys::{Authority, KeyRow},
    refusal::Refusal,
    store::{Actor, Reach},
};

/// Who asks, proven by a key that is in force.
#[derive(Clone, Debug)]
pub(crate) struct Principal(Arc<KeyRow>);

/// Who proved to hold a key, whether it is in force or not: it opens nothing, and whoever is refused is called by it.
#[derive(Clone, Debug)]
pub(crate) struct Holder(Arc<KeyRow>);

/// Nobody who may ask.
#[derive(Clone, Debug)]
pub(crate) struct Unidentified {
    pub(crate) refusal: Refusal,
    /// Whose key it was, if that was proven: it is not in force.
    pub(crate) holder: Option<Holder>,
    /// The id of a key that is no key here, as far as this server knows.
    pub(crate) unproven: Option<KeyId>,
}

impl From<Refusal> for Unidentified {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            holder: None,
            unproven: None,
        }
    }
}

impl From<Unidentified> for Refusal {
    fn from(unidentified: Unidentified) -> Self {
        unidentified.refusal
    }
}

impl Principal {
    /// Checks the presented key: form, class, possession, state and expiry, in this order. What is decided before
    /// possession is proven can be computed by anybody from the key alone, so it tells nothing about other keys.
    pub(crate) fn identify(headers: &HeaderMap, authority: &Authority) -> Result<Self, Unidentified> {
        let (id, row) = match header::presented_key(headers)? {
            Presented::Issued(key) if key.class() != authority.class() => {
                return Err(Refusal::key("key_wrong_class").into());
            }
            Presented::Issued(key) => (Some(key.id()), authority.prove(&key)),
            Presented::Legacy(key) => (None, authority.prove_legacy(&key)),
        };
        let Some(row) = row else {
            return Err(Unidentified {
                unproven: id,
                ..Refusal::key("key_invalid").into()
            });
        };
        match out_of_force(&row, authority) {
            None => Ok(Self(row)),
            Some(refusal) => Err(Unidentified {
                refusal,
                holder: Some(Holder(row)),
                unproven: None,
            }),
        }
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

    /// Whether a key that is restricted to certain objects may call the matched route.
    pub(crate) fn may_leave_its_resources(&self) -> Result<(), Refusal> {
        match self.0.resources {
            None => Ok(()),
            Some(_) => Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "This key is restricted to certain datasets and projects, and this operation is not about those alone.",
                "resources_restricted",
            )),
        }
    }

    pub(crate) fn holds(&self, scope: Scope) -> bool {
        self.0.may(scope)
    }

    pub(crate) fn scopes(&self) -> Vec<ScopeName> {
        self.0.effective_access().names()
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

    /// The rows this caller reaches.
    pub(crate) fn reach(&self) -> Reach<'_> {
        Reach {
            organization: self.organization(),
            resources: self.0.resources.as_deref(),
        }
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

/// Why a key opens nothing, if it does not.
fn out_of_force(row: &KeyRow, authority: &Authority) -> Option<Refusal> {
    if row.revoked_at.is_some() {
        return Some(Refusal::key("key_revoked"));
    }
    if authority.has_expired(row) {
        return Some(Refusal::key_expired());
    }
    if row.rotated_to.is_some() && authority.has_passed(row.grace_until) {
        return Some(Refusal::key("key_rotated"));
    }
    if row.disabled_at.is_some() {
        return Some(Refusal::key("key_disabled"));
    }
    let is_suspended = row.suspended_at.is_some();
    is_suspended.then(|| Refusal::key("owner_disabled"))
}
