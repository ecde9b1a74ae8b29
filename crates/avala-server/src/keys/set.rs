//! The complete set of keys in memory: verification reads nothing else.

use std::sync::{Arc, Mutex, PoisonError};

use avala_keys::KeyId;

use super::row::KeyRow;

/// Every key of the database, by public id. The row is kept, never a verdict: expiry and state are compared on each use.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    rows: papaya::HashMap<KeyId, Arc<KeyRow>>,
    /// Held while the set is changed, so that an older row never follows a newer one.
    changing: Mutex<()>,
}

impl KeySet {
    pub(crate) fn find(&self, id: KeyId) -> Option<Arc<KeyRow>> {
        self.rows.pin().get(&id).cloned()
    }

    /// Takes a row in, unless a newer one is there.
    pub(crate) fn apply(&self, row: KeyRow) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = self.rows.pin();
        if rows.get(&row.id).is_none_or(|present| present.seq < row.seq) {
            rows.insert(row.id, Arc::new(row));
        }
    }

    /// Takes out a key whose row is not to be trusted, or gone.
    pub(crate) fn remove(&self, id: KeyId) -> Option<Arc<KeyRow>> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.rows.pin().remove(&id).cloned()
    }

    /// Takes in all rows of the database as it was at a number. What is newer than that number stays as it is.
    pub(crate) fn replace(&self, rows: Vec<KeyRow>, newest: i64) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let set = self.rows.pin();
        let kept: std::collections::HashSet<KeyId> = rows.iter().map(|row| row.id).collect();
        set.retain(|id, present| present.seq > newest || kept.contains(id));
        for row in rows {
            if newest == i64::MAX || set.get(&row.id).is_none_or(|present| present.seq < row.seq) {
                set.insert(row.id, Arc::new(row));
            }
        }
    }
}
