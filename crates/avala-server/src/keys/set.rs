//! The complete set of keys in memory: verification reads nothing else.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use avala_keys::KeyId;

use super::row::KeyRow;

/// Every key of the database, by public id. The row is kept, never a verdict: expiry and state are compared on each use.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    rows: papaya::HashMap<KeyId, Arc<KeyRow>>,
    /// Held while the set is changed, so that an older row never follows a newer one.
    changing: Mutex<Removed>,
}

/// The numbers of the rows that were taken out: an older row of theirs is not the one that comes back.
type Removed = HashMap<KeyId, i64>;

impl KeySet {
    pub(crate) fn find(&self, id: KeyId) -> Option<Arc<KeyRow>> {
        self.rows.pin().get(&id).cloned()
    }

    pub(crate) fn count(&self, is_counted: impl Fn(&KeyRow) -> bool) -> usize {
        self.rows.pin().values().filter(|row| is_counted(row)).count()
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Takes a row in, unless a newer one is there, or was.
    pub(crate) fn apply(&self, row: KeyRow) {
        let removed = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.take(&removed, Arc::new(row));
    }

    /// The row as it stands in the set, if it is the same: all rows are read again and again, and would be there twice
    /// meanwhile.
    pub(crate) fn shared(&self, row: KeyRow) -> Arc<KeyRow> {
        let present = self.find(row.id).filter(|present| **present == row);
        present.unwrap_or_else(|| Arc::new(row))
    }

    fn take(&self, removed: &Removed, row: Arc<KeyRow>) {
        let rows = self.rows.pin();
        let is_wanted = match rows.get(&row.id) {
            // A database that went back and forward again gives the same numbers to other changes.
            Some(present) => {
                present.seq < row.seq || (present.revoked_at.is_none() && row.revoked_at.is_some())
            }
            None => removed.get(&row.id).is_none_or(|seq| *seq <= row.seq),
        };
        if is_wanted {
            rows.insert(row.id, row);
        }
    }

    /// Takes out a key whose row is not to be trusted, or gone.
    pub(crate) fn remove(&self, id: KeyId) {
        let mut removed = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = self.rows.pin().remove(&id) {
            removed.insert(id, row.seq);
        }
    }

    /// Takes in all rows of the database as it was at a number. What is newer than that number stays as it is.
    pub(crate) fn replace(&self, rows: Vec<Arc<KeyRow>>, newest: i64) {
        let mut removed = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: HashSet<KeyId> = rows.iter().map(|row| row.id).collect();
        self.rows.pin().retain(|id, present| {
            let stays = present.seq > newest || kept.contains(id);
            if !stays {
                removed.insert(*id, present.seq);
            }
            stays
        });
        for row in rows {
            self.take(&removed, row);
        }
    }

    /// Takes in all rows of a database that went back in time: what is known of its future is not kept.
    pub(crate) fn begin_again(&self, rows: Vec<Arc<KeyRow>>) {
        let mut removed = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        removed.clear();
        let set = self.rows.pin();
        let kept: HashSet<KeyId> = rows.iter().map(|row| row.id).collect();
        set.retain(|id, _| kept.contains(id));
        for row in rows {
            set.insert(row.id, row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use avala_api::Timestamp;

    fn row(seq: i64) -> KeyRow {
        KeyRow {
            seq,
            ..KeyRow::plain("7Hk2mQ9xTbWc".parse().unwrap(), [0; 32])
        }
    }

    fn revoked(seq: i64) -> KeyRow {
        KeyRow {
            revoked_at: Some(Timestamp::from_unix_millis(2)),
            ..row(seq)
        }
    }

    #[test]
    fn a_revocation_is_taken_in_whatever_its_number() {
        for take in [KeySet::apply, |set: &KeySet, row: KeyRow| {
            set.replace(vec![Arc::new(row)], 9);
        }] {
            let set = KeySet::default();
            set.apply(row(7));
            take(&set, revoked(5));
            assert!(set.find(row(7).id).unwrap().revoked_at.is_some());
            // And an older row that is not revoked does not undo it.
            take(&set, row(5));
            assert!(set.find(row(7).id).unwrap().revoked_at.is_some());
        }
    }

    #[test]
    fn after_a_row_was_taken_out_no_older_one_takes_its_place() {
        let take_out: [fn(&KeySet); 2] = [|set| set.remove(row(7).id), |set| set.replace(vec![], 9)];
        for take_out in take_out {
            let set = KeySet::default();
            set.apply(row(7));
            take_out(&set);
            set.apply(row(5));
            set.replace(vec![Arc::new(row(6))], 9);
            assert!(set.find(row(7).id).is_none());
            set.apply(row(7));
            assert!(set.find(row(7).id).is_some());

            // A database that went back in time begins anew.
            take_out(&set);
            set.begin_again(vec![Arc::new(row(3))]);
            assert_eq!(set.find(row(7).id).unwrap().seq, 3);
        }
    }

    #[test]
    fn a_row_that_was_read_again_is_there_once() {
        let set = KeySet::default();
        set.apply(row(7));
        let present = set.find(row(7).id).unwrap();
        assert!(Arc::ptr_eq(&set.shared(row(7)), &present));
        assert!(!Arc::ptr_eq(&set.shared(revoked(7)), &present));
    }
}
