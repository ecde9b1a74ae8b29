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
    /// The ids of those that were taken over from elsewhere, by MAC: such a key has no id in it.
    legacy: papaya::HashMap<[u8; 32], KeyId>,
    /// How many keys of each organization are not revoked.
    held: papaya::HashMap<String, u64>,
    /// Held while the set is changed, so that an older row never follows a newer one.
    changing: Mutex<Removed>,
}

/// The numbers of the rows that were taken out: an older row of theirs is not the one that comes back.
type Removed = HashMap<KeyId, i64>;

impl KeySet {
    pub(crate) fn find(&self, id: KeyId) -> Option<Arc<KeyRow>> {
        self.rows.pin().get(&id).cloned()
    }

    pub(crate) fn find_legacy(&self, mac: &[u8; 32]) -> Option<Arc<KeyRow>> {
        let id = *self.legacy.pin().get(mac)?;
        self.find(id).filter(|row| row.about.is_legacy && row.mac == *mac)
    }

    /// How many keys of an organization are not revoked.
    pub(crate) fn held(&self, organization: &str) -> u64 {
        self.held.pin().get(organization).copied().unwrap_or(0)
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
        let is_wanted = match self.rows.pin().get(&row.id) {
            // A database that went back and forward again gives the same numbers to other changes.
            Some(present) => {
                present.seq < row.seq || (present.revoked_at.is_none() && row.revoked_at.is_some())
            }
            None => removed.get(&row.id).is_none_or(|seq| *seq <= row.seq),
        };
        if is_wanted {
            self.put(row);
        }
    }

    fn put(&self, row: Arc<KeyRow>) {
        let (id, mac) = (row.id, row.mac);
        if row.about.is_legacy {
            self.legacy.pin().insert(mac, id);
        }
        if row.revoked_at.is_none() {
            let held = self.held.pin();
            held.update_or_insert_with(row.organization.clone(), |count| count + 1, || 1);
        }
        let rows = self.rows.pin();
        if let Some(before) = rows.insert(id, row) {
            self.uncount(before);
            if before.about.is_legacy && before.mac != mac {
                self.legacy.pin().remove(&before.mac);
            }
        }
    }

    fn uncount(&self, row: &KeyRow) {
        if row.revoked_at.is_none() {
            let held = self.held.pin();
            held.update(row.organization.clone(), |count| count.saturating_sub(1));
        }
    }

    fn forget_indexed(&self, row: &KeyRow) {
        self.uncount(row);
        if row.about.is_legacy {
            self.legacy.pin().remove(&row.mac);
        }
    }

    /// Keeps the rows that stay, and gives the others.
    fn retain(&self, stays: impl Fn(&KeyRow) -> bool) -> Vec<Arc<KeyRow>> {
        let mut gone = Vec::new();
        self.rows.pin().retain(|_, row| {
            let stays = stays(row);
            if !stays {
                gone.push(row.clone());
            }
            stays
        });
        for row in &gone {
            self.forget_indexed(row);
        }
        gone
    }

    /// Takes out a key that was to be changed under this number, and had no row that could be: what is read of an earlier
    /// time does not bring it back.
    pub(crate) fn forget(&self, id: KeyId, seq: i64) {
        let mut removed = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = self.rows.pin().remove(&id) {
            self.forget_indexed(row);
        }
        removed.insert(id, seq);
    }

    /// Takes out a key whose row is not to be trusted, or gone.
    pub(crate) fn remove(&self, id: KeyId) {
        let mut removed = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = self.rows.pin().remove(&id) {
            self.forget_indexed(row);
            removed.insert(id, row.seq);
        }
    }

    /// Takes in all rows of the database as it was at a number. What is newer than that number stays as it is.
    pub(crate) fn replace(&self, rows: Vec<Arc<KeyRow>>, newest: i64) {
        let mut removed = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: HashSet<KeyId> = rows.iter().map(|row| row.id).collect();
        for gone in self.retain(|present| present.seq > newest || kept.contains(&present.id)) {
            removed.insert(gone.id, gone.seq);
        }
        for row in rows {
            self.take(&removed, row);
        }
    }

    /// Takes in all rows of a database that went back in time: what is known of its future is not kept.
    pub(crate) fn begin_again(&self, rows: Vec<Arc<KeyRow>>) {
        let mut removed = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        removed.clear();
        let kept: HashSet<KeyId> = rows.iter().map(|row| row.id).collect();
        self.retain(|present| kept.contains(&present.id));
        for row in rows {
            self.put(row);
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
    fn a_key_without_an_id_is_found_by_its_mac_as_long_as_its_row_is_there() {
        let legacy = |seq, mac| {
            let mut row = KeyRow {
                mac: [mac; 32],
                ..row(seq)
            };
            row.about.is_legacy = true;
            row
        };
        let found = |set: &KeySet, mac| set.find_legacy(&[mac; 32]).map(|row| row.seq);
        let take_out: [fn(&KeySet); 3] = [
            |set| set.remove(row(1).id),
            |set| set.replace(vec![], 9),
            |set| set.begin_again(vec![]),
        ];
        for take_out in take_out {
            let set = KeySet::default();
            set.apply(legacy(3, 7));
            assert_eq!((found(&set, 7), found(&set, 0)), (Some(3), None));
            set.replace(vec![legacy(4, 7).into()], 9);
            assert_eq!(found(&set, 7), Some(4));
            // Under another pepper it has another MAC, and no longer the one before.
            set.apply(legacy(5, 8));
            assert_eq!((found(&set, 7), found(&set, 8)), (None, Some(5)));
            take_out(&set);
            assert_eq!(found(&set, 8), None);
            assert_eq!(set.legacy.len(), 0);
        }
        // One that was issued here is never found without its id.
        let set = KeySet::default();
        set.apply(row(1));
        assert_eq!(found(&set, 0), None);
    }

    #[test]
    fn the_keys_of_an_organization_are_counted_until_they_are_revoked_or_gone() {
        let set = KeySet::default();
        let held = |set: &KeySet| set.held("organization");
        let another = KeyRow {
            id: "8Hk2mQ9xTbWc".parse().unwrap(),
            ..row(1)
        };
        assert_eq!(held(&set), 0);
        set.apply(row(1));
        set.apply(row(2));
        set.apply(another.clone());
        assert_eq!((held(&set), set.held("another")), (2, 0));
        set.apply(revoked(3));
        set.apply(revoked(4));
        assert_eq!(held(&set), 1);
        set.remove(row(1).id);
        assert_eq!(held(&set), 1);
        set.replace(vec![row(5).into(), another.into()], 9);
        assert_eq!(held(&set), 2);
        set.replace(vec![row(5).into()], 9);
        assert_eq!(held(&set), 1);
        set.begin_again(vec![row(5).into()]);
        assert_eq!(held(&set), 1);
        set.begin_again(vec![]);
        assert_eq!(held(&set), 0);
    }

    #[test]
    fn a_key_that_was_to_be_changed_does_not_come_back_with_what_was_read_before() {
        let set = KeySet::default();
        set.apply(row(7));
        set.forget(row(7).id, 8);
        set.replace(vec![row(7).into()], 7);
        assert!(set.find(row(7).id).is_none());
        set.apply(revoked(8));
        assert!(set.find(row(7).id).is_some());
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
