//! The life of a key after it was made: altered, rotated, ended. Each step is one change with its number.

use avala_api::{Timestamp, api_keys::RevokeReason};
use avala_keys::KeyId;

use super::{Authority, Issued, KeyRow, LegacyKey, authority::Mint};
use crate::{
    error::AuthorityError,
    store::{
        Actor, Change, Entry, StoreError, api_keys, audit,
        idempotency_keys::{self, Named},
    },
    usage::Usage,
};

/// The action of the audit that ends a key for ever, whatever its row says.
pub(super) const REVOKE: &str = "api_key.revoke";

/// Who changes a key.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) actor: &'a Actor,
    /// The row of the key that asks, as it was when its request was looked at.
    pub(crate) caller: Option<&'a KeyRow>,
}

impl<'a> Asker<'a> {
    /// Whoever runs a program of the server's on its own machine.
    pub(crate) fn console() -> Self {
        Self {
            actor: &Actor::Console,
            caller: None,
        }
    }

    /// A request with this key.
    pub(crate) fn key(actor: &'a Actor, caller: &'a KeyRow) -> Self {
        Self {
            actor,
            caller: Some(caller),
        }
    }
}

/// The successor that a key has already.
pub(crate) struct Successor<'a> {
    pub(crate) row: &'a KeyRow,
    /// Whether anybody has used it.
    pub(crate) was_used: bool,
}

/// A new successor.
pub(crate) struct Rotated {
    pub(crate) issued: Issued,
    pub(crate) successor: KeyRow,
    /// When the key itself ends.
    pub(crate) end_before: Option<Timestamp>,
}

impl Authority {
    /// Makes a key within bounds that were checked; none if the request has a name that one was made under before.
    pub(crate) async fn create(
        &self,
        by: Asker<'_>,
        mut mint: Mint,
        named: Option<&Named<'_>>,
    ) -> Result<(Issued, KeyRow), AuthorityError> {
        let mut change = self.store().change().await?;
        // First: whichever policy is in force is read once nobody else can change it.
        change.next_seq().await?;
        let policy = self.comply(&mut change, &mut mint).await?;
        let (issued, row) = self.mint(&mut change, mint).await?;
        self.check(&mut change, by).await?;
        if by.caller.is_some_and(|caller| caller.owner != row.owner) {
            self.check_account(&mut change, &row).await?;
        }
        self.has_room(&mut change, &row.organization, &policy).await?;
        self.remember(&mut change, named, issued.id).await?;
        self.commit(change, by.actor, "api_key.issue", issued.id, Some(&row))
            .await?;
        self.apply(row.clone());
        Ok((issued, row))
    }

    /// Takes over a key from elsewhere, within bounds that were checked.
    pub(crate) async fn import(
        &self,
        by: Asker<'_>,
        mut mint: Mint,
        key: &LegacyKey,
    ) -> Result<KeyRow, AuthorityError> {
        let mut change = self.store().change().await?;
        change.next_seq().await?;
        let policy = self.comply(&mut change, &mut mint).await?;
        let row = self.take_over(&mut change, mint, key).await?;
        self.check(&mut change, by).await?;
        self.has_room(&mut change, &row.organization, &policy).await?;
        self.commit(change, by.actor, "api_key.import", row.id, Some(&row))
            .await?;
        self.apply(row.clone());
        Ok(row)
    }

    /// Alters a key's row, unless `alter` refuses. When this returns, the key is in this process what its row says.
    pub(crate) async fn alter<E>(
        &self,
        id: KeyId,
        by: Asker<'_>,
        action: &'static str,
        alter: impl FnOnce(&mut KeyRow) -> Result<(), E>,
    ) -> Result<KeyRow, E>
    where
        E: From<AuthorityError> + From<StoreError>,
    {
        let mut change = self.store().change().await?;
        // First, since it lets one change to keys at a time read what it is going to write.
        let seq = change.next_seq().await?;
        self.check(&mut change, by).await?;
        let stored = api_keys::find(change.connection(), id).await?;
        let is_missing = stored.is_none();
        let trusted = stored.and_then(|stored| self.trusted(stored));
        let is_trusted = trusted.is_some();
        // Or the row as this process knew it before it was changed by hand: good enough to end the key for ever, and
        // for nothing else.
        let known = || {
            (!is_missing)
                .then(|| self.known(id).as_deref().cloned())
                .flatten()
        };
        let mut altered = None;
        if let Some(mut row) = trusted.or_else(known) {
            alter(&mut row)?;
            altered = Some(row);
        }
        // A caller that nobody could say whose key this is has no business with it. What a row does not tell any more, the
        // audit does: to whom the key was issued.
        let is_nobodys = match by.caller {
            Some(caller) if altered.is_none() => {
                let issued = audit::organization_of_key(change.connection(), id).await?;
                action != REVOKE || issued.as_deref() != Some(&*caller.organization)
            }
            _ => false,
        };
        let Some(mut row) = altered.filter(|row| is_trusted || row.revoked_at.is_some()) else {
            // There is no row to write, but the key is ended: whichever row is put back later.
            if action == REVOKE && !is_nobodys {
                self.commit(change, by.actor, action, id, None).await?;
            }
            // Who has no business with it changes nothing about it, and of ids that are made up nothing is kept.
            if !is_nobodys {
                self.forget(id, seq);
            }
            return Err(if is_missing || is_nobodys {
                AuthorityError::NotFound("key").into()
            } else {
                AuthorityError::Altered.into()
            });
        };
        row.seq = seq;
        self.write(&mut change, &row).await?;
        self.commit(change, by.actor, action, id, Some(&row)).await?;
        self.apply(row.clone());
        Ok(row)
    }

    /// Ends a key, for ever, unless `may` refuses.
    pub(crate) async fn revoke_as<E>(
        &self,
        id: KeyId,
        by: Asker<'_>,
        reason: Option<RevokeReason>,
        may: impl FnOnce(&KeyRow) -> Result<(), E>,
    ) -> Result<KeyRow, E>
    where
        E: From<AuthorityError> + From<StoreError>,
    {
        let now = self.now();
        let revoke = |row: &mut KeyRow| {
            may(row)?;
            row.revoke(now, by.actor, reason.as_ref());
            Ok(())
        };
        self.alter(id, by, REVOKE, revoke).await
    }

    /// Gives a key a successor with the same policy, unless `may` refuses, and lets the key itself open until
    /// `grace_until` at most. A successor that was made before and never used is revoked: its secret was lost on the way.
    pub(crate) async fn rotate<E>(
        &self,
        id: KeyId,
        by: Asker<'_>,
        usage: &Usage,
        grace_until: Timestamp,
        named: Option<&Named<'_>>,
        may: impl FnOnce(&KeyRow, Option<Successor<'_>>) -> Result<(), E>,
    ) -> Result<Rotated, E>
    where
        E: From<AuthorityError> + From<StoreError>,
    {
        let mut change = self.store().change().await?;
        let actor = by.actor;
        let seq = change.next_seq().await?;
        self.check(&mut change, by).await?;
        let mut row = match self.trusted_row(&mut change, id).await {
            // Whose it is, nobody knows any more.
            Err(AuthorityError::Altered) if !self.is_known_to(by, id) => {
                return Err(AuthorityError::NotFound("key").into());
            }
            row => row?,
        };
        let lost = match row.rotated_to {
            Some(successor) => {
                let was_used = usage.was_used(successor).await?;
                Some((self.trusted_row(&mut change, successor).await?, was_used))
            }
            None => None,
        };
        let successor = lost.as_ref().map(|(row, was_used)| Successor {
            row,
            was_used: *was_used,
        });
        may(&row, successor)?;
        let lost = lost.map(|(row, _)| row);
        let now = self.now();
        let lost = match lost.filter(|lost| lost.revoked_at.is_none()) {
            Some(mut lost) => {
                lost.revoke(now, actor, Some(&RevokeReason::Rotated));
                lost.seq = seq;
                self.write(&mut change, &lost).await?;
                self.note(&mut change, actor, REVOKE, &lost).await?;
                Some(lost)
            }
            None => None,
        };
        let mut mint = Mint {
            owner: row.owner.clone(),
            organization: row.organization.clone(),
            role: row.role,
            name: row.about.name.clone(),
            access: row.access.clone(),
            expires_at: row.expires_at,
            networks: row.networks.clone(),
            resources: row.resources.clone(),
            environment: row.about.environment.clone(),
            created_by: actor.name(),
            rotated_from: Some(id),
        };
        // Whatever the organization has: without a successor, a key could not be ended.
        self.comply(&mut change, &mut mint).await?;
        let (issued, successor) = self.mint(&mut change, mint).await?;
        self.remember(&mut change, named, issued.id).await?;
        self.note(&mut change, actor, "api_key.issue", &successor).await?;
        let ends = [Some(grace_until), row.grace_until, row.expires_at];
        row.rotated_to = Some(issued.id);
        row.grace_until = ends.into_iter().flatten().min();
        row.seq = successor.seq;
        self.write(&mut change, &row).await?;
        self.commit(change, actor, "api_key.rotate", id, Some(&row))
            .await?;
        let end_before = row.expires_at;
        for row in lost.into_iter().chain([row, successor.clone()]) {
            self.apply(row);
        }
        Ok(Rotated {
            issued,
            successor,
            end_before,
        })
    }

    /// Has the same request find what was made for it.
    async fn remember(
        &self,
        change: &mut Change,
        named: Option<&Named<'_>>,
        made: KeyId,
    ) -> Result<(), AuthorityError> {
        let Some(named) = named else { return Ok(()) };
        let insert = idempotency_keys::insert(change.connection(), named, made.as_str(), self.now());
        insert.await.map_err(|error| {
            if error.is_duplicate() {
                AuthorityError::Repeated
            } else {
                error.into()
            }
        })
    }

    /// Whether whoever asks is still who asked: its key may have been ended or narrowed while the request arrived, or
    /// while it waited for its turn.
    pub(super) async fn check(&self, change: &mut Change, by: Asker<'_>) -> Result<(), AuthorityError> {
        let Some(caller) = by.caller else {
            return Ok(());
        };
        let row = match self.trusted_row(change, caller.id).await {
            Err(AuthorityError::NotFound(_) | AuthorityError::Altered) => {
                return Err(AuthorityError::CallerChanged);
            }
            row => row?,
        };
        let is_over = self.has_passed(row.end());
        if row.is_still(caller) && !is_over {
            Ok(())
        } else {
            Err(AuthorityError::CallerChanged)
        }
    }

    /// Whether a key belongs to the organization of whoever asks, as far as this process knows.
    fn is_known_to(&self, by: Asker<'_>, id: KeyId) -> bool {
        by.caller.is_none_or(|caller| {
            self.known(id)
                .is_some_and(|known| known.organization == caller.organization)
        })
    }

    pub(super) async fn trusted_row(&self, change: &mut Change, id: KeyId) -> Result<KeyRow, AuthorityError> {
        let stored = api_keys::find(change.connection(), id).await?;
        let stored = stored.ok_or(AuthorityError::NotFound("key"))?;
        self.trusted(stored).ok_or(AuthorityError::Altered)
    }

    pub(crate) async fn write(&self, change: &mut Change, row: &KeyRow) -> Result<(), StoreError> {
        let seal = self.peppers().current(self.now()).1.seal_row(row);
        api_keys::update(change.connection(), row, &seal).await
    }

    pub(super) async fn note(
        &self,
        change: &mut Change,
        actor: &Actor,
        action: &'static str,
        row: &KeyRow,
    ) -> Result<(), StoreError> {
        let entry = Entry {
            at: self.now(),
            actor,
            action,
            object: row.id.as_str(),
            organization: Some(&row.organization),
        };
        change.note(entry).await
    }
}
