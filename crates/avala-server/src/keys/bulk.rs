//! Ending many keys in one change.

use std::collections::HashMap;

use avala_api::{Timestamp, api_keys::RevokeReason};
use avala_keys::KeyId;

use super::{
    Authority, KeyRow,
    life::{Asker, REVOKE},
};
use crate::{
    error::AuthorityError,
    store::{
        Entry, Executor, StoreError,
        api_keys::{self, Filter},
    },
    usage::{LastUse, Usage},
};

const MINUTE: i64 = 60_000;

/// Which keys.
pub(crate) struct Selection<'a> {
    pub(crate) filter: Filter<'a>,
    /// Those that were there then, and have not been used since.
    pub(crate) unused_since: Option<Timestamp>,
    /// One that is none of them.
    pub(crate) without: Option<KeyId>,
}

impl Selection<'_> {
    fn takes(&self, row: &KeyRow, used: &HashMap<KeyId, LastUse>) -> bool {
        let is_idle = self.unused_since.is_none_or(|since| {
            // A last use is told to the minute: perhaps it was at its end.
            let used = used
                .get(&row.id)
                .map(|used| Timestamp::from_unix_millis(used.at.unix_millis() + MINUTE - 1));
            used.max(Some(row.about.created_at)) < Some(since)
        });
        is_idle && self.without != Some(row.id)
    }
}

impl Authority {
    /// The keys that are chosen, newest first, without those that are revoked.
    pub(crate) async fn selected<'c>(
        &self,
        on: impl Into<Executor<'c>>,
        usage: &Usage,
        selection: &Selection<'_>,
    ) -> Result<Vec<KeyRow>, StoreError> {
        Ok(self.sorted(on, usage, selection).await?.0)
    }

    /// The same, and the ids of those whose rows were changed by hand: what they say of themselves, they were chosen by.
    async fn sorted<'c>(
        &self,
        on: impl Into<Executor<'c>>,
        usage: &Usage,
        selection: &Selection<'_>,
    ) -> Result<(Vec<KeyRow>, Vec<String>), StoreError> {
        let (mut rows, mut altered) = (Vec::new(), Vec::new());
        for stored in api_keys::living(on, &selection.filter).await? {
            let id = stored.id.clone();
            match self.trusted(stored) {
                Some(row) => rows.push(row),
                None => altered.push(id),
            }
        }
        let used = match selection.unused_since {
            Some(_) => {
                let ids: Vec<KeyId> = rows.iter().map(|row| row.id).collect();
                usage.last_uses(&ids).await?
            }
            None => HashMap::new(),
        };
        rows.retain(|row| selection.takes(row, &used));
        Ok((rows, altered))
    }

    /// Ends the keys that are chosen, for ever, unless `may` refuses: all of them, or none.
    pub(crate) async fn revoke_many<E>(
        &self,
        by: Asker<'_>,
        usage: &Usage,
        selection: &Selection<'_>,
        reason: Option<&RevokeReason>,
        may: impl FnOnce(&[KeyRow]) -> Result<(), E>,
    ) -> Result<Vec<KeyRow>, E>
    where
        E: From<AuthorityError> + From<StoreError>,
    {
        let mut change = self.store().change().await?;
        let seq = change.next_seq().await?;
        self.check(&mut change, by).await?;
        let (mut rows, altered) = self.sorted(change.connection(), usage, selection).await?;
        may(&rows)?;
        if rows.is_empty() && altered.is_empty() {
            return Ok(rows);
        }
        let now = self.now();
        for row in &mut rows {
            row.revoke(now, by.actor, reason);
            row.seq = seq;
            self.write(&mut change, row).await?;
            self.note(&mut change, by.actor, REVOKE, row).await?;
        }
        // They open nothing, and shall not when what they were is put back.
        for id in &altered {
            let entry = Entry {
                at: now,
                actor: by.actor,
                action: REVOKE,
                object: id,
                organization: Some(selection.filter.organization),
            };
            change.note(entry).await?;
        }
        let act = Entry {
            at: now,
            actor: by.actor,
            action: "api_key.revoke_many",
            object: selection.filter.organization,
            organization: Some(selection.filter.organization),
        };
        change.commit(act).await?;
        for row in &rows {
            self.apply(row.clone());
        }
        Ok(rows)
    }
}
