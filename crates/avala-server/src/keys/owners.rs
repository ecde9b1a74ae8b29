//! What keys have from their owner, a role and whether it is switched off: written anew into every one of its keys as soon as
//! it changes. So it is in force with the next request, and nothing but a sealed row says what a key may do.

use avala_keys::KeyId;

use super::{Authority, KeyRow, life::Asker};
use crate::{
    error::AuthorityError,
    store::{Actor, Change, Entry, StoreError, api_keys, memberships, service_accounts},
};

/// Keys that were written anew, for [`Authority::restated`] once their change is committed.
#[derive(Default)]
#[must_use]
pub(crate) struct Restated {
    rows: Vec<KeyRow>,
    /// Those without a row that could be written, and under which number that was to be.
    lost: Vec<(KeyId, i64)>,
}

impl Restated {
    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn add(&mut self, others: Self) {
        self.rows.extend(others.rows);
        self.lost.extend(others.lost);
    }

    pub(crate) fn add_row(&mut self, row: KeyRow) {
        self.rows.push(row);
    }
}

impl Authority {
    /// Whether a service account is still there, switched on and what this key says of it.
    pub(super) async fn check_account(
        &self,
        change: &mut Change,
        row: &KeyRow,
    ) -> Result<(), AuthorityError> {
        let account = service_accounts::find(change.connection(), &row.organization, &row.owner).await?;
        let is_so = account.is_some_and(|account| {
            account.disabled_at.is_none() && account.role.as_str() == row.role.as_str()
        });
        if is_so {
            Ok(())
        } else {
            Err(AuthorityError::NotFound("service account"))
        }
    }

    /// Begins a change for whoever asks, if it is still who asked. Nobody else changes a key until it ends.
    pub(crate) async fn change_as(&self, by: Asker<'_>) -> Result<Change, AuthorityError> {
        let mut change = self.store().change().await?;
        change.next_seq().await?;
        self.check(&mut change, by).await?;
        Ok(change)
    }

    /// Writes anew each of an owner's keys that was not revoked and that `restate` changes: those of one organization, or
    /// of all.
    pub(crate) async fn restate<E>(
        &self,
        change: &mut Change,
        by: &Actor,
        action: &'static str,
        owner: &str,
        organization: Option<&str>,
        mut restate: impl FnMut(&mut KeyRow) -> Result<(), E>,
    ) -> Result<Restated, E>
    where
        E: From<StoreError>,
    {
        let seq = change.next_seq().await?;
        let is_meant =
            |row: &KeyRow| organization.is_none_or(|organization| row.organization == organization);
        let mut restated = Restated::default();
        for stored in api_keys::of_owner(change.connection(), owner).await? {
            let id: Option<KeyId> = stored.id.parse().ok();
            let Some(mut row) = self.trusted(stored) else {
                if let Some(id) = id {
                    // Whichever row of an earlier time is put back, it is not the last that was heard of this key.
                    let entry = Entry {
                        at: self.now(),
                        actor: by,
                        action,
                        object: id.as_str(),
                        organization,
                    };
                    change.note(entry).await?;
                    restated.lost.push((id, seq));
                }
                continue;
            };
            if !is_meant(&row) || row.revoked_at.is_some() {
                continue;
            }
            let before = (row.role, row.suspended_at);
            restate(&mut row)?;
            if before == (row.role, row.suspended_at) {
                continue;
            }
            row.seq = seq;
            self.write(change, &row).await?;
            self.note(change, by, action, &row).await?;
            restated.rows.push(row);
        }
        Ok(restated)
    }

    /// Suspends an owner's keys, of one organization or of all.
    pub(crate) async fn suspend(
        &self,
        change: &mut Change,
        by: &Actor,
        owner: &str,
        organization: Option<&str>,
    ) -> Result<Restated, StoreError> {
        let now = self.now();
        let suspend = |row: &mut KeyRow| {
            row.suspended_at = row.suspended_at.or(Some(now));
            Ok::<_, StoreError>(())
        };
        self.restate(change, by, "api_key.suspend", owner, organization, suspend)
            .await
    }

    /// Resumes a user's keys, but for those of organizations the user does not belong to any more.
    pub(crate) async fn resume_user(
        &self,
        change: &mut Change,
        by: &Actor,
        user: &str,
    ) -> Result<Restated, StoreError> {
        let stays_in = memberships::of_user(change.connection(), user).await?;
        let resume = |row: &mut KeyRow| {
            if stays_in.contains(&row.organization) {
                row.suspended_at = None;
            }
            Ok::<_, StoreError>(())
        };
        self.restate(change, by, "api_key.resume", user, None, resume)
            .await
    }

    /// Takes in what was written anew. When this returns, the keys are in this process what their rows say.
    pub(crate) fn restated(&self, restated: Restated) {
        for (id, seq) in restated.lost {
            self.forget(id, seq);
        }
        for row in restated.rows {
            self.apply(row);
        }
    }
}
