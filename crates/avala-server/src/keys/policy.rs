//! What an organization lets new keys be. Keys that are there stay as they are.

use std::time::Duration;

use avala_api::{Scope, Timestamp};

use super::{Access, Authority, authority::Mint, life::Asker};
use crate::{
    error::AuthorityError,
    store::{Change, Connection, Entry, StoreError, api_keys, key_policies, organizations},
};

/// More keys than are being made at any moment: what nobody knows yet.
const UNDER_WAY: u64 = 5_000;

/// What an organization lets its keys be: those that are made, taken over, or made by rotating another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPolicy {
    /// The longest life, in whole seconds. None means any.
    pub longest_life: Option<Duration>,
    /// Whether a key must have an end.
    pub requires_expiry: bool,
    /// The scopes that a key may have, so that none is full. None means any.
    pub allowed_scopes: Option<Vec<Scope>>,
    /// The most keys that are neither revoked nor expired. A successor is always made.
    pub most_keys: u64,
}

impl Default for KeyPolicy {
    fn default() -> Self {
        Self {
            longest_life: None,
            requires_expiry: false,
            allowed_scopes: None,
            most_keys: 10_000,
        }
    }
}

impl KeyPolicy {
    /// Whether whatever this one allows, the other allows, too.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        let shorter = |ours: Option<Duration>| {
            other
                .longest_life
                .is_none_or(|theirs| ours.is_some_and(|ours| ours <= theirs))
        };
        let fewer = match (&self.allowed_scopes, &other.allowed_scopes) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(ours), Some(theirs)) => ours.iter().all(|scope| theirs.contains(scope)),
        };
        shorter(self.longest_life)
            && fewer
            && (self.requires_expiry || !other.requires_expiry)
            && self.most_keys <= other.most_keys
    }

    /// Brings the end of a new key forward if it must be, and refuses what the key must not be.
    pub(super) fn apply(&self, mint: &mut Mint, now: Timestamp) -> Result<(), AuthorityError> {
        if let Some(allowed) = &self.allowed_scopes {
            let is_allowed = match &mint.access {
                Access::Full => false,
                Access::Listed(scopes) => scopes.iter().all(|scope| allowed.contains(scope)),
            };
            if !is_allowed {
                return Err(AuthorityError::OutsidePolicy(
                    "lets no key have all of these scopes",
                ));
            }
        }
        if let Some(longest) = self.longest_life {
            let longest = i64::try_from(longest.as_millis()).unwrap_or(i64::MAX);
            let latest = Timestamp::from_unix_millis(now.unix_millis().saturating_add(longest));
            mint.expires_at = Some(mint.expires_at.map_or(latest, |end| end.min(latest)));
        }
        if self.requires_expiry && mint.expires_at.is_none() {
            return Err(AuthorityError::OutsidePolicy("lets no key be without an end"));
        }
        Ok(())
    }
}

impl Authority {
    /// The policy of an organization, by its slug or its owner's e-mail address; without a name, of the only one.
    pub async fn policy(&self, organization: Option<&str>) -> Result<KeyPolicy, AuthorityError> {
        let mut change = self.store().change().await?;
        let organization = uid(change.connection(), organization).await?;
        Ok(key_policies::of(change.connection(), &organization).await?)
    }

    /// Alters the policy of an organization, also so that it lets its keys be more than before.
    pub async fn set_policy(
        &self,
        organization: Option<&str>,
        alter: impl FnOnce(&mut KeyPolicy),
    ) -> Result<KeyPolicy, AuthorityError> {
        let organization = uid(self.store().change().await?.connection(), organization).await?;
        let alter = |policy: &mut KeyPolicy| {
            alter(policy);
            Ok::<_, AuthorityError>(())
        };
        self.alter_policy(&organization, Asker::console(), alter).await
    }

    /// Alters the policy of an organization, unless `alter` refuses.
    pub(crate) async fn alter_policy<E>(
        &self,
        organization: &str,
        by: Asker<'_>,
        alter: impl FnOnce(&mut KeyPolicy) -> Result<(), E>,
    ) -> Result<KeyPolicy, E>
    where
        E: From<AuthorityError> + From<StoreError>,
    {
        let mut change = self.store().change().await?;
        // Lets one change at a time read what it is going to write.
        change.next_seq().await?;
        self.check(&mut change, by).await?;
        let mut policy = key_policies::of(change.connection(), organization).await?;
        alter(&mut policy)?;
        key_policies::write(change.connection(), organization, &policy).await?;
        let act = Entry {
            at: self.now(),
            actor: by.actor,
            action: "key_policy.update",
            object: organization,
            organization: Some(organization),
        };
        change.commit(act).await?;
        Ok(policy)
    }

    /// Makes a new key what its organization lets it be.
    pub(super) async fn comply(
        &self,
        change: &mut Change,
        mint: &mut Mint,
    ) -> Result<KeyPolicy, AuthorityError> {
        let policy = key_policies::of(change.connection(), &mint.organization).await?;
        policy.apply(mint, self.now())?;
        Ok(policy)
    }

    /// Whether the organization has not too many keys, with those of this change.
    pub(super) async fn has_room(
        &self,
        change: &mut Change,
        organization: &str,
        policy: &KeyPolicy,
    ) -> Result<(), AuthorityError> {
        // To count them takes as long as there are many. Far from the limit, what this process knows will do.
        if self.held(organization) + UNDER_WAY < policy.most_keys {
            return Ok(());
        }
        let count = api_keys::count(change.connection(), organization, self.now()).await?;
        if count > policy.most_keys {
            Err(AuthorityError::TooManyKeys)
        } else {
            Ok(())
        }
    }
}

async fn uid(connection: &mut Connection, name: Option<&str>) -> Result<String, AuthorityError> {
    let mut places = organizations::named(connection, name).await?;
    match (places.pop(), places.pop()) {
        (Some(place), None) => Ok(place.uid),
        _ => Err(AuthorityError::NotFound("organization")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_within_another_if_it_allows_nothing_that_the_other_does_not() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let scopes = |scopes: &[Scope]| Some(scopes.to_vec());
        let tight = KeyPolicy {
            longest_life: seconds(60),
            requires_expiry: true,
            allowed_scopes: scopes(&[Scope::AgentsRead]),
            most_keys: 5,
        };
        assert!(tight.is_within(&tight) && tight.is_within(&KeyPolicy::default()));
        for looser in [
            KeyPolicy {
                longest_life: None,
                ..tight.clone()
            },
            KeyPolicy {
                longest_life: seconds(61),
                ..tight.clone()
            },
            KeyPolicy {
                requires_expiry: false,
                ..tight.clone()
            },
            KeyPolicy {
                allowed_scopes: None,
                ..tight.clone()
            },
            KeyPolicy {
                allowed_scopes: scopes(&[Scope::AgentsRead, Scope::AgentsWrite]),
                ..tight.clone()
            },
            KeyPolicy {
                most_keys: 6,
                ..tight.clone()
            },
        ] {
            assert!(
                tight.is_within(&looser) && !looser.is_within(&tight),
                "{looser:?}"
            );
        }
    }
}
