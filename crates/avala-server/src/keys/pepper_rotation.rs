//! Rotating the pepper: adding one, watching keys move to it, retiring the earlier one.

use avala_api::Timestamp;

use super::{Authority, Pepper, PepperId, Peppers, peppers::remove_retired};
use crate::{
    error::{AuthorityError, StartError},
    store::{
        Actor, Change, Entry, api_keys,
        data_dir::{read_private, write_private},
        peppers::{self, Declared},
    },
};

/// How long after it was added a pepper is used, in milliseconds. By then every server has learned of it, or refuses all
/// keys because it has not heard from the database for too long.
const BEGINS_AFTER: i64 = 60 * 1000;

/// A pepper of a server, and what it is used for.
#[derive(Clone, Debug)]
pub struct PepperState {
    /// Its number, from 1.
    pub id: i64,
    /// What it is used for.
    pub used_for: PepperUse,
    /// When it was added.
    pub created_at: Timestamp,
    /// From when on it is used for new keys.
    pub begins_at: Timestamp,
    /// Since when nothing is checked with it.
    pub retired_at: Option<Timestamp>,
    /// How many keys that are not over are checked with it.
    pub keys: u64,
}

/// What a pepper is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PepperUse {
    /// For new keys, soon.
    Coming,
    /// For new keys, and those made with it.
    New,
    /// For those made with it that have not moved on yet.
    Earlier,
    /// For nothing.
    Retired,
}

impl PepperUse {
    /// A word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Coming => "coming",
            Self::New => "new keys",
            Self::Earlier => "earlier keys",
            Self::Retired => "retired",
        }
    }
}

impl Authority {
    /// The peppers there are and were, the oldest first.
    pub async fn peppers_in_use(&self) -> Result<Vec<PepperState>, AuthorityError> {
        let declared = peppers::all(self.store().reader()).await?;
        let (now, peppers) = (self.now(), self.peppers());
        let (current, _) = peppers.current(now);
        let state = |one: Declared| PepperState {
            id: one.id.0,
            used_for: match one {
                Declared {
                    retired_at: Some(_), ..
                } => PepperUse::Retired,
                Declared { id, .. } if id == current => PepperUse::New,
                Declared { begins_at, .. } if begins_at > now => PepperUse::Coming,
                _ => PepperUse::Earlier,
            },
            created_at: one.created_at,
            begins_at: one.begins_at,
            retired_at: one.retired_at,
            keys: self.count_living_with(one.id),
        };
        Ok(declared.into_iter().map(state).collect())
    }

    /// Makes the file of the next pepper, so that it can be copied to other servers before it is added. One that lies
    /// there already is left as it is. Its path.
    pub async fn prepare_pepper(&self) -> Result<std::path::PathBuf, AuthorityError> {
        let declared = peppers::all(self.store().reader()).await?;
        let (_, path, _) = self.next_pepper(&declared)?;
        Ok(path)
    }

    /// Adds a pepper, for keys that are made a minute later. Keys that there are move to it as they are used. Its number.
    pub async fn add_pepper(&self) -> Result<i64, AuthorityError> {
        let mut change = self.store().change().await?;
        change.next_seq().await?;
        let declared = peppers::all(change.connection()).await?;
        let (_, material) = Peppers::read(self.dir(), &declared)?;
        let (id, _, pepper) = self.next_pepper(&declared)?;
        let now = self.now();
        let new = Declared {
            id,
            check: pepper.check_value().to_vec(),
            kept: Some(pepper.keep(self.random(), &material)?),
            created_at: now,
            begins_at: Timestamp::from_unix_millis(now.unix_millis() + BEGINS_AFTER),
            retired_at: None,
        };
        peppers::insert(change.connection(), &new).await?;
        self.commit_pepper(change, "pepper.add", id).await?;
        Ok(id.0)
    }

    /// The pepper after these, its file made if it is missing.
    fn next_pepper(
        &self,
        declared: &[Declared],
    ) -> Result<(PepperId, std::path::PathBuf, Pepper), AuthorityError> {
        let newest = declared.last().map_or(PepperId::FIRST, |one| one.id);
        let id = PepperId(newest.0 + 1);
        let path = self.dir().pepper(id);
        let bytes = if let Some(bytes) = read_private(&path)? {
            bytes
        } else {
            let bytes = self.random().bytes::<32>()?.to_vec();
            write_private(&path, &bytes)?;
            self.dir().sync()?;
            bytes
        };
        let pepper = Pepper::new(&bytes).ok_or_else(|| StartError::PepperWrong(path.clone()))?;
        Ok((id, path, pepper))
    }

    /// Retires a pepper: nothing is checked with it any more, and its file goes. Refused while living keys are checked
    /// with it, unless they are to be abandoned: then they are revoked. How many were.
    pub async fn retire_pepper(&self, id: i64, abandon: bool) -> Result<u64, AuthorityError> {
        let id = PepperId(id);
        let mut change = self.store().change().await?;
        change.patiently().await?;
        let seq = change.next_seq().await?;
        let declared = peppers::all(change.connection()).await?;
        let retired = declared
            .iter()
            .find(|one| one.id == id && one.retired_at.is_none());
        retired.ok_or(AuthorityError::NotFound("pepper"))?;
        let (peppers, _) = Peppers::read(self.dir(), &declared)?;
        let now = self.now();
        let (current, pepper) = peppers.current(now);
        if id >= current {
            return Err(AuthorityError::PepperCurrent(id.0));
        }

        let mut abandoned = 0;
        let mut rows = Vec::new();
        for stored in api_keys::every(change.connection()).await? {
            // One that is not trusted stays so.
            let Some((mut row, sealed_by)) = peppers.sealed_by(stored) else {
                continue;
            };
            if row.pepper == id && row.revoked_at.is_none() && !self.has_passed(row.end()) {
                abandoned += 1;
                row.revoke(now, &Actor::Console, None);
                row.seq = seq;
            } else if sealed_by != id {
                continue;
            }
            rows.push(row);
        }
        if abandoned > 0 && !abandon {
            return Err(AuthorityError::PepperInUse {
                pepper: id.0,
                keys: abandoned,
            });
        }
        for row in &rows {
            api_keys::update(change.connection(), row, &pepper.seal_row(row)).await?;
            if row.seq == seq {
                self.note(&mut change, &Actor::Console, super::life::REVOKE, row)
                    .await?;
            }
        }
        peppers::retire(change.connection(), id, now).await?;
        self.commit_pepper(change, "pepper.retire", id).await?;
        for row in rows {
            self.apply(row);
        }
        remove_retired(self.dir(), &peppers::all(self.store().reader()).await?)?;
        Ok(abandoned)
    }

    /// How many keys are checked with a pepper and open something, or will when they are switched on again.
    fn count_living_with(&self, id: PepperId) -> u64 {
        let is_living =
            |row: &super::KeyRow| row.pepper == id && row.revoked_at.is_none() && !self.has_passed(row.end());
        self.count(is_living)
    }

    async fn commit_pepper(
        &self,
        mut change: Change,
        action: &'static str,
        id: PepperId,
    ) -> Result<(), AuthorityError> {
        let declared = peppers::all(change.connection()).await?;
        let object = format!("pepper {id}");
        change
            .commit(Entry {
                at: self.now(),
                actor: &Actor::Console,
                action,
                object: &object,
                organization: None,
            })
            .await?;
        self.take_peppers(&declared);
        Ok(())
    }
}
