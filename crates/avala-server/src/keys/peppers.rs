//! The peppers of a server: one for what is new, and earlier ones for what was made with them.

use std::path::PathBuf;

use avala_api::Timestamp;

use super::{
    Pepper, PepperId,
    row::KeyRow,
    secrets::{KeyMaterial, ServerSecrets},
};
use crate::{
    error::StartError,
    store::{
        api_keys::Stored,
        data_dir::{DataDir, file_error, read_private},
        peppers::Declared,
    },
};

/// Those with which keys are still checked, the newest last. There is always one.
#[derive(Debug)]
pub(crate) struct Peppers(Vec<Living>);

#[derive(Debug)]
struct Living {
    id: PepperId,
    pepper: Pepper,
    /// From when on it is used for what is new. Before that, every server has learned of it.
    begins_at: Timestamp,
}

impl Peppers {
    /// Those that the database says it has, and what the server's own secrets are made of.
    pub(super) fn read(dir: &DataDir, declared: &[Declared]) -> Result<(Self, KeyMaterial), StartError> {
        let mut living = Vec::new();
        let mut material = None;
        for one in declared.iter().filter(|one| one.retired_at.is_none()) {
            let (path, bytes) = file(dir, one.id)?;
            let bytes = bytes.ok_or_else(|| StartError::PepperLost(path.clone()))?;
            let wrong = || StartError::PepperWrong(path.clone());
            let pepper = Pepper::new(&bytes).ok_or_else(wrong)?;
            if one.check != pepper.check_value() {
                return Err(wrong());
            }
            material = Some(match &one.kept {
                None => pepper.derive(),
                Some(kept) => pepper.kept(kept).ok_or_else(wrong)?,
            });
            living.push(Living {
                id: one.id,
                pepper,
                begins_at: one.begins_at,
            });
        }
        let material = material.ok_or_else(|| StartError::PepperLost(dir.pepper(PepperId::FIRST)))?;
        Ok((Self(living), material))
    }

    /// The one for what is new.
    pub(crate) fn current(&self, now: Timestamp) -> (PepperId, &Pepper) {
        let begun = self.0.iter().rfind(|living| living.begins_at <= now);
        // The clock may stand before the first one began.
        let living = begun.unwrap_or(&self.0[0]);
        (living.id, &living.pepper)
    }

    /// The newest, whether it is used for what is new already or not.
    pub(crate) fn newest(&self) -> (PepperId, &Pepper) {
        let living = &self.0[self.0.len() - 1];
        (living.id, &living.pepper)
    }

    /// The pepper that a key of this row is checked with, unless it was retired.
    pub(crate) fn of(&self, row: &KeyRow) -> Option<&Pepper> {
        self.get(row.pepper)
    }

    pub(crate) fn get(&self, id: PepperId) -> Option<&Pepper> {
        let living = self.0.iter().find(|living| living.id == id);
        living.map(|living| &living.pepper)
    }

    /// All of them, the newest first.
    pub(crate) fn living(&self) -> impl Iterator<Item = (PepperId, &Pepper)> {
        self.0.iter().rev().map(|living| (living.id, &living.pepper))
    }

    /// A row that is as a server wrote it, and the pepper of its seal.
    pub(super) fn sealed_by(&self, stored: Stored) -> Option<(KeyRow, PepperId)> {
        let row = stored.row.ok()?;
        let (id, _) = self
            .living()
            .find(|(_, pepper)| pepper.is_sealed(&row, &stored.seal))?;
        Some((row, id))
    }

    /// Whether any of them sealed this row.
    pub(crate) fn is_sealed(&self, row: &KeyRow, seal: &[u8]) -> bool {
        self.living().any(|(_, pepper)| pepper.is_sealed(row, seal))
    }

    /// Whether these are the ones that the database says it has.
    pub(super) fn are(&self, declared: &[Declared]) -> bool {
        let ours = self.0.iter().map(|living| (living.id, living.begins_at));
        let theirs = declared.iter().filter(|one| one.retired_at.is_none());
        ours.eq(theirs.map(|one| (one.id, one.begins_at)))
    }
}

/// Where a pepper lies, and its bytes.
fn file(dir: &DataDir, id: PepperId) -> Result<(PathBuf, Option<Vec<u8>>), StartError> {
    let path = dir.pepper(id);
    let mut bytes = read_private(&path)?;
    if bytes.is_none() && id == PepperId::FIRST {
        // Of a first use that was interrupted.
        bytes = read_private(&dir.new_pepper())?;
    }
    Ok((path, bytes))
}

/// Removes the files of those that nothing is checked with any more: by them, nothing is to be brought back.
pub(super) fn remove_retired(dir: &DataDir, declared: &[Declared]) -> Result<(), StartError> {
    let mut is_any = false;
    for one in declared.iter().filter(|one| one.retired_at.is_some()) {
        let path = dir.pepper(one.id);
        match std::fs::remove_file(&path) {
            Ok(()) => is_any = true,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(file_error("remove", &path, error)),
        }
    }
    if is_any {
        dir.sync()?;
    }
    Ok(())
}

/// The server's own secrets.
pub(super) fn secrets(material: &KeyMaterial) -> Result<ServerSecrets, StartError> {
    ServerSecrets::new(material).ok_or(StartError::Randomness)
}
