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

    /// Takes out a key whose row is not to be trusted.
    pub(crate) fn remove(&self, id: KeyId) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.rows.pin().remove(&id);
    }

    /// Forgets everything and takes these rows in: for a database that went back in time.
    pub(crate) fn replace(&self, rows: Vec<KeyRow>) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let set = self.rows.pin();
        let kept: std::collections::HashSet<KeyId> = rows.iter().map(|row| row.id).collect();
        for row in rows {
            set.insert(row.id, Arc::new(row));
        }
        set.retain(|id, _| kept.contains(id));
    }
}
